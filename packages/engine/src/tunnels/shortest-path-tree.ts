/**
 * Dijkstra's algorithm (1959) towards one destination. Paths are in a total order: by weight, then by number of hops, then by
 * link ids in order of travel; so there is exactly one shortest path. Ties are exact when weights are integers.
 */
import type { Graph } from "./graph.js";
import { NodeHeap } from "./heap.js";

/** The shortest path from every node to `destination`: follow `nextLink`. */
export interface ShortestPathTree {
  readonly destination: number;
  /** Per node: weight and number of hops to the destination, Infinity where there is no path. */
  readonly weight: Float64Array;
  readonly hops: Float64Array;
  /** Per node: first link of its shortest path, -1 at the destination and where there is none. */
  readonly nextLink: Int32Array;
}

/** What a search must leave out, by index; and the node at which it may stop. */
export interface SearchLimits {
  readonly bannedNodes?: Uint8Array;
  readonly bannedLinks?: Uint8Array;
  /** Labels are final for this node and for all that are nearer to the destination. */
  readonly until?: number;
}

/** Weights are >= 0, per link. O((V + E) log V). */
export function shortestPathTree(graph: Graph, weights: Float64Array, destination: number, limits: SearchLimits = {}): ShortestPathTree {
  const nodeCount = graph.nodeIds.length;
  const weight = new Float64Array(nodeCount).fill(Infinity);
  const hops = new Float64Array(nodeCount).fill(Infinity);
  const nextLink = new Int32Array(nodeCount).fill(-1);
  const { inStart, inLinks, linkFrom } = graph;
  const { bannedNodes, bannedLinks, until = -1 } = limits;
  const heap = new NodeHeap(weight, hops);
  weight[destination] = 0;
  hops[destination] = 0;
  heap.push(destination);
  for (let node = heap.pop(); node >= 0 && node !== until; node = heap.pop()) {
    const base = weight[node] as number;
    const baseHops = (hops[node] as number) + 1;
    for (let i = inStart[node] as number; i < (inStart[node + 1] as number); i++) {
      const link = inLinks[i] as number;
      const from = linkFrom[link] as number;
      if (from === destination || bannedNodes?.[from] === 1 || bannedLinks?.[link] === 1) continue;
      const candidate = base + (weights[link] as number);
      const known = weight[from] as number;
      if (candidate > known) continue;
      if (candidate === known) {
        const knownHops = hops[from] as number;
        if (baseHops > knownHops) continue;
        if (baseHops === knownHops) {
          // The keys of settled nodes are smaller, so a tie can only concern a node that is still queued.
          if (link < (nextLink[from] as number)) nextLink[from] = link;
          continue;
        }
      }
      weight[from] = candidate;
      hops[from] = baseHops;
      nextLink[from] = link;
      heap.push(from);
    }
  }
  return { destination, weight, hops, nextLink };
}

/** The links from `source` to the tree's destination; empty where there is no path, or where they are the same node. */
export function pathInTree(graph: Graph, tree: ShortestPathTree, source: number): number[] {
  const path: number[] = [];
  for (let node = source, link = tree.nextLink[source] as number; link >= 0; link = tree.nextLink[node] as number) {
    path.push(link);
    node = graph.linkTo[link] as number;
  }
  return path;
}
