/**
 * Up to k paths of which no two share a link or an SRLG. Finding even two is NP-complete (Hu 2003, "Diverse routing in optical mesh
 * networks"), so this is a heuristic, exact in the cases that matter most:
 *
 * 1. The link-disjoint paths of least total weight, if no two of them share an SRLG, are the answer. So it is wherever SRLGs
 *    only join the two directions of a cable.
 * 2. Else a pool is filled: the shortest paths (Yen), each of them completed greedily with paths that avoid its SRLGs. Trying many first
 *    paths is what avoids traps, in which the shortest path's SRLGs block all others. From the pool the largest disjoint set is
 *    chosen, of least total weight, by branch and bound.
 *
 * When a pair of nodes has at most `startersMax` loopless paths the pool has them all and the answer is exact.
 */
import { edgeDisjointPaths } from "./edge-disjoint.js";
import type { Graph } from "./graph.js";
import { kShortestPaths, type KShortestSearch } from "./k-shortest.js";
import { compareLinks, comparePaths, pathWeight, type RankedPath } from "./path-order.js";
import { pathInTree, shortestPathTree } from "./shortest-path-tree.js";

/** First paths that are tried. */
const startersMax = 32;
/** Sets that branch and bound looks at; the best found so far is returned beyond. */
const branchesMax = 20_000;

/** The paths in the order of paths. `admissible` says whether a path may be used at all (a latency bound). */
export function srlgDisjointPaths(
  graph: Graph,
  search: KShortestSearch & { readonly k: number },
  admissible: (path: readonly number[]) => boolean = () => true,
): readonly (readonly number[])[] {
  const disjoint = edgeDisjointPaths(graph, search);
  if (disjoint.every((path, i) => admissible(path) && disjoint.slice(0, i).every((other) => !conflict(graph, path, other))))
    return disjoint;

  const pool = new Map<string, RankedPath>();
  const add = (links: readonly number[]): void => {
    if (admissible(links)) pool.set(links.join(), { links, weight: pathWeight(links, search.weights) });
  };
  for (const path of disjoint) add(path);
  let starters = 0;
  for (const first of kShortestPaths(graph, search)) {
    if (++starters > startersMax) break;
    add(first);
    for (const next of completions(graph, search, first)) add(next);
  }
  return largestDisjointSet(graph, [...pool.values()].sort(comparePaths), search.k);
}

/** Shortest paths one after the other, each avoiding the links and SRLGs of `first` and of those before it. */
function* completions(
  graph: Graph,
  { weights, source, tree, k }: KShortestSearch & { readonly k: number },
  first: readonly number[],
): Generator<readonly number[], void, undefined> {
  const bannedLinks = new Uint8Array(graph.linkIds.length);
  const bannedSrlgs = new Uint8Array(graph.srlgCount);
  for (let path = first, count = 1; count < k; count++) {
    for (const link of path) {
      bannedLinks[link] = 1;
      for (const srlg of graph.linkSrlgs[link] ?? []) bannedSrlgs[srlg] = 1;
    }
    graph.linkSrlgs.forEach((srlgs, link) => {
      if (srlgs.some((srlg) => bannedSrlgs[srlg] === 1)) bannedLinks[link] = 1;
    });
    path = pathInTree(graph, shortestPathTree(graph, weights, tree.destination, { bannedLinks, until: source }), source);
    if (path.length === 0) return;
    yield path;
  }
}

/** Whether two paths share a link or an SRLG. */
export function conflict(graph: Graph, a: readonly number[], b: readonly number[]): boolean {
  const srlgs = new Set(a.flatMap((link) => graph.linkSrlgs[link] ?? []));
  return b.some((link) => a.includes(link) || (graph.linkSrlgs[link] ?? []).some((srlg) => srlgs.has(srlg)));
}

/** `pool` is sorted; branches in its order, so among equals the set with the first paths wins. */
function largestDisjointSet(graph: Graph, pool: readonly RankedPath[], k: number): readonly (readonly number[])[] {
  const conflicts = pool.map((a) => pool.map((b) => conflict(graph, a.links, b.links)));
  let best: readonly number[] = [];
  let bestWeight = Infinity;
  let branches = 0;
  const extend = (chosen: readonly number[], weight: number, open: readonly number[]): void => {
    if (chosen.length > best.length || (chosen.length === best.length && weight < bestWeight)) {
      best = chosen;
      bestWeight = weight;
    }
    if (chosen.length === k) return;
    for (const [at, index] of open.entries()) {
      const reachable = Math.min(k, chosen.length + open.length - at);
      const lighter = weight + (pool[index]?.weight ?? 0) < bestWeight;
      if (reachable < best.length || (reachable === best.length && !lighter) || ++branches > branchesMax) return;
      const rest = open.slice(at + 1).filter((other) => conflicts[index]?.[other] === false);
      extend([...chosen, index], weight + (pool[index]?.weight ?? 0), rest);
    }
  };
  extend([], 0, [...pool.keys()]);
  return best
    .map((index) => pool[index])
    .filter((path) => path !== undefined)
    .sort((a, b) => comparePaths(a, b) || compareLinks(a.links, b.links))
    .map((path) => path.links);
}
