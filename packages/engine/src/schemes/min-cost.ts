/**
 * Minimum cost: the least sum of latency x flow, with demands met as far as possible.
 *
 *   minimize  sum of L_p x_p  +  M x sum of (D_d - admitted(d))      subject to  demand, capacity
 *
 * where L_p is the latency of path p and M = `unservedCostMs`, 1 ms more than the latencies of all links together. M is above
 * the latency of any loopless path, so nothing is refused that fits on some path; and one more bps is admitted wherever the
 * detours this forces on others add up to less than M per bps. One program, not two: its dual prices (ms, i.e. bps x ms saved
 * per bps of capacity added) bound the whole objective (certificate.ts).
 */
import {
  addCapacityRows,
  addDemandRows,
  admissionCost,
  flowOutcome,
  flowProgram,
  type FlowModel,
  type FlowOutcome,
} from "../flow-model.js";
import { pathScheme } from "../path-lp.js";
import { unservedCostMs } from "../certificate.js";
import type { SchemeOptions } from "../scheme.js";

export async function minimizeCost(model: FlowModel, { lp, timeLimitSeconds }: SchemeOptions): Promise<FlowOutcome> {
  const penaltyMs = unservedCostMs(model.problem);
  // Costs are scaled to at most about a thousand: solvers' dual tolerances are absolute.
  const costUnitMs = penaltyMs / 1024;
  const admits = admissionCost(model);
  const builder = flowProgram("minimize", model, (j) => ((model.latencyMs[j] ?? 0) - penaltyMs * (admits[j] ?? 0)) / costUnitMs);
  addDemandRows(builder, model, "at-most");
  const rows = addCapacityRows(builder, model);
  return flowOutcome(model, await lp.solve(builder.build(), { timeLimitSeconds }), rows, -costUnitMs);
}

export const minCost = pathScheme("min-cost", minimizeCost);
