/**
 * The gate for numbers in text files. `Number()` takes "0x10", "", " " and "1e999"; here a number is plain decimal
 * notation, finite and not negative, or it is refused with a code that says why.
 */
import { rateBpsMax } from "@sluice/model";
import type { Reading } from "./reading.js";

// No two parts can take the same digits, so hostile input of any length is matched in linear time.
const decimalPattern = /^\+?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const negativePattern = /^-(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const notFinitePattern = /^[+-]?(?:nan|inf|infinity)$/i;

/** A number of at least 0. Faults: `missing-field`, `negative`, `not-finite`, `wrong-type`. */
export function readDecimal(text: string, reading: Reading, pointer: string): number | undefined {
  if (decimalPattern.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : reading.refuse("not-finite", `${pointer}: ${text} is beyond the range of a double.`, pointer);
  }
  if (text === "") return reading.refuse("missing-field", `${pointer}: there is no number.`, pointer);
  if (notFinitePattern.test(text)) return reading.refuse("not-finite", `${pointer}: ${text} is not a finite number.`, pointer);
  if (negativePattern.test(text)) {
    return Number(text) === 0 ? 0 : reading.refuse("negative", `${pointer}: ${text} is below 0.`, pointer);
  }
  return reading.refuse("wrong-type", `${pointer}: ${JSON.stringify(text.slice(0, 40))} is not a decimal number.`, pointer);
}

/** A number that may lie below 0: coordinates. */
export function readSignedDecimal(text: string, reading: Reading, pointer: string): number | undefined {
  if (!text.startsWith("-")) return readDecimal(text, reading, pointer);
  const magnitude = readDecimal(text.slice(1), reading, pointer);
  return magnitude === undefined ? undefined : -magnitude;
}

/** A non-negative integer in digits alone. */
export function readCount(text: string, reading: Reading, pointer: string): number | undefined {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return reading.refuse(
    text === "" ? "missing-field" : "wrong-type",
    `${pointer}: ${JSON.stringify(text.slice(0, 40))} is not a count.`,
    pointer,
  );
}

/** A number of a parsed document: finite, at least 0, no text. */
export function admitNumber(value: unknown, reading: Reading, pointer: string): number | undefined {
  if (typeof value !== "number") {
    return reading.refuse(value === undefined ? "missing-field" : "wrong-type", `${pointer}: a number is expected.`, pointer);
  }
  if (!Number.isFinite(value)) return reading.refuse("not-finite", `${pointer}: the number is not finite.`, pointer);
  if (value < 0) return reading.refuse("negative", `${pointer}: ${value} is below 0.`, pointer);
  return value === 0 ? 0 : value;
}

/** A rate or capacity in bps from a value and its unit; above 2^53 - 1 bps it is refused. */
export function toBps(value: number, unitBps: number, reading: Reading, pointer: string): number | undefined {
  const bps = value * unitBps;
  if (bps <= rateBpsMax) return bps;
  return reading.refuse("out-of-range", `${pointer}: ${bps} bps is above the largest rate, ${rateBpsMax} bps.`, pointer);
}
