/** One row of a forecast, and the gate of its fields: the same for every format that rows come in. */
import { fault, isId, pointerOf, rateBpsMax, trafficClasses, type BandwidthFunction, type Fault, type FaultCode } from "@sluice/model";
import { quantiles } from "@sluice/store";
import { z } from "zod";

/** Longest window, seconds: a leap year. */
export const windowSecondsMax = 366 * 86_400;
/** Window starts that are remembered after they were read: as many as a batch may have. */
const startsKnownMax = 25_000;
/** Of a text that a message quotes. */
const quotedMax = 40;

export interface ForecastRow {
  readonly startMs: number;
  readonly windowSeconds: number;
  /** Index into `quantiles`. */
  readonly quantile: number;
  readonly src: string;
  readonly dst: string;
  /** Index into `trafficClasses`. */
  readonly trafficClass: number;
  /** NaN where the forecaster had no number: the window is quarantined for it, which says more than a refused row. */
  readonly rateBps: number;
  readonly bandwidthFunction?: BandwidthFunction | undefined;
}

/** `line` counts from 1 in the upload as one piece. */
export type ParsedRow =
  | { readonly line: number; readonly row: ForecastRow }
  | { readonly line: number; readonly faults: readonly [Fault, ...Fault[]] };

export const rowFields = ["windowStart", "windowSeconds", "src", "dst", "class", "rateBps", "quantile"] as const;
export type RowField = (typeof rowFields)[number];

export function isRowField(name: string): name is RowField {
  return (rowFields as readonly string[]).includes(name);
}

/** Gathers what is wrong with one row. */
export class RowFaults {
  readonly #faults: Fault[] = [];
  readonly #line: number;

  constructor(line: number) {
    this.#line = line;
  }

  add(code: FaultCode, message: string, field?: string): undefined {
    const pointer = field === undefined ? `/line/${this.#line}` : pointerOf(["line", this.#line, field]);
    this.#faults.push(fault(code, `${pointer}: ${message}`, { pointer }));
    return undefined;
  }

  get list(): readonly [Fault, ...Fault[]] | undefined {
    const [first, ...rest] = this.#faults;
    return first === undefined ? undefined : [first, ...rest];
  }
}

export function quoted(text: string): string {
  return JSON.stringify(text.length > quotedMax ? `${text.slice(0, quotedMax)}...` : text);
}

const instantSchema = z.iso.datetime({ offset: true });
/** Years 1970 to 9999. */
const startMsMax = 253_402_300_799_999;

/** Reads window starts; rows of one window follow each other, or come round again. */
export function startReader(): (text: string, faults: RowFaults) => number | undefined {
  const known = new Map<string, number>();
  return (text, faults) => {
    const start = known.get(text);
    if (start !== undefined) return start;
    if (text === "") return faults.add("missing-field", "there is no time.", "windowStart");
    const ms = text.length <= 64 && instantSchema.safeParse(text).success ? Date.parse(text) : Number.NaN;
    if (!Number.isFinite(ms)) return faults.add("malformed", `${quoted(text)} is no time like 2026-11-20T18:00:00Z.`, "windowStart");
    if (ms < 0 || ms > startMsMax) return faults.add("out-of-range", "a window starts in the years 1970 to 9999.", "windowStart");
    if (known.size >= startsKnownMax) known.clear();
    // A copy: what was cut out of the text of an upload would keep the whole piece of it in memory.
    known.set(Buffer.from(text, "latin1").toString("latin1"), ms);
    return ms;
  };
}

// No two parts can take the same digits, so hostile input of any length is matched in linear time.
const decimalPattern = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const notFinitePattern = /^[+-]?(?:nan|inf|infinity)$/i;
const countPattern = /^\d{1,15}$/;

/** A rate in text; NaN for what says that it is no number. */
export function rateOfText(text: string, faults: RowFaults): number | undefined {
  if (decimalPattern.test(text)) return rateOfNumber(Number(text), faults);
  if (text === "") return faults.add("missing-field", "there is no rate.", "rateBps");
  if (notFinitePattern.test(text)) return Number.NaN;
  return faults.add("wrong-type", `${quoted(text)} is not a decimal number.`, "rateBps");
}

export function rateOfNumber(value: number, faults: RowFaults): number | undefined {
  if (!Number.isFinite(value)) return Number.NaN;
  if (value < 0) return faults.add("negative", `${value} is below 0.`, "rateBps");
  if (value > rateBpsMax) return faults.add("out-of-range", `${value} is above the largest rate, ${rateBpsMax} bps.`, "rateBps");
  // Of the two zeros there is one.
  return value + 0;
}

export function secondsOfText(text: string, faults: RowFaults): number | undefined {
  if (countPattern.test(text)) return secondsOfNumber(Number(text), faults);
  if (text === "") return faults.add("missing-field", "there is no length.", "windowSeconds");
  return faults.add("wrong-type", `${quoted(text)} is not a whole number of seconds.`, "windowSeconds");
}

export function secondsOfNumber(value: number, faults: RowFaults): number | undefined {
  if (!Number.isInteger(value)) return faults.add("wrong-type", `${value} is not a whole number of seconds.`, "windowSeconds");
  if (value >= 1 && value <= windowSecondsMax) return value;
  return faults.add("out-of-range", `a window has 1 to ${windowSecondsMax} seconds, not ${value}.`, "windowSeconds");
}

export function nodeOf(text: string, field: "src" | "dst", faults: RowFaults): string | undefined {
  if (isId(text)) return text;
  if (text === "") return faults.add("missing-field", "there is no node.", field);
  return faults.add("malformed", `${quoted(text)} is no id of a node.`, field);
}

export function classOf(text: string, faults: RowFaults): number | undefined {
  const index = (trafficClasses as readonly string[]).indexOf(text);
  if (index >= 0) return index;
  if (text === "") return faults.add("missing-field", "there is no class.", "class");
  return faults.add("not-allowed", `the class is one of ${trafficClasses.join(", ")}, not ${quoted(text)}.`, "class");
}

/** What is left out is `p50`. */
export function quantileOf(text: string, faults: RowFaults): number | undefined {
  if (text === "") return 0;
  const index = (quantiles as readonly string[]).indexOf(text);
  return index >= 0 ? index : faults.add("not-allowed", `the quantile is one of ${quantiles.join(", ")}, not ${quoted(text)}.`, "quantile");
}

type Fields = { readonly [K in keyof Omit<ForecastRow, "bandwidthFunction">]: ForecastRow[K] | undefined };

/** The row, or all that was found wrong with it. */
export function rowOf(line: number, fields: Fields, faults: RowFaults): ParsedRow {
  const { startMs, windowSeconds, quantile, src, dst, trafficClass, rateBps } = fields;
  if (src !== undefined && src === dst) faults.add("self-loop", `the demand starts and ends at ${src}.`, "dst");
  const found = faults.list;
  if (found !== undefined) return { line, faults: found };
  if (
    startMs === undefined ||
    windowSeconds === undefined ||
    quantile === undefined ||
    src === undefined ||
    dst === undefined ||
    trafficClass === undefined ||
    rateBps === undefined
  ) {
    throw new RangeError("a field that is not there was found wrong");
  }
  return { line, row: { startMs, windowSeconds, quantile, src, dst, trafficClass, rateBps } };
}
