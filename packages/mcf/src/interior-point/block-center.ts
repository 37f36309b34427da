/** The middle of every demand's own little program, given the link prices. */
import type { Incidence } from "./incidence.js";
import type { Point } from "./point.js";
import type { ReducedProgram } from "./reduced-program.js";

const newtonStepsMax = 60;
const newtonTolerance = 1e-6;

/**
 * Per block the demand price z at which flows mu / r, with r = c + y(p) + z, and the slack mu / z add up to the rate: then all of
 * its products are mu. The sum falls in z and is convex, so from a z too small Newton's steps never overshoot. O(nodes + slots x steps).
 */
export function centerBlocks(program: ReducedProgram, incidence: Incidence, point: Point, mu: number): void {
  const { slotStart, rate, cost, utilization } = program;
  const { flow, reducedCost, slack, demandPrice, linkPrice } = point;
  incidence.along(linkPrice, reducedCost);
  for (let k = 0; k < rate.length; k++) {
    const from = slotStart[k] as number;
    const end = slotStart[k + 1] as number;
    let least = utilization ? Infinity : 0;
    for (let slot = from; slot < end; slot++) {
      reducedCost[slot] = (reducedCost[slot] as number) + (cost[slot] as number);
      least = Math.min(least, reducedCost[slot] as number);
    }
    // Costs are taken from the least one, so that sums do not cancel; the slack is a path that costs 0.
    for (let slot = from; slot < end; slot++) reducedCost[slot] = (reducedCost[slot] as number) - least;
    const costs = { all: reducedCost, from, end, slack: utilization ? undefined : -least };
    const above = priceAbove(costs, mu, rate[k] as number);
    demandPrice[k] = above - least;
    slack[k] = utilization ? 0 : mu / (above - least);
    for (let slot = from; slot < end; slot++) {
      reducedCost[slot] = (reducedCost[slot] as number) + above;
      flow[slot] = mu / (reducedCost[slot] as number);
    }
  }
}

interface Costs {
  readonly all: Float64Array;
  /** Those of the block. */
  readonly from: number;
  readonly end: number;
  readonly slack: number | undefined;
}

/** The v at which the sum of mu / (cost + v) over costs is `wanted`; the least cost is 0. */
function priceAbove({ all, from, end, slack }: Costs, mu: number, wanted: number): number {
  let v = mu / wanted;
  for (let step = 0; step < newtonStepsMax; step++) {
    let sum = slack === undefined ? 0 : mu / (slack + v);
    let slope = slack === undefined ? 0 : sum / (slack + v);
    for (let slot = from; slot < end; slot++) {
      const flow = mu / ((all[slot] as number) + v);
      sum += flow;
      slope += flow / ((all[slot] as number) + v);
    }
    const change = (sum - wanted) / slope;
    v += change;
    if (change <= newtonTolerance * v) break;
  }
  return v;
}
