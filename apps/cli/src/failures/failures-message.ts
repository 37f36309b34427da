/** What passes between the command line and the process that looks at failures (Node's IPC, structured clone). */
import type { FailureReport, LayerName, ScenarioChoice } from "@sluice/failures";
import type { Plan, Result, Snapshot } from "@sluice/model";

export interface FailuresTask {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly choice: ScenarioChoice;
  readonly layers: readonly LayerName[];
}

export type FailuresReply =
  | { readonly kind: "ready" }
  | { readonly kind: "stage"; readonly stage: string; readonly fraction: number }
  | { readonly kind: "result"; readonly result: Result<FailureReport> };
