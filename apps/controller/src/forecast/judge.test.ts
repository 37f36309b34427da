import { buildDemandMatrix, toId, trafficClasses, type Demand, type DemandMatrix, type NodeId } from "@sluice/model";
import { columnsOf, memoryStore, type Store } from "@sluice/store";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demandsReader, judgeWindows } from "./judge.js";
import { csvOf, topologyOf, uploadBench, valueOf, type TestRow } from "./testing/upload-bench.js";
import type { StagedWindow } from "./windows.js";

const names = ["a", "b", "c", "d"];
const nowMs = Date.parse("2026-03-15T12:00:00Z");
const hourMs = 3_600_000;

/** A day's swing, alike each day, over every pair and class. */
function usualAt(ms: number): readonly Demand[] {
  const swing = 1 + 0.4 * Math.sin((2 * Math.PI * (ms % (24 * hourMs))) / (24 * hourMs));
  return names.flatMap((src, i) =>
    names.flatMap((dst, j) =>
      src === dst
        ? []
        : trafficClasses.map((trafficClass, k) => ({
            src: toId<NodeId>(src),
            dst: toId<NodeId>(dst),
            trafficClass,
            rateBps: (1e9 + i * 1e8 + j * 1e7 + k * 1e6) * swing,
          })),
    ),
  );
}

function matrixOf(demands: readonly Demand[]): DemandMatrix {
  return valueOf(buildDemandMatrix("m", demands));
}

async function withHistory(days: number): Promise<{ readonly store: Store; readonly term: number }> {
  const store = memoryStore();
  const term = valueOf(await store.acquireTerm("a test"));
  for (let ms = nowMs - days * 24 * hourMs; ms < nowMs; ms += 1_800_000) {
    valueOf(await store.putDemands(term, matrixOf(usualAt(ms)), new Date(ms).toISOString()));
  }
  return { store, term };
}

function staged(demands: readonly Demand[], hour = 1): StagedWindow {
  const windowStart = new Date(nowMs + hour * hourMs).toISOString();
  const { columns } = { columns: valueOf(columnsOf(matrixOf(demands))) };
  return { windowStart, windowSeconds: 3_600, quantile: "p50", columns, rateBps: demands.reduce((sum, { rateBps }) => sum + rateBps, 0) };
}

const windowMs = nowMs + 1.5 * hourMs;
const scaled = (factor: number, of: (demand: Demand) => boolean = () => true) =>
  usualAt(windowMs).map((demand) => (of(demand) ? { ...demand, rateBps: demand.rateBps * factor } : demand));

describe("windows against what was measured", () => {
  it("are good where they are like it", async () => {
    const { store } = await withHistory(7);
    const judged = valueOf(await judgeWindows(store, nowMs, [staged(usualAt(windowMs)), staged(scaled(1.5)), staged(scaled(0.6))]));
    expect(judged).toEqual(Array.from({ length: 3 }, () => ({ state: "ready", reasons: [] })));
  });

  const cases: readonly (readonly [string, readonly Demand[], string, string])[] = [
    ["ten times the usual", scaled(10), "too-high", "interactive"],
    ["one class ten times the usual", scaled(10, ({ trafficClass }) => trafficClass === "bulk"), "too-high", "bulk"],
    ["zero", scaled(0), "zero", "elastic"],
    [
      "NaN",
      scaled(Number.NaN, ({ src, dst, trafficClass }) => src === "a" && dst === "b" && trafficClass === "bulk"),
      "not-a-number",
      "a>b/bulk",
    ],
    ["most groups missing", usualAt(windowMs).filter(({ src }) => src === "a"), "groups-missing", "all"],
    ["one flow group with all the traffic", scaled(60, ({ src, dst }) => src === "a" && dst === "b"), "groups-too-high", "a>b/interactive"],
  ];
  it.each(cases)("%s is quarantined, and told why", async (_name, demands, code, subject) => {
    const { store } = await withHistory(3);
    const [judged, good] = valueOf(await judgeWindows(store, nowMs, [staged(demands), staged(usualAt(windowMs), 2)]));
    expect(judged?.state).toBe("quarantined");
    expect(judged?.reasons).toContainEqual(expect.objectContaining({ code, subject }));
    // One window does not speak for another.
    expect(good).toEqual({ state: "ready", reasons: [] });
    // As JSON, so that a store can keep it.
    expect(JSON.parse(JSON.stringify(judged))).toEqual(judged);
  });

  it("are judged by the last good forecast where next to nothing was measured", async () => {
    const bench = uploadBench({ nowMs: () => nowMs, judge: (windows) => judgeWindows(bench.store, nowMs, windows) }, topologyOf(names));
    const rows = (factor: number): readonly TestRow[] =>
      Array.from({ length: 24 }, (_, hour) => nowMs + (hour - 12) * hourMs).flatMap((ms) =>
        usualAt(ms + hourMs / 2).map(({ src, dst, trafficClass, rateBps }) => ({
          windowStart: new Date(ms).toISOString(),
          windowSeconds: 3_600,
          src,
          dst,
          class: trafficClass,
          rateBps: rateBps * factor,
          quantile: "p50",
        })),
      );
    expect(valueOf(await bench.send({ batchId: "first" }, csvOf(rows(1))))).toMatchObject({ state: "ready", windows: 24 });
    expect(valueOf(await bench.send({ batchId: "second" }, csvOf(rows(1.2))))).toMatchObject({ state: "ready" });
    expect(valueOf(await bench.send({ batchId: "third" }, csvOf(rows(10))))).toMatchObject({
      state: "quarantined",
      windowsQuarantined: 24,
    });
  });

  it("without history and forecast are judged by their numbers alone", async () => {
    const store = memoryStore();
    const [high, odd] = valueOf(await judgeWindows(store, nowMs, [staged(scaled(10)), staged(scaled(Number.NaN))]));
    expect(high).toEqual({ state: "ready", reasons: [] });
    expect(odd?.state).toBe("quarantined");
  });
});

describe("demands of windows, read one after the other", () => {
  /** Some of the flow groups, each with a rate. */
  const windowArbitrary = fc
    .array(fc.tuple(fc.integer({ min: 0, max: usualAt(0).length - 1 }), fc.integer({ min: 0, max: 9 })), { maxLength: 6 })
    .map((picked) =>
      usualAt(0).flatMap((demand, i) =>
        picked
          .filter(([at]) => at === i)
          .slice(0, 1)
          .map(([, rateBps]) => ({ ...demand, rateBps })),
      ),
    );

  it.each([
    ["another node", { src: "a", dst: "c", trafficClass: "bulk" }],
    ["the other direction", { src: "b", dst: "a", trafficClass: "bulk" }],
    ["another class", { src: "a", dst: "b", trafficClass: "elastic" }],
  ] as const)("are of their own flow groups where these differ by %s alone", (_, { src, dst, trafficClass }) => {
    const reader = demandsReader();
    const first = { src: toId<NodeId>("a"), dst: toId<NodeId>("b"), trafficClass: "bulk", rateBps: 1 } as const;
    const second = { src: toId<NodeId>(src), dst: toId<NodeId>(dst), trafficClass, rateBps: 2 } as const;
    for (const demand of [first, second, first]) expect([...reader(valueOf(columnsOf(matrixOf([demand]))))]).toEqual([demand]);
  });

  it("are those of each by itself, whether or not the flow groups are those of the window before", () => {
    const repeated = fc.array(fc.tuple(windowArbitrary, fc.boolean()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(repeated, (list) => {
        const reader = demandsReader();
        let last: readonly Demand[] = [];
        for (const [demands, isAgain] of list) {
          // The groups of the window before with other rates.
          const window = isAgain ? last.map((demand, i) => ({ ...demand, rateBps: demand.rateBps + i + 1 })) : demands;
          last = window;
          const matrix = matrixOf(window);
          const read = reader(valueOf(columnsOf(matrix)));
          expect(read.map((demand) => ({ ...demand }))).toEqual(matrix.demands);
        }
      }),
    );
  });
});
