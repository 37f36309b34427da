/**
 * Bypasses (facility backup: RFC 4090 section 3.2): for each link that tunnels use, the way around it that the switch at its start takes when it is
 * down; and, where nodes are avoided as well, one around the link's end for each node that tunnels go on to from there.
 */
import { bypassId, type Bypass, type LinkId, type LocalRepair, type Path, type SrlgId, type TunnelId } from "@sluice/model";
import type { DetourSearch } from "./detour-search.js";
import { leastSharing } from "./least-sharing.js";
import type { RiskGraph } from "./risk-graph.js";
import { compareDetours } from "./shared-risks.js";
import { widestDetour, widthsOf, type Width } from "./widest-detour.js";

export interface BypassQuestion {
  readonly localRepair: Exclude<LocalRepair, "none">;
  /** Paths of all tunnels and backup tunnels. */
  readonly paths: Iterable<Path>;
  /** What room there is for what the links carry, the most important first (`bypassWidths`). */
  readonly widths: readonly Width[];
}

/**
 * The bypasses for the links of paths, sorted by id. Each is the best by, in this order:
 *
 *   1. fewest SRLGs in common with the protected link (exact up to `srlgSetsMax` sets; least-sharing.ts), never its cable
 *   2. the share of what the protected link carries for which its narrowest link has room, by each of `widths` in turn
 *   3. latency, hops, link ids in order of travel
 *
 * A link has none where its cable is a bridge, or all else is down or drained; likewise a node where every way on passes it. For each link, or
 * link and node after the next, of the paths: one search where the shortest way that shares nothing has room, else some more.
 */
export function planBypasses(search: DetourSearch, { localRepair, paths, widths }: BypassQuestion): readonly Bypass[] {
  const { risks } = search;
  const { graph } = risks;
  const wanted = new Map<number, Detour>();
  const want = (detour: Detour): void => void wanted.set(detour.link * graph.nodeIds.length + detour.merge, detour);
  for (const path of paths) {
    let last = -1;
    for (const id of path) {
      const link = graph.linkIndex.get(id) ?? -1;
      const merge = graph.linkTo[link] as number;
      want({ link, avoided: -1, merge });
      if (last >= 0 && localRepair === "node") want({ link: last, avoided: graph.linkFrom[link] as number, merge });
      last = link;
    }
  }
  const bypasses: Bypass[] = [];
  for (const detour of wanted.values()) {
    const path = bestDetour(search, detour, widths);
    if (path !== undefined) bypasses.push(bypassOf(risks, detour, path));
  }
  return bypasses.sort(byIdOf);
}

interface Detour {
  readonly link: number;
  /** Node, or -1. */
  readonly avoided: number;
  readonly merge: number;
}

function bestDetour(search: DetourSearch, { link, avoided, merge }: Detour, widths: readonly Width[]): readonly number[] | undefined {
  const { risks } = search;
  const { graph } = risks;
  search.clear();
  search.banCable(risks.cable[link] as number);
  if (avoided >= 0) search.bannedNodes[avoided] = 1;
  const srlgs = graph.linkSrlgs[link] ?? [];
  const count = (path: readonly number[]): number => sharedSrlgs(risks, srlgs, path).length;
  return leastSharing(search, {
    srlgs,
    find: () => widestDetour(search, { source: graph.linkFrom[link] as number, target: merge, link }, widths),
    compare: (a, b) =>
      count(a) - count(b) || compareWidths(widthsOf(a, link, widths), widthsOf(b, link, widths)) || compareDetours(risks, a, b),
    count,
  });
}

function compareWidths(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((width, i) => width !== b[i]);
  return first < 0 ? 0 : (b[first] as number) - (a[first] as number);
}

function bypassOf(risks: RiskGraph, { link, avoided }: Detour, links: readonly number[]): Bypass {
  const { graph } = risks;
  const protects = graph.linkIds[link] as LinkId;
  const path = links.map((e) => graph.linkIds[e] as LinkId);
  const avoids = graph.nodeIds[avoided];
  return {
    id: bypassId(protects, path),
    protects,
    ...(avoids === undefined ? {} : { avoids }),
    path,
    sharedSrlgIds: sharedSrlgs(risks, graph.linkSrlgs[link] ?? [], links).map((srlg) => risks.srlgIds[srlg] as SrlgId),
  };
}

/** Those of some SRLGs that links of a path have, in the given order. */
export function sharedSrlgs({ graph }: RiskGraph, srlgs: readonly number[], path: readonly number[]): readonly number[] {
  return srlgs.filter((srlg) => path.some((link) => graph.linkSrlgs[link]?.includes(srlg)));
}

function byIdOf(a: { readonly id: TunnelId }, b: { readonly id: TunnelId }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
