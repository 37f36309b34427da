/**
 * Plans between processes as JSON: half of what a structured clone costs on either side, and the text is what the store wants to have. What JSON cannot
 * say of a plan (a number that is not finite) is no plan.
 */
import { fault, ok, refuse, type Plan, type PlanTimings, type Result } from "@sluice/model";
import type { OptimizeResult } from "./solver-message.js";

/** What a solver process answers to `optimize`. */
export interface PlanText {
  /** UTF-8. */
  readonly planJson: Uint8Array;
  readonly timings: PlanTimings;
}

/** Throws RangeError where a number is not finite. O(size). */
export function planText({ plan, timings }: { readonly plan: Plan; readonly timings: PlanTimings }): PlanText {
  const json = JSON.stringify(plan);
  // Such a number is written as null: a text without any null has none, and few plans have one.
  if (json.includes("null")) JSON.stringify(plan, finite);
  return { planJson: Buffer.from(json), timings };
}

function finite(key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`the plan's ${key} is not finite`);
  return value;
}

/** `read` makes the plan of its text. Fault, besides those of the answer itself: `solver-failed` where there is no plan in it. */
export function planOf(answer: Result<unknown>, read: (utf8: Uint8Array) => unknown): OptimizeResult {
  if (!answer.ok) return answer;
  const { planJson, timings } = answer.value as Partial<PlanText>;
  if (!(planJson instanceof Uint8Array) || timings === undefined) return noPlan("it has no plan");
  try {
    return ok({ plan: read(planJson) as Plan, timings });
  } catch (cause) {
    if (cause instanceof SyntaxError) return noPlan(cause.message);
    throw cause;
  }
}

/** Of a plan that nobody stores as it is. */
export function planOfText(utf8: Uint8Array): unknown {
  return JSON.parse(Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength).toString("utf8"));
}

function noPlan(why: string): Extract<OptimizeResult, { ok: false }> {
  return refuse(fault("solver-failed", `The solver's answer cannot be read: ${why}.`));
}
