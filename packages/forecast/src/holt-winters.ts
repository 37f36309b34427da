/**
 * Holt-Winters with parameters chosen for each flow group and each horizon by a grid: those whose forecasts would have erred least so far
 * ahead, in absolute terms, within the training series. What errs least an hour ahead reacts too quickly for a day ahead.
 *
 * The forecast is a combination of three such: without a season, with one that is added, and with one that multiplies.
 */
import { combination } from "./combination.js";
import { anchorOf, type FittedForecaster, type Forecaster } from "./forecaster.js";
import { dampingSum, smoothingKinds, SmoothingState, type SmoothingKind, type SmoothingParameters } from "./holt-winters-state.js";

/** Parameters are judged on so many periods at most, the newest. */
const judgedPeriodsMax = 7;

const levelGains = [0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];
const seasonGains = [0, 0.1, 0.3];
/** Slots are so many windows broad where that divides the period into four or more. */
const slotBreadths = [1, 3, 12];
/** None, damped, running on: the least likely to go astray first, since the first of equals is taken. */
const trends: readonly Pick<SmoothingParameters, "trendGain" | "damping">[] = [
  { trendGain: 0, damping: 0 },
  { trendGain: 0.1, damping: 0.9 },
  { trendGain: 0.02, damping: 0.98 },
  { trendGain: 0.005, damping: 1 },
];

/** `level`: a level, perhaps a trend, and no season. */
export const smoothingFamilies = ["level", ...smoothingKinds] as const;
export type SmoothingFamily = (typeof smoothingFamilies)[number];

function gridOf(family: SmoothingFamily, periodWindows: number): readonly SmoothingParameters[] {
  const breadths = slotBreadths.filter((breadth) => periodWindows % breadth === 0 && periodWindows / breadth >= Math.min(4, periodWindows));
  const seasons =
    family === "level"
      ? [{ slotWindows: 0, seasonGain: 0 }]
      : breadths.flatMap((slotWindows) => seasonGains.map((seasonGain) => ({ slotWindows, seasonGain })));
  return seasons.flatMap((season) => trends.flatMap((trend) => levelGains.map((levelGain) => ({ levelGain, ...trend, ...season }))));
}

/** `periodWindows`: of the season. Needs three periods: two to start from, one to judge on. */
export function holtWinters(name: string, periodWindows: number): Forecaster {
  return combination(
    name,
    periodWindows,
    smoothingFamilies.map((family) => smoothing(family, periodWindows, family)),
  );
}

/** One of the three, by itself. */
export function smoothing(name: string, periodWindows: number, family: SmoothingFamily): Forecaster {
  const grid = gridOf(family, periodWindows);
  const kind = family === "level" ? "additive" : family;
  return {
    name,
    fit(training, horizons): FittedForecaster | undefined {
      if (training.length < 3 * periodWindows) return undefined;
      const most = (2 + judgedPeriodsMax) * periodWindows;
      const judged = training.subarray(Math.max(0, training.length - most));
      const best = horizons.map((): { error: number; parameters: SmoothingParameters | undefined } => ({
        error: Infinity,
        parameters: undefined,
      }));
      for (const parameters of grid) {
        const errors = absoluteErrors(judged, periodWindows, { parameters, kind, horizons });
        errors?.forEach((error, k) => {
          const known = best[k];
          if (known !== undefined && error < known.error) best[k] = { error, parameters };
        });
      }
      // A horizon beyond what there is to judge on has the choice of the longest one before it.
      const [first] = best.flatMap(({ parameters }) => parameters ?? []);
      if (first === undefined) return undefined;
      const chosen: SmoothingParameters[] = [];
      for (const { parameters } of best) chosen.push(parameters ?? chosen.at(-1) ?? first);
      return {
        roll(series, firstOrigin, wanted) {
          const chosenFor = wanted.map((horizon) => chosen[anchorOf(horizons, horizon)] ?? first);
          return rollAll(series, firstOrigin, { periodWindows, kind, horizons: wanted, chosen: chosenFor });
        },
      };
    },
  };
}

interface Trial {
  readonly parameters: SmoothingParameters;
  readonly kind: SmoothingKind;
  readonly horizons: readonly number[];
}

/** Mean absolute error at each horizon, from the third period on; infinite where nothing can be judged. Undefined without a start. */
function absoluteErrors(series: Float64Array, periodWindows: number, { parameters, kind, horizons }: Trial): Float64Array | undefined {
  const state = SmoothingState.start(series, periodWindows, parameters, kind);
  if (state === undefined) return undefined;
  const sums = horizons.map((horizon) => dampingSum(parameters.damping, horizon));
  const errors = new Float64Array(horizons.length);
  const counts = new Int32Array(horizons.length);
  for (let t = 2 * periodWindows; t < series.length; t += 1) {
    for (let k = 0; k < horizons.length; k += 1) {
      const horizon = horizons[k] ?? 1;
      const actual = series[t - 1 + horizon] ?? Number.NaN;
      if (Number.isNaN(actual)) continue;
      errors[k] = (errors[k] ?? 0) + Math.abs(actual - state.expected(horizon, sums[k] ?? 0));
      counts[k] = (counts[k] ?? 0) + 1;
    }
    state.observe(series[t] ?? Number.NaN);
  }
  return errors.map((error, k) => (counts[k] === 0 ? Infinity : error / (counts[k] ?? 1)));
}

interface Chosen {
  readonly periodWindows: number;
  readonly kind: SmoothingKind;
  readonly horizons: readonly number[];
  readonly chosen: readonly SmoothingParameters[];
}

/** One pass for each distinct set of parameters. */
function rollAll(series: Float64Array, firstOrigin: number, { periodWindows, kind, horizons, chosen }: Chosen): Float64Array {
  const width = horizons.length;
  const points = new Float64Array((series.length - firstOrigin + 1) * width).fill(Number.NaN);
  for (const parameters of new Set(chosen)) {
    const columns = horizons.flatMap((_, k) => (chosen[k] === parameters ? [k] : []));
    const state = SmoothingState.start(series, periodWindows, parameters, kind);
    if (state === undefined) continue;
    const sums = horizons.map((horizon) => dampingSum(parameters.damping, horizon));
    for (let t = 2 * periodWindows; t <= series.length; t += 1) {
      if (t >= firstOrigin) {
        for (const k of columns) points[(t - firstOrigin) * width + k] = state.expected(horizons[k] ?? 1, sums[k] ?? 0);
      }
      if (t < series.length) state.observe(series[t] ?? Number.NaN);
    }
  }
  return points;
}
