/** The checker's look at bypasses: one for each link, and each node where asked, that can have one; as far apart as can be. */
import { bypassId, type Bypass, type LinkId, type NodeId, type Path, type PlanProtection } from "@sluice/model";
import { isSame, srlgsOf, walkOf, type Ground } from "./check-ground.js";
import type { Report } from "./check-report.js";

interface BypassesInQuestion {
  readonly ground: Ground;
  readonly protection: PlanProtection;
  readonly localRepair: "none" | "link" | "node";
  readonly paths: readonly Path[];
}

/** A detour that is wanted: around a link to its end, or around its end to the node after that. */
interface Wanted {
  readonly protects: LinkId;
  readonly avoids: NodeId | undefined;
  readonly merge: NodeId;
}

/** Each link of the paths (and each node that they pass, where asked) has one bypass if it can have one; others have none. */
export function checkBypasses({ ground, protection: { bypasses }, localRepair, paths }: BypassesInQuestion, report: Report): void {
  const wanted = wantedDetours(ground, localRepair, paths);
  const there = new Set<string>();
  bypasses.forEach((bypass, i) => {
    const pointer = `/protection/bypasses/${i}`;
    const previous = bypasses[i - 1];
    if (previous !== undefined && previous.id >= bypass.id)
      report.add("duplicate-id", pointer, `Bypass ${bypass.id} is there twice, or out of order.`);
    const { defect, nodes } = walkOf(ground, bypass.path);
    const merge = nodes.at(-1);
    if (defect !== undefined || merge === undefined) return report.add("tunnel-broken", pointer, `Bypass ${bypass.id}: ${defect}.`);
    if (bypass.id !== bypassId(bypass.protects, bypass.path))
      report.add("tunnel-broken", pointer, `Bypass ${bypass.id} does not have the id of its path.`);
    const key = keyOf({ protects: bypass.protects, avoids: bypass.avoids, merge });
    if (!wanted.has(key)) {
      return report.add(
        "protection-wrong",
        pointer,
        `Bypass ${bypass.id} of ${bypass.protects} ends at ${merge}, where no tunnel needs it.`,
      );
    }
    if (there.has(key)) report.add("duplicate-id", pointer, `Link ${bypass.protects} has two bypasses to ${merge}.`);
    there.add(key);
    checkBypass(ground, { bypass, nodes, merge, pointer }, report);
  });
  for (const [key, { protects, avoids, merge }] of wanted) {
    const start = ground.topology.linkById.get(protects)?.from;
    if (there.has(key) || start === undefined) continue;
    if (ground.reach.has(start, merge, { links: new Set(ground.cableOf.get(protects)), nodes: only(avoids) })) {
      report.add("protection-wrong", "/protection/bypasses", `Link ${protects} has no bypass to ${merge} though there is a way.`);
    }
  }
}

function checkBypass(
  { topology, reach, cableOf, linksOfSrlg }: Ground,
  {
    bypass,
    nodes,
    merge,
    pointer,
  }: { readonly bypass: Bypass; readonly nodes: readonly NodeId[]; readonly merge: NodeId; readonly pointer: string },
  report: Report,
): void {
  const { id, protects, avoids, path } = bypass;
  const link = topology.linkById.get(protects);
  const cable = new Set(cableOf.get(protects));
  if (link === undefined || nodes[0] !== link.from) {
    return report.add("protection-wrong", pointer, `Bypass ${id} does not start where ${protects} does.`);
  }
  if (path.some((other) => cable.has(other))) report.add("protection-wrong", pointer, `Bypass ${id} uses the cable of ${protects}.`);
  if (avoids !== undefined && nodes.includes(avoids))
    report.add("protection-wrong", pointer, `Bypass ${id} passes ${avoids}, which it avoids.`);
  const met = srlgsOf(topology, path);
  const exact = link.srlgIds.filter((srlgId) => met.has(srlgId)).sort();
  if (!isSame(bypass.sharedSrlgIds, exact)) {
    report.add(
      "protection-wrong",
      `${pointer}/sharedSrlgIds`,
      `Bypass ${id} shares ${exact.join(" ")}, not ${bypass.sharedSrlgIds.join(" ")}.`,
    );
  }
  const risky = new Set([...cable, ...link.srlgIds.flatMap((srlgId) => linksOfSrlg.get(srlgId) ?? [])]);
  if (exact.length > 0 && reach.has(link.from, merge, { links: risky, nodes: only(avoids) })) {
    report.add("protection-wrong", pointer, `Bypass ${id} shares ${exact.join(" ")} with ${protects}; there is one that shares nothing.`);
  }
}

function wantedDetours({ topology }: Ground, localRepair: "none" | "link" | "node", paths: readonly Path[]): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  if (localRepair === "none") return wanted;
  const successors = new Map<LinkId, Set<LinkId>>();
  for (const path of paths) {
    path.forEach((id, i) => {
      const known = successors.get(id) ?? new Set();
      const next = path[i + 1];
      if (next !== undefined) known.add(next);
      successors.set(id, known);
    });
  }
  const add = (one: Wanted): void => void wanted.set(keyOf(one), one);
  for (const [protects, nexts] of successors) {
    const link = topology.linkById.get(protects);
    if (link === undefined) continue;
    add({ protects, avoids: undefined, merge: link.to });
    for (const id of localRepair === "node" ? nexts : []) {
      const next = topology.linkById.get(id);
      if (next !== undefined) add({ protects, avoids: link.to, merge: next.to });
    }
  }
  return wanted;
}

function keyOf({ protects, avoids, merge }: Wanted): string {
  return JSON.stringify([protects, avoids ?? null, merge]);
}

function only(node: NodeId | undefined): ReadonlySet<NodeId> {
  return new Set(node === undefined ? [] : [node]);
}
