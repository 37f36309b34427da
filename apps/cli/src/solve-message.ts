/** What passes between the command line and its solver process (Node's IPC, structured clone). */
import type { ReadNote } from "@sluice/formats";
import type { Plan, PlanTimings, Result, Snapshot } from "@sluice/model";
import type { SolveProgress } from "@sluice/engine";
import type { TunnelSource } from "./argument.js";

export interface SolveTask {
  readonly snapshot: Snapshot;
  /** A path set is read by the solver process itself: it may be larger than all the rest. */
  readonly tunnels: TunnelSource;
  /** Skip the LP: the rung below. */
  readonly greedyOnly: boolean;
}

export interface Solved {
  readonly plan: Plan;
  readonly timings: PlanTimings;
  /** The task's, which is another than what was asked for on a lower rung. */
  readonly tunnels: TunnelSource;
  /** What reading the path set had to say, and how long it took. */
  readonly notes: readonly ReadNote[];
  readonly tunnelFormat?: string;
  readonly readSeconds: number;
}

export type SolveReply =
  | { readonly kind: "ready" }
  | { readonly kind: "stage"; readonly stage: string; readonly fraction: number }
  | { readonly kind: "progress"; readonly progress: SolveProgress }
  | { readonly kind: "result"; readonly result: Result<Solved> };
