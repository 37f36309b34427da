import { trafficClasses } from "@sluice/model";
import { describe, expect, it } from "vitest";
import type { ForecastRow } from "./row.js";
import { ForecastStaging } from "./staging.js";
import { topologyOf } from "./testing/upload-bench.js";

describe("staged rows", () => {
  it("are told apart by every part of their key, however many there are", () => {
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const staging = new ForecastStaging(topologyOf(names));
    const rows: ForecastRow[] = [];
    for (let slot = 0; slot < 40; slot += 1) {
      for (const src of names) {
        for (const dst of names) {
          if (src === dst) continue;
          trafficClasses.forEach((_, trafficClass) => {
            const window = { startMs: (slot >> 2) * 300_000, windowSeconds: 300 + (slot & 1), quantile: (slot >> 1) & 1 };
            rows.push({ ...window, src, dst, trafficClass, rateBps: rows.length });
          });
        }
      }
    }
    expect(rows.filter((row) => staging.add(row) !== undefined)).toEqual([]);
    expect(staging.rows).toBe(rows.length);
    // Each of them is there now, whatever its rate.
    const refused = rows.filter((row) => staging.add({ ...row, rateBps: 0 })?.code === "duplicate-id");
    expect([refused.length, staging.rows]).toEqual([rows.length, rows.length]);
  });

  it("come back from their chunks as they were", () => {
    const topology = topologyOf(["a", "b", "c"]);
    const [whole, again] = [new ForecastStaging(topology), new ForecastStaging(topology)];
    const row = { startMs: 0, windowSeconds: 300, quantile: 0, src: "a", dst: "b", trafficClass: 0, rateBps: 1 };
    const points = [
      { fairShare: 0, rateBps: 0 },
      { fairShare: 1, rateBps: 5 },
    ];
    const parts: readonly (readonly ForecastRow[])[] = [
      [row, { ...row, dst: "c", bandwidthFunction: { points } }],
      [],
      [{ ...row, startMs: 300_000, src: "c", rateBps: Number.NaN }],
    ];
    for (const part of parts) {
      for (const each of part) expect(whole.add(each)).toBeUndefined();
      expect(again.addChunk(whole.takeChunk())).toEqual({ ok: true, value: undefined });
    }
    for (const key of ["slots", "nodeIds", "columns", "bandwidthFunctions", "rows"] as const) expect(again[key]).toEqual(whole[key]);
    expect(again.add(row)?.code).toBe("duplicate-id");
  });

  it("are refused where a chunk is damaged, or not the next", () => {
    const topology = topologyOf(["a", "b"]);
    const staging = new ForecastStaging(topology);
    staging.add({ startMs: 0, windowSeconds: 300, quantile: 0, src: "a", dst: "b", trafficClass: 0, rateBps: 1 });
    const chunk = staging.takeChunk();
    const damaged = new ForecastStaging(topology).addChunk(chunk.subarray(0, chunk.length - 1));
    expect(damaged.ok ? undefined : damaged.faults[0].code).toBe("store-failed");
    const twice = staging.addChunk(chunk);
    expect(twice.ok ? undefined : twice.faults[0].code).toBe("store-failed");
  });
});
