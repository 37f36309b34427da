/**
 * Several forecasters as one: a weighted mean, each with the inverse square of what it would have erred by that far ahead within the training
 * (Bates, Granger 1969). A week of training does not tell how a weekend differs from its weekdays: the mean loses least where one of them is far
 * off, and leaves out what the training has shown to be wrong.
 */
import { anchorOf, type FittedForecaster, type Forecaster } from "./forecaster.js";

/** Of the members that can be fitted; undefined where none can, or before three periods, which leave one to judge on. */
export function combination(name: string, periodWindows: number, members: readonly Forecaster[]): Forecaster {
  return {
    name,
    fit(training, horizons) {
      if (training.length < 3 * periodWindows) return undefined;
      const fitted = members.flatMap((member) => member.fit(training, horizons) ?? []);
      if (fitted.length === 0) return undefined;
      const errors = fitted.map((one) => meanErrors(one, training, { from: 2 * periodWindows, horizons }));
      const weights = horizons.map((_, k) => inverseSquares(errors.map((each) => each[k] ?? Infinity)));
      return {
        roll(series, firstOrigin, wanted) {
          const rolled = fitted.map((one) => one.roll(series, firstOrigin, wanted));
          const weightsOf = wanted.map((horizon) => weights[anchorOf(horizons, horizon)] ?? []);
          return Float64Array.from({ length: (series.length - firstOrigin + 1) * wanted.length }, (_, at) =>
            weightedMean(rolled, at, weightsOf[at % wanted.length] ?? []),
          );
        },
      };
    },
  };
}

/** Mean absolute error of forecasts from origin `from` on, by horizon; infinite where nothing can be judged. */
function meanErrors(
  fitted: FittedForecaster,
  training: Float64Array,
  { from, horizons }: { readonly from: number; readonly horizons: readonly number[] },
): readonly number[] {
  const points = fitted.roll(training, from, horizons);
  return horizons.map((horizon, k) => {
    let sum = 0;
    let count = 0;
    for (let origin = from; origin - 1 + horizon < training.length; origin += 1) {
      const error = Math.abs(
        (training[origin - 1 + horizon] ?? Number.NaN) - (points[(origin - from) * horizons.length + k] ?? Number.NaN),
      );
      if (Number.isNaN(error)) continue;
      sum += error;
      count += 1;
    }
    return count === 0 ? Infinity : sum / count;
  });
}

/** Equal weights where nothing tells the errors apart. One without error has all the weight, shared with others of that kind. */
function inverseSquares(errors: readonly number[]): readonly number[] {
  const least = Math.min(...errors);
  return errors.map((error) => (error === least ? 1 : (least / error) ** 2));
}

/** Over the members that say something; NaN where none does. */
function weightedMean(rolled: readonly Float64Array[], at: number, weights: readonly number[]): number {
  let sum = 0;
  let whole = 0;
  rolled.forEach((points, i) => {
    const point = points[at] ?? Number.NaN;
    if (Number.isNaN(point)) return;
    sum += (weights[i] ?? 0) * point;
    whole += weights[i] ?? 0;
  });
  return whole === 0 ? Number.NaN : sum / whole;
}
