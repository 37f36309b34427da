/**
 * Rows as CSV (RFC 4180), a line a row: no id holds a line break, so a quoted field that goes on in the next line is none that could be
 * right, and each row is judged by itself.
 */
import { fault, ok, pointerOf, refuse, type Fault, type Result } from "@sluice/model";
import type { Line } from "./lines.js";
import {
  classOf,
  isRowField,
  nodeOf,
  quantileOf,
  quoted,
  rateOfText,
  RowFaults,
  rowOf,
  secondsOfText,
  startReader,
  type ParsedRow,
  type RowField,
} from "./row.js";

/** Makes a row of a line; undefined for an empty line. */
export type RowReader = (line: Line) => ParsedRow | undefined;

const requiredFields = ["windowStart", "windowSeconds", "src", "dst", "class", "rateBps"] as const;
/** Spreadsheets take a field that begins so for a formula; who writes for them puts an apostrophe before it. */
const shielded = /^'[=+\-@'\t\r]/;

/** Reads the header. Faults: `malformed`, `unknown-field`, `missing-field`, `duplicate-id`, with pointers `/line/1/COLUMN`. */
export function csvRows({ text }: Pick<Line, "text">): Result<RowReader> {
  const names = text === undefined ? undefined : fieldsOf(text);
  if (names === undefined) return refuse(fault("malformed", "The first line is no header of CSV.", { pointer: "/line/1" }));
  const faults: Fault[] = [];
  const columns = new Map<RowField, number>();
  names.forEach((name, i) => {
    const pointer = pointerOf(["line", 1, name.slice(0, 40)]);
    if (!isRowField(name)) faults.push(fault("unknown-field", `There is no column ${quoted(name)}.`, { pointer }));
    else if (columns.has(name)) faults.push(fault("duplicate-id", `The column ${name} is there twice.`, { pointer }));
    else columns.set(name, i);
  });
  for (const name of requiredFields) {
    if (!columns.has(name)) faults.push(fault("missing-field", `There is no column ${name}.`, { pointer: `/line/1/${name}` }));
  }
  const [first, ...rest] = faults.slice(0, 100);
  return first === undefined ? ok(readerOf(columns, names.length)) : refuse(first, ...rest);
}

function readerOf(columns: ReadonlyMap<RowField, number>, width: number): RowReader {
  const at = (name: RowField): number => columns.get(name) ?? -1;
  const [start, seconds, src, dst, trafficClass, rate, quantile] = [
    at("windowStart"),
    at("windowSeconds"),
    at("src"),
    at("dst"),
    at("class"),
    at("rateBps"),
    at("quantile"),
  ];
  const readStart = startReader();
  return ({ number, text }) => {
    if (text === "") return undefined;
    const faults = new RowFaults(number);
    const fields = text === undefined ? undefined : fieldsOf(text);
    if (fields === undefined || fields.length !== width) {
      if (text === undefined) faults.add("too-large", "the line is too long for a row.");
      else if (fields === undefined) faults.add("malformed", "a quoted field is not closed, or goes on behind its end.");
      else faults.add("out-of-range", `the row has ${fields.length} fields for ${width} columns.`);
      return faultsOf(number, faults);
    }
    const field = (i: number): string => fields[i] ?? "";
    return rowOf(
      number,
      {
        startMs: readStart(field(start), faults),
        windowSeconds: secondsOfText(field(seconds), faults),
        src: nodeOf(unshielded(field(src)), "src", faults),
        dst: nodeOf(unshielded(field(dst)), "dst", faults),
        trafficClass: classOf(field(trafficClass), faults),
        rateBps: rateOfText(field(rate), faults),
        quantile: quantileOf(field(quantile), faults),
      },
      faults,
    );
  };
}

function faultsOf(line: number, faults: RowFaults): ParsedRow {
  const { list } = faults;
  if (list === undefined) throw new RangeError("a row without faults is a row");
  return { line, faults: list };
}

function unshielded(text: string): string {
  return shielded.test(text) ? text.slice(1) : text;
}

/** Undefined where quotes do not pair. O(length). */
export function fieldsOf(line: string): readonly string[] | undefined {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let field = "";
      for (at += 1; ;) {
        const close = line.indexOf('"', at);
        if (close < 0) return undefined;
        field += line.slice(at, close);
        at = close + 1;
        if (line[at] !== '"') break;
        field += '"';
        at += 1;
      }
      if (at < line.length && line[at] !== ",") return undefined;
      fields.push(field);
    } else {
      const comma = line.indexOf(",", at);
      const end = comma < 0 ? line.length : comma;
      const field = line.slice(at, end);
      if (field.includes('"')) return undefined;
      fields.push(field);
      at = end;
    }
    if (at >= line.length) return fields;
    at += 1;
  }
}

/** A field as CSV: quoted where it has to be, and shielded from spreadsheets. */
export function csvField(text: string): string {
  const safe = /^[=+\-@'\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
