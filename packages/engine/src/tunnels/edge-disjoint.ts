/**
 * Up to k link-disjoint paths of least total weight: successive shortest paths in the residual graph with potentials (Suurballe and
 * Tarjan 1984, Bhandari 1999, ch. 3), which is minimum-cost flow with unit capacities. Where fewer than k exist, as many as exist are
 * returned: the maximum flow. Parallel links are separate links.
 */
import type { Graph } from "./graph.js";
import { NodeHeap } from "./heap.js";
import { comparePaths, pathWeight, type RankedPath } from "./path-order.js";
import type { ShortestPathTree } from "./shortest-path-tree.js";

export interface DisjointSearch {
  /** Per link, >= 0. */
  readonly weights: Float64Array;
  /** From `shortestPathTree(graph, weights, destination)`: the first potentials. */
  readonly tree: ShortestPathTree;
  readonly source: number;
  readonly k: number;
}

/** The paths in the order of paths (weight, hops, link ids). O(k (V + E) log V). */
export function edgeDisjointPaths(graph: Graph, { weights, tree, source, k }: DisjointSearch): readonly (readonly number[])[] {
  const { destination } = tree;
  if (source === destination || !Number.isFinite(tree.weight[source] as number)) return [];
  const carries = new Uint8Array(graph.linkIds.length);
  const potential = tree.weight.slice();
  let count = 0;
  while (count < k && augment(graph, { weights, carries, potential, source, destination })) count++;
  return decompose(graph, { carries, source, destination, count })
    .map((links): RankedPath => ({ links, weight: pathWeight(links, weights) }))
    .sort(comparePaths)
    .map((path) => path.links);
}

interface Residual {
  readonly weights: Float64Array;
  /** 1 for links that carry a path; they can be travelled backwards at negative weight, which takes the path off them. */
  readonly carries: Uint8Array;
  /** Reduced weight of a link u -> v: weight + potential[v] - potential[u], never negative. */
  readonly potential: Float64Array;
  readonly source: number;
  readonly destination: number;
}

/** Finds one more unit of flow along the shortest residual path and applies it; false when there is none. */
function augment(graph: Graph, { weights, carries, potential, source, destination }: Residual): boolean {
  const nodeCount = graph.nodeIds.length;
  const distance = new Float64Array(nodeCount).fill(Infinity);
  const hops = new Float64Array(nodeCount).fill(Infinity);
  const via = new Int32Array(nodeCount).fill(-1);
  const settled: number[] = [];
  const done = new Uint8Array(nodeCount);
  const heap = new NodeHeap(distance, hops);
  distance[source] = 0;
  hops[source] = 0;
  heap.push(source);

  const relax = (node: number, link: number, other: number, weight: number): void => {
    if (done[other] === 1 || !Number.isFinite(potential[other] as number)) return;
    // Rounding may leave a reduced weight a hair below zero.
    const reduced = Math.max(0, weight + (potential[other] as number) - (potential[node] as number));
    const candidate = (distance[node] as number) + reduced;
    const candidateHops = (hops[node] as number) + 1;
    const known = distance[other] as number;
    if (candidate > known || (candidate === known && candidateHops >= (hops[other] as number))) return;
    distance[other] = candidate;
    hops[other] = candidateHops;
    via[other] = link;
    heap.push(other);
  };

  for (let node = heap.pop(); node >= 0; node = heap.pop()) {
    done[node] = 1;
    settled.push(node);
    if (node === destination) break;
    for (let i = graph.outStart[node] as number; i < (graph.outStart[node + 1] as number); i++) {
      const link = graph.outLinks[i] as number;
      if (carries[link] === 0) relax(node, link, graph.linkTo[link] as number, weights[link] as number);
    }
    for (let i = graph.inStart[node] as number; i < (graph.inStart[node + 1] as number); i++) {
      const link = graph.inLinks[i] as number;
      if (carries[link] === 1) relax(node, link, graph.linkFrom[link] as number, -(weights[link] as number));
    }
  }
  if (done[destination] === 0) return false;

  const reach = distance[destination] as number;
  for (const node of settled) potential[node] = (potential[node] as number) + (reach - (distance[node] as number));
  for (let node = destination; node !== source;) {
    const link = via[node] as number;
    const forward = carries[link] === 0;
    carries[link] = forward ? 1 : 0;
    node = forward ? (graph.linkFrom[link] as number) : (graph.linkTo[link] as number);
  }
  return true;
}

/** Follows the flow `count` times from the source, lowest link first. Loops can only have weight zero; they are cut off. */
function decompose(
  graph: Graph,
  { carries, source, destination, count }: Pick<Residual, "carries" | "source" | "destination"> & { readonly count: number },
): number[][] {
  const paths: number[][] = [];
  for (let n = 0; n < count; n++) {
    const path: number[] = [];
    for (let node = source; node !== destination;) {
      let taken = -1;
      for (let i = graph.outStart[node] as number; taken < 0 && i < (graph.outStart[node + 1] as number); i++) {
        const link = graph.outLinks[i] as number;
        if (carries[link] === 1) taken = link;
      }
      carries[taken] = 0;
      node = graph.linkTo[taken] as number;
      path.push(taken);
      const before = path.findIndex((link) => graph.linkFrom[link] === node);
      if (before >= 0) path.length = before;
    }
    paths.push(path);
  }
  return paths;
}
