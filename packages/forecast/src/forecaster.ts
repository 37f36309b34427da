/** What every forecaster is. One flow group's series at a time; a forecaster knows nothing of networks. */

/**
 * A way to tell a series' future from its past. `fit` chooses parameters on a training series (bps, NaN where missing), one set for each
 * of `horizons` (windows ahead, from 1, rising); undefined where the series is too short for it.
 */
export interface Forecaster {
  readonly name: string;
  fit(training: Float64Array, horizons: readonly number[]): FittedForecaster | undefined;
}

export interface FittedForecaster {
  /**
   * For every origin t from `firstOrigin` to `series.length`, and every horizon h: what window t - 1 + h will have, from windows before t
   * alone. A horizon that `fit` did not have takes what was chosen for the next longer one. Row-major,
   * `points[(t - firstOrigin) * horizons.length + k]`, bps, at least 0; NaN where it cannot say. O(length * horizons).
   */
  roll(series: Float64Array, firstOrigin: number, horizons: readonly number[]): Float64Array;
}

/** Horizons to choose parameters and take residuals at: 1, 2, 3, 4, 6, 8, 12, 16, ... up to `longest`, which is the last. */
export function anchorHorizons(longest: number): readonly number[] {
  const anchors: number[] = [];
  for (let power = 1; power < longest; power *= 2) {
    anchors.push(power);
    const between = power * 1.5;
    if (Number.isInteger(between) && between < longest) anchors.push(between);
  }
  return [...anchors, longest];
}

/** Where in `anchors` (rising) the choice for `horizon` is: the first that is as long, else the last. */
export function anchorOf(anchors: readonly number[], horizon: number): number {
  const at = anchors.findIndex((anchor) => anchor >= horizon);
  return at < 0 ? anchors.length - 1 : at;
}

/** Windows of a day; undefined where a day is no whole number of at least two windows. */
export function windowsOfDay(stepMs: number): number | undefined {
  const count = 86_400_000 / stepMs;
  return Number.isInteger(count) && count >= 2 ? count : undefined;
}
