/** The contract of every forecaster, and what each is exact on. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anchorHorizons, anchorOf, windowsOfDay, type Forecaster } from "./forecaster.js";
import { holtWinters, smoothing, smoothingFamilies } from "./holt-winters.js";
import { lastValue } from "./last-value.js";
import { seasonalNaive } from "./seasonal-naive.js";
import { normalOf, randomOf, regular, seriesFrom, smoothingSeries } from "./testing/series.js";

const period = 8;
const all: readonly Forecaster[] = [
  lastValue,
  seasonalNaive("seasonal-naive", period),
  ...smoothingFamilies.map((family) => smoothing(family, period, family)),
  holtWinters("holt-winters", period),
];
const horizons = [1, 3, 8, 11];
const rate = fc.oneof(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.constant(Number.NaN), fc.constant(0));
const history = fc.array(rate, { minLength: 3 * period, maxLength: 6 * period }).map((rates) => Float64Array.from(rates));

describe.each(all)("$name", (forecaster) => {
  it("sees nothing of what comes after an origin", () => {
    fc.assert(
      fc.property(history, fc.array(rate, { minLength: 1, maxLength: 12 }), (series, later) => {
        const fitted = forecaster.fit(series, horizons);
        if (fitted === undefined) return;
        const longer = Float64Array.from([...series, ...later]);
        const first = series.length - 2;
        const before = fitted.roll(series, first, horizons);
        expect(fitted.roll(longer, first, horizons).subarray(0, before.length)).toEqual(before);
      }),
      { seed: 41, numRuns: 60 },
    );
  });

  it("gives rates of at least 0, or says that it cannot", () => {
    fc.assert(
      fc.property(history, (series) => {
        const points = forecaster.fit(series, horizons)?.roll(series, 1, horizons) ?? new Float64Array();
        for (const point of points) expect(Number.isNaN(point) || (point >= 0 && point < Infinity)).toBe(true);
      }),
      { seed: 42, numRuns: 60 },
    );
  });

  it("changes with the unit and with nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 4 * period, maxLength: 4 * period }), (rates) => {
        const small = Float64Array.from(rates);
        const large = small.map((each) => each * 2 ** 20);
        const a = forecaster.fit(small, horizons)?.roll(small, small.length, horizons);
        const b = forecaster.fit(large, horizons)?.roll(large, large.length, horizons);
        expect(b?.map((each) => each / 2 ** 20)).toEqual(a);
      }),
      { seed: 43, numRuns: 40 },
    );
  });

  it("is exact on a rate that never changes", () => {
    const series = new Float64Array(5 * period).fill(5e9);
    const points = forecaster.fit(series, horizons)?.roll(series, series.length, horizons) ?? [];
    expect(points).toHaveLength(horizons.length);
    for (const point of points) expect(point).toBeCloseTo(5e9, 0);
  });

  it("carries on where values are missing", () => {
    const whole = seriesFrom(6 * period, regular({ level: 100, slope: 0, swing: 40, period }));
    const holes = whole.map((each, t) => (t % 7 === 3 || (t > 30 && t < 36) ? Number.NaN : each));
    const points = forecaster.fit(holes, [1, 8])?.roll(holes, holes.length, [1, 8]) ?? [];
    expect(points).toHaveLength(2);
    for (const point of points) expect(point).toBeGreaterThan(0);
  });

  it("says nothing of a series without a value", () => {
    const series = new Float64Array(6 * period).fill(Number.NaN);
    const points = forecaster.fit(series, [1])?.roll(series, series.length, [1]) ?? Float64Array.of(Number.NaN);
    expect(points).toEqual(Float64Array.of(Number.NaN));
  });
});

describe("seasonal naive", () => {
  const series = seriesFrom(3 * period, (t) => t);

  it("takes the newest known window of the same phase", () => {
    const naive = seasonalNaive("naive", period).fit(series, [1]);
    // Ahead of window 23: windows 24, 31, 32 and 41 are of the phases of 16, 23, 16 (24 is not known yet) and 17.
    expect(naive?.roll(series, series.length, [1, 8, 9, 18])).toEqual(Float64Array.of(16, 23, 16, 17));
  });

  it("goes one more period back where that is missing", () => {
    const holes = series.map((rateOf, t) => (t === 16 ? Number.NaN : rateOf));
    expect(seasonalNaive("naive", period).fit(holes, [1])?.roll(holes, holes.length, [1])).toEqual(Float64Array.of(8));
  });

  it("needs a whole period", () => {
    expect(seasonalNaive("naive", period).fit(series.subarray(0, period - 1), [1])).toBeUndefined();
  });
});

describe("Holt-Winters", () => {
  it("meets a level, a trend and a season without noise exactly, at every horizon", () => {
    fc.assert(
      fc.property(
        fc.record({
          level: fc.double({ min: 500, max: 1000, noNaN: true }),
          slope: fc.double({ min: -2, max: 2, noNaN: true }),
          swing: fc.double({ min: 0, max: 100, noNaN: true }),
        }),
        (shape) => {
          const rateAt = regular({ ...shape, period });
          const series = seriesFrom(6 * period, rateAt);
          const points = smoothing("hw", period, "additive").fit(series, horizons)?.roll(series, series.length, horizons) ?? [];
          expect(points).toHaveLength(horizons.length);
          points.forEach((point, k) => expect(point).toBeCloseTo(rateAt(series.length - 1 + (horizons[k] ?? 0)), 6));
        },
      ),
      { seed: 44, numRuns: 50 },
    );
  });

  it("meets a season that is a multiple of its level", () => {
    const rateAt = (t: number): number => (100 + t) * (1 + 0.5 * Math.sin((2 * Math.PI * t) / period));
    const series = seriesFrom(10 * period, rateAt);
    const points = smoothing("hw", period, "multiplicative").fit(series, [1, 4])?.roll(series, series.length, [1, 4]) ?? [];
    expect(points).toHaveLength(2);
    points.forEach((point, k) => expect(point / rateAt(series.length - 1 + ([1, 4][k] ?? 0))).toBeCloseTo(1, 1));
  });

  it("errs about as little on a series of its own model as who knows the model", () => {
    for (const [levelGain, seasonGain] of [
      [0.1, 0.1],
      [0.5, 0.1],
      [0.9, 0],
    ] as const) {
      const normal = normalOf(randomOf(7));
      const season = Array.from({ length: 12 }, (_, slot) => 200 * Math.sin((2 * Math.PI * slot) / 12));
      const errors: number[] = [];
      const noise = (): number => {
        errors.push(10 * normal());
        return errors.at(-1) ?? 0;
      };
      const series = smoothingSeries(12 * 120, { level: 5000, levelGain, seasonGain, season, noise });
      const split = 12 * 60;
      const points = smoothing("hw", 12, "additive").fit(series.subarray(0, split), [1])?.roll(series, split, [1]) ?? [];
      let ours = 0;
      let least = 0;
      for (let t = split; t < series.length; t += 1) {
        ours += Math.abs((series[t] ?? 0) - (points[t - split] ?? Infinity));
        // Nobody can know the noise of a window before it comes.
        least += Math.abs(errors[t] ?? 0);
      }
      expect(ours / least).toBeLessThan(1.1);
      expect(ours / least).toBeGreaterThan(0.95);
    }
  });

  it("lies between its three kinds, and leaves out what the training has shown to be wrong", () => {
    const of = (forecaster: Forecaster, series: Float64Array): readonly number[] => [
      ...(forecaster.fit(series, horizons)?.roll(series, series.length, horizons) ?? []),
    ];
    const noisy = seriesFrom(5 * period, (t) => 100 + 10 * (t % period) + ((t * 31) % 17));
    const kinds = smoothingFamilies.map((family) => of(smoothing(family, period, family), noisy));
    const mean = of(holtWinters("hw", period), noisy);
    expect(mean).toHaveLength(horizons.length);
    mean.forEach((point, k) => {
      const points = kinds.map((each) => each[k] ?? Number.NaN);
      expect(point).toBeGreaterThan(Math.min(...points));
      expect(point).toBeLessThan(Math.max(...points));
    });
    const rateAt = regular({ level: 900, slope: 1, swing: 80, period });
    const exact = seriesFrom(6 * period, rateAt);
    of(holtWinters("hw", period), exact).forEach((point, k) => expect(point).toBeCloseTo(rateAt(exact.length - 1 + (horizons[k] ?? 0)), 3));
  });

  it("needs two periods to start from and one to judge by", () => {
    expect(smoothing("hw", period, "additive").fit(new Float64Array(3 * period - 1), [1])).toBeUndefined();
    expect(smoothing("hw", period, "additive").fit(new Float64Array(3 * period), [1])).toBeDefined();
  });
});

describe("horizons", () => {
  it("are anchored ever farther apart, and end with the longest", () => {
    expect(anchorHorizons(1)).toEqual([1]);
    expect(anchorHorizons(2)).toEqual([1, 2]);
    expect(anchorHorizons(20)).toEqual([1, 2, 3, 4, 6, 8, 12, 16, 20]);
  });

  it("take the choice of the next longer anchor", () => {
    expect([1, 2, 5, 7, 99].map((horizon) => anchorOf([1, 2, 6], horizon))).toEqual([0, 1, 2, 2, 2]);
  });

  it("know how many windows a day has", () => {
    expect([300_000, 3_600_000, 86_400_000, 7_000_000].map(windowsOfDay)).toEqual([288, 24, undefined, undefined]);
  });
});
