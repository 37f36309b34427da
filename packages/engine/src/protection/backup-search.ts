/**
 * The path that is as far apart from a tunnel as can be, and as short as can be among those. (Two paths of least total length would be found
 * together, Suurballe 1974; here the first is given, for the solver chose it.)
 */
import { pathWeight } from "../tunnels/path-order.js";
import type { DetourSearch } from "./detour-search.js";
import { leastSharing, linkSharedPenalty, srlgPenalty } from "./least-sharing.js";
import { atRisk, compareDetours, compareSharing, sharedRisks, type AtRisk } from "./shared-risks.js";

/**
 * What is sought, step by step; the first step that finds a path ends the search:
 *
 *   srlg      no cable and no SRLG of the tunnel; among those fewest of its nodes
 *   node      no cable and no node of it; fewest of its SRLGs
 *   link      no cable of it; fewest SRLGs, then nodes
 *   partial   fewest of its SRLGs, then cables, then nodes; never the tunnel itself
 *
 * and then least latency, hops, link ids in order of travel. With the penalties of nodes and cables as the first part of a shortest path's key
 * this is exact, as long as no more than `srlgSetsMax` sets of SRLGs have to be tried (least-sharing.ts). With a bound on latency
 * the step is still exact: each is taken whenever a path of its kind keeps the bound. But within a step, where the
 * path that shares least is too slow, the fastest is taken, for the best within the bound is NP-hard to find.
 */
export function findBackup(search: DetourSearch, tunnel: readonly number[], latencyMsMax: number): readonly number[] | undefined {
  const { risks } = search;
  const { graph } = risks;
  const path = atRisk(risks, tunnel);
  const source = graph.linkFrom[tunnel[0] ?? -1] as number;
  const target = graph.linkTo[tunnel.at(-1) ?? -1] as number;
  const find = (): readonly number[] | undefined => {
    for (const first of ["penalty", "latency"] as const) {
      const found = search.find({ source, target, first });
      if (found === undefined) return undefined;
      if (isWithin(search, found, latencyMsMax)) return found;
    }
    return undefined;
  };
  search.clear();
  for (const cable of path.cables) search.banCable(cable);
  for (const node of path.nodes) search.nodePenalty[node] = 1;
  const order = orderOf(search, path);
  // Those that only links of the tunnel's own cables have cannot be met.
  const srlgs = path.srlgs.filter((srlg) => risks.srlgLinks[srlg]?.some((link) => !path.cables.includes(risks.cable[link] as number)));

  for (const srlg of srlgs) search.avoid(srlg, 1);
  const apart = find();
  for (const srlg of srlgs) search.avoid(srlg, -1);
  if (apart !== undefined) return apart;
  if (srlgs.length > 0) {
    for (const node of path.nodes) search.bannedNodes[node] = 1;
    const nodeDisjoint = leastSharing(search, { srlgs, find, ...order });
    if (nodeDisjoint !== undefined) return nodeDisjoint;
    search.bannedNodes.fill(0);
    const linkDisjoint = leastSharing(search, { srlgs, find, ...order });
    if (linkDisjoint !== undefined) return linkDisjoint;
  }
  return partial(search, path, { find, latencyMsMax, order });
}

type Order = ReturnType<typeof orderOf>;

function orderOf(search: DetourSearch, path: AtRisk) {
  const { risks } = search;
  const count = (other: readonly number[]): number => sharedRisks(risks, path, other).srlgs.length;
  const compare = (a: readonly number[], b: readonly number[]): number =>
    compareSharing(sharedRisks(risks, path, a), sharedRisks(risks, path, b)) || compareDetours(risks, a, b);
  return { count, compare };
}

function partial(
  search: DetourSearch,
  path: AtRisk,
  {
    find,
    latencyMsMax,
    order,
  }: { readonly find: () => readonly number[] | undefined; readonly latencyMsMax: number; readonly order: Order },
): readonly number[] | undefined {
  const { risks } = search;
  search.bannedLinks.fill(0);
  const enumerated: number[] = [];
  for (const cable of path.cables) addPenalty(search, risks.cableLinks[cable] ?? [], linkSharedPenalty);
  for (const srlg of path.srlgs) {
    // A loopless path meets the SRLG of one cable once: a penalty counts it right, and no sets of them need to be tried.
    if (risks.isPrivate[srlg] === 1) addPenalty(search, risks.srlgLinks[srlg] ?? [], srlgPenalty);
    else enumerated.push(srlg);
  }
  const isOther = (found: readonly number[] | undefined): found is readonly number[] =>
    found !== undefined && found.join() !== path.links.join();
  const best = leastSharing(search, { srlgs: enumerated, find, ...order });
  if (isOther(best) && isWithin(search, best, latencyMsMax)) return best;
  // The fastest path, or the sum of penalties, led back to the tunnel. Every other path leaves out one of its links.
  let other: readonly number[] | undefined;
  for (const cable of path.cables) {
    const before = search.bannedLinks.slice();
    search.banCable(cable);
    const found = find();
    search.bannedLinks.set(before);
    if (isOther(found) && (other === undefined || order.compare(found, other) < 0)) other = found;
  }
  return other;
}

function addPenalty(search: DetourSearch, links: readonly number[], penalty: number): void {
  for (const link of links) search.linkPenalty[link] = (search.linkPenalty[link] as number) + penalty;
}

/** A hair above the bound, since sums are rounded in different orders. */
export function isWithin({ risks }: DetourSearch, path: readonly number[], latencyMsMax: number): boolean {
  return pathWeight(path, risks.graph.latencyMs) <= latencyMsMax * (1 + 1e-12);
}
