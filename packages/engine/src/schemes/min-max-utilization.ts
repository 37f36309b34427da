/**
 * Minimum of the largest link utilization, with every routable demand carried in full.
 *
 *   minimize  u      subject to  admitted(d) = D_d,  utilization
 *
 * u may exceed 1: then the plan admits less (the pipeline scales down). The optimum leaves all links below u undecided, so a
 * second program picks, among the flows that reach u, the one with the least sum of latency x flow:
 *
 *   minimize  sum of L_p x_p      subject to  admitted(d) = D_d,  load(e) <= u (1 + 1e-7) c_e
 *
 * A link's price is the fall of u per bps of capacity added. Objective after Fortz and Thorup (INFOCOM 2000), section II.
 */
import {
  addCapacityRows,
  addDemandRows,
  addUtilizationRows,
  flowOutcome,
  flowProgram,
  utilizationFloor,
  type FlowModel,
  type FlowOutcome,
} from "../flow-model.js";
import type { Problem } from "@sluice/mcf";
import { sumAlong } from "../detour-cost.js";
import { utilizeLeast, weighed, type EngineAnswer, type EngineOptions } from "../own-engines.js";
import { pathScheme } from "../path-lp.js";
import type { SchemeOptions } from "../scheme.js";
import { splitTime } from "../time-split.js";

/** Room that the second program has above the optimum of the first: solvers are exact only to about 1e-8. */
const utilizationSlack = 1e-7;

export async function minimizeUtilization(model: FlowModel, options: SchemeOptions): Promise<FlowOutcome> {
  const { lp } = options;
  const time = splitTime(options);
  const builder = flowProgram("minimize", model, () => 0);
  const floor = utilizationFloor(model);
  const utilization = builder.addColumn({ cost: 1 });
  addDemandRows(builder, model, "all");
  const rows = addUtilizationRows(builder, model, { utilization, floor });
  const solved = await lp.solve(builder.build(), { timeLimitSeconds: time.firstSeconds });
  const u = solved.primal?.[utilization] ?? Number.NaN;
  // The dual is per unit of load / c_e; one bps more of capacity takes u / c_e off that.
  const first = flowOutcome(model, solved, rows, -u);
  const linkPrice = first.linkPrice?.map((price, e) => price / (model.problem.capacityBps[e] || Infinity));
  const outcome = linkPrice === undefined ? first : { ...first, linkPrice };
  if (solved.status !== "optimal") return outcome;
  const columnsBps = await shortestWithin(model, u * (1 + utilizationSlack), { lp, timeLimitSeconds: time.secondSeconds() });
  return columnsBps === undefined ? outcome : { ...outcome, columnsBps };
}

/** Flow of least latency with no link above `utilization`; undefined where the solver does not get there. */
async function shortestWithin(
  model: FlowModel,
  utilization: number,
  { lp, timeLimitSeconds }: SchemeOptions,
): Promise<Float64Array | undefined> {
  const costUnitMs = model.latencyMs.reduce((most, ms) => Math.max(most, ms), Number.MIN_VALUE) / 1024;
  const builder = flowProgram("minimize", model, (j) => (model.latencyMs[j] ?? 0) / costUnitMs);
  addDemandRows(builder, model, "all");
  const rows = addCapacityRows(builder, model, utilization);
  const solved = await lp.solve(builder.build(), { timeLimitSeconds });
  return solved.status === "optimal" ? flowOutcome(model, solved, rows, 0).columnsBps : undefined;
}

/** By an engine of our own. Its prices are scaled so that sum c_e y_e is 1: one bps more of capacity takes u y_e off u. */
export function levelUtilization(problem: Problem, options: EngineOptions): EngineAnswer {
  const latencyMs = sumAlong(problem, (e) => problem.latencyMs[e] ?? 0);
  const { flowBps, linkPrices, utilization, ended } = utilizeLeast(problem, latencyMs, options);
  return {
    flowBps,
    ended,
    linkPrices: linkPrices.map((price) => {
      const { spent } = weighed(problem, price);
      return price.map((each) => (spent > 0 ? (utilization * each) / spent : 0));
    }),
  };
}

export const minMaxUtilization = pathScheme("min-max-utilization", minimizeUtilization, levelUtilization);
