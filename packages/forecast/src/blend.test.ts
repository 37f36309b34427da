import { flowGroupId, type Demand, type DemandMatrix } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blendDemands, forecastDemandsAt, measuredWeight, measuredWeightAt, type ForecastDemand } from "./blend.js";
import { groupOf } from "./testing/network.js";

const [ab, ba, ac] = [groupOf("a", "b"), groupOf("b", "a"), groupOf("a", "c", "bulk")];
const measuredOf = (demands: readonly Demand[]): DemandMatrix => ({ kind: "demand-matrix", name: "now", demands });
const rate = fc.double({ min: 0, max: 1e12, noNaN: true });

describe("blended demand", () => {
  it("has the median between measurement and forecast, and the whole margin of the quantile", () => {
    fc.assert(
      fc.property(rate, rate, rate, fc.double({ min: 0, max: 1, noNaN: true }), (now, p50, margin, weight) => {
        const measured = measuredOf([{ ...ab, rateBps: now }]);
        const forecast = [{ ...ab, ratesBps: { p50, p90: p50 + margin } }];
        const rateOf = (quantile: "p50" | "p90"): number =>
          blendDemands(measured, forecast, { quantile, weight, ageMs: 0 }).matrix.demands[0]?.rateBps ?? 0;
        expect(rateOf("p50")).toBeGreaterThanOrEqual(Math.min(now, p50) * (1 - 1e-12));
        expect(rateOf("p50")).toBeLessThanOrEqual(Math.max(now, p50) * (1 + 1e-12));
        expect(rateOf("p90") - rateOf("p50")).toBeCloseTo(margin, -2);
      }),
      { seed: 71, numRuns: 200 },
    );
  });

  it("is the measurement at weight 1, and the forecast at weight 0", () => {
    const measured = measuredOf([{ ...ab, rateBps: 10 }]);
    const forecast = [{ ...ab, ratesBps: { p50: 20, p90: 50 } }];
    const rates = [1, 0].map(
      (weight) => blendDemands(measured, forecast, { quantile: "p50", weight, ageMs: 0 }).matrix.demands[0]?.rateBps,
    );
    expect(rates).toEqual([10, 20]);
    expect(blendDemands(measured, forecast, { quantile: "p90", weight: 0, ageMs: 0 }).matrix.demands[0]?.rateBps).toBe(50);
  });

  it("says which it used", () => {
    const measured = measuredOf([
      { ...ab, rateBps: 10 },
      { ...ba, rateBps: 4 },
    ]);
    const forecast: readonly ForecastDemand[] = [
      { ...ab, ratesBps: { p50: 20 } },
      { ...ac, ratesBps: { p50: 6 } },
    ];
    const blended = blendDemands(measured, forecast, { quantile: "p50", weight: 0.5, ageMs: 0 });
    expect(blended).toMatchObject({ weight: 0.5, used: { both: 1, measured: 1, forecast: 1 }, otherQuantile: 0 });
    expect(blended.matrix.demands).toEqual([
      { ...ab, rateBps: 15 },
      { ...ac, rateBps: 3 },
      { ...ba, rateBps: 4 },
    ]);
  });

  it("takes the next higher quantile where the one asked for was not made, else the highest", () => {
    const of = (ratesBps: ForecastDemand["ratesBps"]) =>
      blendDemands(measuredOf([]), [{ ...ab, ratesBps }], { quantile: "p90", weight: 0, ageMs: 0 });
    expect(of({ p50: 10, p95: 30, p99: 40 })).toMatchObject({ otherQuantile: 1, matrix: { demands: [{ rateBps: 30 }] } });
    expect(of({ p50: 10, p75: 20 })).toMatchObject({ otherQuantile: 1, matrix: { demands: [{ rateBps: 20 }] } });
    expect(of({})).toMatchObject({ otherQuantile: 0, used: { both: 0, measured: 0, forecast: 0 }, matrix: { demands: [] } });
  });

  it("keeps the measured demand's bandwidth function, and the order of flow groups", () => {
    const bandwidthFunction = {
      points: [
        { fairShare: 0, rateBps: 0 },
        { fairShare: 1, rateBps: 9 },
      ],
    };
    const measured = measuredOf([{ ...ba, rateBps: 4, bandwidthFunction }]);
    const { matrix } = blendDemands(
      measured,
      [
        { ...ba, ratesBps: { p50: 8 } },
        { ...ab, ratesBps: { p50: 8 } },
      ],
      { quantile: "p50", weight: 0.5, ageMs: 0 },
    );
    expect(matrix.demands.map(flowGroupId)).toEqual([flowGroupId(ab), flowGroupId(ba)]);
    expect(matrix.demands[1]).toEqual({ ...ba, rateBps: 6, bandwidthFunction });
  });

  it("trusts a measurement less the older it is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 1e9 }), (ageMs, more) => {
        expect(measuredWeightAt(ageMs + more)).toBeLessThanOrEqual(measuredWeightAt(ageMs));
      }),
      { seed: 72, numRuns: 100 },
    );
    expect(measuredWeightAt(0)).toBe(measuredWeight);
    expect(measuredWeightAt(-5)).toBe(measuredWeight);
    const forecast = [{ ...ab, ratesBps: { p50: 20 } }];
    expect(blendDemands(measuredOf([{ ...ab, rateBps: 10 }]), forecast, { quantile: "p50", ageMs: 0 }).weight).toBe(measuredWeight);
  });

  it("reads a window of a forecast", () => {
    const forecast = {
      startMs: 0,
      stepMs: 1,
      windows: 2,
      groups: [ab, ba],
      quantiles: ["p50", "p90"],
      ratesBps: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      notes: [],
    } as const;
    expect(forecastDemandsAt(forecast, 1)).toEqual([
      { ...ab, ratesBps: { p50: 3, p90: 4 } },
      { ...ba, ratesBps: { p50: 7, p90: 8 } },
    ]);
  });
});
