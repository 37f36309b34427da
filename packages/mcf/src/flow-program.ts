/**
 * The linear programs over a problem's paths that the engines of this package solve. With x_p >= 0 the flow on path p, c_e a
 * link's capacity, D_d a demand:
 *
 *   limit "capacity"      maximize    sum over paths of (1 - k_p) x_p
 *                         subject to  load(e) <= c_e,   the sum of each demand's x_p <= D_d
 *
 *   limit "utilization"   minimize    u
 *                         subject to  load(e) <= u c_e,   the sum of each demand's x_p = D_d
 *
 * k_p, in [0, 1), is the cost of a path where admitting one unit is worth 1: min-cost is the first with k_p = L_p / M, the maximum
 * concurrent flow is 1 / u of the second. A demand no path of which is open carries nothing and is left out of the program.
 */
import type { Problem } from "./problem.js";

export interface FlowProgram {
  readonly problem: Problem;
  readonly limit: "capacity" | "utilization";
  /** Per path; left out: no path costs anything. With "capacity" only. */
  readonly pathCost?: Float64Array | undefined;
}

/** A point to start from: of another problem whose paths and links are numbered alike. */
export interface FlowStart {
  /** Per path, bps. */
  readonly flowBps: Float64Array;
  /** Per link: as in `FlowSolution`. */
  readonly linkPrice: Float64Array;
  /** The ratio of dual to primal steps at which the last solve ended. */
  readonly primalWeight?: number | undefined;
}

export interface SolveLimits {
  /** Stop at this relative gap between value and bound. */
  readonly gap: number;
  readonly timeLimitSeconds: number;
  /** A monotonic clock, ms. */
  readonly nowMs: () => number;
  /** Asked now and then: true stops the solve with what it has. */
  readonly cancelled?: (() => boolean) | undefined;
  readonly onProgress?: ((progress: { readonly value: number; readonly bound: number; readonly gap: number }) => void) | undefined;
}

/** An answer that fits, whenever it was stopped, and how far it can be from the optimum at most. */
export interface FlowSolution {
  readonly status: "optimal" | "gap" | "time-limit" | "cancelled" | "stalled";
  /** Per path, bps, >= 0; each demand and, with limit "capacity", each link is kept, up to rounding (1e-12 relative). */
  readonly flowBps: Float64Array;
  /**
   * Per link, >= 0. For "capacity" the value gained per bps of capacity; for "utilization" scaled so that the sum of c_e y_e is 1.
   * They prove the bound: certificate formulas in docs/certificates.md.
   */
  readonly linkPrice: Float64Array;
  /** The program's value at `flowBps`, and what no flow can pass. bps for "capacity", 1 for "utilization". */
  readonly value: number;
  readonly bound: number;
  /** |bound - value| / max(|value|, |bound|). */
  readonly gap: number;
  readonly iterations: number;
  readonly primalWeight?: number | undefined;
}

/** What every engine of this package is, judged by one contract suite (contract.ts). Synchronous: call it off the event loop. */
export type FlowEngine = (program: FlowProgram, limits: SolveLimits, start?: FlowStart) => FlowSolution;
