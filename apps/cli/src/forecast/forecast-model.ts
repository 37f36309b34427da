/** Forecasters by the names that the command line has for them. */
import { combination, holtWinters, lastValue, seasonalNaive, windowsOfDay, type Forecaster } from "@sluice/forecast";
import { ok, refuse, type Result } from "@sluice/model";
import { argumentFault } from "../refusal.js";
import { spanText } from "./span.js";

export const modelNames = ["last-value", "seasonal-naive", "seasonal-naive-week", "holt-winters", "combined"] as const;
export type ModelName = (typeof modelNames)[number];

/** Fault: `out-of-range` where a season is no whole number of windows. */
export function forecasterOf(name: ModelName, stepMs: number): Result<Forecaster> {
  if (name === "last-value") return ok(lastValue);
  const day = windowsOfDay(stepMs);
  if (day === undefined)
    return refuse(
      argumentFault("out-of-range", "--window", `A day is no whole number of windows of ${spanText(stepMs)}, which ${name} needs.`),
    );
  switch (name) {
    case "seasonal-naive":
      return ok(seasonalNaive(name, day));
    case "seasonal-naive-week":
      return ok(seasonalNaive(name, 7 * day));
    case "holt-winters":
      return ok(holtWinters(name, day));
    case "combined":
      return ok(combination(name, day, [lastValue, seasonalNaive("seasonal-naive", day), holtWinters("holt-winters", day)]));
  }
}
