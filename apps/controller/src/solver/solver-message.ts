/** What passes between the controller and a solver process (Node's IPC, structured clone). */
import type { FailureScenario, FlowGroup, LinkId, Plan, PlanTimings, Result, ScenarioSplit, Snapshot } from "@sluice/model";

export type ExplainQuery = { readonly kind: "demand"; readonly flowGroup: FlowGroup } | { readonly kind: "link"; readonly linkId: LinkId };

export type SolverTask =
  | { readonly kind: "optimize"; readonly snapshot: Snapshot; readonly greedyOnly: boolean }
  /** Its splits come one by one, as parts; the result has the timings. */
  | { readonly kind: "protect"; readonly snapshot: Snapshot; readonly plan: Plan; readonly scenarios: readonly FailureScenario[] }
  | { readonly kind: "explain"; readonly snapshot: Snapshot; readonly plan: Plan; readonly query: ExplainQuery };

export interface SolverRequest {
  readonly id: number;
  readonly task: SolverTask;
}

export type OptimizeResult = Result<{ readonly plan: Plan; readonly timings: PlanTimings }>;

export interface Sweep {
  /** In the order of the scenarios that were asked for. */
  readonly splits: readonly ScenarioSplit[];
  /** Seconds by stage; absent where the sweep did not come to its end. */
  readonly timings?: PlanTimings;
  /** Why there are none for the later scenarios; absent where all were answered. */
  readonly cutShort?: string;
}
export type ProtectResult = Result<Sweep>;

export type SolverReply =
  | { readonly id: number; readonly part: ScenarioSplit }
  | { readonly id: number; readonly result: Result<unknown> }
  | { readonly ready: true };
