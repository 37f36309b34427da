/** What passes between the controller and a solver process (Node's IPC, structured clone). */
import type { FailureReport, LayerName, ScenarioChoice } from "@sluice/failures";
import type { FailureScenario, FlowGroup, LinkId, Plan, PlanTimings, Result, ScenarioSplit, Snapshot } from "@sluice/model";

export type ExplainQuery = { readonly kind: "demand"; readonly flowGroup: FlowGroup } | { readonly kind: "link"; readonly linkId: LinkId };

/** What a failure report is made of: a plan and what is ready for it, and which failures and layers to look at. */
export interface ReportTask {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  /** Those that the plan's labels and numbers were assigned after (`AssignmentsDocument`): they follow from them. */
  readonly assignmentsBefore: Readonly<Record<string, unknown>>;
  readonly choice: ScenarioChoice;
  readonly layers: readonly LayerName[];
  /** Scenarios whose split was refused: local repair serves them. */
  readonly withoutSplit: readonly FailureScenario["id"][];
}

export type ReportResult = Result<FailureReport>;

export type SolverTask =
  | { readonly kind: "optimize"; readonly snapshot: Snapshot; readonly greedyOnly: boolean }
  /** Its splits come one by one, as parts; the result has the timings. */
  | { readonly kind: "protect"; readonly snapshot: Snapshot; readonly plan: Plan; readonly scenarios: readonly FailureScenario[] }
  | ({ readonly kind: "report" } & ReportTask)
  | { readonly kind: "explain"; readonly snapshot: Snapshot; readonly plan: Plan; readonly query: ExplainQuery };

/** Splits that a report starts from come before it, some at a time: a plan's are too many for one message on the event loop. */
export type SolverRequest =
  | { readonly id: number; readonly splits: readonly ScenarioSplit[] }
  | { readonly id: number; readonly task: SolverTask };

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
