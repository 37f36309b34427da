/**
 * Maximum throughput: the most that can be admitted, whoever sends it.
 *
 *   maximize  sum of admitted(d) - e x sum of l_p x_p      subject to  demand, capacity
 *
 * The optimum is far from unique, and a solver left to itself takes long ways where short ones would do: they use up what lower
 * classes need. So a path's length l_p (its links; the longest has 1) is held against its flow, with a
 * weight e so small that the throughput stays within e of the maximum. On germany50, all pairs, bulk is admitted a fifth more.
 *
 * The maximum multicommodity flow, as solved in SWAN (SIGCOMM 2013), NCFlow (NSDI 2021) and POP (SOSP 2021). A link's
 * price is the throughput gained per bps of capacity added.
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
import type { Problem } from "@sluice/mcf";
import { detourCost } from "../detour-cost.js";
import { carryMost, type EngineAnswer, type EngineOptions } from "../own-engines.js";
import { pathScheme } from "../path-lp.js";
import type { SchemeOptions } from "../scheme.js";

/** The most throughput that is given up for short ways, relative: e. */
const detourWeight = 2e-7;
/** Solvers tell costs apart down to about 1e-7: admission costs so much that differences of length stay far above that. */
const admissionScale = 1e4;
/**
 * Above so many links on all paths together, a solver is left to itself: the interior point, which such programs need, sees no
 * difference of 2e-7 between its last iterates, and takes up to twice as long to find that out (Deltacom and UsCarrier, all pairs).
 * The plan's notes say so.
 */
const detourEntriesMax = 100_000;

export async function maximizeThroughput(model: FlowModel, { lp, timeLimitSeconds }: SchemeOptions): Promise<FlowOutcome> {
  const admission = admissionCost(model);
  const length = lengthOf(model);
  const entries = model.loadColumns.length;
  const breaksTies = entries <= detourEntriesMax;
  const weight = breaksTies ? detourWeight : 0;
  const cost = (column: number): number => admissionScale * ((admission[column] ?? 0) - weight * (length[column] ?? 0));
  const builder = flowProgram("maximize", model, cost);
  addDemandRows(builder, model, "at-most");
  const rows = addCapacityRows(builder, model);
  // Admission was worth up to e less than 1: scaled back, the prices pay for it in full, and bound the throughput as they are.
  const priceScale = 1 / (admissionScale * (1 - weight));
  const outcome = flowOutcome(model, await lp.solve(builder.build(), { timeLimitSeconds }), rows, priceScale);
  return breaksTies ? outcome : { ...outcome, note: tiesNote(entries) };
}

function tiesNote(entries: number): string {
  return `Ties between plans of equal throughput were not broken by tunnel length: the program has ${entries} entries, more than ${detourEntriesMax}.`;
}

/** Per column: how many links it loads, as a share of the most that a flow may load. */
function lengthOf({ columnCount, loadColumns, linksPerFlowMax }: FlowModel): Float64Array {
  const length = new Float64Array(columnCount);
  for (const column of loadColumns) length[column] = (length[column] ?? 0) + 1 / linksPerFlowMax;
  return length;
}

/** By an engine of our own: ties are broken by `detourCost`, and prices bound the throughput as they are. */
export function carryMostThroughput(problem: Problem, options: EngineOptions): EngineAnswer {
  const worth = new Float64Array(problem.pathCount).fill(1);
  return carryMost(problem, { worth, cost: detourCost(problem) }, options);
}

export const maxThroughput = pathScheme("max-throughput", maximizeThroughput, carryMostThroughput);
