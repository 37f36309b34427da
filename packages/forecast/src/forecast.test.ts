import { describe, expect, it } from "vitest";
import type { DemandHistory } from "./demand-history.js";
import { forecastDemands, forecastMatrix, horizonWindowsMax, type Forecast, type ForecastOptions } from "./forecast.js";
import { holtWinters } from "./holt-winters.js";
import { lastValue } from "./last-value.js";
import { seasonalNaive } from "./seasonal-naive.js";
import { groupOf, historyFrom, ordinary } from "./testing/network.js";
import { randomOf } from "./testing/series.js";

const day = 24;
const groups = [groupOf("a", "b"), groupOf("b", "a"), groupOf("a", "b", "bulk")];
const ladder = [holtWinters("holt-winters", day), seasonalNaive("seasonal-naive", day), lastValue] as const;

function made(history: DemandHistory, options: Partial<ForecastOptions> = {}): Forecast {
  const result = finish(history, options);
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

function finish(history: DemandHistory, options: Partial<ForecastOptions>) {
  const steps = forecastDemands(history, { forecasters: ladder, windows: day, quantiles: ["p50", "p90", "p99"], ...options });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

describe("a forecast", () => {
  const history = historyFrom({ groups, windows: 14 * day, startMs: 1000 * 3_600_000 }, ordinary(randomOf(8)));

  it("begins where the history ends, and has every group, window and quantile", () => {
    const forecast = made(history);
    expect(forecast).toMatchObject({ startMs: (1000 + 14 * day) * 3_600_000, stepMs: 3_600_000, windows: day, groups, notes: [] });
    expect(forecast.ratesBps).toHaveLength(3 * day * 3);
    for (let at = 0; at < forecast.ratesBps.length; at += 3) {
      const [p50 = Number.NaN, p90 = 0, p99 = 0] = forecast.ratesBps.subarray(at, at + 3);
      expect(p50).toBeGreaterThan(0);
      expect(p90).toBeGreaterThanOrEqual(p50);
      expect(p99).toBeGreaterThanOrEqual(p90);
    }
  });

  it("knows the day", () => {
    const forecast = made(history);
    const p50 = (window: number): number => forecast.ratesBps[window * 3] ?? 0;
    // The sine is highest at 6, lowest at 18, and the history is whole days.
    expect(p50(6) / p50(18)).toBeGreaterThan(2);
    expect(p50(6) / p50(18)).toBeLessThan(4);
  });

  it("is the same each time", () => {
    expect(made(history)).toEqual(made(history));
  });

  it("says what was missing, which forecaster stood in, and what it left out", () => {
    const holes = historyFrom({ groups, windows: 14 * day }, (g, t) =>
      g === 2 || t % 13 === 0 || (g === 1 && t < 13.5 * day) ? Number.NaN : 5,
    );
    const { notes, groups: made2 } = made(holes, { quantiles: ["p90"] });
    expect(made2).toEqual(groups.slice(0, 2));
    expect(notes.map(({ kind, count }) => [kind, count])).toEqual([
      ["missing", Math.ceil((14 * day) / 13)],
      ["missing", holes.ratesBps.filter((rate) => Number.isNaN(rate)).length],
      ["fallback", 1],
      ["fallback", 1],
      ["left-out", 1],
    ]);
  });

  it("goes down the ladder where the history is short", () => {
    for (const [windows, by] of [
      [2 * day, "seasonal-naive"],
      [day / 2, "last-value"],
    ] as const) {
      const { notes } = made(historyFrom({ groups, windows }, ordinary(randomOf(3))));
      expect(notes[0]).toMatchObject({ kind: "fallback", count: 3, what: expect.stringMatching(new RegExp(`${by}$`)) });
    }
  });

  it("refuses a horizon that is too long, and a history of nothing", () => {
    expect(finish(history, { windows: horizonWindowsMax + 1 })).toMatchObject({ ok: false, faults: [{ code: "out-of-range" }] });
    expect(
      finish(
        historyFrom({ groups, windows: 5 }, () => Number.NaN),
        {},
      ),
    ).toMatchObject({ ok: false, faults: [{ code: "missing-field" }] });
  });

  it("gives a window's matrix without demands of 0", () => {
    const forecast = made(historyFrom({ groups, windows: 14 * day }, (g) => (g === 1 ? 0 : 7)));
    expect(forecastMatrix(forecast, { window: 3, quantile: "p90", name: "x" })?.demands).toEqual([
      { ...groups[0], rateBps: 7 },
      { ...groups[2], rateBps: 7 },
    ]);
    expect(forecastMatrix(forecast, { window: 3, quantile: "p75", name: "x" })).toBeUndefined();
    expect(forecastMatrix(forecast, { window: day, quantile: "p90", name: "x" })).toBeUndefined();
  });
});
