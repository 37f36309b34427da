/** Plans for snapshots, for tests. */
import { highsBackend } from "@sluice/lp";
import type { Plan, Snapshot } from "@sluice/model";
import { optimize, type OptimizeOptions } from "../optimize.js";

export const highs = await highsBackend();

/** The clock stands still: nothing may depend on time but what a test wants to. */
export function options(more: Partial<OptimizeOptions> = {}): OptimizeOptions {
  return { lp: { highs, javascriptLpSolver: highs }, nowMs: () => 0, ...more };
}

export async function planOf(snapshot: Snapshot, more: Partial<OptimizeOptions> = {}): Promise<Plan> {
  const result = await optimize(snapshot, options(more));
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value.plan;
}
