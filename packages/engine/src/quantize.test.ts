import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addAlongPath, flowOfDemands, loadOf, type Problem } from "@sluice/mcf";
import { quantize, type Quantized } from "./quantize.js";
import { arbitraryProblem } from "./testing/small-problem.js";
import { greedyFill } from "./schemes/greedy-fill.js";

/** One demand over parallel links of the given capacities: a path each. */
function parallel(capacityBps: readonly number[], demandBps: number): Problem {
  const count = capacityBps.length;
  return {
    nodeCount: 2,
    linkCount: count,
    linkFrom: new Int32Array(count),
    linkTo: new Int32Array(count).fill(1),
    capacityBps: Float64Array.from(capacityBps),
    latencyMs: new Float64Array(count),
    metric: new Float64Array(count),
    demandCount: 1,
    demandBps: Float64Array.of(demandBps),
    demandSrc: new Int32Array(1),
    demandDst: Int32Array.of(1),
    bandwidthFunctions: [],
    pathCount: count,
    pathStart: Int32Array.of(0, count),
    linkStart: Int32Array.from({ length: count + 1 }, (_, i) => i),
    pathLinks: Int32Array.from({ length: count }, (_, i) => i),
  };
}

function loads(problem: Problem, { weight, admittedBps }: Quantized): Float64Array {
  const load = new Float64Array(problem.linkCount);
  for (let d = 0; d < problem.demandCount; d++) {
    const first = problem.pathStart[d] ?? 0;
    const weights = weight.subarray(first, problem.pathStart[d + 1]);
    const sum = weights.reduce((a, b) => a + b, 0);
    weights.forEach((share, i) => {
      if (share > 0) addAlongPath(problem, first + i, ((admittedBps[d] ?? 0) * share) / sum, load);
    });
  }
  return load;
}

describe("quantize", () => {
  it("gives the weights of B4's worked example (2013, table 1): 10, 8.33, 1.67 Gb/s in tenths are 5 : 4 : 1", () => {
    const problem = parallel([100e9, 100e9, 100e9], 20e9);
    const result = quantize(problem, Float64Array.of(10e9, 25e9 / 3, 5e9 / 3), { weightSumMax: 10, ceiling: "allotted" });
    expect([...result.weight]).toEqual([5, 4, 1]);
    expect(result.admittedBps[0]).toBe(20e9);
  });

  it("loses what the fullest link's rounding costs when links are full", () => {
    // 2 : 1 is no number of quarters, but a sum of three is within the budget of four.
    expect(quantize(parallel([20, 10], 30), Float64Array.of(20, 10), { weightSumMax: 4, ceiling: "demand" }).lossBps).toBe(0);
    // 7 : 3 is none of the splits with at most four: 3 : 1 fills the first link at 9.33, 2 : 1 the second at 9.
    const { weight, admittedBps } = quantize(parallel([7, 3], 10), Float64Array.of(7, 3), { weightSumMax: 4, ceiling: "demand" });
    expect([...weight]).toEqual([3, 1]);
    expect(admittedBps[0]).toBeCloseTo(7 / 0.75, 12);
  });

  it("keeps capacity, demand and budget, and every share within a quantum of what was allotted", () => {
    fc.assert(
      fc.property(
        arbitraryProblem(),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 200, maxLength: 200 }),
        fc.integer({ min: 1, max: 80 }),
        fc.constantFrom("demand" as const, "allotted" as const),
        (problem, keep, weightSumMax, ceiling) => {
          const flow = greedyFill(problem, problem.pathCount).map((bps, path) => bps * (keep[path % keep.length] ?? 1));
          const result = quantize(problem, flow, { weightSumMax, ceiling });
          const allotted = flowOfDemands(problem, flow);
          loads(problem, result).forEach((load, link) => {
            expect(load).toBeLessThanOrEqual((problem.capacityBps[link] ?? 0) * (1 + 1e-12));
            expect(load).toBeCloseTo(result.loadBps[link] ?? 0, 0);
          });
          for (let d = 0; d < problem.demandCount; d++) {
            const first = problem.pathStart[d] ?? 0;
            const weights = result.weight.subarray(first, problem.pathStart[d + 1]);
            const sum = weights.reduce((a, b) => a + b, 0);
            const most = ceiling === "demand" ? (problem.demandBps[d] ?? 0) : (allotted[d] ?? 0);
            expect(result.admittedBps[d]).toBeLessThanOrEqual(most * (1 + 1e-12));
            if ((result.admittedBps[d] ?? 0) === 0) continue;
            expect(sum).toBeGreaterThanOrEqual(1);
            expect(sum).toBeLessThanOrEqual(weightSumMax);
            weights.forEach((share, i) => {
              expect(Math.abs(share / sum - (flow[first + i] ?? 0) / (allotted[d] ?? 0))).toBeLessThanOrEqual(1 / weightSumMax + 2e-6);
            });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds the sum of weights that loses nothing, where the whole budget would lose", () => {
    // In tenths 19 : 19 : 62 is 2 : 2 : 6, and two full links end it at 95; in sixths it is 1 : 1 : 4, and all fits.
    const { weight, admittedBps } = quantize(parallel([19, 19, 100], 100), Float64Array.of(19, 19, 62), {
      weightSumMax: 10,
      ceiling: "demand",
    });
    expect([...weight]).toEqual([1, 1, 4]);
    expect(admittedBps[0]).toBe(100);
  });

  it("loses nothing where every group has one path, or exact fractions of the budget", () => {
    fc.assert(
      fc.property(arbitraryProblem(), (problem) => {
        const flow = greedyFill(problem, 1);
        expect(quantize(problem, flow, { weightSumMax: 1, ceiling: "allotted" }).lossBps).toBeCloseTo(0, 3);
      }),
      { numRuns: 100 },
    );
    const problem = parallel([5, 3, 2], 10);
    expect(quantize(problem, Float64Array.of(5, 3, 2), { weightSumMax: 10, ceiling: "allotted" }).lossBps).toBe(0);
  });

  it("tops up to the demand only where it may", () => {
    const problem = parallel([10, 10], 12);
    const flow = Float64Array.of(3, 3);
    expect(quantize(problem, flow, { weightSumMax: 8, ceiling: "allotted" }).admittedBps[0]).toBe(6);
    expect(quantize(problem, flow, { weightSumMax: 8, ceiling: "demand" }).admittedBps[0]).toBe(12);
    expect(loadOf(problem, flow)[0]).toBe(3);
  });
});
