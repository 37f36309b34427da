/** Demands as NDJSON: a JSON object a line, with the fields of the model's demand document and, for a series, `startSeconds`. */
import { admit, demandSchema, type DemandMatrix, type DemandSeries, type Topology } from "@sluice/model";
import { z } from "zod";
import { DemandRows } from "./demand-rows.js";
import { isObject } from "./json-text.js";
import type { Reading } from "./reading.js";

const rowSchema = demandSchema.extend({
  trafficClass: demandSchema.shape.trafficClass.optional(),
  startSeconds: z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
});

/** Longest first line that is looked at to tell the format. */
const probeLength = 65_536;

/** Whether the first line alone is a JSON object that speaks of a source or a rate; a document over several lines is not. */
export function isDemandNdjson(text: string): boolean {
  const start = text.search(/\S/);
  const [line = ""] = text.slice(start, start + probeLength + 1).split(/[\r\n]/, 1);
  if (!line.startsWith("{") || line.length > probeLength) return false;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && ["src", "dst", "rateBps"].some((key) => Object.hasOwn(value, key));
  } catch {
    return false; // Not a row by itself: perhaps the start of a document.
  }
}

export function readDemandNdjson(text: string, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const demands = new DemandRows(topology, reading, { repeated: "refuse" });
  let number = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    number += 1;
    if (line.trim() === "") continue;
    const at = `/line/${number}`;
    const value = parseLine(line, at, reading);
    if (value === undefined) continue;
    const row = reading.admit(admit(rowSchema, value, ["line", number]));
    if (row !== undefined) demands.add({ ...row, at });
    if (reading.exhausted) return undefined;
  }
  return demands.finish();
}

function parseLine(line: string, at: string, reading: Reading): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return reading.refuse("malformed", `${at}: the line is not well-formed JSON.`, at);
  }
}
