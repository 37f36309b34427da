/** Two stored plans: what is otherwise from one to the other. */
import { ok, type Result } from "@sluice/model";
import { parseWhole } from "../argument.js";
import type { Colors } from "../terminal.js";
import type { ControllerClient } from "./controller-client.js";
import { differenceLines, gistOf } from "./difference-table.js";
import { storedDifferenceSchema, type BlastRadiusLimits, type StoredDifference } from "./plan-answer.js";

/** Longest that the difference of two plans may take, ms: the controller computes it away from everything else. */
const differenceMsMax = 280_000;

/** Rules and traffic of both plans as they were installed. */
export async function readDifference(client: ControllerClient, from: number, to: number | "in-force"): Promise<Result<StoredDifference>> {
  const answer = await client.get(`/v1/plans/${from}/difference`, storedDifferenceSchema, { to }, { timeoutMs: differenceMsMax });
  return answer.ok ? ok(answer.value.value) : answer;
}

/** From which plan to which, the parts that differ, and the gist. */
export function diffLines(
  difference: StoredDifference,
  options: { readonly colors: Colors; readonly rows: number; readonly limits?: BlastRadiusLimits | undefined },
): readonly string[] {
  const { before, after } = difference.epochs;
  const head = `${options.colors.bold("from plan")} ${before} ${options.colors.bold("to plan")} ${after}`;
  if (!difference.isDifferent) return [head, "", "No difference: the same traffic, tunnels and rules."];
  return [head, "", ...differenceLines(difference, options), "", `${options.colors.bold("Difference:")} ${gistOf(difference)}.`];
}

export function parseEpoch(text: string, option = "EPOCH"): Result<number> {
  return parseWhole(text, option, { least: 1, most: 999_999_999 });
}
