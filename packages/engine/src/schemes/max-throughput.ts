/**
 * Maximum throughput: the most that can be admitted, whoever sends it.
 *
 *   maximize  sum of admitted(d)      subject to  demand, capacity
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
import { pathScheme } from "../path-lp.js";
import type { SchemeOptions } from "../scheme.js";

export async function maximizeThroughput(model: FlowModel, { lp, timeLimitSeconds }: SchemeOptions): Promise<FlowOutcome> {
  const cost = admissionCost(model);
  const builder = flowProgram("maximize", model, (column) => cost[column] ?? 0);
  addDemandRows(builder, model, "at-most");
  const rows = addCapacityRows(builder, model);
  return flowOutcome(model, await lp.solve(builder.build(), { timeLimitSeconds }), rows, 1);
}

export const maxThroughput = pathScheme("max-throughput", maximizeThroughput);
