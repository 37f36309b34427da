/** The best flow that fits and the best bound so far, and the answer made of them. */
import type { FlowProgram, FlowSolution } from "../flow-program.js";
import { gapBetween } from "../gap.js";
import { dualBound } from "./dual-bound.js";
import type { Incidence } from "./incidence.js";
import type { Point } from "./point.js";
import { inUnits, type ReducedProgram } from "./reduced-program.js";
import { repairOf } from "./repair.js";

export interface Figures {
  /** In units of `FlowSolution`. */
  readonly value: number;
  readonly bound: number;
  /** |bound - value| / the larger of the two. */
  readonly gap: number;
}

export interface Incumbent {
  /** Repairs the point's flows, takes the bound of its prices, and keeps either if it is better. */
  readonly consider: (point: Point) => Figures;
  readonly solution: (ended: Pick<FlowSolution, "status" | "iterations">) => FlowSolution;
}

export function incumbentOf({ problem }: FlowProgram, reduced: ReducedProgram, incidence: Incidence): Incumbent {
  const { utilization, unitBps, rowLink, slotPath } = reduced;
  const { repair } = repairOf(reduced, incidence);
  const statedRate = inUnits(reduced.blockDemand, problem.demandBps, unitBps);
  const sense = utilization ? -1 : 1;
  const unit = utilization ? 1 : unitBps;
  let flow = new Float64Array(slotPath.length);
  let trial = new Float64Array(slotPath.length);
  const linkPrice = new Float64Array(rowLink.length);
  let value = -sense * Infinity;
  let bound = sense * Infinity;

  const figures = (): Figures => ({ value: value * unit, bound: bound * unit, gap: gapBetween(value, bound) });
  const consider: Incumbent["consider"] = (point) => {
    trial.set(point.flow);
    repair(trial);
    const worth = utilization ? utilizationOf(reduced, incidence, trial) : worthOf(reduced, trial);
    if (sense * worth > sense * value) {
      [flow, trial] = [trial, flow];
      value = worth;
    }
    const proven = dualBound(reduced, incidence, statedRate, point.linkPrice);
    if (sense * proven.bound < sense * bound) {
      bound = proven.bound;
      for (let row = 0; row < linkPrice.length; row++) linkPrice[row] = (point.linkPrice[row] as number) * proven.scale;
    }
    return figures();
  };
  const solution: Incumbent["solution"] = (ended) => {
    const flowBps = new Float64Array(problem.pathCount);
    for (let slot = 0; slot < slotPath.length; slot++) flowBps[slotPath[slot] as number] = (flow[slot] as number) * unitBps;
    const price = new Float64Array(problem.linkCount);
    rowLink.forEach((e, row) => (price[e] = (linkPrice[row] as number) / (utilization ? unitBps : 1)));
    return { ...ended, flowBps, linkPrice: price, ...figures() };
  };
  return { consider, solution };
}

function worthOf({ cost }: ReducedProgram, flow: Float64Array): number {
  let sum = 0;
  for (let slot = 0; slot < flow.length; slot++) sum -= (cost[slot] as number) * (flow[slot] as number);
  return sum;
}

function utilizationOf({ capacity }: ReducedProgram, incidence: Incidence, flow: Float64Array): number {
  const load = new Float64Array(capacity.length);
  incidence.across(flow, load);
  return load.reduce((most, rate, row) => Math.max(most, rate / (capacity[row] as number)), 0);
}
