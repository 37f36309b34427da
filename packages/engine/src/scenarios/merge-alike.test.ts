import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flowOfDemands, loadOf, type Problem } from "@sluice/mcf";
import { arbitraryProblem } from "../testing/small-problem.js";
import { mergeAlike } from "./merge-alike.js";

/** Demands by their paths' links. */
function problemOf(
  capacityBps: readonly number[],
  demands: readonly { readonly bps: number; readonly paths: readonly (readonly number[])[] }[],
): Problem {
  const paths = demands.flatMap((demand) => demand.paths);
  const starts = (lengths: readonly number[]): Int32Array =>
    Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0))]);
  const ends = new Int32Array(Math.max(demands.length, capacityBps.length));
  const each = new Float64Array(capacityBps.length);
  return {
    nodeCount: 1,
    linkCount: capacityBps.length,
    linkFrom: ends.slice(0, capacityBps.length),
    linkTo: ends.slice(0, capacityBps.length),
    capacityBps: Float64Array.from(capacityBps),
    latencyMs: each,
    metric: each,
    demandCount: demands.length,
    demandBps: Float64Array.from(demands, ({ bps }) => bps),
    demandSrc: ends.slice(0, demands.length),
    demandDst: ends.slice(0, demands.length),
    bandwidthFunctions: [],
    pathCount: paths.length,
    pathStart: starts(demands.map((demand) => demand.paths.length)),
    linkStart: starts(paths.map((path) => path.length)),
    pathLinks: Int32Array.from(paths.flat()),
  };
}

describe("demands that are alike", () => {
  it("are one, whatever the order of their paths and links, and are dealt the same part of their rates, path by path", () => {
    const problem = problemOf(
      [3, 3, 1],
      [
        { bps: 2, paths: [[0, 2], [1]] },
        { bps: 6, paths: [[1], [2, 0]] },
        { bps: 2, paths: [[1]] },
      ],
    );
    const { problem: merged, cost, deal, sum } = mergeAlike(problem, Float64Array.of(2, 1, 1, 5, 1));
    expect([merged.demandCount, merged.pathCount, [...merged.demandBps]]).toEqual([2, 3, [8, 2]]);
    // Paths by their links: 0,2 then 1; costs are means by rate.
    expect([...cost]).toEqual([4.25, 1, 1]);
    const flow = deal(Float64Array.of(1, 2, 0.5));
    expect([...flowOfDemands(problem, flow)]).toEqual([0.75, 2.25, 0.5]);
    expect([...flow]).toEqual([0.75, 0, 2, 0.25, 0.5]);
    expect([...sum(flow)]).toEqual([1, 2, 0.5]);
  });

  it("load links the same, dealt out or summed", () => {
    fc.assert(
      fc.property(
        arbitraryProblem({ nodesMax: 3, demandsMax: 12 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (problem, shares) => {
          const { problem: merged, sum, deal } = mergeAlike(problem, new Float64Array(problem.pathCount));
          const flowBps = new Float64Array(problem.pathCount);
          for (let d = 0; d < problem.demandCount; d++) {
            const [from = 0, end = 0] = problem.pathStart.subarray(d, d + 2);
            for (let p = from; p < end; p++) flowBps[p] = ((problem.demandBps[d] ?? 0) * (shares[p] ?? 0)) / (end - from);
          }
          const together = sum(flowBps);
          const dealt = deal(together);
          const tolerance = 1e-12 * (1 + problem.demandBps.reduce((all, bps) => all + bps, 0));
          const loads = [loadOf(problem, flowBps), loadOf(merged, together), loadOf(problem, dealt)];
          for (let e = 0; e < problem.linkCount; e++) {
            for (const load of loads) expect(Math.abs((load[e] ?? 0) - (loads[0]?.[e] ?? 0))).toBeLessThanOrEqual(tolerance);
          }
          for (const [d, bps] of flowOfDemands(problem, dealt).entries())
            expect(bps).toBeLessThanOrEqual((problem.demandBps[d] ?? 0) + tolerance);
        },
      ),
      { seed: 4, numRuns: 300 },
    );
  });
});
