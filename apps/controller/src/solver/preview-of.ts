/** Previews, what-ifs and differences of stored plans, as bytes: what a solver process answers. */
import { serialize } from "node:v8";
import { ok, type Result } from "@sluice/model";
import { compiledPlan, planDifference, preview, whatIf, type CompiledPlan, type PreviewOptions } from "@sluice/preview";
import { parseAssignments } from "@sluice/rules";
import type { DifferenceTask, JobAnswer, JobTask, StoredPlan } from "./solver-message.js";

/** Faults: those of `preview` and of `whatIf`. */
export async function jobAnswerOf(task: JobTask, options: PreviewOptions): Promise<Result<JobAnswer>> {
  if (task.kind === "what-if") {
    const found = await whatIf(task, options);
    return found.ok ? ok({ document: jsonBytes(found.value) }) : found;
  }
  const found = await preview(task, options);
  if (!found.ok) return found;
  return ok({ document: jsonBytes(found.value.preview), proposal: serialize(found.value.proposal) });
}

/** Each plan with the rules that it was given when it was made. Faults: those of a plan that does not compile. */
export function differenceOf({ before, after }: DifferenceTask): Result<Uint8Array> {
  const [was, is] = [compiledOf(before), compiledOf(after)];
  if (!was.ok) return was;
  if (!is.ok) return is;
  return ok(jsonBytes({ epochs: { before: before.epoch, after: after.epoch }, ...planDifference(was.value, is.value) }));
}

function compiledOf({ snapshot, plan, assignmentsBefore }: StoredPlan): Result<CompiledPlan> {
  const assignments = parseAssignments(assignmentsBefore);
  return assignments.ok ? compiledPlan({ ...snapshot, plan }, assignments.value) : assignments;
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
