/**
 * How far off forecasts would have been: with a rolling origin (Tashman 2000). Parameters are chosen on the training part alone; from each
 * origin in the test part on, the forecaster has all that was measured by then, and no more. All forecasters are judged on the same flow
 * groups and windows: those that each of them could say.
 */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { missingOf, seriesOf, type DemandHistory, type Missing } from "./demand-history.js";
import { ErrorSum, QuantileErrorSum } from "./error-measure.js";
import { windowsOfDay, type Forecaster } from "./forecaster.js";
import { quantileLevel, type QuantileName } from "./quantile.js";
import { ResidualQuantiles } from "./residual-quantiles.js";

export interface BacktestOptions {
  readonly forecasters: readonly Forecaster[];
  /** Windows before the first origin; the rest of the history is the test part. */
  readonly trainingWindows: number;
  /** Windows ahead, rising. */
  readonly horizons: readonly number[];
  readonly quantiles: readonly QuantileName[];
  /** Windows from one origin to the next. */
  readonly originStep: number;
}

export interface BacktestRow {
  readonly forecaster: string;
  readonly horizonWindows: number;
  /** Rates forecast and compared: the same for all forecasters at a horizon. */
  readonly count: number;
  readonly wape: number;
  readonly bias: number;
  /** Over rates above 0, of which there were `mapeCount`. */
  readonly mape: number;
  readonly mapeCount: number;
  readonly quantiles: readonly {
    readonly quantile: QuantileName;
    readonly pinball: number;
    readonly coverage: number;
    readonly short: number;
    readonly spare: number;
  }[];
}

export interface BacktestReport {
  readonly trainingWindows: number;
  readonly testWindows: number;
  readonly stepMs: number;
  readonly origins: number;
  readonly groups: number;
  /** Flow groups that some forecaster could not be fitted to: judged for none. */
  readonly groupsLeftOut: number;
  readonly missing: Missing;
  /** By horizon, then as the forecasters were given. */
  readonly rows: readonly BacktestRow[];
}

interface Sums {
  readonly point: ErrorSum;
  readonly quantiles: readonly QuantileErrorSum[];
}

/** Yields the share that is done. Faults: `out-of-range` where training or test part would be empty. */
export function* backtest(history: DemandHistory, options: BacktestOptions): Generator<number, Result<BacktestReport>> {
  const { forecasters, trainingWindows, horizons, quantiles, originStep } = options;
  if (!(trainingWindows >= 1 && trainingWindows < history.windows))
    return refuse(fault("out-of-range", `Of ${history.windows} windows ${trainingWindows} cannot be the training part.`));
  const sums = horizons.map(() =>
    forecasters.map((): Sums => ({ point: new ErrorSum(), quantiles: quantiles.map((name) => new QuantileErrorSum(quantileLevel[name])) })),
  );
  let groupsLeftOut = 0;
  for (let g = 0; g < history.groups.length; g += 1) {
    const series = seriesOf(history, g);
    const tracks = forecasters.flatMap((forecaster) => trackOf(forecaster, series, options, windowsOfDay(history.stepMs) ?? 0) ?? []);
    if (tracks.length < forecasters.length) groupsLeftOut += 1;
    else judge(series, tracks, options, sums);
    yield (g + 1) / history.groups.length;
  }
  const rows = horizons.flatMap((horizonWindows, k) =>
    forecasters.map(({ name }, f): BacktestRow => rowOf(name, horizonWindows, quantiles, sums[k]?.[f])),
  );
  return ok({
    trainingWindows,
    testWindows: history.windows - trainingWindows,
    stepMs: history.stepMs,
    origins: Math.ceil((history.windows - trainingWindows) / originStep),
    groups: history.groups.length,
    groupsLeftOut,
    missing: missingOf(history),
    rows,
  });
}

/** A forecaster on one series: its points for every origin, and residuals as they become known. */
interface Track {
  readonly points: Float64Array;
  readonly residuals: readonly ResidualQuantiles[];
}

function trackOf(
  forecaster: Forecaster,
  series: Float64Array,
  { trainingWindows, horizons }: BacktestOptions,
  dayWindows: number,
): Track | undefined {
  const fitted = forecaster.fit(series.subarray(0, trainingWindows), horizons);
  return fitted && { points: fitted.roll(series, 1, horizons), residuals: horizons.map(() => new ResidualQuantiles(dayWindows)) };
}

function judge(
  series: Float64Array,
  tracks: readonly Track[],
  { trainingWindows, horizons, quantiles, originStep }: BacktestOptions,
  sums: readonly (readonly Sums[])[],
): void {
  const width = horizons.length;
  const pointOf = ({ points }: Track, origin: number, k: number): number => points[(origin - 1) * width + k] ?? Number.NaN;
  for (let origin = 1; origin <= series.length; origin += 1) {
    horizons.forEach((horizon, k) => {
      // What was forecast `horizon` windows ahead of the newest window is now known.
      const newest = origin - 1;
      const then = newest - horizon + 1;
      if (then >= 1) {
        for (const track of tracks) track.residuals[k]?.add(newest, series[newest] ?? Number.NaN, pointOf(track, then, k));
      }
      if (origin < trainingWindows || (origin - trainingWindows) % originStep !== 0) return;
      const target = newest + horizon;
      const actual = series[target] ?? Number.NaN;
      if (Number.isNaN(actual) || tracks.some((track) => Number.isNaN(pointOf(track, origin, k)))) return;
      tracks.forEach((track, f) => {
        const point = pointOf(track, origin, k);
        sums[k]?.[f]?.point.add(actual, point);
        quantiles.forEach((name, q) =>
          sums[k]?.[f]?.quantiles[q]?.add(actual, track.residuals[k]?.quantile(target, point, quantileLevel[name]) ?? Number.NaN),
        );
      });
    });
  }
}

function rowOf(forecaster: string, horizonWindows: number, names: readonly QuantileName[], sums: Sums | undefined): BacktestRow {
  const { point, quantiles } = sums ?? { point: new ErrorSum(), quantiles: [] };
  return {
    forecaster,
    horizonWindows,
    count: point.count,
    wape: point.wape,
    bias: point.bias,
    mape: point.mape,
    mapeCount: point.mapeCount,
    quantiles: quantiles.flatMap(({ pinball, coverage, short, spare }, q) => {
      const quantile = names[q];
      return quantile === undefined ? [] : [{ quantile, pinball, coverage, short, spare }];
    }),
  };
}
