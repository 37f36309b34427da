import { describe, expect, it } from "vitest";
import { backtest, type BacktestOptions, type BacktestReport } from "./backtest.js";
import type { DemandHistory } from "./demand-history.js";
import type { Forecaster } from "./forecaster.js";
import { holtWinters } from "./holt-winters.js";
import { lastValue } from "./last-value.js";
import { seasonalNaive } from "./seasonal-naive.js";
import { groupOf, historyFrom, ordinary } from "./testing/network.js";
import { normalOf, randomOf } from "./testing/series.js";

const groups = [groupOf("a", "b"), groupOf("b", "a"), groupOf("a", "b", "bulk")];
const day = 24;

function tested(history: DemandHistory, options: Partial<BacktestOptions> = {}): BacktestReport {
  const steps = backtest(history, {
    forecasters: [seasonalNaive("naive", day)],
    trainingWindows: 5 * day,
    horizons: [1, 6],
    quantiles: ["p50", "p90"],
    originStep: 1,
    ...options,
  });
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    if (!step.value.ok) throw new Error(step.value.faults[0].message);
    return step.value.value;
  }
}

describe("a backtest", () => {
  it("is without error where each day is like the one before", () => {
    const history = historyFrom({ groups, windows: 7 * day }, (g, t) => (g + 1) * (10 + (t % day)));
    const report = tested(history);
    expect(report).toMatchObject({ testWindows: 2 * day, origins: 2 * day, groups: 3, groupsLeftOut: 0 });
    for (const { wape, bias, mape, quantiles } of report.rows) {
      expect([wape, bias, mape]).toEqual([0, 0, 0]);
      for (const { pinball, coverage } of quantiles) expect([pinball, coverage]).toEqual([0, 1]);
    }
  });

  it("counts every window of the test part that an origin can see so far ahead", () => {
    const history = historyFrom({ groups, windows: 7 * day }, () => 5);
    expect(tested(history).rows.map(({ count }) => count)).toEqual([3 * 48, 3 * 43]);
    expect(tested(history, { originStep: 10 }).rows.map(({ count }) => count)).toEqual([3 * 5, 3 * 5]);
  });

  it("is the error of forecasts made one by one from what was known", () => {
    const history = historyFrom({ groups: [groupOf("a", "b")], windows: 7 * day }, ordinary(randomOf(9)));
    const horizon = 6;
    const forecasters = [lastValue, holtWinters("hw", day)];
    const report = tested(history, { forecasters, horizons: [horizon], originStep: 5 });
    forecasters.forEach((forecaster, f) => {
      const fitted = forecaster.fit(history.ratesBps.subarray(0, 5 * day), [horizon]);
      let absolute = 0;
      let sum = 0;
      for (let origin = 5 * day; origin - 1 + horizon < history.windows; origin += 5) {
        const known = history.ratesBps.subarray(0, origin);
        const [point = Number.NaN] = fitted?.roll(known, origin, [horizon]) ?? [];
        const actual = history.ratesBps[origin - 1 + horizon] ?? Number.NaN;
        absolute += Math.abs(point - actual);
        sum += actual;
      }
      expect(report.rows[f]?.wape).toBeCloseTo(absolute / sum, 12);
    });
  });

  it("lets nothing of the future in: what it says of the first day does not change with the second", () => {
    const rateAt = ordinary(randomOf(4));
    const whole = historyFrom({ groups, windows: 7 * day }, rateAt);
    const spoilt = { ...whole, ratesBps: whole.ratesBps.map((rate, i) => (i % whole.windows >= 6 * day ? rate * 100 : rate)) };
    const seen: number[][] = [];
    const spy: Forecaster = {
      name: "spy",
      fit(training, horizons) {
        seen.push([...training]);
        return lastValue.fit(training, horizons);
      },
    };
    tested(whole, { forecasters: [spy] });
    tested(spoilt, { forecasters: [spy] });
    expect(seen.slice(0, 3)).toEqual(seen.slice(3));
    expect(seen.every(({ length }) => length === 5 * day)).toBe(true);
  });

  it("covers noise as often as its quantiles say", () => {
    const normal = normalOf(randomOf(12));
    const history = historyFrom(
      { groups: [groupOf("a", "b")], windows: 200 * day },
      (_, t) => 1000 + 100 * Math.sin(t / 4) + 20 * normal(),
    );
    const report = tested(history, {
      trainingWindows: 100 * day,
      quantiles: ["p50", "p75", "p90", "p95"],
      forecasters: [holtWinters("hw", day)],
    });
    for (const { quantiles } of report.rows) {
      quantiles.forEach(({ coverage }, q) => expect(Math.abs(coverage - ([0.5, 0.75, 0.9, 0.95][q] ?? 0))).toBeLessThan(0.05));
    }
  });

  it("judges all forecasters on the same windows, and says what is missing", () => {
    const whole = historyFrom({ groups, windows: 7 * day }, ordinary(randomOf(6)));
    const history = { ...whole, ratesBps: whole.ratesBps.map((rate, i) => ((i % whole.windows) % 11 === 0 ? Number.NaN : rate)) };
    const report = tested(history, { forecasters: [lastValue, seasonalNaive("naive", day), holtWinters("hw", day)] });
    expect(report.missing).toEqual({ windows: Math.ceil(whole.windows / 11), rates: 3 * Math.ceil(whole.windows / 11), groups: 0 });
    for (const horizon of [1, 6]) {
      const counts = report.rows.filter(({ horizonWindows }) => horizonWindows === horizon).map(({ count }) => count);
      expect(new Set(counts).size).toBe(1);
      expect(counts[0]).toBeGreaterThan(100);
    }
    expect(tested(history, { forecasters: [lastValue, seasonalNaive("week", 7 * day)] })).toMatchObject({
      groupsLeftOut: 3,
      rows: [{ count: 0 }, { count: 0 }, { count: 0 }, { count: 0 }],
    });
  });

  it.each([0, 7 * day])("refuses a training part of %s windows", (trainingWindows) => {
    const history = historyFrom({ groups, windows: 7 * day }, () => 1);
    const step = backtest(history, { forecasters: [lastValue], trainingWindows, horizons: [1], quantiles: [], originStep: 1 }).next();
    expect(step).toMatchObject({ done: true, value: { ok: false, faults: [{ code: "out-of-range" }] } });
  });
});
