import { describe, expect, it } from "vitest";
import { backtestBlend, type BlendBacktestOptions, type BlendBacktestRow } from "./blend-backtest.js";
import type { DemandHistory } from "./demand-history.js";
import { lastValue } from "./last-value.js";
import { seasonalNaive } from "./seasonal-naive.js";
import { groupOf, historyFrom, ordinary } from "./testing/network.js";
import { randomOf } from "./testing/series.js";

const day = 24;
const history = historyFrom({ groups: [groupOf("a", "b"), groupOf("b", "a")], windows: 9 * day }, ordinary(randomOf(21)));

function tested(of: DemandHistory, options: Partial<BlendBacktestOptions> = {}): readonly BlendBacktestRow[] {
  const steps = backtestBlend(of, {
    forecaster: seasonalNaive("naive", day),
    trainingWindows: 5 * day,
    forecastWindows: 6,
    ages: [1, 4],
    rules: [{ kind: "weighted", weight: 1 }, { kind: "weighted", weight: 0 }, { kind: "larger" }],
    quantile: "p50",
    ...options,
  });
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    if (!step.value.ok) throw new Error(step.value.faults[0].message);
    return step.value.value;
  }
}

describe("a backtest of blending", () => {
  it("judges the measurement alone as the measurement of that age", () => {
    const rows = tested(history);
    for (const [a, age] of [1, 4].entries()) {
      let loss = 0;
      let sum = 0;
      for (let g = 0; g < 2; g += 1) {
        const series = history.ratesBps.subarray(g * history.windows, (g + 1) * history.windows);
        for (let t = 5 * day; t < history.windows; t += 1) {
          loss += 0.5 * Math.abs((series[t] ?? 0) - (series[t - age] ?? 0));
          sum += series[t] ?? 0;
        }
      }
      expect(rows[3 * a]).toMatchObject({ rule: { kind: "weighted", weight: 1 }, ageWindows: age, count: 2 * 4 * day });
      expect(rows[3 * a]?.pinball).toBeCloseTo(loss / sum, 12);
    }
  });

  it("judges the forecast alone whatever the age of the measurement", () => {
    const rows = tested(history, { quantile: "p90" });
    expect(rows[1]).toEqual({ ...rows[4], ageWindows: 1 });
    expect(Math.abs((rows[1]?.coverage ?? 0) - 0.9)).toBeLessThan(0.1);
  });

  it("finds that the larger of the two is short less often, and has more to spare, than either", () => {
    const rows = tested(history, { quantile: "p90" });
    for (const first of [0, 3]) {
      const [, forecast, larger] = rows.slice(first, first + 3);
      expect(larger?.coverage).toBeGreaterThanOrEqual(forecast?.coverage ?? 1);
      expect(larger?.short).toBeLessThanOrEqual(forecast?.short ?? 0);
      expect(larger?.spare).toBeGreaterThanOrEqual(forecast?.spare ?? Infinity);
    }
  });

  it("forecasts from before: a window that is spoilt changes nothing for those up to it", () => {
    // The last window alone is spoilt: it is a target, whose error changes, and nothing that was known for any forecast.
    const last = history.windows - 1;
    const spoilt = { ...history, ratesBps: history.ratesBps.map((rate, i) => (i % history.windows === last ? rate + 1e9 : rate)) };
    const rules = [{ kind: "weighted", weight: 0 }] as const;
    const [before, after] = [history, spoilt].map((of) => tested(of, { rules, ages: [1] })[0]);
    const total = (of: DemandHistory): number =>
      [0, 1].reduce(
        (sum, g) => sum + of.ratesBps.subarray(g * of.windows + 5 * day, (g + 1) * of.windows).reduce((part, rate) => part + rate, 0),
        0,
      );
    const shortBps = (row: BlendBacktestRow | undefined, of: DemandHistory): number => ((row?.short ?? 0) - (row?.spare ?? 0)) * total(of);
    // What is short less what is spare grows by just what the two targets grew by.
    expect((shortBps(after, spoilt) - shortBps(before, history)) / 2e9).toBeCloseTo(1, 9);
  });

  it("refuses a training part that leaves nothing to test", () => {
    const step = backtestBlend(history, {
      forecaster: lastValue,
      trainingWindows: history.windows,
      forecastWindows: 1,
      ages: [1],
      rules: [],
      quantile: "p50",
    }).next();
    expect(step).toMatchObject({ done: true, value: { ok: false, faults: [{ code: "out-of-range" }] } });
  });
});
