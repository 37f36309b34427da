/** The last value measured, for all time to come: what planning on the newest measurement alone amounts to. */
import type { Forecaster } from "./forecaster.js";

export const lastValue: Forecaster = {
  name: "last-value",
  fit: () => ({
    roll(series, firstOrigin, horizons) {
      const points = new Float64Array((series.length - firstOrigin + 1) * horizons.length);
      let last = Number.NaN;
      for (let t = 0; t <= series.length; t += 1) {
        if (t > 0) {
          const rate = series[t - 1] ?? Number.NaN;
          if (!Number.isNaN(rate)) last = rate;
        }
        if (t >= firstOrigin) points.fill(last, (t - firstOrigin) * horizons.length, (t - firstOrigin + 1) * horizons.length);
      }
      return points;
    },
  }),
};
