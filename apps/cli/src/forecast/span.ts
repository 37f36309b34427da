/** Spans of time on the command line: `300s`, `5min`, `1h`, `24h`, `7d`. */
import { ok, refuse, type Result } from "@sluice/model";
import { argumentFault } from "../refusal.js";

const unitMs = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Longest span: a year. */
const spanMsMax = 366 * 86_400_000;

/** More than 0, whole milliseconds. */
export function parseSpan(text: string, option: string): Result<number> {
  const [, count = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(text.trim()) ?? [];
  const factor = unitMs.get(unit);
  if (factor === undefined)
    return refuse(argumentFault("malformed", option, `${option} takes a span such as 300s, 5min, 1h or 7d, not ${JSON.stringify(text)}.`));
  const spanMs = Number(count) * factor;
  if (spanMs > 0 && spanMs <= spanMsMax && Number.isInteger(spanMs)) return ok(spanMs);
  return refuse(
    argumentFault("out-of-range", option, `${option} must be more than 0 and at most 366d, in whole milliseconds, not ${text}.`),
  );
}

/** A span as a whole number of windows of `stepMs`. Faults: those of `parseSpan`; `out-of-range` where it is none. */
export function parseWindows(text: string, option: string, stepMs: number): Result<number> {
  const span = parseSpan(text, option);
  if (!span.ok) return span;
  const windows = span.value / stepMs;
  if (Number.isInteger(windows)) return ok(windows);
  return refuse(argumentFault("out-of-range", option, `${option} must be a whole number of windows of ${spanText(stepMs)}, not ${text}.`));
}

/** In the largest unit that makes it a whole number. */
export function spanText(spanMs: number): string {
  for (const [unit, factor] of [...unitMs].toReversed()) {
    if (spanMs >= factor && spanMs % factor === 0) return `${spanMs / factor} ${unit}`;
  }
  return `${spanMs} ms`;
}
