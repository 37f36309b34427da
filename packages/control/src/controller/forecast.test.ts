import { canonicalHash, type DemandMatrix } from "@sluice/model";
import { describe, expect, it } from "vitest";
import type { LoadedForecast } from "../controller-event.js";
import { demandsOf, Harness, node, triangle } from "../testing/harness.js";

const hourMs = 3_600_000;
const startMs = Date.parse("2026-03-02T00:00:00Z");
const measured = demandsOf("measured", { "a>c": 2e9, "b>c": 1e9 });
const paths = { "a>c": ["a-c"], "b>c": ["b-c"], "a>b": ["a-b"] };

function window(hour: number, rateBps: number, more: Partial<LoadedForecast> = {}): LoadedForecast {
  return {
    batchId: `batch-${hour}`,
    windowStart: new Date(startMs + hour * hourMs).toISOString(),
    windowSeconds: 3_600,
    demands: [{ src: node("a"), dst: node("c"), trafficClass: "elastic", ratesBps: { p50: rateBps, p90: rateBps * 2 } }],
    revision: "p50 p90",
    ...more,
  };
}

/** With a plan in force and `blended` asked for, at the start of an hour. */
function blending(): Harness {
  const harness = new Harness({ nowMs: startMs, config: { solveIntervalMinMs: 1_000 } });
  harness.ingest(triangle(), measured);
  for (const { id } of triangle().nodes) harness.startAgent(id);
  harness.wait(100);
  harness.answer(paths);
  harness.wait(2_000);
  expect(harness.view.planInForce?.record.epoch).toBe(1);
  harness.event({ kind: "change-operation", requestId: "blend", operation: { demandSource: { kind: "blended", quantile: "p90" } } });
  harness.wait(2_000);
  harness.answer(paths);
  harness.wait(2_000);
  return harness;
}

const rate = ({ demands }: DemandMatrix, pair: string) => demands.find(({ src, dst }) => `${src}>${dst}` === pair)?.rateBps;

function solvedFor(harness: Harness): DemandMatrix {
  harness.wait(2_000);
  const solve = harness.solves.at(-1);
  if (solve === undefined) throw new Error("nothing was solved for");
  return solve.snapshot.demands;
}

describe("demands that are planned for", () => {
  it("are the measured ones until blending is asked for, whatever was loaded", () => {
    const harness = new Harness({ nowMs: startMs });
    harness.ingest(triangle(), measured);
    harness.event({ kind: "forecast-loaded", windows: [window(0, 8e9)], absence: "none" });
    harness.wait(1_000);
    expect(harness.solves.at(-1)?.snapshot.demands).toEqual(measured);
    expect(harness.kinds()).not.toContain("demand-source-changed");
  });

  it("say why they are measured only where there is no forecast for now", () => {
    for (const absence of ["not-loaded", "none", "stale", "quarantined"] as const) {
      const harness = blending();
      if (absence !== "not-loaded") harness.event({ kind: "forecast-loaded", windows: [window(5, 8e9)], absence });
      const demands = solvedFor(harness);
      expect(demands).toEqual({ ...measured, basis: { kind: "measured", why: absence } });
      expect(harness.published.findLast(({ kind }) => kind === "demand-source-changed")?.data).toEqual({
        source: "measured",
        why: absence,
      });
      const solve = harness.published.findLast(({ kind }) => kind === "solve-started");
      expect(solve?.data["demandBasis"]).toEqual({ kind: "measured", why: absence });
    }
  });

  it("are blended with the window of now, at the quantile that was chosen, and say so in input and events", () => {
    const harness = blending();
    harness.event({ kind: "forecast-loaded", windows: [window(0, 4e9), window(1, 6e9)], absence: "none" });
    const demands = solvedFor(harness);
    const { basis } = demands;
    expect(basis).toMatchObject({
      kind: "blended",
      batchId: "batch-0",
      windowStart: "2026-03-02T00:00:00.000Z",
      windowSeconds: 3_600,
      quantile: "p90",
    });
    // weight * measured + (1 - weight) * median, and the whole margin of the quantile above the median.
    const weight = basis?.kind === "blended" ? basis.measuredWeight : -1;
    expect(weight).toBeGreaterThan(0);
    expect(rate(demands, "a>c")).toBeCloseTo(weight * 2e9 + (1 - weight) * 4e9 + 4e9, 0);
    expect(rate(demands, "b>c")).toBe(1e9);
    expect(basis).toMatchObject({ flowGroups: { both: 1, measured: 1, forecast: 0 } });
    harness.answer(paths);
    harness.wait(2_000);
    const { planInForce } = harness.view;
    expect(planInForce?.input.demands).toEqual(demands);
    // The input is the cycle's own: whoever runs it again needs no forecast.
    expect(planInForce?.record.cycleInputHash).toBe(canonicalHash(planInForce?.input));
    expect(harness.published.findLast(({ kind }) => kind === "demand-source-changed")?.data).toEqual({
      source: "blended",
      batchId: "batch-0",
      windowStart: "2026-03-02T00:00:00.000Z",
      windowSeconds: 3_600,
      quantile: "p90",
    });
  });

  it("roll over to the next window by the machine's clock, and to measurement where the last one ends", () => {
    const harness = blending();
    harness.event({ kind: "forecast-loaded", windows: [window(1, 3e9), window(0, 4e9)], absence: "none" });
    expect(solvedFor(harness).basis).toMatchObject({ batchId: "batch-0" });
    harness.answer(paths);
    harness.wait(hourMs - (harness.nowMs - startMs) - 50);
    const before = harness.solves.length;
    harness.wait(2_000);
    expect(harness.solves.length).toBe(before + 1);
    expect(harness.solves.at(-1)?.snapshot.demands.basis).toMatchObject({ kind: "blended", batchId: "batch-1" });
    harness.answer(paths);
    harness.wait(hourMs);
    expect(harness.solves.at(-1)?.snapshot.demands.basis).toEqual({ kind: "measured", why: "stale" });
  });

  it("count a measurement for less the older it is", () => {
    const weightAfter = (ms: number): number => {
      const harness = blending();
      harness.event({ kind: "measure-demands", requestId: "again", matrix: { ...measured, name: "again" } });
      harness.wait(2_000);
      harness.answer(paths);
      harness.wait(ms);
      harness.event({ kind: "forecast-loaded", windows: [window(0, 4e9)], absence: "none" });
      const { basis } = solvedFor(harness);
      return basis?.kind === "blended" ? basis.measuredWeight : -1;
    };
    const [fresh, old] = [weightAfter(0), weightAfter(30 * 60_000)];
    expect(old).toBeLessThan(fresh);
    expect(old).toBeGreaterThan(0);
  });

  it("ask for a plan where what is planned on changes, and not where it does not", () => {
    const harness = blending();
    harness.event({ kind: "forecast-loaded", windows: [window(0, 4e9)], absence: "none" });
    solvedFor(harness);
    harness.answer(paths);
    harness.wait(2_000);
    const before = harness.solves.length;
    harness.event({ kind: "forecast-loaded", windows: [window(0, 4e9)], absence: "none" });
    harness.wait(5_000);
    expect(harness.solves.length).toBe(before);
    harness.event({ kind: "forecast-loaded", windows: [window(0, 4e9, { revision: "p50" })], absence: "none" });
    harness.wait(5_000);
    expect(harness.solves.length).toBe(before + 1);
    harness.answer(paths);
    harness.event({ kind: "change-operation", requestId: "measured", operation: { demandSource: { kind: "measured" } } });
    expect(solvedFor(harness)).toEqual(measured);
  });

  it("are the same whenever the same events come", () => {
    const run = () => {
      const harness = blending();
      harness.event({ kind: "forecast-loaded", windows: [window(0, 4e9), window(1, 6e9)], absence: "none" });
      solvedFor(harness);
      harness.answer(paths);
      harness.wait(2_000);
      return [harness.view.planInForce?.record.cycleInputHash, harness.published];
    };
    expect(run()).toEqual(run());
  });
});

describe("what the driver has found out", () => {
  it("is told to watchers and written to the journal", () => {
    const harness = new Harness();
    const by = { actor: "alice", correlationId: "r1" };
    harness.event({ kind: "forecast-noted", note: "forecast-released", data: { batchId: "b" }, by });
    harness.wait(100);
    expect(harness.published).toContainEqual({ kind: "forecast-released", data: { batchId: "b", by } });
    const written = harness.writes.flatMap((write) => (write.kind === "events" ? write.events : []));
    expect(written).toContainEqual(expect.objectContaining({ kind: "forecast-released", data: { batchId: "b", by } }));
  });
});
