/** What passes between the controller and a solver process (Node's IPC, structured clone). */
import type { FailureReport, LayerName, ScenarioChoice } from "@sluice/failures";
import type { Epoch, FailureScenario, FlowGroup, LinkId, Plan, PlanTimings, Result, ScenarioSplit, Snapshot } from "@sluice/model";
import type { FailureChoice, InputChanges, PathQuestion, Standing, WhatIfChanges } from "@sluice/preview";

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

/** What is long enough to be waited for as a job. */
export type JobTask =
  | { readonly kind: "preview"; readonly standing: Standing; readonly changes: InputChanges; readonly failures?: FailureChoice | undefined }
  | {
      readonly kind: "what-if";
      readonly standing: Standing;
      readonly changes: WhatIfChanges;
      readonly failures?: FailureChoice | undefined;
    };

/** In bytes, so that nobody on the event loop has to read or write what may be a hundred megabytes. */
export interface JobAnswer {
  /** The answer to be given out: JSON. */
  readonly document: Uint8Array;
  /** Of a preview: its `Proposal`, as `v8.serialize` writes it. */
  readonly proposal?: Uint8Array | undefined;
}

/** A plan as the store has it. */
export interface StoredPlan {
  readonly epoch: Epoch;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly assignmentsBefore: Readonly<Record<string, unknown>>;
}

export interface DifferenceTask {
  readonly before: StoredPlan;
  readonly after: StoredPlan;
}

/** How far a task is: `fraction` of the whole, in [0, 1]. */
export interface TaskProgress {
  readonly stage: string;
  readonly fraction: number;
}

export type SolverTask =
  | { readonly kind: "optimize"; readonly snapshot: Snapshot; readonly greedyOnly: boolean }
  /** Its splits come one by one, as parts; the result has the timings. */
  | { readonly kind: "protect"; readonly snapshot: Snapshot; readonly plan: Plan; readonly scenarios: readonly FailureScenario[] }
  | ({ readonly kind: "report" } & ReportTask)
  | JobTask
  | ({ readonly kind: "difference" } & DifferenceTask)
  | { readonly kind: "path-check"; readonly question: PathQuestion }
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
  | { readonly id: number; readonly progress: TaskProgress }
  | { readonly id: number; readonly result: Result<unknown> }
  | { readonly ready: true };
