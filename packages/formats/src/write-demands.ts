/** Writes demands: Sluice's own document as JSON, and rows as CSV or NDJSON. */
import { unreachable, type BandwidthFunction, type Demand, type DemandMatrix, type DemandSeries } from "@sluice/model";
import { formulaStart } from "./demand-csv.js";

export type DemandFormat = "sluice-json" | "csv" | "ndjson";

/**
 * `readDemands` gives the same demands back, but for two things that rows cannot say: the name, and the interval of a series of one row.
 * In CSV, ids that a spreadsheet would take for a formula get an apostrophe in front, which the reader takes off.
 */
export function writeDemands(demands: DemandMatrix | DemandSeries, format: DemandFormat): string {
  switch (format) {
    case "sluice-json":
      return demands.kind === "demand-matrix" ? matrixJson(demands) : seriesJson(demands);
    case "csv":
      return csv(demands);
    case "ndjson":
      return rowsOf(demands)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join("");
    default:
      return unreachable(format);
  }
}

function matrixJson({ kind, name, demands }: DemandMatrix): string {
  return `{\n"kind": ${JSON.stringify(kind)},\n"name": ${JSON.stringify(name)},\n"demands": ${list(demands.map((demand) => JSON.stringify(orderedDemand(demand))))}\n}\n`;
}

/** One flow group and one interval a line; numbers in their shortest form, so that a day of a network stays small. */
function seriesJson({ kind, name, intervalSeconds, flowGroups, ratesBps }: DemandSeries): string {
  const fields = `"kind": ${JSON.stringify(kind)},\n"name": ${JSON.stringify(name)},\n"intervalSeconds": ${intervalSeconds}`;
  const groups = list(flowGroups.map(({ src, dst, trafficClass }) => JSON.stringify({ src, dst, trafficClass })));
  const rows = list(ratesBps.map((row) => `[${row.map(shortestNumber).join(",")}]`));
  return `{\n${fields},\n"flowGroups": ${groups},\n"ratesBps": ${rows}\n}\n`;
}

/** Fields in one order, whatever order they were built in: equal demands give equal bytes. */
function orderedDemand({ src, dst, trafficClass, rateBps, bandwidthFunction }: Demand): Demand {
  const points = bandwidthFunction?.points.map(({ fairShare, rateBps: due }) => ({ fairShare, rateBps: due }));
  return { src, dst, trafficClass, rateBps, ...(points === undefined ? {} : { bandwidthFunction: { points } }) };
}

function list(items: readonly string[]): string {
  return items.length === 0 ? "[]" : `[\n${items.join(",\n")}\n]`;
}

/** `123000000` as `123e6`: the same number in the same JSON, in fewer bytes. */
function shortestNumber(value: number): string {
  const text = String(value);
  const match = /^([1-9]\d*?)(0{3,})$/.exec(text);
  return match === null ? text : `${match[1]}e${match[2]?.length}`;
}

type Row = Demand & { readonly startSeconds?: number };

/** A series gives a row for every flow group at every interval, zeros too: they are what keeps its shape. */
function rowsOf(demands: DemandMatrix | DemandSeries): readonly Row[] {
  if (demands.kind === "demand-matrix") return demands.demands.map(orderedDemand);
  return demands.ratesBps.flatMap((row, t) =>
    demands.flowGroups.map(({ src, dst, trafficClass }, i) => ({
      startSeconds: t * demands.intervalSeconds,
      src,
      dst,
      trafficClass,
      rateBps: row[i] ?? 0,
    })),
  );
}

function csv(demands: DemandMatrix | DemandSeries): string {
  const rows = rowsOf(demands);
  const timed = demands.kind === "demand-series";
  const shaped = rows.some(({ bandwidthFunction }) => bandwidthFunction !== undefined);
  const header = [...(timed ? ["start_seconds"] : []), "src", "dst", "class", "rate_bps", ...(shaped ? ["bandwidth_function"] : [])];
  const lines = rows.map((row) =>
    [
      ...(timed ? [String(row.startSeconds)] : []),
      cell(row.src),
      cell(row.dst),
      row.trafficClass,
      String(row.rateBps),
      ...(shaped ? [pointsText(row.bandwidthFunction)] : []),
    ].join(","),
  );
  return `${[header.join(","), ...lines].join("\n")}\n`;
}

function pointsText(bandwidthFunction: BandwidthFunction | undefined): string {
  return (bandwidthFunction?.points ?? []).map(({ fairShare, rateBps }) => `${fairShare}:${rateBps}`).join(";");
}

/** RFC 4180 quoting, after the shield against formulas. */
function cell(text: string): string {
  const shielded = formulaStart.test(text) ? `'${text}` : text;
  return /[",;\t|\r\n]/.test(shielded) ? `"${shielded.replaceAll('"', '""')}"` : shielded;
}
