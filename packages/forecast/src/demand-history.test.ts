import { matrixAt, type DemandSeries, type FlowGroup, type NodeId } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  historyBetween,
  historyOfSeries,
  HistoryDraft,
  inLongerWindows,
  missingOf,
  seriesOf,
  type DemandHistory,
} from "./demand-history.js";

const [a, b, c] = ["a", "b", "c"] as NodeId[] as [NodeId, NodeId, NodeId];
const ab: FlowGroup = { src: a, dst: b, trafficClass: "elastic" };
const ca: FlowGroup = { src: c, dst: a, trafficClass: "bulk" };

function finished(draft: HistoryDraft): DemandHistory {
  const history = draft.finish();
  if (!history.ok) throw new Error(history.faults[0].message);
  return history.value;
}

describe("a history from rows", () => {
  it("tells 0 from missing: a matrix says nothing of a group, or there is no matrix", () => {
    const draft = new HistoryDraft(300_000);
    for (const [startMs, group, rateBps] of [
      [600_000, ca, 7],
      [0, ab, 5],
      [900_000, ab, 9],
    ] as const)
      expect(draft.add({ startMs, ...group, rateBps }).ok).toBe(true);
    const history = finished(draft);
    expect(history).toMatchObject({ startMs: 0, stepMs: 300_000, windows: 4, groups: [ab, ca] });
    expect([...seriesOf(history, 0)]).toEqual([5, Number.NaN, 0, 9]);
    expect([...seriesOf(history, 1)]).toEqual([0, Number.NaN, 7, 0]);
    expect(missingOf(history)).toEqual({ windows: 1, rates: 2, groups: 0 });
  });

  it("puts matrices that come early or late into the window they are of, and means several", () => {
    const draft = new HistoryDraft(300_000);
    for (const [startMs, rateBps] of [
      [1_000, 10],
      [299_000, 30],
      [310_000, 50],
    ] as const)
      draft.add({ startMs, ...ab, rateBps });
    expect([...seriesOf(finished(draft), 0)]).toEqual([20, 50]);
  });

  it("misses what was not measured up to its end", () => {
    const draft = new HistoryDraft(1000);
    draft.add({ startMs: 0, ...ab, rateBps: 5 });
    const history = draft.finish(3_500);
    expect(history.ok && [...history.value.ratesBps]).toEqual([5, Number.NaN, Number.NaN]);
    expect(draft.finish(0)).toMatchObject({ value: { windows: 1 } });
  });

  it("takes a matrix without demands for a measurement of 0", () => {
    const draft = new HistoryDraft(1000);
    draft.addMatrix(0, { demands: [{ ...ab, rateBps: 4 }] });
    draft.addMatrix(1000, { demands: [] });
    expect([...seriesOf(finished(draft), 0)]).toEqual([4, 0]);
  });

  it.each([
    ["not-finite", { startMs: 0, ...ab, rateBps: Number.NaN }],
    ["not-finite", { startMs: Infinity, ...ab, rateBps: 1 }],
    ["negative", { startMs: 0, ...ab, rateBps: -1 }],
    ["duplicate-id", { startMs: 5, ...ca, rateBps: 1 }],
  ] as const)("refuses with %s", (code, row) => {
    const draft = new HistoryDraft(1000);
    draft.add({ startMs: 5, ...ca, rateBps: 1 });
    expect(draft.add(row)).toMatchObject({ ok: false, faults: [{ code }] });
  });

  it("refuses nothing at all, and more windows than there may be", () => {
    expect(new HistoryDraft(1000).finish()).toMatchObject({ ok: false, faults: [{ code: "missing-field" }] });
    const draft = new HistoryDraft(1);
    draft.add({ startMs: 0, ...ab, rateBps: 1 });
    draft.add({ startMs: 1e9, ...ab, rateBps: 1 });
    expect(draft.finish()).toMatchObject({ ok: false, faults: [{ code: "too-many" }] });
  });
});

describe("a history of a series", () => {
  const series: DemandSeries = {
    kind: "demand-series",
    name: "day",
    intervalSeconds: 900,
    flowGroups: [ca, ab],
    ratesBps: [
      [1, 2],
      [3, 0],
      [5, 6],
    ],
  };

  it("has the rates of each interval, in the order of flow groups", () => {
    const history = historyOfSeries(series, 3_600_000);
    expect(history).toMatchObject({ ok: true, value: { startMs: 3_600_000, stepMs: 900_000, windows: 3, groups: [ab, ca] } });
    expect(history.ok && [...history.value.ratesBps]).toEqual([2, 0, 6, 1, 3, 5]);
  });

  it("is what its matrices, one by one, are", () => {
    const draft = new HistoryDraft(900_000);
    series.ratesBps.forEach((_, t) => draft.addMatrix(t * 900_000, matrixAt(series, t)));
    expect(historyOfSeries(series, 0)).toEqual(draft.finish());
  });
});

describe("longer windows", () => {
  const history = (rates: readonly number[]): DemandHistory => ({
    startMs: 0,
    stepMs: 1000,
    windows: rates.length,
    groups: [ab],
    ratesBps: Float64Array.from(rates),
  });

  it("are means of what is there, and missing where less than half is", () => {
    const long = inLongerWindows(history([9, 1, 2, Number.NaN, 4, Number.NaN, Number.NaN, 8]), 2);
    expect(long).toMatchObject({ startMs: 0, stepMs: 2000, windows: 4 });
    expect([...long.ratesBps]).toEqual([5, 2, 4, 8]);
    expect([...inLongerWindows(history([Number.NaN, Number.NaN, 6]), 3).ratesBps]).toEqual([Number.NaN]);
  });

  it("keep the newest parts whole", () => {
    const long = inLongerWindows(history([100, 1, 3, 5, 7]), 2);
    expect(long).toMatchObject({ startMs: 1000, windows: 2 });
    expect([...long.ratesBps]).toEqual([2, 6]);
  });

  it("keep the sum of what is whole", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        (rates, factor) => {
          const long = inLongerWindows(history(rates), factor);
          const kept = rates.slice(rates.length % factor);
          const sum = long.ratesBps.reduce((total, rate) => total + rate * factor, 0);
          expect(sum).toBeCloseTo(
            kept.reduce((total, rate) => total + rate, 0),
            3,
          );
        },
      ),
      { seed: 45, numRuns: 100 },
    );
  });

  it("of a part of the history are those windows", () => {
    expect(historyBetween(history([1, 2, 3, 4]), 1, 3)).toEqual({ ...history([2, 3]), startMs: 1000 });
  });
});
