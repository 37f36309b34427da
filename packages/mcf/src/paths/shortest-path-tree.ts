/** Shortest paths from all nodes to one destination: Dijkstra's algorithm (1959) against the direction of links. */
import { assert } from "@sluice/model";
import type { DirectedGraph } from "./directed-graph.js";
import { DistanceHeap } from "./distance-heap.js";

/**
 * Trees of one graph, one at a time, in arrays that are used again. A node's path is the shortest, among those the one of fewest hops,
 * among those the one that begins with the link of the lowest number: links of no length lead to no loop and to no detour.
 */
export class ShortestPathTree {
  /** Per node: the length of its path to the destination, Infinity where there is none. */
  readonly distance: Float64Array;
  /** Per node: hops of that path. */
  readonly hops: Int32Array;
  /** Per node: the first link of that path; -1 at the destination and where there is none. */
  readonly nextLink: Int32Array;
  private readonly heap: DistanceHeap;

  constructor(private readonly graph: DirectedGraph) {
    this.distance = new Float64Array(graph.nodeCount);
    this.hops = new Int32Array(graph.nodeCount);
    this.nextLink = new Int32Array(graph.nodeCount);
    this.heap = new DistanceHeap(graph.linkCount + 1);
  }

  /** `linkLength` per link, >= 0; links of Infinity may not be used. O(links x log links). */
  grow(destination: number, linkLength: Float64Array): void {
    const { graph, distance, hops, nextLink, heap } = this;
    const { linkFrom, inStart, inLinks } = graph;
    distance.fill(Infinity);
    nextLink.fill(-1);
    heap.clear();
    distance[destination] = 0;
    hops[destination] = 0;
    heap.push(destination, 0, 0);
    for (let v = heap.pop(); v >= 0; v = heap.pop()) {
      const base = heap.distance;
      const hop = heap.rank + 1;
      // A node that was reached again since has another entry.
      if (base !== distance[v] || heap.rank !== hops[v]) continue;
      const end = inStart[v + 1] as number;
      for (let i = inStart[v] as number; i < end; i++) {
        const e = inLinks[i] as number;
        const u = linkFrom[e] as number;
        const along = base + (linkLength[e] as number);
        const known = distance[u] as number;
        if (along > known || along === Infinity) continue;
        const closer = along < known || hop < (hops[u] as number);
        if (closer) {
          distance[u] = along;
          hops[u] = hop;
          nextLink[u] = e;
          heap.push(u, along, hop);
        } else if (hop === hops[u] && e < (nextLink[u] as number)) {
          nextLink[u] = e;
        }
      }
    }
  }

  /** Writes the links of a node's path, in order of travel, and gives the place after them. */
  writePath(node: number, links: Int32Array, place: number): number {
    let at = place;
    for (let v = node; (this.nextLink[v] as number) >= 0; v = this.graph.linkTo[links[at - 1] as number] as number) {
      links[at++] = this.nextLink[v] as number;
    }
    return at;
  }
}

/** What every search takes for granted: a length per link, none below 0. */
export function checkLengths({ linkCount }: DirectedGraph, linkLength: Float64Array): void {
  assert(linkLength.length === linkCount, "every link has a length");
  for (const length of linkLength) assert(length >= 0, "lengths of links are 0 or more");
}
