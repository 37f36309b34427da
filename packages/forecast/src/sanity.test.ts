import { flowGroupId } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DemandHistory } from "./demand-history.js";
import { sanityBy, sanityOf, usualWindowsMin, type JudgedMatrix } from "./sanity.js";
import { groupOf, historyFrom, ordinary } from "./testing/network.js";
import { randomOf } from "./testing/series.js";
import { usualDemand } from "./usual-demand.js";

const groups = [
  groupOf("a", "b"),
  groupOf("a", "c"),
  groupOf("b", "c"),
  groupOf("c", "a"),
  groupOf("b", "a", "bulk"),
  groupOf("c", "b", "bulk"),
];
const history = historyFrom({ groups, windows: 24 * 7 }, ordinary(randomOf(1)));
const usual = usualDemand(history);

/** The window's own matrix, its rates changed. */
function matrixOf(of: DemandHistory, window: number, change: (rateBps: number, group: number) => number = (rate) => rate): JudgedMatrix {
  const demands = of.groups.map((group, g) => ({ ...group, rateBps: change(of.ratesBps[g * of.windows + window] ?? 0, g) }));
  return { demands, startMs: of.startMs + window * of.stepMs };
}

const window = fc.integer({ min: 0, max: history.windows - 1 });
const codes = (matrix: JudgedMatrix): readonly string[] => [...new Set(sanityBy(usual, matrix).reasons.map(({ code }) => code))];

describe("the sanity band", () => {
  it("lets through what was measured, and days that are half or twice as busy", () => {
    fc.assert(
      fc.property(window, fc.double({ min: 0.5, max: 2, noNaN: true }), (t, factor) => {
        expect(
          sanityBy(
            usual,
            matrixOf(history, t, (rate) => rate * factor),
          ),
        ).toEqual({ verdict: "good", reasons: [], judgedByHistory: true });
      }),
      { seed: 61, numRuns: 200 },
    );
  });

  it.each([10, 1000])("stops %s times the usual at every hour", (times) => {
    for (let t = 0; t < history.windows; t += 1) expect(codes(matrixOf(history, t, (rate) => rate * times))).toContain("too-high");
  });

  it("stops a network that is switched off", () => {
    for (let t = 0; t < 24; t += 1) expect(codes(matrixOf(history, t, () => 0))).toEqual(["zero", "groups-missing"]);
    expect(codes({ demands: [], startMs: 0 })).toEqual(["zero", "groups-missing"]);
  });

  it("stops one class that is switched off", () => {
    expect(codes(matrixOf(history, 12, (rate, g) => (g >= 4 ? 0 : rate)))).toContain("zero");
  });

  it("stops a hundredth of the usual", () => {
    for (let t = 0; t < 24; t += 1) expect(codes(matrixOf(history, t, (rate) => rate / 100))).toEqual(["too-low"]);
  });

  it.each([Number.NaN, Infinity, -Infinity])("stops a rate of %s, with or without a history", (rateBps) => {
    const bad = matrixOf(history, 3, (rate, g) => (g === 2 ? rateBps : rate));
    const subject = flowGroupId(groups[2] ?? groupOf("", ""));
    for (const sanity of [sanityOf(history, bad), sanityOf({ ...history, windows: 0, groups: [], ratesBps: new Float64Array() }, bad)]) {
      expect(sanity.verdict).toBe("quarantined");
      expect(sanity.reasons).toContainEqual(expect.objectContaining({ code: "not-a-number", subject }));
    }
  });

  it("stops a rate below 0", () => {
    expect(codes(matrixOf(history, 3, (rate, g) => (g === 0 ? -1 : rate)))).toContain("negative");
  });

  it("stops a matrix that lacks most of the usual flow groups", () => {
    const matrix = matrixOf(history, 5);
    expect(codes({ ...matrix, demands: matrix.demands.slice(3, 5) })).toEqual(["groups-missing"]);
    expect(codes({ ...matrix, demands: matrix.demands.slice(1) })).toEqual([]);
  });

  it("stops a flow group that outgrows its class, though the class's total is within its band", () => {
    const wild = matrixOf(history, 5, (rate, g) => (g === 0 ? rate * 12 : rate));
    expect(sanityBy(usual, wild)).toMatchObject({
      verdict: "quarantined",
      reasons: [{ code: "groups-too-high", subject: flowGroupId(groups[0] ?? groupOf("", "")) }],
    });
  });

  it("lets a small flow group burst, and a new one appear", () => {
    const many = Array.from({ length: 40 }, (_, i) => groupOf(`n${i}`, "hub"));
    const busy = historyFrom({ groups: many, windows: 48 }, () => 1e9);
    const burst = matrixOf(busy, 5, (rate, g) => (g === 7 ? rate * 8 : rate));
    expect(sanityOf(busy, burst).verdict).toBe("good");
    expect(sanityOf(busy, { ...burst, demands: [...matrixOf(busy, 5).demands, { ...groupOf("new", "hub"), rateBps: 5e9 }] }).verdict).toBe(
      "good",
    );
    expect(sanityOf(busy, { ...burst, demands: [...matrixOf(busy, 5).demands, { ...groupOf("new", "hub"), rateBps: 9e9 }] }).verdict).toBe(
      "quarantined",
    );
  });

  it("lets through bursts of a class that has them by nature", () => {
    const backup = historyFrom({ groups: [groupOf("a", "b", "bulk")], windows: 24 * 7 }, (_, t) => (t % 24 === 2 ? 1e11 : 1e8));
    expect(sanityOf(backup, matrixOf(backup, 2)).verdict).toBe("good");
    expect(
      sanityOf(
        backup,
        matrixOf(backup, 2, (rate) => rate * 10),
      ).verdict,
    ).toBe("quarantined");
  });

  it("is not moved by a few mad measurements", () => {
    const mad = { ...history, ratesBps: history.ratesBps.map((rate, i) => (i % history.windows === 40 ? 0 : rate)) };
    expect(
      sanityOf(
        mad,
        matrixOf(history, 40, (rate) => rate * 10),
      ).verdict,
    ).toBe("quarantined");
    expect(sanityOf(mad, matrixOf(history, 41)).verdict).toBe("good");
  });

  it("says where the history is too short to judge by, and judges the rest", () => {
    const short = historyFrom({ groups, windows: usualWindowsMin - 1 }, ordinary(randomOf(2)));
    expect(
      sanityOf(
        short,
        matrixOf(history, 0, (rate) => rate * 1000),
      ),
    ).toEqual({ verdict: "good", reasons: [], judgedByHistory: false });
    const enough = historyFrom({ groups, windows: usualWindowsMin }, ordinary(randomOf(2)));
    expect(
      sanityOf(
        enough,
        matrixOf(history, 0, (rate) => rate * 1000),
      ).verdict,
    ).toBe("quarantined");
  });

  it("judges by what was measured: missing windows count for nothing", () => {
    const holes = { ...history, ratesBps: history.ratesBps.map((rate, i) => ((i % history.windows) % 5 === 0 ? Number.NaN : rate)) };
    expect(sanityOf(holes, matrixOf(history, 40)).verdict).toBe("good");
    expect(usualDemand(holes).windows).toBe(history.windows - Math.ceil(history.windows / 5));
    const none = { ...history, ratesBps: history.ratesBps.map(() => Number.NaN) };
    expect(sanityOf(none, matrixOf(history, 40))).toMatchObject({ judgedByHistory: false });
  });
});
