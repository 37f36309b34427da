/** What every traffic-engineering scheme is: a problem in, flow on its paths out. One scheme a file, one contract suite. */
import type { EngineName, ObjectiveName } from "@sluice/model";
import type { LpBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";

export interface SchemeOptions {
  readonly lp: LpBackend;
  readonly timeLimitSeconds: number;
  /** Solve with this engine of our own, where the scheme can; left out: with `lp`. */
  readonly engine?: EngineName;
  /** Whether flow that an engine spread over many paths is brought to a vertex; left out: where that is expected to take half of the time at most. */
  readonly purifies?: boolean;
  /** An answer proven to be this near the optimum, relative, is good enough. Default 1e-6. */
  readonly gapMax?: number;
  /** Called now and then by engines that get better while they work: value and bound of the program that is being solved. */
  readonly onProgress?: (progress: { readonly value: number; readonly bound: number; readonly gap: number }) => void;
  /** A monotonic clock, for schemes that divide the time among many programs; without it each may take all of it. */
  readonly nowMs?: () => number;
}

export interface SchemeOutcome {
  /** `feasible`: flow within capacity and demand, but not proven optimal (a time limit, a heuristic). */
  readonly status: "optimal" | "feasible" | "infeasible" | "unbounded" | "time-limit" | "failed";
  /** bps per path of the problem; all zero unless the status is optimal or feasible. */
  readonly flowBps: Float64Array;
  /** Value of the scheme's own objective for `flowBps`. */
  readonly objective: number;
  /**
   * Dual price of each link's capacity, >= 0, in units of the objective per bps (for the relative objectives see
   * certificate.ts). Absent where the scheme has no dual.
   */
  readonly linkPrice?: Float64Array;
  readonly solver: string;
  readonly message?: string;
  /** Something that holds of the answer whatever its status, for the class's notes: a whole sentence. */
  readonly note?: string;
}

export interface Scheme {
  readonly objective: ObjectiveName;
  solve(problem: Problem, options: SchemeOptions): Promise<SchemeOutcome>;
}
