/** Forecasts of a whole network: every flow group, the windows ahead, their quantiles. */
import { flowGroupId, fault, ok, refuse, type DemandMatrix, type FlowGroup, type FlowGroupId, type Result } from "@sluice/model";
import { missingOf, seriesOf, type DemandHistory } from "./demand-history.js";
import { anchorHorizons, anchorOf, windowsOfDay, type FittedForecaster, type Forecaster } from "./forecaster.js";
import { quantileLevel, type QuantileName } from "./quantile.js";
import { ResidualQuantiles } from "./residual-quantiles.js";

/** Most windows ahead: two weeks of five minutes. */
export const horizonWindowsMax = 4032;
/** Fewest residuals from which quantiles are told. */
export const residualsForQuantiles = 20;

export interface Forecast {
  /** Start of the first window ahead, in the history's time. */
  readonly startMs: number;
  readonly stepMs: number;
  readonly windows: number;
  /** Those that could be forecast, in the history's order. */
  readonly groups: readonly FlowGroup[];
  readonly quantiles: readonly QuantileName[];
  /** bps, `[(g * windows + w) * quantiles.length + q]`, rising with the quantile. */
  readonly ratesBps: Float64Array;
  readonly notes: readonly ForecastNote[];
}

/** What the forecast does not show by itself. */
export interface ForecastNote {
  readonly kind: "missing" | "fallback" | "left-out";
  readonly what: string;
  readonly count: number;
  readonly example?: string;
}

export interface ForecastOptions {
  /** Tried in turn for each flow group: the first that can say. */
  readonly forecasters: readonly [Forecaster, ...Forecaster[]];
  readonly windows: number;
  readonly quantiles: readonly QuantileName[];
}

/**
 * Yields the share that is done, flow group by flow group, so that a caller can stop. Faults: `out-of-range` where the horizon is,
 * `missing-field` where nothing can be forecast. O(groups * (fit + windows of history * horizons)).
 */
export function* forecastDemands(history: DemandHistory, options: ForecastOptions): Generator<number, Result<Forecast>> {
  const { windows, quantiles } = options;
  if (!(windows >= 1 && windows <= horizonWindowsMax))
    return refuse(fault("out-of-range", `The horizon must be from 1 to ${horizonWindowsMax} windows, not ${windows}.`));
  const notes = new NoteList();
  const missing = missingOf(history);
  notes.add("missing", "windows of the history in which nothing was measured", missing.windows);
  notes.add("missing", "rates of the history that are missing", missing.rates);
  const groups: FlowGroup[] = [];
  const parts: Float64Array[] = [];
  for (let g = 0; g < history.groups.length; g += 1) {
    const group = history.groups[g];
    if (group === undefined) continue;
    const found = forecastSeries(seriesOf(history, g), windowsOfDay(history.stepMs) ?? 0, options);
    if (found === undefined) {
      notes.add("left-out", "flow groups of which nothing was measured", 1, flowGroupId(group));
    } else {
      if (found.by !== options.forecasters[0].name)
        notes.add("fallback", `flow groups with too little history for ${options.forecasters[0].name}: ${found.by}`, 1, flowGroupId(group));
      if (!found.spread)
        notes.add("fallback", "flow groups with too little history for quantiles: all are the point forecast", 1, flowGroupId(group));
      groups.push(group);
      parts.push(found.ratesBps);
    }
    yield (g + 1) / history.groups.length;
  }
  if (groups.length === 0) return refuse(fault("missing-field", "There is no flow group with a history to forecast from."));
  const size = windows * quantiles.length;
  const ratesBps = new Float64Array(groups.length * size);
  parts.forEach((part, g) => ratesBps.set(part, g * size));
  const { startMs, stepMs } = history;
  return ok({ startMs: startMs + history.windows * stepMs, stepMs, windows, groups, quantiles, ratesBps, notes: notes.list() });
}

interface SeriesForecast {
  readonly by: string;
  /** Whether there were residuals to tell quantiles from. */
  readonly spread: boolean;
  /** `[w * quantiles.length + q]`. */
  readonly ratesBps: Float64Array;
}

/** Undefined where no forecaster can say anything of every window. */
function forecastSeries(series: Float64Array, dayWindows: number, options: ForecastOptions): SeriesForecast | undefined {
  const horizons = Array.from({ length: options.windows }, (_, w) => w + 1);
  const anchors = anchorHorizons(options.windows);
  for (const forecaster of options.forecasters) {
    const fitted = forecaster.fit(series, anchors);
    const points = fitted?.roll(series, series.length, horizons);
    if (fitted === undefined || points === undefined || points.some((point) => Number.isNaN(point))) continue;
    const residuals = residualsOf(fitted, series, { anchors, dayWindows });
    const ratesBps = new Float64Array(options.windows * options.quantiles.length);
    let spread = true;
    for (let w = 0; w < options.windows; w += 1) {
      const known = residuals[anchorOf(anchors, w + 1)];
      const point = points[w] ?? 0;
      options.quantiles.forEach((name, q) => {
        const enough = known !== undefined && known.count >= residualsForQuantiles;
        spread &&= enough;
        ratesBps[w * options.quantiles.length + q] = enough ? known.quantile(series.length + w, point, quantileLevel[name]) : point;
      });
    }
    return { by: forecaster.name, spread, ratesBps };
  }
  return undefined;
}

/** By anchor: what the forecaster would have missed by within the history. */
function residualsOf(
  fitted: FittedForecaster,
  series: Float64Array,
  { anchors, dayWindows }: { readonly anchors: readonly number[]; readonly dayWindows: number },
): readonly ResidualQuantiles[] {
  const points = fitted.roll(series, 1, anchors);
  return anchors.map((anchor, k) => {
    const residuals = new ResidualQuantiles(dayWindows);
    for (let origin = 1; origin - 1 + anchor < series.length; origin += 1) {
      const target = origin - 1 + anchor;
      residuals.add(target, series[target] ?? Number.NaN, points[(origin - 1) * anchors.length + k] ?? Number.NaN);
    }
    return residuals;
  });
}

class NoteList {
  readonly #notes = new Map<string, { kind: ForecastNote["kind"]; what: string; count: number; example?: string }>();

  /** A count of 0 is nothing to note. */
  add(kind: ForecastNote["kind"], what: string, count: number, example?: FlowGroupId): void {
    if (count === 0) return;
    const known = this.#notes.get(what);
    if (known !== undefined) known.count += count;
    else this.#notes.set(what, { kind, what, count, ...(example === undefined ? {} : { example }) });
  }

  list(): readonly ForecastNote[] {
    return [...this.#notes.values()];
  }
}

/** One window at one quantile, as demands to plan for. Demands of rate 0 are kept out, as the model's matrices have it. */
export function forecastMatrix(
  forecast: Forecast,
  { window, quantile, name }: { readonly window: number; readonly quantile: QuantileName; readonly name: string },
): DemandMatrix | undefined {
  const q = forecast.quantiles.indexOf(quantile);
  if (q < 0 || window < 0 || window >= forecast.windows) return undefined;
  const demands = forecast.groups
    .map((group, g) => ({ ...group, rateBps: forecast.ratesBps[(g * forecast.windows + window) * forecast.quantiles.length + q] ?? 0 }))
    .filter(({ rateBps }) => rateBps > 0);
  return { kind: "demand-matrix", name, demands };
}
