/** Writes demands: Sluice's own document as JSON, and rows as CSV or NDJSON. */
import { unreachable, type DemandMatrix, type DemandSeries } from "@sluice/model";

export type DemandFormat = "sluice-json" | "csv" | "ndjson";

export function writeDemands(demands: DemandMatrix | DemandSeries, format: DemandFormat): string {
  switch (format) {
    case "sluice-json":
      return demands.kind === "demand-matrix" ? matrixJson(demands) : seriesJson(demands);
    case "csv":
    case "ndjson":
      return "";
    default:
      return unreachable(format);
  }
}

function matrixJson({ kind, name, demands }: DemandMatrix): string {
  return `{\n"kind": ${JSON.stringify(kind)},\n"name": ${JSON.stringify(name)},\n"demands": ${list(demands.map((demand) => JSON.stringify(demand)))}\n}\n`;
}

/** One flow group and one interval a line; numbers in their shortest form, so that a day of a network stays small. */
function seriesJson({ kind, name, intervalSeconds, flowGroups, ratesBps }: DemandSeries): string {
  const fields = `"kind": ${JSON.stringify(kind)},\n"name": ${JSON.stringify(name)},\n"intervalSeconds": ${intervalSeconds}`;
  const groups = list(flowGroups.map((group) => JSON.stringify(group)));
  const rows = list(ratesBps.map((row) => `[${row.map(shortestNumber).join(",")}]`));
  return `{\n${fields},\n"flowGroups": ${groups},\n"ratesBps": ${rows}\n}\n`;
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
