/** Rows of Open vSwitch's database as its tools print them in JSON (RFC 7047 section 5.1). */
import { z } from "zod";

/** What did not change is null in a monitor's row of old values. */
const cellSchema = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.unknown())]);
export const ovsTableSchema = z.object({ headings: z.array(z.string()), data: z.array(z.array(cellSchema)) });

const mapSchema = z.tuple([z.literal("map"), z.array(z.tuple([z.string(), z.string()]))]);

/** A column of strings by strings; empty where it is something else. */
export function ovsMap(cell: unknown): ReadonlyMap<string, string> {
  const map = mapSchema.safeParse(cell);
  return new Map(map.success ? map.data[1] : []);
}
