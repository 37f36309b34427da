/** What passes between the command line and the process that seeks the smallest change (Node's IPC, structured clone). */
import type { CandidateTunnels, SmallestChange } from "@sluice/engine";
import type { FlowGroup, Plan, Result, Snapshot } from "@sluice/model";

export interface ChangeTask {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly flowGroup: FlowGroup;
  /** The path set that the plan was made with, where that was a file. */
  readonly candidates?: CandidateTunnels | undefined;
  readonly budgetMs: number;
}

/** Undefined where the demand lacks nothing but rounding. */
export type ChangeResult = Result<SmallestChange | undefined>;
export type ChangeReply = { readonly kind: "ready" } | { readonly kind: "result"; readonly result: ChangeResult };
