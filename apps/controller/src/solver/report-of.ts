/** A failure report of a plan as the controller holds it: its rules, and the splits that it has prepared. */
import { failureReport, scenarioSet, type FailureReportOptions } from "@sluice/failures";
import { buildTopology, type FailureScenario, type ScenarioSplit } from "@sluice/model";
import { assign, parseAssignments } from "@sluice/rules";
import type { ReportResult, ReportTask } from "./solver-message.js";

/** Faults: those of `failureReport`, and of assignments that are damaged. */
export async function reportOf(
  { snapshot, plan, assignmentsBefore, choice, layers, withoutSplit }: ReportTask,
  splits: readonly ScenarioSplit[],
  options: FailureReportOptions,
): Promise<ReportResult> {
  const topology = buildTopology(snapshot.topology);
  if (!topology.ok) return topology;
  const before = parseAssignments(assignmentsBefore);
  if (!before.ok) return before;
  const assignments = assign(before.value, plan, topology.value);
  if (!assignments.ok) return assignments;
  const known = new Map<FailureScenario["id"], ScenarioSplit | undefined>([
    ...withoutSplit.map((id) => [id, undefined] as const),
    ...splits.map((split) => [split.scenario.id, split] as const),
  ]);
  const set = scenarioSet(topology.value, choice);
  // Splits that are missing are made first, then all is walked.
  const share = (stage: string): { readonly from: number; readonly of: number } =>
    layers.includes("scenario-split") ? { from: stage.startsWith("split ") ? 0 : 0.5, of: 0.5 } : { from: 0, of: 1 };
  const onProgress = (stage: string, fraction: number): void => {
    const { from, of } = share(stage);
    options.onProgress?.(stage, from + of * fraction);
  };
  return failureReport({ snapshot, plan, assignments: assignments.value, set, layers, splits: known }, { ...options, onProgress });
}
