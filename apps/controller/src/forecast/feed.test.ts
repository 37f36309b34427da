import { operationSettingsDefault, toId, type NodeId } from "@sluice/model";
import { quantiles } from "@sluice/store";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chainOf } from "./chain.js";
import { loadForecasts, startForecastFeed } from "./feed.js";
import { csvOf, uploadBench, valueOf, type TestRow, type UploadBench } from "./testing/upload-bench.js";

const startMs = Date.parse("2026-03-02T00:00:00Z");
const hourMs = 3_600_000;

function row(hour: number, rateBps: number, more: Partial<TestRow> = {}): TestRow {
  const windowStart = new Date(startMs + hour * hourMs).toISOString();
  return { windowStart, windowSeconds: 3_600, src: "a", dst: "b", class: "bulk", rateBps, quantile: "p50", ...more };
}

/** Batches follow each other by a minute; a rate of 666 is quarantined. */
function bench(): UploadBench {
  let minutes = 0;
  return uploadBench({
    nowMs: () => startMs - hourMs + (minutes += 1) * 60_000,
    judge: (windows) =>
      Promise.resolve({
        ok: true,
        value: windows.map(({ rateBps }) => ({ state: rateBps === 666 ? ("quarantined" as const) : ("ready" as const), reasons: [] })),
      }),
  });
}

describe("which window counts", () => {
  it("is that of the newest batch that is good for the time, and the one before where it is quarantined", async () => {
    const { store, send } = bench();
    valueOf(await send({ batchId: "old" }, csvOf([row(0, 1), row(1, 2), row(2, 3)])));
    valueOf(await send({ batchId: "new" }, csvOf([row(1, 20), row(2, 666), row(3, 40)])));
    const at = async (hour: number) => valueOf(await chainOf(store, { nowMs: startMs + hour * hourMs, aheadMs: 24 * hourMs, count: 10 }));
    const names = async (hour: number) =>
      (await at(hour)).windows.map(({ batchId, windowStart }) => `${batchId} ${windowStart.slice(12, 13)}`);
    expect(await names(0.5)).toEqual(["old 0", "new 1", "old 2", "new 3"]);
    expect(await names(2)).toEqual(["old 2", "new 3"]);
    expect(await names(-1)).toEqual(["old 0", "new 1", "old 2", "new 3"]);
    expect((await at(-1)).absence).toBe("none");
    expect((await at(4)).absence).toBe("stale");
    expect((await at(24 * 30)).absence).toBe("none");
    valueOf(await store.removeForecast(1, "old"));
    expect(await at(2.5)).toMatchObject({ absence: "quarantined", windows: [{ batchId: "new" }] });
    valueOf(await store.releaseForecast(1, "new", { releasedAt: "2026-03-02T00:00:00Z", releasedBy: "alice" }));
    expect(await names(2.5)).toEqual(["new 2", "new 3"]);
  });

  it("agrees with asking for each minute by itself", async () => {
    const windows = fc.array(
      fc.record({
        batch: fc.constantFrom("a", "b", "c"),
        hour: fc.integer({ min: 0, max: 5 }),
        length: fc.constantFrom(1_800, 3_600, 7_200),
        bad: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(windows, async (all) => {
        const { store, send } = bench();
        const unique = [...new Map(all.map((each) => [`${each.batch} ${each.hour} ${each.length}`, each])).values()];
        for (const batchId of ["a", "b", "c"]) {
          const rows = unique
            .filter(({ batch }) => batch === batchId)
            .map(({ hour, length, bad }) => row(hour, bad ? 666 : 1, { windowSeconds: length }));
          if (rows.length > 0) valueOf(await send({ batchId }, csvOf(rows)));
        }
        const chain = valueOf(await chainOf(store, { nowMs: startMs, aheadMs: 24 * hourMs, count: 100 })).windows;
        let endMs = -Infinity;
        for (const { windowStart, windowSeconds, batchId } of chain) {
          const from = Date.parse(windowStart);
          const begins = Math.max(from, endMs, startMs);
          // At the time from which it counts, nothing newer or shorter is good for it.
          const good = unique.filter(
            ({ hour, length, bad }) => !bad && startMs + hour * hourMs <= begins && begins < startMs + hour * hourMs + length * 1_000,
          );
          const newest = good
            .map(({ batch }) => batch)
            .sort()
            .at(-1);
          expect(batchId).toBe(newest);
          expect(windowSeconds).toBe(Math.min(...good.filter(({ batch }) => batch === newest).map(({ length }) => length)));
          endMs = from + windowSeconds * 1_000;
        }
        const covered = (ms: number) =>
          chain.some(
            ({ windowStart, windowSeconds }) => Date.parse(windowStart) <= ms && ms < Date.parse(windowStart) + windowSeconds * 1_000,
          );
        for (let ms = startMs; ms < startMs + 10 * hourMs; ms += 600_000) {
          const isGood = unique.some(
            ({ hour, length, bad }) => !bad && startMs + hour * hourMs <= ms && ms < startMs + hour * hourMs + length * 1_000,
          );
          expect(covered(ms)).toBe(isGood);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is handed to the machine", () => {
  const blended = { ...operationSettingsDefault, demandSource: { kind: "blended" as const, quantile: "p90" as const } };

  it("has all quantiles of each flow group together", async () => {
    const { store, send } = bench();
    const rows = quantiles.map((quantile, i) => row(0, 10 + i, { quantile }));
    valueOf(await send({ batchId: "b" }, csvOf([...rows, row(0, 5, { src: "b", dst: "c", quantile: "p90" }), row(1, 7)])));
    const loaded = valueOf(await loadForecasts({ store, view: () => ({ operation: blended }), nowMs: () => startMs }));
    const group = (src: string, dst: string) => ({ src: toId<NodeId>(src), dst: toId<NodeId>(dst), trafficClass: "bulk" });
    expect(loaded).toMatchObject({ absence: "none", windows: [{ batchId: "b", revision: "p50 p75 p90 p95 p99" }, { revision: "p50" }] });
    expect(loaded.windows[0]?.demands).toEqual([
      { ...group("a", "b"), ratesBps: { p50: 10, p75: 11, p90: 12, p95: 13, p99: 14 } },
      { ...group("b", "c"), ratesBps: { p90: 5 } },
    ]);
  });

  it("is nothing while nothing is planned on forecasts", async () => {
    const { store, send } = bench();
    valueOf(await send({}, csvOf([row(0, 1)])));
    const loaded = await loadForecasts({ store, view: () => ({ operation: operationSettingsDefault }), nowMs: () => startMs });
    expect(valueOf(loaded)).toEqual({ windows: [], absence: "not-loaded" });
  });

  it("comes again whenever something changed, and not when the store failed", async () => {
    const { store, send } = bench();
    valueOf(await send({}, csvOf([row(0, 1)])));
    const told: unknown[] = [];
    const faults: string[] = [];
    const feed = startForecastFeed({
      store,
      view: () => ({ operation: blended }),
      nowMs: () => startMs,
      tell: ({ windows }) => void told.push(windows.length),
      onFaults: ([first]) => void faults.push(first.code),
    });
    await feed.refresh();
    await feed.refresh();
    expect(told.every((count) => count === 1)).toBe(true);
    const before = told.length;
    await store.close();
    await feed.refresh();
    expect([told.length, faults]).toEqual([before, ["unavailable"]]);
    feed.close();
    await feed.refresh();
    expect(told.length).toBe(before);
  });
});
