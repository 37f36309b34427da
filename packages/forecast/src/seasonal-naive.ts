/**
 * The same window one period ago (Hyndman, Athanasopoulos: Forecasting, section 5.2): yesterday at this time, or last week. Where that
 * window is missing the one before it is taken, and so on back; where none is there it cannot say.
 */
import type { Forecaster } from "./forecaster.js";

/** `periodWindows`: windows of a day, or of a week. */
export function seasonalNaive(name: string, periodWindows: number): Forecaster {
  return {
    name,
    fit(training) {
      if (training.length < periodWindows) return undefined;
      return {
        roll(series, firstOrigin, horizons) {
          const points = new Float64Array((series.length - firstOrigin + 1) * horizons.length);
          for (let t = firstOrigin; t <= series.length; t += 1) {
            horizons.forEach((horizon, k) => {
              points[(t - firstOrigin) * horizons.length + k] = newestInPhase(series, t, t - 1 + horizon, periodWindows);
            });
          }
          return points;
        },
      };
    },
  };
}

/** The newest value before `origin` in the same phase as window `target`. */
function newestInPhase(series: Float64Array, origin: number, target: number, periodWindows: number): number {
  const periods = Math.floor((target - origin) / periodWindows) + 1;
  for (let t = target - periods * periodWindows; t >= 0; t -= periodWindows) {
    const rate = series[t] ?? Number.NaN;
    if (!Number.isNaN(rate)) return rate;
  }
  return Number.NaN;
}
