import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstOrder } from "../first-order/first-order.js";
import { randomProgram } from "../testing/random-program.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { linksOf, problemOf } from "../testing/written-problem.js";
import { concentrate } from "./concentrate.js";

const parallel = (capacity: number) =>
  problemOf({
    links: [
      { from: 0, to: 1, capacity: 10 },
      { from: 0, to: 1, capacity },
    ],
    demands: [{ src: 0, dst: 1, rate: 9, paths: [[0], [1]] }],
  });

describe("concentrate", () => {
  it("moves the smaller flow into the larger one where it fits, and nothing where not", () => {
    expect([...concentrate(parallel(10), Float64Array.of(3, 6))]).toEqual([0, 9]);
    expect([...concentrate(parallel(8), Float64Array.of(3, 6))]).toEqual([9, 0]);
    expect([...concentrate({ ...parallel(8), capacityBps: Float64Array.of(4, 8) }, Float64Array.of(3, 6))]).toEqual([3, 6]);
  });

  it("moves nothing where it would be worth less", () => {
    expect([...concentrate(parallel(10), Float64Array.of(3, 6), Float64Array.of(1, 0.5))]).toEqual([9, 0]);
    expect([
      ...concentrate({ ...parallel(10), capacityBps: Float64Array.of(8, 10) }, Float64Array.of(3, 6), Float64Array.of(1, 0.5)),
    ]).toEqual([3, 6]);
  });

  it("carries what was carried, fits, and uses no path that was not used", () => {
    fc.assert(
      fc.property(randomProgram({ kinds: ["throughput"], size: "medium" }), (program) => {
        const { problem } = program;
        const { flowBps } = firstOrder(program, { gap: 1e-4, timeLimitSeconds: 1, nowMs: tickingClock() });
        const flow = concentrate(problem, flowBps);
        const load = new Float64Array(problem.linkCount);
        flow.forEach((bps, p) => linksOf(problem, p).forEach((e) => (load[e] = (load[e] ?? 0) + bps)));
        expect([...flow.keys()].filter((p) => (flow[p] ?? 0) > 0 && !((flowBps[p] ?? 0) > 0))).toEqual([]);
        load.forEach((bps, e) => expect(bps).toBeLessThanOrEqual((problem.capacityBps[e] ?? 0) * (1 + 1e-9)));
        for (let d = 0; d < problem.demandCount; d++) {
          const sum = (flows: Float64Array): number =>
            flows.subarray(problem.pathStart[d], problem.pathStart[d + 1]).reduce((total, bps) => total + bps, 0);
          expect(Math.abs(sum(flow) - sum(flowBps))).toBeLessThanOrEqual(1e-12 * sum(flowBps));
        }
      }),
      { numRuns: 60 },
    );
  });
});
