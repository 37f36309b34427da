/** Rows as NDJSON: an object a line, with the names of the columns of CSV; numbers are numbers. */
import type { RowReader } from "./csv-rows.js";
import {
  classOf,
  isRowField,
  nodeOf,
  quantileOf,
  quoted,
  rateOfNumber,
  RowFaults,
  rowOf,
  secondsOfNumber,
  startReader,
  type ParsedRow,
  type RowField,
} from "./row.js";

export function ndjsonRows(): RowReader {
  const readStart = startReader();
  return ({ number, text }) => {
    if (text !== undefined && text.trim() === "") return undefined;
    const faults = new RowFaults(number);
    const fields = text === undefined ? faults.add("too-large", "the line is too long for a row.") : objectOf(text, faults);
    if (fields === undefined) return faultsOf(number, faults);
    for (const name of Object.keys(fields)) {
      if (!isRowField(name)) faults.add("unknown-field", `there is no field ${quoted(name)}.`, name.slice(0, 40));
    }
    const words = (name: RowField): string | undefined => {
      const value = Object.hasOwn(fields, name) ? fields[name] : "";
      return typeof value === "string" ? value : faults.add("wrong-type", "a text is expected.", name);
    };
    const numbers = (name: RowField): number | undefined => {
      const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (typeof value === "number") return value;
      return value === undefined
        ? faults.add("missing-field", "there is no number.", name)
        : faults.add("wrong-type", "a number is expected.", name);
    };
    const [start, src, dst, trafficClass, quantile] = [words("windowStart"), words("src"), words("dst"), words("class"), words("quantile")];
    const [seconds, rate] = [numbers("windowSeconds"), numbers("rateBps")];
    return rowOf(
      number,
      {
        startMs: start === undefined ? undefined : readStart(start, faults),
        windowSeconds: seconds === undefined ? undefined : secondsOfNumber(seconds, faults),
        src: src === undefined ? undefined : nodeOf(src, "src", faults),
        dst: dst === undefined ? undefined : nodeOf(dst, "dst", faults),
        trafficClass: trafficClass === undefined ? undefined : classOf(trafficClass, faults),
        rateBps: rate === undefined ? undefined : rateOfNumber(rate, faults),
        quantile: quantile === undefined ? undefined : quantileOf(quantile, faults),
      },
      faults,
    );
  };
}

function objectOf(text: string, faults: RowFaults): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
    return faults.add("wrong-type", "the line is JSON, but no object.");
  } catch {
    return faults.add("malformed", "the line is no JSON.");
  }
}

function faultsOf(line: number, faults: RowFaults): ParsedRow {
  const { list } = faults;
  if (list === undefined) throw new RangeError("a row without faults is a row");
  return { line, faults: list };
}
