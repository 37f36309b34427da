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

/** What to do next, by code; where the message itself says it there is none. */
const advice: Partial<Record<FaultCode, string>> = {
  malformed: "mend the file at the place named; docs/formats.md shows each format",
  "unknown-format": "see docs/formats.md for what can be read; the format is found by content, not by the file's name",
  "missing-field": "give the field; docs/formats.md lists what is required",
  "unknown-field": "remove the field or mend its spelling",
  "wrong-type": "nothing is coerced: give a value of the type named",
  "not-finite": "give a finite number",
  negative: "give a number that is 0 or more",
  "duplicate-id": "keep one of the two, or give them different ids",
  "dangling-reference": "check that topology and demands belong together and that names are spelled alike",
  "self-loop": "remove the entry, or mend one of its ends",
  "too-large": "split the file, or plan fewer nodes at a time",
  "too-many": "split the file, or plan fewer demands at a time",
  "deadline-exceeded": "give more time with --deadline, fewer tunnels with --tunnels, or a simpler --objective",
  "solver-failed": "try another --solver or --objective; if it persists, please report it with the input files",
};

/** Lines for stderr, the first faults in full. */
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
  const next = new Set(faults.slice(0, shownMax).flatMap((each) => advice[each.code] ?? []));
  for (const sentence of next) lines.push(dim(`  what to do: ${sentence}`));
  return lines;
}
