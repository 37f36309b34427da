/**
 * Maximum concurrent flow: the largest fraction f <= 1 that all routable demands can have at once.
 *
 *   maximize  f      subject to  admitted(d) = f D_d,  capacity,  0 <= f <= 1
 *
 * What then is left goes where it fits, nobody below the common fraction (the top-up):
 *
 *   maximize  sum of admitted(d)      subject to  f (1 - 1e-7) <= admitted(d) / D_d <= 1,  capacity
 *
 * Shahrokhi and Matula (1990). A link's price is the rise of f per bps of capacity added.
 */
import {
  addCapacityRows,
  addFractionRows,
  addShareRows,
  admissionCost,
  flowOutcome,
  flowProgram,
  type FlowModel,
  type FlowOutcome,
} from "../flow-model.js";
import type { Problem } from "@sluice/mcf";
import { detourCost } from "../detour-cost.js";
import { fitToCapacity } from "../flow.js";
import { carryOnTop, utilizeLeast, weighed, type EngineAnswer, type EngineOptions } from "../own-engines.js";
import { pathScheme } from "../path-lp.js";
import { fillUp } from "./greedy-fill.js";
import type { SchemeOptions } from "../scheme.js";
import { splitTime } from "../time-split.js";

/** What the top-up may take off the common fraction, relative: solvers are exact only to about 1e-8. */
const fractionSlack = 1e-7;

export async function maximizeConcurrent(model: FlowModel, options: SchemeOptions): Promise<FlowOutcome> {
  const { lp } = options;
  const time = splitTime(options);
  const builder = flowProgram("maximize", model, () => 0);
  const fraction = builder.addColumn({ cost: 1, upper: 1 });
  addFractionRows(builder, model, fraction);
  const rows = addCapacityRows(builder, model);
  const solved = await lp.solve(builder.build(), { timeLimitSeconds: time.firstSeconds });
  const outcome = flowOutcome(model, solved, rows, 1 / model.unitBps);
  if (solved.status !== "optimal") return outcome;
  const columnsBps = await topUp(model, solved.primal?.[fraction] ?? 0, { lp, timeLimitSeconds: time.secondSeconds() });
  return columnsBps === undefined ? outcome : { ...outcome, columnsBps };
}

/** The largest throughput with no demand below `fraction`; undefined where the solver does not get there. */
async function topUp(model: FlowModel, fraction: number, { lp, timeLimitSeconds }: SchemeOptions): Promise<Float64Array | undefined> {
  const cost = admissionCost(model);
  const builder = flowProgram("maximize", model, (column) => cost[column] ?? 0);
  addShareRows(builder, model, fraction * (1 - fractionSlack));
  const rows = addCapacityRows(builder, model);
  const solved = await lp.solve(builder.build(), { timeLimitSeconds });
  return solved.status === "optimal" ? flowOutcome(model, solved, rows, 0).columnsBps : undefined;
}

/** By an engine of our own: f is 1 / u of the least utilization u that carries everything, and 1 where all of it fits. */
export function carryConcurrently(problem: Problem, options: EngineOptions): EngineAnswer {
  const time = splitTime(options);
  const cost = detourCost(problem);
  const { flowBps, linkPrices, utilization, ended } = utilizeLeast(problem, cost, { ...options, timeLimitSeconds: time.firstSeconds });
  const fractionBps = utilization > 1 ? flowBps.map((bps) => bps / utilization) : flowBps;
  const fitted = fitToCapacity(problem, fractionBps).flowBps;
  const topped = utilization > 1 ? carryOnTop(problem, fitted, cost, { ...options, timeLimitSeconds: time.secondSeconds() }) : fitted;
  return {
    ended,
    flowBps: topped ?? fillUp(problem, fitted),
    linkPrices: linkPrices.map((price) => {
      const { needed } = weighed(problem, price);
      return price.map((each) => (needed > 0 && utilization > 1 ? each / needed : 0));
    }),
  };
}

export const maxConcurrent = pathScheme("max-concurrent", maximizeConcurrent, carryConcurrently);
