/**
 * Whether packets kept to one version of the plan, by what was counted under each label on each link. A label belongs to one tunnel of one
 * version, from its push to its pop: so what is counted under it must be one way, with as many packets on its last link as on its first. A
 * packet that left its version in the middle would be missing under one label, or be too many under another, or part from the way. Pure.
 */

/** Packets by label, by the link that they left over. */
export type LabelCounts = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Links by id: where each begins and ends. */
export type LinkEnds = ReadonlyMap<string, { readonly from: string; readonly to: string }>;

export interface LabelWay {
  readonly label: number;
  /** Where it is pushed and popped. */
  readonly src: string;
  readonly dst: string;
  readonly linkIds: readonly string[];
  readonly packets: number;
}

export interface LabelAccount {
  readonly ways: readonly LabelWay[];
  /** What is under a label and no way, with the reason. */
  readonly astray: readonly { readonly label: number; readonly reason: string }[];
}

/** O(labels x links on their ways). */
export function labelAccount(counts: LabelCounts, ends: LinkEnds): LabelAccount {
  const byLabel = new Map<number, Map<string, number>>();
  for (const [linkId, labels] of counts) {
    for (const [label, packets] of labels) {
      if (packets === 0) continue;
      const links = byLabel.get(label) ?? new Map<string, number>();
      byLabel.set(label, links.set(linkId, packets));
    }
  }
  const ways: LabelWay[] = [];
  const astray: { readonly label: number; readonly reason: string }[] = [];
  for (const [label, links] of [...byLabel].toSorted(([a], [b]) => a - b)) {
    const way = wayOf(label, links, ends);
    if (typeof way === "string") astray.push({ label, reason: way });
    else ways.push(way);
  }
  return { ways, astray };
}

/** The one way that the links make, or why they make none. */
function wayOf(label: number, links: ReadonlyMap<string, number>, ends: LinkEnds): LabelWay | string {
  const outOf = new Map<string, string>();
  const into = new Set<string>();
  for (const linkId of links.keys()) {
    const link = ends.get(linkId);
    if (link === undefined) return `${linkId} is no link`;
    if (outOf.has(link.from)) return `two ways leave ${link.from}`;
    if (into.has(link.to)) return `two ways come into ${link.to}`;
    outOf.set(link.from, linkId);
    into.add(link.to);
  }
  const [src, ...others] = [...outOf.keys()].filter((node) => !into.has(node));
  if (src === undefined) return "it goes in a circle";
  if (others.length > 0) return `it begins at ${[src, ...others].join(" and ")}`;
  const linkIds: string[] = [];
  let at = src;
  for (let next = outOf.get(at); next !== undefined; next = outOf.get(at)) {
    linkIds.push(next);
    at = ends.get(next)?.to ?? "";
  }
  if (linkIds.length < links.size) return "part of it goes in a circle";
  const packets = linkIds.map((linkId) => links.get(linkId) ?? 0);
  const [first = 0] = packets;
  const odd = packets.findIndex((each) => each !== first);
  if (odd >= 0) return `${first} packets on ${linkIds[0]}, ${packets[odd]} on ${linkIds[odd]}`;
  return { label, src, dst: at, linkIds, packets: first };
}

/** Of each pair of ends, packets between them: `src\0dst`. */
export type PairCounts = ReadonlyMap<string, number>;

export function pairKey({ src, dst }: { readonly src: string; readonly dst: string }): string {
  return `${src}\0${dst}`;
}

/** Pairs between which other numbers of packets went under labels than `wanted` says. */
export function pairsAstray({ ways }: LabelAccount, wanted: PairCounts): readonly string[] {
  const found = new Map<string, number>();
  for (const way of ways) found.set(pairKey(way), (found.get(pairKey(way)) ?? 0) + way.packets);
  const keys = new Set([...found.keys(), ...wanted.keys()]);
  return [...keys].filter((key) => (found.get(key) ?? 0) !== (wanted.get(key) ?? 0)).toSorted();
}
