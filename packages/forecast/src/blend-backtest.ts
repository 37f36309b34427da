/**
 * What rule to blend measurement and forecast by: how far off each would have been. For every window of the test part there is a forecast made
 * `forecastWindows` ahead of it, and a measurement `age` windows before it; a rule makes one rate of the two, which is judged as a quantile.
 */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { blendedRate, measuredWeightAt } from "./blend.js";
import { seriesOf, type DemandHistory } from "./demand-history.js";
import { QuantileErrorSum } from "./error-measure.js";
import { windowsOfDay, type Forecaster } from "./forecaster.js";
import { quantileLevel, type QuantileName } from "./quantile.js";
import { ResidualQuantiles } from "./residual-quantiles.js";

/**
 * `by-age`: what `blendDemands` does; `weighted`: the same with one weight of the measurement at every age; `larger`: the larger one of
 * measurement and quantile.
 */
export type BlendRule = { readonly kind: "by-age" } | { readonly kind: "weighted"; readonly weight: number } | { readonly kind: "larger" };

export interface BlendBacktestOptions {
  readonly forecaster: Forecaster;
  readonly trainingWindows: number;
  /** How far ahead forecasts are made. */
  readonly forecastWindows: number;
  /** Windows from the measurement to the one planned for. */
  readonly ages: readonly number[];
  readonly rules: readonly BlendRule[];
  readonly quantile: QuantileName;
}

export interface BlendBacktestRow {
  readonly rule: BlendRule;
  readonly ageWindows: number;
  readonly count: number;
  readonly pinball: number;
  readonly coverage: number;
  readonly short: number;
  readonly spare: number;
}

/** By age, then as the rules were given. Yields the share that is done. Fault: `out-of-range` where training or test part would be empty. */
export function* backtestBlend(
  history: DemandHistory,
  options: BlendBacktestOptions,
): Generator<number, Result<readonly BlendBacktestRow[]>> {
  const { forecaster, trainingWindows, forecastWindows, ages, rules, quantile } = options;
  if (!(trainingWindows >= 1 && trainingWindows < history.windows))
    return refuse(fault("out-of-range", `Of ${history.windows} windows ${trainingWindows} cannot be the training part.`));
  const sums = ages.map(() => rules.map(() => new QuantileErrorSum(quantileLevel[quantile])));
  for (let g = 0; g < history.groups.length; g += 1) {
    const series = seriesOf(history, g);
    const fitted = forecaster.fit(series.subarray(0, trainingWindows), [forecastWindows]);
    if (fitted !== undefined) judge({ series, points: fitted.roll(series, 1, [forecastWindows]), stepMs: history.stepMs }, options, sums);
    yield (g + 1) / history.groups.length;
  }
  return ok(
    ages.flatMap((ageWindows, a) =>
      rules.map((rule, r): BlendBacktestRow => {
        const { count, pinball, coverage, short, spare } = sums[a]?.[r] ?? new QuantileErrorSum(0);
        return { rule, ageWindows, count, pinball, coverage, short, spare };
      }),
    ),
  );
}

interface Track {
  readonly series: Float64Array;
  readonly points: Float64Array;
  readonly stepMs: number;
}

function judge(
  { series, points, stepMs }: Track,
  { trainingWindows, forecastWindows, ages, rules, quantile }: BlendBacktestOptions,
  sums: readonly (readonly QuantileErrorSum[])[],
): void {
  const residuals = new ResidualQuantiles(windowsOfDay(stepMs) ?? 0);
  for (let origin = 1; origin <= series.length; origin += 1) {
    const newest = origin - 1;
    const then = newest - forecastWindows + 1;
    if (then >= 1) residuals.add(newest, series[newest] ?? Number.NaN, points[then - 1] ?? Number.NaN);
    const target = newest + forecastWindows;
    if (target < trainingWindows || target >= series.length || residuals.count === 0) continue;
    const point = points[origin - 1] ?? Number.NaN;
    const median = residuals.quantile(target, point, 0.5);
    const wanted = residuals.quantile(target, point, quantileLevel[quantile]);
    ages.forEach((age, a) => {
      const measured = series[target - age] ?? Number.NaN;
      rules.forEach((rule, r) => {
        const weight = rule.kind === "weighted" ? rule.weight : measuredWeightAt(age * stepMs);
        const rate = rule.kind === "larger" ? Math.max(measured, wanted) : blendedRate({ measured, median, wanted, weight });
        sums[a]?.[r]?.add(series[target] ?? Number.NaN, rate);
      });
    });
  }
}
