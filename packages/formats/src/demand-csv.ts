/**
 * Demands as CSV (RFC 4180): a header that names the columns, a row a demand.
 *
 *     src,dst,class,rate_bps                 and, where needed,  start_seconds  bandwidth_function
 *     dalles,bluffs,bulk,25000000000                             900            0:0;1:5000000000
 */
import {
  trafficClasses,
  type BandwidthFunction,
  type DemandMatrix,
  type DemandSeries,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { parse } from "csv-parse/sync";
import { readDecimal, toBps } from "./decimal.js";
import { DemandRows } from "./demand-rows.js";
import type { Reading } from "./reading.js";

export const csvColumns = ["start_seconds", "src", "dst", "class", "rate_bps", "bandwidth_function"] as const;
type Column = (typeof csvColumns)[number];

const delimiters = [",", ";", "\t", "|"] as const;

/** What spreadsheets take for the start of a formula. The writer puts an apostrophe before these, the reader takes it off again. */
export const formulaStart = /^[=+\-@'\t\r]/;

/** Whether the first line is a header that names source and destination. */
export function isDemandCsv(text: string): boolean {
  const names = headerOf(text);
  return names.includes("src") && names.includes("dst");
}

function headerLine(text: string): string {
  return (/^\s*([^\r\n]*)/.exec(text)?.[1] ?? "").trim();
}

/** The delimiter that occurs most often in the header. */
function delimiterOf(header: string): string {
  return delimiters.reduce<string>(
    (best, delimiter) => (header.split(delimiter).length > header.split(best).length ? delimiter : best),
    ",",
  );
}

function headerOf(text: string): readonly string[] {
  const header = headerLine(text);
  return header.split(delimiterOf(header)).map((name) =>
    name
      .trim()
      .replace(/^"(.*)"$/, "$1")
      .toLowerCase(),
  );
}

export function readDemandCsv(text: string, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const names = headerOf(text);
  names.forEach((name, i) => {
    if (!csvColumns.some((column) => column === name))
      reading.refuse("unknown-field", `There is no column ${JSON.stringify(name.slice(0, 40))}.`, `/line/1/${name.slice(0, 40)}`);
    if (names.indexOf(name) !== i) reading.refuse("duplicate-id", `The column ${name} is there twice.`, `/line/1/${name}`);
  });
  for (const column of ["src", "dst", "rate_bps"]) {
    if (!names.includes(column)) reading.refuse("missing-field", `There is no column ${column}.`, `/line/1/${column}`);
  }
  if (reading.refused) return undefined;

  const demands = new DemandRows(topology, reading, { repeated: "refuse" });
  const columns = new Map(names.map((name, i) => [name as Column, i]));
  let header = true;
  const onRecord = (record: readonly string[], { lines }: { readonly lines: number }) => {
    if (header) header = false;
    else if (!reading.exhausted) addRecord(record, lines, columns, demands, reading);
    return null; // Rows are gated as they come and not kept.
  };
  try {
    parse(text, {
      delimiter: delimiterOf(headerLine(text)),
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      bom: true,
      on_record: onRecord,
    });
  } catch (error) {
    const line = error instanceof Error && "lines" in error ? Number(error.lines) : undefined;
    return reading.refuse("malformed", "The file is not well-formed CSV.", line === undefined ? undefined : `/line/${line}`);
  }
  return demands.finish();
}

function addRecord(
  record: readonly string[],
  line: number,
  columns: ReadonlyMap<Column, number>,
  demands: DemandRows,
  reading: Reading,
): void {
  const at = `/line/${line}`;
  if (record.length !== columns.size) {
    reading.refuse("out-of-range", `Line ${line} has ${record.length} fields for ${columns.size} columns.`, at);
    return;
  }
  const cell = (column: Column): string | undefined => {
    const index = columns.get(column);
    return index === undefined ? undefined : (record[index] ?? "");
  };
  const rate = readDecimal(cell("rate_bps") ?? "", reading, `${at}/rate_bps`);
  const rateBps = rate === undefined ? undefined : toBps(rate, reading.options.rateUnitBps ?? 1, reading, `${at}/rate_bps`);
  const start = cell("start_seconds");
  const startSeconds = start === undefined ? undefined : readDecimal(start, reading, `${at}/start_seconds`);
  const className = cell("class");
  const trafficClass = className === undefined ? undefined : classOf(className, reading, `${at}/class`);
  const points = cell("bandwidth_function");
  const bandwidthFunction = points === undefined || points === "" ? undefined : pointsOf(points, reading, `${at}/bandwidth_function`);
  if (
    rateBps === undefined ||
    (start !== undefined && startSeconds === undefined) ||
    (className !== undefined && trafficClass === undefined)
  )
    return;
  demands.add({ src: plain(cell("src") ?? ""), dst: plain(cell("dst") ?? ""), rateBps, at, trafficClass, startSeconds, bandwidthFunction });
}

/** Takes off the apostrophe that shields a spreadsheet from a formula. */
function plain(text: string): string {
  return text.startsWith("'") && formulaStart.test(text.slice(1)) ? text.slice(1) : text;
}

export function classOf(text: string, reading: Reading, pointer: string): TrafficClass | undefined {
  const found = trafficClasses.find((trafficClass) => trafficClass === text);
  if (found !== undefined) return found;
  return reading.refuse(
    text === "" ? "missing-field" : "not-allowed",
    `${pointer}: the class is one of ${trafficClasses.join(", ")}, not ${JSON.stringify(text.slice(0, 40))}.`,
    pointer,
  );
}

/** `fair share:rate` pairs, parted by semicolons; their order and shape is the model's to check. */
function pointsOf(text: string, reading: Reading, pointer: string): BandwidthFunction | undefined {
  const points = text.split(";").map((pair) => {
    const [share = "", rate = "", ...rest] = pair.split(":");
    const fairShare = readDecimal(share, reading, pointer);
    const rateBps =
      rest.length > 0
        ? reading.refuse("malformed", `${pointer}: pairs like 1:5e9 are expected.`, pointer)
        : readDecimal(rate, reading, pointer);
    return fairShare === undefined || rateBps === undefined ? undefined : { fairShare, rateBps };
  });
  return points.every((point) => point !== undefined) ? { points } : undefined;
}
