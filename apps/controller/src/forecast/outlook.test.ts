import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { assert, operationSettingsDefault, parseTopology, planSettingsDefault } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { lookAhead, startOutlook, type OutlookWindow } from "./outlook.js";
import { csvOf, uploadBench, valueOf, type TestRow } from "./testing/upload-bench.js";

const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
const startMs = Date.parse("2026-03-02T00:00:00Z");

/**
 *     b
 *    / \        10 Gb/s each way, but c-b and b-c have 4
 *   a   c
 */
const parsed = parseTopology({
  name: "line",
  nodes: ["a", "b", "c"].map((id) => ({ id })),
  links: [
    ["a", "b", 10e9],
    ["b", "a", 10e9],
    ["b", "c", 4e9],
    ["c", "b", 4e9],
  ].map(([from, to, capacityBps]) => ({ id: `${from}-${to}`, from, to, capacityBps, latencyMs: 1, metric: 1 })),
});
assert(parsed.ok, "the topology is valid");
const topology = parsed.value;

function row(hour: number, dst: string, rateBps: number, more: Partial<TestRow> = {}): TestRow {
  const windowStart = new Date(startMs + hour * 3_600_000).toISOString();
  return { windowStart, windowSeconds: 3_600, src: "a", dst, class: "elastic", rateBps, quantile: "p90", ...more };
}

function parts(store: ReturnType<typeof uploadBench>["store"]) {
  return {
    store,
    view: () => ({ topology, topologyVersion: 7, settings: planSettingsDefault, settingsVersion: 3, operation: operationSettingsDefault }),
    solve: (snapshot: Parameters<typeof optimize>[0]) => optimize(snapshot, { lp, nowMs: () => performance.now() }),
    nowMs: () => startMs,
  };
}

describe("the outlook", () => {
  it("tells windows that fit from windows that will not, by class, and names the first link to fill", async () => {
    const bench = uploadBench({}, topology);
    const rows = [
      row(0, "c", 3e9),
      row(1, "c", 8e9),
      row(2, "c", 2e9, { class: "interactive" }),
      row(2, "c", 3e9, { class: "bulk" }),
      row(2, "b", 5e9),
      // Of another quantile only.
      row(3, "b", 1e9, { quantile: "p50" }),
    ];
    valueOf(await bench.send({}, csvOf(rows)));
    const { windows, basis, fault } = await lookAhead(parts(bench.store), () => false);
    expect(fault).toBeUndefined();
    expect(basis).toEqual({ topologyVersion: 7, settingsVersion: 3 });
    const shares = ({ classes }: OutlookWindow) => classes.map(({ admittedShare }) => Math.round(admittedShare * 1_000) / 1_000);
    expect(windows.map((window) => [window.windowStart.slice(12, 13), window.fits, shares(window), window.link?.linkId])).toEqual([
      ["0", true, [1, 1, 1], "b-c"],
      ["1", false, [1, 0.5, 1], "b-c"],
      ["2", false, [1, 1, 0.667], "b-c"],
      ["3", true, [1, 1, 1], "a-b"],
    ]);
    expect(windows[0]?.link?.utilization).toBeCloseTo(0.75, 3);
    expect(windows[1]?.link?.utilization).toBeCloseTo(1, 3);
    expect(windows[1]?.classes[1]).toMatchObject({ trafficClass: "elastic", demandBps: 8e9 });
    expect(windows[3]?.otherQuantile).toBe(1);
  });

  it("warns of each window once, and again where it fitted in between", async () => {
    const bench = uploadBench({}, topology);
    valueOf(await bench.send({ batchId: "one" }, csvOf([row(0, "c", 3e9), row(1, "c", 8e9)])));
    const warned: string[] = [];
    const watch = startOutlook(
      {
        ...parts(bench.store),
        warn: ({ batchId, windowStart }) => void warned.push(`${batchId} ${windowStart.slice(12, 13)}`),
        onFaults: () => {},
      },
      { afterMs: 0 },
    );
    await watch.settled();
    expect(watch.outlook()).toMatchObject({ state: "ready", computedAt: "2026-03-02T00:00:00.000Z" });
    expect(warned).toEqual(["one 1"]);
    const again = async () => {
      watch.touch();
      await watch.settled();
    };
    await again();
    expect(warned).toEqual(["one 1"]);
    valueOf(await bench.store.removeForecast(1, "one"));
    await again();
    valueOf(await bench.send({ batchId: "one" }, csvOf([row(1, "c", 9e9)])));
    await again();
    expect(warned).toEqual(["one 1", "one 1"]);
    watch.close();
  });

  it("says why a window is missing, and goes on with the others", async () => {
    const bench = uploadBench({}, topology);
    valueOf(await bench.send({}, csvOf([row(0, "c", 3e9), row(1, "c", 3e9)])));
    const { solve, ...rest } = parts(bench.store);
    let calls = 0;
    const { windows, fault } = await lookAhead(
      {
        ...rest,
        solve: (snapshot) => {
          calls += 1;
          return calls > 1 ? solve(snapshot) : Promise.resolve({ ok: false, faults: [{ code: "deadline-exceeded", message: "late" }] });
        },
      },
      () => false,
    );
    expect(windows.map(({ windowStart }) => windowStart.slice(12, 13))).toEqual(["1"]);
    expect(fault).toEqual({ code: "deadline-exceeded", message: "late" });
  });
});
