/** What every LP backend is: a program in, an outcome with a status out. Judged by one contract suite (contract.ts). */
import type { LinearProgram } from "./program.js";

export type LpStatus = "optimal" | "infeasible" | "unbounded" | "time-limit" | "failed";

export interface LpOptions {
  /** Wall clock limit, seconds. A synchronous backend may overrun it: processes that must end are killed from outside. */
  readonly timeLimitSeconds: number;
  /**
   * What the backend should use, where it has a choice. "first-order" is for programs too large for the others: what it gives is feasible and
   * optimal to `accuracy` only, and it may end undecided (`failed`) on infeasible and unbounded programs.
   */
  readonly method?: "choose" | "simplex" | "interior-point" | "first-order";
  /** The tolerance aimed at, of feasibility and optimality; left out: the backend's own, 1e-7. HiGHS takes 1e-10 and above. */
  readonly accuracy?: number;
}

/**
 * `primal` (per column) and `dual` (per row) are present with `optimal`, and with `time-limit` when the backend has a usable point.
 * Sign of duals: in a minimization the dual of a row is the change of the optimum per unit of the row's bound; the same
 * holds in a maximization (so a binding <= row has a dual <= 0 when minimizing and >= 0 when maximizing).
 */
export interface LpOutcome {
  readonly status: LpStatus;
  readonly objective?: number;
  readonly primal?: Float64Array;
  readonly dual?: Float64Array;
  /** Why, for `failed`; else what the backend has to say. */
  readonly message?: string;
}

export interface LpBackend {
  readonly name: "highs" | "javascript-lp-solver";
  /** Never rejects for a bad program or a solver's failure: that is status `failed`. */
  solve(program: LinearProgram, options: LpOptions): Promise<LpOutcome>;
}
