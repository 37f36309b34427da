/** What every store must do with forecasts and measured demands: a part of the store contract. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import {
  fault,
  toId,
  trafficClasses,
  type Demand,
  type DemandMatrix,
  type FaultCode,
  type NodeId,
  type Result,
  type Term,
} from "@sluice/model";
import { columnsOf } from "./demand-columns.js";
import {
  forecastBatchesMax,
  historyIntervalSeconds,
  historySecondsMax,
  type ForecastChunk,
  type NewForecastWindow,
  type Quantile,
} from "./forecast-store.js";
import type { Store } from "./store.js";

const startedAt = "2026-03-01T00:00:00.000Z";
const hash = "a".repeat(64);
const always = { from: "1970-01-01T00:00:00.000Z", to: "9999-12-31T00:00:00.000Z", limit: 1_000 };

export function describeForecasts(version: string, make: () => Promise<Store>): void {
  describe(`forecasts in the store: ${version}`, () => {
    let store: Store;
    let term: Term;
    beforeEach(async () => {
      store = await make();
      term = value(await store.acquireTerm("a test"));
    });
    afterEach(async () => {
      await store.close();
    });

    async function begin(batchId: string, at = startedAt): Promise<void> {
      value(await store.beginForecast(term, { batchId, name: `batch ${batchId}`, startedAt: at, by: "nightly job" }));
    }

    async function complete(
      batchId: string,
      windows: readonly NewForecastWindow[],
      completedAt = "2026-03-01T00:01:00.000Z",
    ): Promise<void> {
      await begin(batchId);
      value(
        await store.completeForecast(term, batchId, {
          completedAt,
          rows: windows.length,
          line: windows.length + 1,
          contentHash: hash,
          windows,
        }),
      );
    }

    it("takes a batch in chunk by chunk, and gives them back in order", async () => {
      await begin("b");
      expect(value(await store.getForecast("b"))).toEqual({
        batchId: "b",
        name: "batch b",
        state: "receiving",
        startedAt,
        by: "nightly job",
        rows: 0,
        line: 0,
        chunks: 0,
        errorCount: 0,
        errors: [],
        windows: 0,
        windowsQuarantined: 0,
      });
      const contents = [Uint8Array.of(0, 1, 255), new Uint8Array(0), Uint8Array.from({ length: 70_000 }, (_, i) => i % 251)];
      for (const [number, content] of contents.entries()) {
        value(await store.appendForecastChunk(term, "b", { ...chunk(number), content }));
      }
      expect(value(await store.getForecast("b"))).toMatchObject({ rows: 30, line: 31, chunks: 3 });
      for (const [number, content] of contents.entries()) {
        const read = value(await store.readForecastChunk("b", number));
        expect(read && Buffer.from(read).equals(Buffer.from(content))).toBe(true);
      }
      expect(value(await store.readForecastChunk("b", 3))).toBeUndefined();
      expect(codes(await store.readForecastChunk("c", 0))).toEqual(["not-found"]);
    });

    it("refuses chunks out of order, of batches that take none, and of unknown ones", async () => {
      await begin("b");
      value(await store.appendForecastChunk(term, "b", chunk(0)));
      for (const number of [0, 2]) expect(codes(await store.appendForecastChunk(term, "b", chunk(number)))).toEqual(["not-allowed"]);
      expect(codes(await store.appendForecastChunk(term, "c", chunk(0)))).toEqual(["not-found"]);
      expect(value(await store.getForecast("b"))).toMatchObject({ rows: 10, chunks: 1 });
      await complete("done", [window(1)]);
      expect(codes(await store.appendForecastChunk(term, "done", chunk(0)))).toEqual(["not-allowed"]);
    });

    it("keeps the errors of a batch, and begins a refused or unfinished one anew", async () => {
      await begin("b");
      const errors = [fault("negative", "/line/2/rateBps: -1 is below 0.", { pointer: "/line/2/rateBps" }), fault("malformed", "no")];
      value(await store.appendForecastChunk(term, "b", { ...chunk(0), errorCount: 7, errors }));
      expect(value(await store.getForecast("b"))).toMatchObject({ errorCount: 7, errors });
      value(await store.refuseForecast(term, "b", { completedAt: startedAt, rows: 12, line: 13, errorCount: 8, errors }));
      expect(value(await store.getForecast("b"))).toMatchObject({ state: "refused", rows: 12, line: 13, chunks: 0, errorCount: 8, errors });
      expect(value(await store.readForecastChunk("b", 0))).toBeUndefined();
      await begin("b");
      expect(value(await store.getForecast("b"))).toMatchObject({ state: "receiving", rows: 0, chunks: 0, errorCount: 0, errors: [] });
      value(await store.appendForecastChunk(term, "b", chunk(0)));
      await begin("b");
      expect(value(await store.readForecastChunk("b", 0))).toBeUndefined();
    });

    it("puts windows in the place of chunks in one step, and never again", async () => {
      await begin("b");
      value(await store.appendForecastChunk(term, "b", chunk(0)));
      const windows = [window(3, "p90"), window(2), { ...window(3), state: "quarantined" as const, reasons: [{ code: "zero", value: 0 }] }];
      value(await store.completeForecast(term, "b", { completedAt: startedAt, rows: 3, line: 4, contentHash: hash, windows }));
      expect(value(await store.getForecast("b"))).toMatchObject({
        state: "quarantined",
        rows: 3,
        line: 4,
        chunks: 0,
        windows: 3,
        windowsQuarantined: 1,
        contentHash: hash,
        firstWindowStart: "2026-03-02T02:00:00.000Z",
        lastWindowEnd: "2026-03-02T04:00:00.000Z",
        completedAt: startedAt,
      });
      expect(value(await store.readForecastChunk("b", 0))).toBeUndefined();
      expect(codes(await store.beginForecast(term, { batchId: "b", name: "b", startedAt }))).toEqual(["duplicate-id"]);
      expect(
        codes(await store.completeForecast(term, "b", { completedAt: startedAt, rows: 1, line: 2, contentHash: hash, windows })),
      ).toEqual(["not-allowed"]);
      const found = value(await store.listForecastWindows(always));
      expect(found.map(({ windowStart, quantile, state }) => [windowStart.slice(11, 13), quantile, state])).toEqual([
        ["02", "p50", "ready"],
        ["03", "p50", "quarantined"],
        ["03", "p90", "ready"],
      ]);
      expect(found[1]).toEqual({
        batchId: "b",
        batchCompletedAt: startedAt,
        windowStart: "2026-03-02T03:00:00.000Z",
        windowSeconds: 3_600,
        quantile: "p50",
        state: "quarantined",
        reasons: [{ code: "zero", value: 0 }],
        flowGroups: 1,
        rateBps: 3,
      });
    });

    it("gives back the demands of a window as they were, whatever they were", async () => {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(matrices, async (matrix) => {
          number += 1;
          const batchId = `batch-${number}`;
          await complete(batchId, [{ ...window(1), ...columnsFrom(matrix) }]);
          const read = value(await store.getForecastWindow(batchId, window(1)));
          expect(read).toEqual({ kind: "demand-matrix", name: batchId, demands: matrix.demands });
        }),
        { numRuns: 30 },
      );
      expect(codes(await store.getForecastWindow("batch-1", window(2)))).toEqual(["not-found"]);
      expect(codes(await store.getForecastWindow("none", window(1)))).toEqual(["not-found"]);
    });

    it("takes many windows at once", async () => {
      const windows = Array.from({ length: 700 }, (_, i) => ({ ...window(1), windowSeconds: i + 1 }));
      await complete("many", windows);
      expect(value(await store.getForecast("many"))).toMatchObject({ state: "ready", windows: 700 });
      const found = value(await store.listForecastWindows(always));
      expect(found.map(({ windowSeconds }) => windowSeconds)).toEqual(windows.map(({ windowSeconds }) => windowSeconds));
    });

    it("finds the windows that overlap a time, newest batch first", async () => {
      await complete("old", [window(1), window(2), window(3)], "2026-03-01T01:00:00.000Z");
      await complete("new", [window(2), window(2, "p99")], "2026-03-01T02:00:00.000Z");
      const at = async (from: string, to: string, more: { quantile?: Quantile; batchId?: string } = {}) =>
        value(
          await store.listForecastWindows({ from: `2026-03-02T${from}:00.000Z`, to: `2026-03-02T${to}:00.000Z`, limit: 10, ...more }),
        ).map(({ batchId, windowStart, quantile }) => `${batchId} ${windowStart.slice(12, 13)} ${quantile}`);
      expect(await at("02:30", "02:31")).toEqual(["new 2 p50", "old 2 p50", "new 2 p99"]);
      expect(await at("02:30", "02:31", { quantile: "p50" })).toEqual(["new 2 p50", "old 2 p50"]);
      expect(await at("01:30", "02:00")).toEqual(["old 1 p50"]);
      expect(await at("02:00", "03:01", { batchId: "old" })).toEqual(["old 2 p50", "old 3 p50"]);
      expect(await at("04:00", "09:00")).toEqual([]);
      expect(value(await store.listForecastWindows({ ...always, limit: 2 }))).toHaveLength(2);
    });

    it("releases what is quarantined, once", async () => {
      await complete("b", [{ ...window(1), state: "quarantined", reasons: [{ code: "too-high" }] }, window(2)]);
      const release = { releasedAt: "2026-03-01T05:00:00.000Z", releasedBy: "alice" };
      value(await store.releaseForecast(term, "b", release));
      expect(value(await store.getForecast("b"))).toMatchObject({ state: "ready", windowsQuarantined: 0, ...release });
      const found = value(await store.listForecastWindows(always));
      expect(found.map(({ state, reasons }) => [state, reasons])).toEqual([
        ["ready", [{ code: "too-high" }]],
        ["ready", []],
      ]);
      expect(codes(await store.releaseForecast(term, "b", release))).toEqual(["not-allowed"]);
      expect(codes(await store.releaseForecast(term, "c", release))).toEqual(["not-found"]);
    });

    it("removes a batch with all that it has", async () => {
      await complete("b", [window(1)]);
      await begin("c");
      value(await store.appendForecastChunk(term, "c", chunk(0)));
      for (const batchId of ["b", "c"]) {
        value(await store.removeForecast(term, batchId));
        expect(codes(await store.getForecast(batchId))).toEqual(["not-found"]);
        expect(codes(await store.removeForecast(term, batchId))).toEqual(["not-found"]);
      }
      expect(value(await store.listForecastWindows(always))).toEqual([]);
    });

    it("lists batches newest first, and keeps the newest only", async () => {
      for (let i = 0; i < forecastBatchesMax + 3; i += 1)
        await begin(`b${i}`, new Date(Date.parse(startedAt) + (i % 90) * 60_000).toISOString());
      const listed = value(await store.listForecasts({ limit: 1_000 }));
      expect(listed).toHaveLength(forecastBatchesMax);
      const sorted = [...listed].sort((a, b) => compare(b.startedAt, a.startedAt) || compare(a.batchId, b.batchId));
      expect(listed).toEqual(sorted);
      expect(value(await store.listForecasts({ limit: 2 }))).toEqual(listed.slice(0, 2));
      expect(listed.map(({ batchId }) => batchId)).toContain(`b${forecastBatchesMax + 2}`);
    });

    it("refuses every write of another term", async () => {
      await complete("b", [window(1)]);
      await begin("c");
      const before = value(await store.listForecasts({ limit: 10 }));
      const wrong = term + 1;
      const writes = [
        store.beginForecast(wrong, { batchId: "x", name: "x", startedAt }),
        store.appendForecastChunk(wrong, "c", chunk(0)),
        store.completeForecast(wrong, "c", { completedAt: startedAt, rows: 1, line: 1, contentHash: hash, windows: [window(1)] }),
        store.refuseForecast(wrong, "c", { completedAt: startedAt, rows: 1, line: 1, errorCount: 0, errors: [] }),
        store.releaseForecast(wrong, "b", { releasedAt: startedAt, releasedBy: "alice" }),
        store.removeForecast(wrong, "b"),
        store.putDemands(wrong, matrixOf(1), startedAt),
      ];
      for (const write of writes) expect(codes(await write)).toEqual(["stale-term"]);
      expect(value(await store.listForecasts({ limit: 10 }))).toEqual(before);
      expect(value(await store.listDemandHistory({ ...always, limit: 10 }))).toEqual([]);
    });

    it("refuses malformed records with a pointer", async () => {
      await begin("b");
      const windows = [window(1)];
      const completion = { completedAt: startedAt, rows: 1, line: 2, contentHash: hash, windows };
      const table: readonly [Promise<Result<unknown>>, FaultCode, string][] = [
        [store.beginForecast(term, { batchId: "a b", name: "x", startedAt }), "malformed", "/forecast/batchId"],
        [store.beginForecast(term, { batchId: "x", name: "", startedAt }), "out-of-range", "/forecast/name"],
        [store.beginForecast(term, { batchId: "x", name: "x", startedAt: "now" }), "malformed", "/forecast/startedAt"],
        [store.appendForecastChunk(term, "b", { ...chunk(0), rows: -1 }), "negative", "/forecast/rows"],
        [store.completeForecast(term, "b", { ...completion, contentHash: "x" }), "malformed", "/forecast/contentHash"],
        [store.completeForecast(term, "b", { ...completion, windows: [] }), "out-of-range", "/forecast/windows"],
        [
          store.completeForecast(term, "b", { ...completion, windows: [{ ...window(1), windowSeconds: 0 }] }),
          "out-of-range",
          "/forecast/windows/0/windowSeconds",
        ],
        [store.putDemands(term, matrixOf(1), "noon"), "malformed", "/measuredAt"],
        [store.listForecasts({ limit: 0 }), "out-of-range", "/limit"],
        [store.listForecastWindows({ ...always, from: "now" }), "malformed", "/from"],
        [store.listDemandHistory({ ...always, limit: 1_000 }), "out-of-range", "/limit"],
      ];
      for (const [outcome, code, pointer] of table) {
        const refused = await outcome;
        expect([codes(refused), refused.ok ? undefined : refused.faults[0].pointer]).toEqual([[code], pointer]);
      }
      expect(value(await store.getForecast("b"))).toMatchObject({ state: "receiving", chunks: 0 });
      expect(value(await store.loadInventory()).demands).toBeUndefined();
    });

    it("keeps the first measured matrix of each interval", async () => {
      const at = (seconds: number) => new Date(Date.parse(startedAt) + seconds * 1_000).toISOString();
      value(await store.putDemands(term, matrixOf(1), at(10)));
      value(await store.putDemands(term, matrixOf(2), at(20)));
      value(await store.putDemands(term, matrixOf(3)));
      value(await store.putDemands(term, matrixOf(4), at(historyIntervalSeconds)));
      expect(value(await store.loadInventory()).demands).toEqual({ version: 4, matrix: matrixOf(4) });
      const history = value(await store.listDemandHistory({ ...always, limit: 10 }));
      expect(history.map(({ windowStart, measuredAt, ratesBps }) => [windowStart, measuredAt, [...ratesBps]])).toEqual([
        [at(0), at(10), [1]],
        [at(historyIntervalSeconds), at(historyIntervalSeconds), [4]],
      ]);
      expect(history[0]?.flowGroups).toEqual([{ src: "n0", dst: "n1", trafficClass: "elastic" }]);
      expect(history[1]?.flowGroups).toBe(history[0]?.flowGroups);
      expect(value(await store.listDemandHistory({ ...always, from: at(1), limit: 10 }))).toHaveLength(1);
      expect(value(await store.listDemandHistory({ ...always, limit: 1 }))).toHaveLength(1);
    });

    it("gives back measured rates exactly, and forgets what is older than two weeks", async () => {
      let ms = Date.parse(startedAt);
      let before: DemandMatrix | undefined;
      await fc.assert(
        fc.asyncProperty(matrices, async (matrix) => {
          ms += historySecondsMax * 1_000 - historyIntervalSeconds * 1_000;
          value(await store.putDemands(term, matrix, new Date(ms).toISOString()));
          const history = value(await store.listDemandHistory({ ...always, limit: 10 }));
          // The one before is just young enough; the one before that is not.
          expect(history.map(ratesOf)).toEqual([...(before === undefined ? [] : [before]), matrix].map(ratesIn));
          before = matrix;
        }),
        { numRuns: 20 },
      );
    });
  });
}

const node = fc.constantFrom("a", "b", "Zürich", "東京", "x/y~z").map((id) => toId<NodeId>(id));
const rate = fc
  .oneof(fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true }), fc.constantFrom(0, 5e-324, 2 ** 53 - 1))
  .map((x) => x + 0);
const points = fc.constant([
  { fairShare: 0, rateBps: 0 },
  { fairShare: 1, rateBps: 5 },
]);

/** Sorted by flow group, as matrices are. */
const matrices: fc.Arbitrary<DemandMatrix> = fc
  .uniqueArray(
    fc.record(
      { src: node, dst: node, trafficClass: fc.constantFrom(...trafficClasses), rateBps: rate, bandwidthFunction: fc.record({ points }) },
      { requiredKeys: ["src", "dst", "trafficClass", "rateBps"] },
    ),
    { maxLength: 12, selector: ({ src, dst, trafficClass }) => `${src} ${dst} ${trafficClass}` },
  )
  .map((demands: readonly Demand[]) => ({
    kind: "demand-matrix",
    name: "m",
    demands: [...demands].sort(
      (a, b) =>
        compare(a.src, b.src) || compare(a.dst, b.dst) || trafficClasses.indexOf(a.trafficClass) - trafficClasses.indexOf(b.trafficClass),
    ),
  }));

function ratesOf({ flowGroups, ratesBps }: { readonly flowGroups: readonly object[]; readonly ratesBps: Float64Array }): readonly object[] {
  return flowGroups.map((group, i) => ({ ...group, rateBps: ratesBps[i] }));
}

function ratesIn({ demands }: DemandMatrix): readonly object[] {
  return demands.map(({ src, dst, trafficClass, rateBps }) => ({ src, dst, trafficClass, rateBps }));
}

function columnsFrom(matrix: DemandMatrix) {
  const rateBps = matrix.demands.reduce((sum, demand) => sum + demand.rateBps, 0);
  return { columns: value(columnsOf(matrix)), flowGroups: matrix.demands.length, rateBps: Math.min(rateBps, Number.MAX_SAFE_INTEGER) };
}

function matrixOf(rateBps: number): DemandMatrix {
  const [src, dst] = [toId<NodeId>("n0"), toId<NodeId>("n1")];
  return { kind: "demand-matrix", name: "m", demands: [{ src, dst, trafficClass: "elastic", rateBps }] };
}

function window(hour: number, quantile: Quantile = "p50"): NewForecastWindow {
  const windowStart = `2026-03-02T0${hour}:00:00.000Z`;
  return { windowStart, windowSeconds: 3_600, quantile, state: "ready", reasons: [], ...columnsFrom(matrixOf(hour)) };
}

function chunk(number: number): ForecastChunk {
  return { number, rows: (number + 1) * 10, line: (number + 1) * 10 + 1, errorCount: 0, errors: [], content: Uint8Array.of(number) };
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

function codes(result: Result<unknown>): readonly FaultCode[] {
  return result.ok ? [] : result.faults.map(({ code }) => code);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
