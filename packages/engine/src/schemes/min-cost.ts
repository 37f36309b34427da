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
import type { Problem } from "@sluice/mcf";
import { gapMaxDefault } from "@sluice/model";
import { nearestOnPaths, unservedCostMs } from "../certificate.js";
import { detourCost, sumAlong } from "../detour-cost.js";
import { carryMost, type EngineAnswer, type EngineOptions } from "../own-engines.js";
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

/** What everything costs is taken to be at least this share of what its refusal would: smaller gaps than that asks for are out of reach. */
const costShareMin = 1e-3;

/** By an engine of our own: one bps on path p is worth 1 - L_p / M of one refused. */
export function carryAtLeastCost(problem: Problem, options: EngineOptions): EngineAnswer {
  const penaltyMs = unservedCostMs(problem);
  const worth = sumAlong(problem, (e) => problem.latencyMs[e] ?? 0).map((ms) => Math.max(Number.EPSILON, 1 - ms / penaltyMs));
  // The gap is one of cost, which is less than all that the refusal of everything would cost.
  const near = nearestOnPaths(problem, problem.latencyMs);
  const leastMs = problem.demandBps.reduce((sum, bps, d) => (Number.isFinite(near[d]) ? sum + bps * (near[d] ?? 0) : sum), 0);
  const allMs = penaltyMs * problem.demandBps.reduce((sum, bps, d) => (Number.isFinite(near[d]) ? sum + bps : sum), 0);
  const gapMax = (options.gapMax ?? gapMaxDefault) * Math.max(costShareMin, allMs > 0 ? leastMs / allMs : 1);
  const answer = carryMost(problem, { worth, cost: detourCost(problem) }, { ...options, gapMax });
  return { ...answer, linkPrices: answer.linkPrices.map((price) => price.map((each) => each * penaltyMs)) };
}

export const minCost = pathScheme("min-cost", minimizeCost, carryAtLeastCost);
