/** How a refusal reads: which file, which field, which code, and what to do about it. */
import { fault, type Fault, type FaultCode, type Faults, type Result } from "@sluice/model";
import type { Terminal } from "./terminal.js";

/** Most faults shown for one refusal. */
const shownMax = 10;

/** Says of every fault in which file it was found. */
export function inFile<T>(file: string, result: Result<T>): Result<T> {
  if (result.ok) return result;
  const [first, ...rest] = result.faults.map((each): Fault => ({ ...each, data: { ...each.data, file: each.data?.["file"] ?? file } }));
  return { ok: false, faults: first === undefined ? result.faults : [first, ...rest] };
}

/** A refused argument; the pointer is the option's name. */
export function argumentFault(code: FaultCode, option: string, message: string): Fault {
  return fault(code, message, { pointer: option });
}

const reportPlan = "a bug: please report it with the input files";
const askController = "this is about a running controller: read its state anew, then try again";
const fewerRules = "plan with fewer --tunnels or a smaller --split-weight-sum";

/** What to do next, for every code there is (docs/errors.md). */
const advice: Readonly<Record<FaultCode, string>> = {
  malformed: "mend the file at the place named; docs/formats.md shows each format",
  "unknown-format": "see docs/formats.md for what can be read; the format is found by content, not by the file's name",
  "missing-field": "give the field; docs/formats.md lists what is required",
  "unknown-field": "remove the field or mend its spelling",
  "wrong-type": "nothing is coerced: give a value of the type named",
  "not-finite": "give a finite number",
  negative: "give a number that is 0 or more",
  "out-of-range": "give a value within the bounds named",
  "not-allowed": "remove it, or give one of the values named",
  "duplicate-id": "keep one of the two, or give them different ids",
  "dangling-reference": "check that topology and demands belong together and that names are spelled alike",
  "self-loop": "remove the entry, or mend one of its ends",
  "too-large": "split the file, or plan fewer nodes at a time",
  "too-many": "split the file, or plan fewer demands at a time",
  "not-found": "check the spelling, and that it is there and may be read or written; sluice help lists commands and options",
  "not-ready": askController,
  "not-leader": "ask the controller that leads: the answer names it",
  "stale-term": askController,
  "stale-epoch": askController,
  "stale-version": askController,
  "precondition-required": askController,
  "blast-radius": "look at the difference; repeat with --force if it is meant",
  "in-flight": askController,
  "key-reused": "use a new idempotency key",
  quarantined: "look at the reason given, and upload a better forecast",
  unavailable: "see to the reason given, then try again",
  "rate-limited": "wait a little, then try again",
  unauthenticated: "give a valid token",
  forbidden: "ask somebody whose role allows it",
  "deadline-exceeded": "give more time with --deadline, fewer tunnels with --tunnels, or a simpler --objective",
  cancelled: "run it again",
  "solver-failed": "try another --solver or --objective; if it persists, please report it with the input files",
  "check-failed": reportPlan,
  "input-mismatch": reportPlan,
  "tunnel-broken": reportPlan,
  "tunnel-unusable": reportPlan,
  "split-invalid": reportPlan,
  "over-demand": reportPlan,
  "over-capacity": reportPlan,
  "demand-unaccounted": reportPlan,
  "totals-wrong": reportPlan,
  "certificate-wrong": reportPlan,
  "protection-wrong": reportPlan,
  "walk-failed": reportPlan,
  "table-full": fewerRules,
  "labels-exhausted": fewerRules,
  "rule-refused": askController,
  "store-failed": "see to the disk and its permissions, then try again",
  internal: reportPlan,
};

/** Lines for stderr, the first faults in full. `data.advice` of a fault says what to do in place of its code's advice. */
export function refusalLines(faults: Faults, terminal: Pick<Terminal, "errorColors">): readonly string[] {
  const { bold, dim, red } = terminal.errorColors;
  const lines = faults.slice(0, shownMax).map((each) => {
    const file = each.data?.["file"];
    // A message that starts with the field does not need it twice.
    const pointer = each.pointer === "" || each.message.startsWith(`${each.pointer}:`) ? undefined : each.pointer;
    const where = [typeof file === "string" ? file : undefined, pointer].filter((part) => part !== undefined);
    return `${red("sluice:")} ${where.length === 0 ? "" : `${bold(where.join(" "))}: `}${each.message} ${dim(`[${each.code}]`)}`;
  });
  if (faults.length > shownMax) lines.push(`  and ${faults.length - shownMax} more like these`);
  const next = new Set(faults.slice(0, shownMax).map((each) => each.data?.["advice"] ?? advice[each.code]));
  for (const sentence of next) lines.push(dim(`  what to do: ${sentence}`));
  return lines;
}
