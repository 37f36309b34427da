import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrorSum, pinballLoss, QuantileErrorSum } from "./error-measure.js";
import { quantileOfSorted, SortedSample } from "./quantile.js";
import { dayParts, ResidualQuantiles } from "./residual-quantiles.js";
import { normalOf, randomOf } from "./testing/series.js";

const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });
const level = fc.double({ min: 0, max: 1, noNaN: true });

describe("the quantile of a sample", () => {
  it("is what sorting it says, whatever the order it came in", () => {
    fc.assert(
      fc.property(values, level, (sample, share) => {
        const kept = new SortedSample();
        for (const value of sample) kept.add(value);
        kept.add(Number.NaN);
        const sorted = Float64Array.from(sample).sort();
        expect(kept.count).toBe(sample.length);
        expect(kept.quantile(share)).toBe(quantileOfSorted(sorted, sorted.length, share));
      }),
      { seed: 51, numRuns: 200 },
    );
  });

  it("is linear between values", () => {
    expect([0, 0.25, 0.5, 0.9, 1].map((share) => quantileOfSorted([10, 20, 40], 3, share))).toEqual([10, 15, 20, 36, 40]);
    expect(quantileOfSorted([], 0, 0.5)).toBeNaN();
  });

  it("has the least pinball loss of all constants, up to one value's weight", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 60 }),
        fc.constantFrom(0.5, 0.75, 0.9),
        (sample, share) => {
          const lossOf = (forecast: number): number => sample.reduce((sum, actual) => sum + pinballLoss(actual, forecast, share), 0);
          const sorted = Float64Array.from(sample).sort();
          const best = Math.min(...sample.map(lossOf));
          // Type 7 lies between the two order statistics around the optimum, whose losses differ by at most their distance.
          const spread = Math.max(...sorted.map((each, i) => (sorted[i + 1] ?? each) - each));
          expect(lossOf(quantileOfSorted(sorted, sorted.length, share))).toBeLessThanOrEqual(best + spread + 1e-9);
        },
      ),
      { seed: 52, numRuns: 200 },
    );
  });
});

describe("quantiles of residuals", () => {
  it("cover noise of the same kind as often as they say", () => {
    const normal = normalOf(randomOf(3));
    for (const share of [0.5, 0.75, 0.9, 0.95]) {
      const residuals = new ResidualQuantiles(24);
      for (let t = 0; t < 4000; t += 1) residuals.add(t, 100 + 20 * normal(), 100);
      let covered = 0;
      const trials = 4000;
      for (let t = 0; t < trials; t += 1) if (100 + 20 * normal() <= residuals.quantile(t, 100, share)) covered += 1;
      // Four standard errors of the trials and of the sample that the quantile is from.
      expect(Math.abs(covered / trials - share)).toBeLessThan(4 * Math.sqrt(share * (1 - share) * (1 / trials + dayParts / 4000)));
    }
  });

  it("tell a noisy part of the day from a quiet one", () => {
    const residuals = new ResidualQuantiles(24);
    const normal = normalOf(randomOf(5));
    for (let t = 0; t < 2400; t += 1) residuals.add(t, 100 + (t % 24 < 12 ? 1 : 30) * normal(), 100);
    expect(residuals.quantile(24, 100, 0.9)).toBeLessThan(103);
    expect(residuals.quantile(24 + 13, 100, 0.9)).toBeGreaterThan(125);
  });

  it("answer from all of the day while a part has too few, and not at all without any", () => {
    const residuals = new ResidualQuantiles(24);
    expect(residuals.quantile(0, 5, 0.5)).toBeNaN();
    for (let t = 12; t < 18; t += 1) residuals.add(t, 8, 5);
    expect(residuals.quantile(0, 5, 0.5)).toBe(8);
  });

  it("rise with the level and stay at 0 or above", () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1e9, noNaN: true }), level, level, (sample, point, x, y) => {
        const residuals = new ResidualQuantiles(0);
        sample.forEach((value, t) => residuals.add(t, value, 0));
        const low = residuals.quantile(0, point, Math.min(x, y));
        expect(low).toBeGreaterThanOrEqual(0);
        expect(residuals.quantile(0, point, Math.max(x, y))).toBeGreaterThanOrEqual(low);
      }),
      { seed: 53, numRuns: 200 },
    );
  });
});

describe("errors", () => {
  it("are those of the definitions", () => {
    const sum = new ErrorSum();
    for (const [actual, point] of [
      [10, 12],
      [0, 3],
      [40, 30],
      [Number.NaN, 5],
      [5, Number.NaN],
    ] as const)
      sum.add(actual, point);
    expect(sum.count).toBe(3);
    expect(sum.wape).toBe(15 / 50);
    expect(sum.bias).toBe(-5 / 50);
    expect(sum.mape).toBeCloseTo((0.2 + 0.25) / 2, 12);
    expect(sum.mapeCount).toBe(2);
  });

  it("of a quantile weigh what is short and what is spare", () => {
    const sum = new QuantileErrorSum(0.9);
    sum.add(10, 8);
    sum.add(10, 14);
    sum.add(Number.NaN, 1);
    expect(sum.pinball).toBeCloseTo((0.9 * 2 + 0.1 * 4) / 20, 12);
    expect([sum.count, sum.coverage, sum.short, sum.spare]).toEqual([2, 0.5, 0.1, 0.2]);
  });

  it("are not defined where nothing came", () => {
    const sum = new ErrorSum();
    expect([sum.wape, sum.mape, sum.bias]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(new QuantileErrorSum(0.5).coverage).toBeNaN();
  });
});
