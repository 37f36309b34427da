/** Explanations of any stored plan, computed by a solver process on the inputs that the plan was made from. */
import type { Epoch, Result } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { ExplainQuery } from "./solver/solver-message.js";
import type { SolverPool } from "./solver/solver-pool.js";

export async function explainPlan(store: Store, solvers: SolverPool, epoch: Epoch, query: ExplainQuery): Promise<Result<unknown>> {
  const record = await store.getPlan(epoch);
  if (!record.ok) return record;
  const input = await store.getCycleInput(record.value.cycleInputHash);
  if (!input.ok) return input;
  const { topology, demands, settings } = input.value;
  return solvers.explain({ topology, demands, settings }, record.value.plan, query);
}
