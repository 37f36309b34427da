/** The flags of `sluice forecast`, admitted. */
import { horizonWindowsMax, type Forecaster, type QuantileName } from "@sluice/forecast";
import { ok, refuse, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import { argumentFault } from "../refusal.js";
import { parseQuantiles } from "../commands/forecast-backtest.js";
import { rowFormats, type RowFormat } from "./forecast-rows.js";
import { forecasterOf, modelNames, type ModelName } from "./forecast-model.js";
import { parseSpan } from "./span.js";

export interface ForecastFlags {
  readonly horizon: string;
  readonly window: string;
  readonly model: string;
  readonly quantiles: string;
  readonly format: string;
}

export interface ForecastSetting {
  readonly windowMs: number;
  readonly windows: number;
  /** The one asked for, then what stands in where a history is too short for it. */
  readonly forecasters: readonly [Forecaster, ...Forecaster[]];
  readonly quantiles: readonly QuantileName[];
  readonly format: RowFormat;
}

/** From the best that there is data for down to the newest value. */
const ladder: readonly ModelName[] = ["combined", "seasonal-naive", "last-value"];

/** Faults name the option. */
export function forecastSetting(flags: ForecastFlags): Result<ForecastSetting> {
  const window = parseSpan(flags.window, "--window");
  if (!window.ok) return window;
  const windowMs = window.value;
  if (windowMs % 1000 !== 0) return refuse(argumentFault("out-of-range", "--window", "--window takes whole seconds."));
  const horizon = parseSpan(flags.horizon, "--horizon");
  if (!horizon.ok) return horizon;
  const windows = horizon.value / windowMs;
  if (!Number.isInteger(windows) || windows > horizonWindowsMax)
    return refuse(
      argumentFault("out-of-range", "--horizon", `--horizon must be 1 to ${horizonWindowsMax} whole windows (--window ${flags.window}).`),
    );
  const model = parseOneOf(flags.model, modelNames, "--model");
  if (!model.ok) return model;
  const forecasters: Forecaster[] = [];
  for (const name of new Set([model.value, ...ladder.slice(model.value === "last-value" ? 2 : 1)])) {
    const forecaster = forecasterOf(name, windowMs);
    if (!forecaster.ok) return forecaster;
    forecasters.push(forecaster.value);
  }
  const [first, ...rest] = forecasters;
  if (first === undefined) return refuse(argumentFault("not-allowed", "--model", "There is no such model."));
  const quantiles = parseQuantiles(flags.quantiles);
  if (!quantiles.ok) return quantiles;
  const format = parseOneOf(flags.format, rowFormats, "--format");
  if (!format.ok) return format;
  return ok({ windowMs, windows, forecasters: [first, ...rest], quantiles: quantiles.value, format: format.value });
}
