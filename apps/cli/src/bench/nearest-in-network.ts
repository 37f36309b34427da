/** Prices of the cheapest ways through the whole network: what bounds any choice of tunnels, not only the one that was solved. */
import type { Problem } from "@sluice/mcf";

/**
 * Per demand: the least sum of prices over any way along links with capacity; Infinity where there is none or it asks for nothing. Prices below 0 count as 0.
 * One label-correcting search a source (Bellman and Ford, by a queue): O(sources x links) in practice, x nodes at worst.
 */
export function nearestInNetwork(problem: Problem, linkPrice: Float64Array): Float64Array {
  const { demandCount, demandSrc, demandDst, demandBps } = problem;
  const search = new CheapestWays(problem, linkPrice);
  const from = new Map<number, Float64Array>();
  const near = new Float64Array(demandCount).fill(Infinity);
  for (let d = 0; d < demandCount; d++) {
    if (!((demandBps[d] as number) > 0)) continue;
    const src = demandSrc[d] as number;
    let distance = from.get(src);
    if (distance === undefined) {
      // Demands mostly come source by source: one tree at a time is enough to keep.
      from.clear();
      distance = search.from(src);
      from.set(src, distance);
    }
    near[d] = distance[demandDst[d] as number] as number;
  }
  return near;
}

class CheapestWays {
  readonly #problem: Problem;
  readonly #length: Float64Array;
  readonly #outStart: Int32Array;
  readonly #outLinks: Int32Array;

  constructor(problem: Problem, linkPrice: Float64Array) {
    const { nodeCount, linkCount, linkFrom, capacityBps } = problem;
    this.#problem = problem;
    this.#length = linkPrice.map((price, e) => ((capacityBps[e] as number) > 0 ? Math.max(0, price) : Infinity));
    const outLinks: number[][] = Array.from({ length: nodeCount }, () => []);
    for (let e = 0; e < linkCount; e++) if ((capacityBps[e] as number) > 0) outLinks[linkFrom[e] as number]?.push(e);
    this.#outLinks = Int32Array.from(outLinks.flat());
    this.#outStart = new Int32Array(nodeCount + 1);
    outLinks.forEach((links, v) => (this.#outStart[v + 1] = (this.#outStart[v] as number) + links.length));
  }

  from(src: number): Float64Array {
    const { nodeCount, linkTo } = this.#problem;
    const distance = new Float64Array(nodeCount).fill(Infinity);
    const queued = new Uint8Array(nodeCount);
    // A node is in the queue once at most, so a ring of all nodes is enough.
    const queue = new Int32Array(nodeCount);
    distance[src] = 0;
    queue[0] = src;
    let first = 0;
    for (let waiting = 1; waiting > 0;) {
      const v = queue[first] as number;
      first = first + 1 === nodeCount ? 0 : first + 1;
      waiting -= 1;
      queued[v] = 0;
      for (let k = this.#outStart[v] as number; k < (this.#outStart[v + 1] as number); k++) {
        const e = this.#outLinks[k] as number;
        const to = linkTo[e] as number;
        const reached = (distance[v] as number) + (this.#length[e] as number);
        if (!(reached < (distance[to] as number))) continue;
        distance[to] = reached;
        if (queued[to] === 1) continue;
        queued[to] = 1;
        const place = first + waiting;
        queue[place >= nodeCount ? place - nodeCount : place] = to;
        waiting += 1;
      }
    }
    return distance;
  }
}
