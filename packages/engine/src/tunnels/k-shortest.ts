/**
 * The k shortest loopless paths: Yen 1971 ("Finding the k shortest loopless paths in a network") with Lawler's improvement
 * (1972: a path is only deviated from where it left its parent, or after).
 *
 * Searches are put off as long as they can be: the shortest-path tree towards the destination, computed once for all sources, gives
 * for each deviation the best continuation if nothing were forbidden. That is a lower bound in the order of paths and, when it
 * does not run into the path it deviates from, the answer itself; only the rest, and only once they reach the head of
 * the queue, cost a search (after Feng 2014, "Finding k shortest simple paths in directed graphs: a node classification algorithm").
 */
import type { Graph } from "./graph.js";
import { comparePaths, type RankedPath } from "./path-order.js";
import { pathInTree, shortestPathTree, type ShortestPathTree } from "./shortest-path-tree.js";

/** A path, or the bound of one not yet searched for, with how it deviates from its parent. */
interface Candidate extends RankedPath {
  /** False: `links` and `weight` are the lower bound of a deviation that must still be searched for. */
  readonly exact: boolean;
  /** How many links it shares with its parent; from there on it may be deviated from. */
  readonly deviation: number;
  /** Links that must not follow those first `deviation` links: paths found before take them. */
  readonly banned: readonly number[];
}

export interface KShortestSearch {
  /** Per link, >= 0: what "short" means. */
  readonly weights: Float64Array;
  /** From `shortestPathTree(graph, weights, destination)`. */
  readonly tree: ShortestPathTree;
  readonly source: number;
}

/**
 * Loopless paths from `source` to the tree's destination in the order of paths (weight, hops, link ids), produced one by one
 * as they are asked for. `prune` may drop every path that starts with the given links (as a bound on another measure does).
 * Per path O(hops x out-degree), and O(hops (V + E) log V) in the worst case.
 */
export function* kShortestPaths(
  graph: Graph,
  search: KShortestSearch,
  prune: (prefix: readonly number[]) => boolean = () => false,
): Generator<readonly number[], void, undefined> {
  const { source, tree } = search;
  if (source === tree.destination || !Number.isFinite(tree.weight[source] as number) || prune([])) return;
  const first = pathInTree(graph, tree, source);
  const queue: Candidate[] = [{ links: first, weight: tree.weight[source] as number, exact: true, deviation: 0, banned: [] }];
  const onRoot = new Uint8Array(graph.nodeIds.length);

  for (let best = takeBest(queue); best !== undefined; best = takeBest(queue)) {
    if (!best.exact) {
      const found = searchDeviation(graph, search, best, onRoot);
      if (found !== undefined) queue.push(found);
      continue;
    }
    yield best.links;
    queue.push(...deviations(graph, search, best, onRoot, prune));
  }
}

/** One candidate for each node of `parent` from its own deviation on: together they are all paths that `parent` stood for but itself. */
function deviations(
  graph: Graph,
  search: KShortestSearch,
  parent: Candidate,
  onRoot: Uint8Array,
  prune: (prefix: readonly number[]) => boolean,
): Candidate[] {
  const { links } = parent;
  const found: Candidate[] = [];
  let node = search.source;
  let weight = 0;
  for (let at = 0; at < links.length; at++) {
    const link = links[at] as number;
    if (at >= parent.deviation && !prune(links.slice(0, at))) {
      const banned = at === parent.deviation ? [...parent.banned, link] : [link];
      const candidate = bestDeviation(graph, search, { root: links.slice(0, at), node, weight, banned }, onRoot);
      if (candidate !== undefined) found.push(candidate);
    }
    onRoot[node] = 1;
    weight += search.weights[link] as number;
    node = graph.linkTo[link] as number;
  }
  for (const link of links) onRoot[graph.linkFrom[link] as number] = 0;
  return found;
}

interface Deviation {
  readonly root: readonly number[];
  /** Where the root ends, and the root's weight. */
  readonly node: number;
  readonly weight: number;
  readonly banned: readonly number[];
}

/** The best first link off the root followed by the unrestricted shortest path: exact if that meets no node of the root. */
function bestDeviation(graph: Graph, search: KShortestSearch, deviation: Deviation, onRoot: Uint8Array): Candidate | undefined {
  const { tree, weights } = search;
  const { node, root, banned } = deviation;
  let bestLink = -1;
  let bestWeight = Infinity;
  let bestHops = Infinity;
  for (let i = graph.outStart[node] as number; i < (graph.outStart[node + 1] as number); i++) {
    const link = graph.outLinks[i] as number;
    const head = graph.linkTo[link] as number;
    if (onRoot[head] === 1 || banned.includes(link)) continue;
    const weight = (weights[link] as number) + (tree.weight[head] as number);
    const hops = tree.hops[head] as number;
    if (weight < bestWeight || (weight === bestWeight && hops < bestHops)) {
      bestLink = link;
      bestWeight = weight;
      bestHops = hops;
    }
  }
  if (bestLink < 0) return undefined;
  const tail = pathInTree(graph, tree, graph.linkTo[bestLink] as number);
  const exact = tail.every((link) => {
    const head = graph.linkTo[link] as number;
    return onRoot[head] !== 1 && head !== node;
  });
  return { links: [...root, bestLink, ...tail], weight: deviation.weight + bestWeight, exact, deviation: root.length, banned };
}

/** The shortest way from the end of the root that meets neither the root nor a banned link. */
function searchDeviation(graph: Graph, search: KShortestSearch, bound: Candidate, onRoot: Uint8Array): Candidate | undefined {
  const { weights, tree } = search;
  const root = bound.links.slice(0, bound.deviation);
  const bannedLinks = new Uint8Array(graph.linkIds.length);
  for (const link of bound.banned) bannedLinks[link] = 1;
  let node = search.source;
  let weight = 0;
  for (const link of root) {
    onRoot[node] = 1;
    weight += weights[link] as number;
    node = graph.linkTo[link] as number;
  }
  const rest = shortestPathTree(graph, weights, tree.destination, { bannedNodes: onRoot, bannedLinks, until: node });
  for (const link of root) onRoot[graph.linkFrom[link] as number] = 0;
  if (!Number.isFinite(rest.weight[node] as number)) return undefined;
  return { ...bound, links: [...root, ...pathInTree(graph, rest, node)], weight: weight + (rest.weight[node] as number), exact: true };
}

/** The queue holds few candidates (hops x paths), so a scan does better than a heap. A bound goes before an equal path. */
function takeBest(queue: Candidate[]): Candidate | undefined {
  let best = 0;
  for (let i = 1; i < queue.length; i++) {
    const order = comparePaths(queue[i] as Candidate, queue[best] as Candidate);
    if (order < 0 || (order === 0 && !(queue[i] as Candidate).exact)) best = i;
  }
  const taken = queue[best];
  const last = queue.pop();
  if (taken !== undefined && last !== undefined && taken !== last) queue[best] = last;
  return taken;
}
