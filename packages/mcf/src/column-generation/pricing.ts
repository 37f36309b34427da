/**
 * What link prices prove about all paths there are, and the cheapest path of each demand: one shortest-path tree a destination. For any
 * prices y >= 0, with m_d the least cost and price of a path of demand d over links with capacity, found by its tree:
 *
 *   capacity       no flow is worth more than        sum c_e y_e + sum D_d max(0, 1 - m_d)
 *   utilization    none that carries all has less    sum D_d m_d / sum c_e y_e
 *
 * These are the bounds of judge-solution.ts with every loopless path in place of the given ones (a shortest walk over lengths >= 0
 * is as short as a shortest loopless path). Demands that no path can carry are left out, as in `FlowProgram`.
 */
import type { FlowProgram } from "../flow-program.js";
import { directedGraph } from "../paths/directed-graph.js";
import { pairsByDestination } from "../paths/path-set.js";
import { ShortestPathTree } from "../paths/shortest-path-tree.js";
import type { Problem } from "../problem.js";

export interface TunnelObjective extends Pick<FlowProgram, "limit"> {
  /** Per link, >= 0, in the unit of `FlowProgram.pathCost`: a path costs what its links cost. With "capacity" only. */
  readonly linkCost?: Float64Array | undefined;
}

/** Per link: its price and cost; Infinity for one without capacity. */
export function linkLengths({ capacityBps }: Problem, { linkCost }: TunnelObjective, price: Float64Array): Float64Array {
  return capacityBps.map((bps, e) => (bps > 0 ? (price[e] as number) + (linkCost?.[e] ?? 0) : Infinity));
}

/** No path as long as this is worth having. */
export function lengthMaxOf({ limit }: TunnelObjective): number {
  return limit === "capacity" ? 1 : Infinity;
}

export class Pricing {
  /** Per demand: m_d; Infinity where no path can carry it. */
  readonly least: Float64Array;
  /** Per demand: hops of its cheapest path; among equals that with fewest. */
  readonly hops: Int32Array;
  private readonly tree: ShortestPathTree;
  /** Row t: the first link of each node's path to t; only rows of destinations are filled. */
  private readonly nextLink: Int32Array;
  private readonly byDestination: Int32Array;

  constructor(
    private readonly problem: Problem,
    private readonly objective: TunnelObjective,
  ) {
    this.least = new Float64Array(problem.demandCount);
    this.hops = new Int32Array(problem.demandCount);
    this.tree = new ShortestPathTree(directedGraph(problem));
    this.nextLink = new Int32Array(problem.nodeCount * problem.nodeCount);
    this.byDestination = pairsByDestination({ dst: problem.demandDst }, problem.nodeCount);
  }

  /** Grows all trees under `price` (per link, >= 0), and gives the bound it proves. O(destinations x links x log links + demands). */
  run(price: Float64Array): number {
    const { problem, objective, least, hops, tree } = this;
    const { linkCount, nodeCount, capacityBps, demandBps, demandSrc, demandDst } = problem;
    const length = linkLengths(problem, objective, price);
    let priced = 0;
    for (let e = 0; e < linkCount; e++) if ((capacityBps[e] as number) > 0) priced += (capacityBps[e] as number) * (price[e] as number);
    let destination = -1;
    for (const d of this.byDestination) {
      if (demandDst[d] !== destination) {
        destination = demandDst[d] as number;
        tree.grow(destination, length);
        this.nextLink.set(tree.nextLink, destination * nodeCount);
      }
      const src = demandSrc[d] as number;
      const carries = (demandBps[d] as number) > 0 && src !== destination;
      least[d] = carries ? (tree.distance[src] as number) : Infinity;
      hops[d] = tree.hops[src] as number;
    }
    return this.boundOf(priced);
  }

  /** Writes the links of the cheapest path of a demand, in order of travel, and gives the place after them. */
  writePath(demand: number, links: Int32Array, place: number): number {
    const { nodeCount, linkTo, demandSrc, demandDst } = this.problem;
    const destination = demandDst[demand] as number;
    const row = destination * nodeCount;
    let at = place;
    for (let v = demandSrc[demand] as number; v !== destination;) {
      const e = this.nextLink[row + v] as number;
      links[at++] = e;
      v = linkTo[e] as number;
    }
    return at;
  }

  private boundOf(priced: number): number {
    const { least, objective, problem } = this;
    const { limit } = objective;
    let sum = 0;
    for (let d = 0; d < problem.demandCount; d++) {
      const m = least[d] as number;
      if (m === Infinity) continue;
      const gain = limit === "utilization" ? m : Math.max(0, 1 - m);
      sum += (problem.demandBps[d] as number) * gain;
    }
    if (limit === "capacity") return priced + sum;
    return priced > 0 ? sum / priced : 0;
  }
}
