/**
 * Links that are cut while a session's tries stay as they are: their price is fixed so high that no path over them is worth taking, and
 * what flowed on these paths moves to each demand's cheapest path that is left.
 */
import type { FlowProgram } from "../flow-program.js";
import type { Problem } from "../problem.js";
import { weightless, type Layout } from "../kernel/layout.js";
import type { Iterate } from "./iterate.js";

/** Sums of such prices along a path stay finite, and no path is as dear otherwise. */
const closedPrice = 1e15;
/** Where more than this share of all paths is cut, the old primal weight says little of the new program. */
const cutShareMax = 0.1;
const primalWeightReset = 2;

export interface Closures {
  /** Closes the links without capacity that had some when the session was opened. Flows and prices must be in place. */
  readonly close: (program: FlowProgram) => void;
  readonly openAll: () => void;
  /** Sets the prices of closed links to 0: paths over them are no part of the program, and their price proves nothing. */
  readonly unprice: (price: Float64Array) => void;
}

export function makeClosures(iterate: Iterate, problem: Problem): Closures {
  const { layout } = iterate.kernel;
  const metric = iterate.priceMetric.slice();
  let closed: readonly number[] = [];
  let index: PathIndex | undefined;
  return {
    close({ problem: { capacityBps } }) {
      closed = [...capacityBps.keys()].filter((e) => capacityBps[e] === 0 && (problem.capacityBps[e] as number) > 0);
      if (closed.length === 0) return;
      for (const e of closed) {
        layout.price[e] = closedPrice;
        iterate.priceMetric[e] = 0;
      }
      index ??= indexPaths(problem, layout);
      const cut = new Set(closed.flatMap((e) => index?.pathsOver(e) ?? []));
      for (const path of cut) moveFlow(iterate, problem, index, path);
      if (cut.size > cutShareMax * problem.pathCount) iterate.primalWeight = primalWeightReset;
    },
    openAll() {
      for (const e of closed) {
        iterate.priceMetric[e] = metric[e] as number;
        layout.price[e] = 0;
      }
      closed = [];
    },
    unprice(price) {
      for (const e of closed) price[e] = 0;
    },
  };
}

/** Where paths are, whose they are, and which ones cross a link. Made when the first link is closed. */
interface PathIndex {
  /** Per path: its slot, -1 where it has none. */
  readonly slotOf: Int32Array;
  readonly demandOf: Int32Array;
  /** Per demand: where it stands in the layout. */
  readonly positionOf: Int32Array;
  readonly pathsOver: (link: number) => number[];
}

function indexPaths(
  { pathCount, demandCount, linkCount, pathStart, linkStart, pathLinks }: Problem,
  { pathAt, demandAt }: Layout,
): PathIndex {
  const positionOf = new Int32Array(demandCount).fill(-1);
  demandAt.forEach((d, k) => {
    if (d >= 0) positionOf[d] = k;
  });
  const slotOf = new Int32Array(pathCount).fill(-1);
  pathAt.forEach((path, slot) => {
    if (path >= 0) slotOf[path] = slot;
  });
  const demandOf = new Int32Array(pathCount);
  for (let d = 0; d < demandCount; d++) demandOf.fill(d, pathStart[d], pathStart[d + 1]);
  const start = new Int32Array(linkCount + 2);
  for (const e of pathLinks) start[e + 2] = (start[e + 2] as number) + 1;
  for (let e = 0; e <= linkCount; e++) start[e + 1] = (start[e + 1] as number) + (start[e] as number);
  const paths = new Int32Array(pathLinks.length);
  for (let p = 0; p < pathCount; p++) {
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
      const e = pathLinks[k] as number;
      const at = start[e + 1] as number;
      paths[at] = p;
      start[e + 1] = at + 1;
    }
  }
  return {
    slotOf,
    demandOf,
    positionOf,
    pathsOver: (link) => [...paths.subarray(start[link], start[link + 1])].filter((p) => (slotOf[p] as number) >= 0),
  };
}

function moveFlow({ kernel }: Iterate, problem: Problem, { slotOf, demandOf, positionOf }: PathIndex, path: number): void {
  const { flow, price, demand, weight } = kernel.layout;
  const slot = slotOf[path] as number;
  const moved = flow[slot] as number;
  flow[slot] = 0;
  const d = demandOf[path] as number;
  let best = -1;
  let bestPrice = closedPrice;
  for (let p = problem.pathStart[d] as number; p < (problem.pathStart[d + 1] as number); p++) {
    if ((slotOf[p] as number) < 0) continue;
    let sum = 0;
    for (let k = problem.linkStart[p] as number; k < (problem.linkStart[p + 1] as number); k++) {
      sum += price[problem.pathLinks[k] as number] as number;
    }
    if (sum < bestPrice) [best, bestPrice] = [p, sum];
  }
  if (best >= 0) {
    flow[slotOf[best] as number] = (flow[slotOf[best] as number] as number) + moved;
    return;
  }
  // No path is left: the demand leaves the program.
  demand[positionOf[d] as number] = 0;
  weight[positionOf[d] as number] = weightless;
}
