/** What passes between the controller and a solver process (Node's IPC, structured clone). */
import type { FlowGroup, LinkId, Plan, PlanTimings, Result, Snapshot } from "@sluice/model";

export type ExplainQuery = { readonly kind: "demand"; readonly flowGroup: FlowGroup } | { readonly kind: "link"; readonly linkId: LinkId };

export type SolverTask =
  | { readonly kind: "optimize"; readonly snapshot: Snapshot; readonly greedyOnly: boolean }
  | { readonly kind: "explain"; readonly snapshot: Snapshot; readonly plan: Plan; readonly query: ExplainQuery };

export interface SolverRequest {
  readonly id: number;
  readonly task: SolverTask;
}

export type OptimizeResult = Result<{ readonly plan: Plan; readonly timings: PlanTimings }>;

export type SolverReply = { readonly id: number; readonly result: Result<unknown> } | { readonly ready: true };
