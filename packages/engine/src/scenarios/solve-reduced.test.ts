import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flowOfDemands, loadOf, type Problem } from "@sluice/mcf";
import { highs } from "../testing/planning.js";
import { arbitraryProblem } from "../testing/small-problem.js";
import { solveReduced, type ReducedOptions } from "./solve-reduced.js";

const gapMax = 1e-6;

function solve(problem: Problem, more: Partial<ReducedOptions> = {}) {
  const cost = Float64Array.from({ length: problem.pathCount }, (_, p) => (problem.linkStart[p + 1] ?? 0) - (problem.linkStart[p] ?? 0));
  return solveReduced(problem, { lp: highs, nowMs: () => 0, timeLimitSeconds: 10, objective: "max-throughput", gapMax, cost, ...more });
}

function carried(flowBps: Float64Array): number {
  return flowBps.reduce((sum, bps) => sum + bps, 0);
}

/** A ring of links, each wanted by a demand of its own and by that of its neighbour: more links than the dense walk is for. */
function ring(linkCount: number): Problem {
  const count = Int32Array.from({ length: linkCount }, (_, e) => e);
  const each = new Float64Array(linkCount).fill(1);
  return {
    nodeCount: linkCount,
    linkCount,
    linkFrom: count,
    linkTo: count.map((e) => (e + 1) % linkCount),
    capacityBps: Float64Array.from(count, (e) => 1 + (e % 3)),
    latencyMs: each,
    metric: each,
    demandCount: linkCount,
    demandBps: new Float64Array(linkCount).fill(3),
    demandSrc: count,
    demandDst: count.map((e) => (e + 1) % linkCount),
    bandwidthFunctions: [],
    pathCount: 2 * linkCount,
    pathStart: Int32Array.from({ length: linkCount + 1 }, (_, d) => 2 * d),
    linkStart: Int32Array.from({ length: 2 * linkCount + 1 }, (_, p) => p),
    pathLinks: Int32Array.from({ length: 2 * linkCount }, (_, p) => ((p >> 1) + (p & 1)) % linkCount),
  };
}

describe("a reduced program", () => {
  it("is solved to the wanted gap, within its limits, from a plan's flow or from nothing", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryProblem({ demandsMax: 12 }),
        fc.array(fc.float({ min: 0, max: 1, noNaN: true })),
        async (problem, shares) => {
          const flowBps = Float64Array.from({ length: problem.pathCount }, (_, p) => 2e10 * (shares[p] ?? 0));
          const start = { flowBps, linkPrice: new Float64Array(problem.linkCount).fill(0.5) };
          const answers = await Promise.all([solve(problem), solve(problem, { start })]);
          for (const answer of answers) {
            expect(answer.boundBps - carried(answer.flowBps)).toBeLessThanOrEqual(gapMax * answer.boundBps);
            for (const [e, load] of loadOf(problem, answer.flowBps).entries()) {
              expect(load).toBeLessThanOrEqual((problem.capacityBps[e] ?? 0) * (1 + 1e-12));
            }
            for (const [d, bps] of flowOfDemands(problem, answer.flowBps).entries()) {
              expect(bps).toBeLessThanOrEqual((problem.demandBps[d] ?? 0) * (1 + 1e-12));
            }
          }
        },
      ),
      { seed: 4, numRuns: 150 },
    );
  });

  it("with too many links for the walk is solved by the other engines", async () => {
    const problem = ring(2100);
    const full = problem.capacityBps.reduce((sum, bps) => sum + bps, 0);
    const { flowBps, boundBps } = await solve(problem);
    expect(carried(flowBps)).toBeGreaterThanOrEqual(full * (1 - gapMax));
    expect(boundBps).toBeLessThanOrEqual(full * (1 + gapMax));
  });

  it("of a fair class is shared fairly", async () => {
    const problem: Problem = { ...ring(4), capacityBps: Float64Array.of(1, 0, 1, 0) };
    const { flowBps } = await solve(problem, { objective: "max-min-fair" });
    for (const bps of flowOfDemands(problem, flowBps)) expect(bps).toBeCloseTo(0.5, 6);
  });
});
