import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highsBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import { benchObjectives } from "./bench-message.js";
import { solveByHighs } from "./highs-solve.js";
import { alongPaths, judge } from "./judge.js";
import { nearestInNetwork } from "./nearest-in-network.js";
import { warmUpProblem } from "./warm-up.js";

/**
 * The example of docs/certificates.md: a>b wants 10 over a-b (8) or a-c-b (6, 5), c>b wants 4 over c-b (5).
 */
const example: Problem = {
  nodeCount: 3,
  linkCount: 3,
  linkFrom: Int32Array.of(0, 0, 2),
  linkTo: Int32Array.of(1, 2, 1),
  capacityBps: Float64Array.of(8, 6, 5),
  latencyMs: new Float64Array(3).fill(1),
  metric: new Float64Array(3).fill(1),
  demandCount: 2,
  demandBps: Float64Array.of(10, 4),
  demandSrc: Int32Array.of(0, 2),
  demandDst: Int32Array.of(1, 1),
  bandwidthFunctions: [],
  pathCount: 3,
  pathStart: Int32Array.of(0, 2, 3),
  linkStart: Int32Array.of(0, 1, 3, 4),
  pathLinks: Int32Array.of(0, 1, 2, 2),
};
const flowBps = Float64Array.of(8, 2, 3);
const linkPrice = Float64Array.of(1, 0, 1);

describe("the judge on the example of docs/certificates.md", () => {
  it("finds the value, and the bound that the prices prove", () => {
    expect(judge(example, "max-throughput", { flowBps, linkPrice })).toEqual({ value: 13, bound: 13, gap: 0, violations: [] });
  });

  it("finds the weaker bound of weaker prices", () => {
    const weak = judge(example, "max-throughput", { flowBps, linkPrice: Float64Array.of(0.5, 0, 0.5) });
    expect(weak).toMatchObject({ value: 13, bound: 13.5, violations: [] });
    expect(weak.gap).toBeCloseTo(0.5 / 13.5, 12);
  });

  it("finds the common fraction and its bound, whatever the factor of the prices", () => {
    const claim = { flowBps: Float64Array.of(8, 1.25, 3.7), linkPrice: Float64Array.of(7, 0, 7) };
    expect(judge(example, "max-concurrent", claim)).toMatchObject({ value: 0.925, bound: 13 / 14, violations: [] });
  });

  it.each<[string, Float64Array, Float64Array, RegExp]>([
    ["a link exceeded by 2e-9", Float64Array.of(8 * (1 + 2e-9), 1, 3), linkPrice, /^Link 0 of capacity 8 carries 8\.0/],
    ["a demand exceeded", Float64Array.of(1, 0, 4.1), linkPrice, /^Demand 1 of 4 carries 4\.1/],
    ["a negative flow", Float64Array.of(8, -1, 3), linkPrice, /^Path 1 carries -1/],
    ["a flow that is no number", Float64Array.of(Number.NaN, 0, 3), linkPrice, /^Path 0 carries NaN/],
    ["a negative price", flowBps, Float64Array.of(1, -1, 1), /^Link 1 has the price -1/],
    ["a price that is no number", flowBps, Float64Array.of(Number.NaN, 0, 1), /^Link 0 has the price NaN/],
    ["a flow too few", flowBps.subarray(1), linkPrice, /one flow per path/],
  ])("does not let pass %s", (_, flow, price, sentence) => {
    expect(judge(example, "max-throughput", { flowBps: flow, linkPrice: price }).violations[0]).toMatch(sentence);
  });

  it("lets pass what rounding does, and counts violations of one kind", () => {
    expect(judge(example, "max-throughput", { flowBps: Float64Array.of(8 * (1 + 5e-10), 1, 3), linkPrice }).violations).toEqual([]);
    expect(judge(example, "max-throughput", { flowBps: Float64Array.of(9, 7, 3), linkPrice }).violations).toContainEqual(
      expect.stringMatching(/^Link 0 .* \(2 more like this\)$/),
    );
  });
});

describe("bounds are bounds, whatever the prices", () => {
  const problem = warmUpProblem(5);
  const prices = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: problem.linkCount, maxLength: problem.linkCount });

  it.each(benchObjectives)("%s: no prices bound below what HiGHS reaches; its own prove it", async (objective) => {
    const limit = objective === "max-throughput" ? "capacity" : "utilization";
    const answer = await solveByHighs(
      { problem, limit },
      { lp: await highsBackend(), method: "simplex", accuracy: 1e-9, timeLimitSeconds: 20 },
    );
    if (!("flowBps" in answer)) throw new Error(answer.message);
    const full = scaledToFit(problem, answer.flowBps);
    const best = judge(problem, objective, { ...answer, flowBps: full });
    expect(best.violations).toEqual([]);
    expect(best.gap).toBeLessThan(1e-7);
    fc.assert(
      fc.property(prices, (price) => {
        const claim = { flowBps: full, linkPrice: Float64Array.from(price) };
        const onPaths = judge(problem, objective, claim);
        const inNetwork = judge(problem, objective, claim, nearestInNetwork);
        expect(onPaths.violations).toEqual([]);
        expect(onPaths.bound).toBeGreaterThanOrEqual(best.value * (1 - 1e-9));
        // More paths to choose from: at most as tight.
        expect(inNetwork.bound).toBeGreaterThanOrEqual(onPaths.bound * (1 - 1e-12));
      }),
      { numRuns: 50 },
    );
  });

  it("nothing asked and nothing to ask with", () => {
    const idle = { ...problem, demandBps: new Float64Array(problem.demandCount) };
    const none = { flowBps: new Float64Array(problem.pathCount), linkPrice: new Float64Array(problem.linkCount) };
    expect(judge(idle, "max-throughput", none)).toEqual({ value: 0, bound: 0, gap: 0, violations: [] });
    expect(judge(idle, "max-concurrent", none)).toEqual({ value: 1, bound: 1, gap: 0, violations: [] });
  });
});

describe("cheapest ways through the network", () => {
  it("are those of Floyd and Warshall, over links with capacity only", () => {
    const problem = warmUpProblem(5);
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { minLength: problem.linkCount, maxLength: problem.linkCount }),
        fc.array(fc.nat(3), { minLength: problem.linkCount, maxLength: problem.linkCount }),
        (price, closed) => {
          const open = { ...problem, capacityBps: problem.capacityBps.map((capacity, e) => (closed[e] === 0 ? 0 : capacity)) };
          const near = nearestInNetwork(open, Float64Array.from(price));
          const distance = floydWarshall(open, price);
          expect(near).toEqual(near.map((_, d) => distance[problem.demandSrc[d] ?? 0]?.[problem.demandDst[d] ?? 0] ?? Infinity));
          const { nearestBy: onPaths } = alongPaths(open, {
            flowBps: new Float64Array(open.pathCount),
            linkPrice: Float64Array.from(price),
          });
          expect(onPaths.every((length, d) => length >= (near[d] ?? Infinity))).toBe(true);
        },
      ),
      { numRuns: 10 },
    );
  });
});

function floydWarshall({ nodeCount, linkFrom, linkTo, capacityBps }: Problem, price: readonly number[]): readonly (readonly number[])[] {
  const distance = Array.from({ length: nodeCount }, (_, i) => Array.from({ length: nodeCount }, (__, j) => (i === j ? 0 : Infinity)));
  const at = (i: number, j: number): number => distance[i]?.[j] ?? Infinity;
  linkFrom.forEach((from, e) => {
    const row = distance[from];
    const to = linkTo[e] ?? 0;
    if (row !== undefined && (capacityBps[e] ?? 0) > 0) row[to] = Math.min(at(from, to), price[e] ?? Infinity);
  });
  for (let k = 0; k < nodeCount; k++) {
    distance.forEach((row, i) => row.forEach((_, j) => (row[j] = Math.min(at(i, j), at(i, k) + at(k, j)))));
  }
  return distance;
}

/** A flow that carries everything, divided by its utilization; any other unchanged. */
function scaledToFit({ linkStart, pathLinks, capacityBps }: Problem, flow: Float64Array): Float64Array {
  const load = new Float64Array(capacityBps.length);
  flow.forEach((bps, p) => pathLinks.subarray(linkStart[p], linkStart[p + 1]).forEach((e) => (load[e] = (load[e] ?? 0) + bps)));
  const utilization = load.reduce((most, bps, e) => Math.max(most, bps / (capacityBps[e] ?? 1)), 1);
  return flow.map((bps) => bps / utilization);
}
