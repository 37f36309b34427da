/** The four LP schemes: worked examples, and what must hold on any problem, whichever backend solves it. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, javascriptLpSolverBackend, type LpBackend } from "@sluice/lp";
import { certify, edgeCertify, unservedCostMs } from "../certificate.js";
import type { Problem } from "@sluice/mcf";
import type { Scheme, SchemeOutcome } from "../scheme.js";
import { problemOf } from "../testing/written-problem.js";
import { arbitraryProblem } from "../testing/small-problem.js";
import { maxConcurrent } from "./max-concurrent.js";
import { maxThroughput } from "./max-throughput.js";
import { minCost } from "./min-cost.js";
import { minMaxUtilization } from "./min-max-utilization.js";

const schemes: readonly Scheme[] = [maxThroughput, minCost, minMaxUtilization, maxConcurrent];

let backends: readonly LpBackend[];
let highs: LpBackend;
beforeAll(async () => {
  highs = await highsBackend();
  backends = [highs, javascriptLpSolverBackend()];
});

const solve = (scheme: Scheme, problem: Problem, lp: LpBackend = highs): Promise<SchemeOutcome> =>
  scheme.solve(problem, { lp, timeLimitSeconds: 10 });

/**
 *          1                 capacity, latency
 *        /   \               0-1, 1-3: 10, 5 ms
 *   0 --       -- 3          0-2, 2-3:  4, 1 ms
 *        \   /
 *          2
 */
const diamond = (demand: number): Problem =>
  problemOf({
    links: [
      { from: 0, to: 1, capacity: 10, latencyMs: 5 },
      { from: 1, to: 3, capacity: 10, latencyMs: 5 },
      { from: 0, to: 2, capacity: 4, latencyMs: 1 },
      { from: 2, to: 3, capacity: 4, latencyMs: 1 },
    ],
    demands: [
      {
        src: 0,
        dst: 3,
        rate: demand,
        paths: [
          [0, 1],
          [2, 3],
        ],
      },
    ],
  });

/**
 *   0 ---> 1 ---> 2      both links carry 10; demands 0>1: 8, 1>2: 8, 0>2: 6
 */
const line = problemOf({
  links: [
    { from: 0, to: 1, capacity: 10, latencyMs: 1 },
    { from: 1, to: 2, capacity: 10, latencyMs: 1 },
  ],
  demands: [
    { src: 0, dst: 1, rate: 8, paths: [[0]] },
    { src: 1, dst: 2, rate: 8, paths: [[1]] },
    { src: 0, dst: 2, rate: 6, paths: [[0, 1]] },
  ],
});

describe("max-throughput", () => {
  it("fills both paths of the diamond and prices one link of each", async () => {
    const { status, objective, linkPrice } = await solve(maxThroughput, diamond(20));
    expect({ status, objective }).toEqual({ status: "optimal", objective: 14 });
    expect((linkPrice?.[0] ?? 0) + (linkPrice?.[1] ?? 0)).toBeCloseTo(1, 6);
    expect((linkPrice?.[2] ?? 0) + (linkPrice?.[3] ?? 0)).toBeCloseTo(1, 6);
  });

  it("prefers two short demands to one long one, and says what a bps more of a link is worth", async () => {
    const { objective, flowBps, linkPrice } = await solve(maxThroughput, line);
    expect(objective).toBeCloseTo(18, 9);
    expect([...flowBps].map((flow) => Math.round(flow * 1e6) / 1e6)).toEqual([8, 8, 2]);
    expect((linkPrice?.[0] ?? 0) + (linkPrice?.[1] ?? 0)).toBeCloseTo(1, 6);
  });
});

describe("min-cost", () => {
  it("takes the fast path first and the slow one for the rest", async () => {
    const { status, objective, flowBps, linkPrice } = await solve(minCost, diamond(9));
    expect(status).toBe("optimal");
    expect([...flowBps].map((flow) => Math.round(flow * 1e6) / 1e6)).toEqual([5, 4]);
    expect(objective).toBeCloseTo(5 * 10 + 4 * 2, 6);
    expect((linkPrice?.[2] ?? 0) + (linkPrice?.[3] ?? 0)).toBeCloseTo(10 - 2, 6);
  });

  it("charges what is not carried with a millisecond more than all latencies together", async () => {
    expect(unservedCostMs(diamond(20))).toBe(13);
    const { objective } = await solve(minCost, diamond(20));
    expect(objective).toBeCloseTo(10 * 10 + 4 * 2 + 6 * 13, 6);
  });
});

describe("min-max-utilization", () => {
  it("loads both paths alike, and says how a bps more of capacity lowers that", async () => {
    const { status, objective, linkPrice } = await solve(minMaxUtilization, diamond(7));
    expect(status).toBe("optimal");
    expect(objective).toBeCloseTo(0.5, 6);
    // u = 7 / (c0 + c2) where one of the two links in series is widened only together with the other.
    expect((linkPrice?.[0] ?? 0) + (linkPrice?.[1] ?? 0)).toBeCloseTo(7 / 14 ** 2, 6);
  });

  it("goes above 1 where demand does", async () => {
    expect((await solve(minMaxUtilization, diamond(28))).objective).toBeCloseTo(2, 6);
  });

  it("takes the fastest of the flows that reach the optimum", async () => {
    const bottleneck = problemOf({
      links: [
        { from: 0, to: 1, capacity: 1, latencyMs: 1 },
        { from: 1, to: 2, capacity: 100, latencyMs: 1 },
        { from: 1, to: 2, capacity: 100, latencyMs: 9 },
      ],
      demands: [
        {
          src: 0,
          dst: 2,
          rate: 1,
          paths: [
            [0, 2],
            [0, 1],
          ],
        },
      ],
    });
    const { objective, flowBps } = await solve(minMaxUtilization, bottleneck);
    expect(objective).toBeCloseTo(1, 6);
    expect(flowBps[0]).toBeCloseTo(0, 6);
    expect(flowBps[1]).toBeCloseTo(1, 6);
  });
});

describe("max-concurrent", () => {
  it("gives all the same share, then tops up", async () => {
    const { status, objective, flowBps, linkPrice } = await solve(maxConcurrent, line);
    expect(status).toBe("optimal");
    expect(objective).toBeCloseTo(10 / 14, 6);
    expect(flowBps[0]).toBeCloseTo((8 * 10) / 14, 5);
    expect((linkPrice?.[0] ?? 0) + (linkPrice?.[1] ?? 0)).toBeCloseTo(1 / 14, 6);
  });

  it("never gives more than is asked for, and tops up what the common fraction leaves", async () => {
    const uneven = problemOf({
      links: [
        { from: 0, to: 1, capacity: 5, latencyMs: 1 },
        { from: 0, to: 2, capacity: 100, latencyMs: 1 },
      ],
      demands: [
        { src: 0, dst: 1, rate: 10, paths: [[0]] },
        { src: 0, dst: 2, rate: 10, paths: [[1]] },
      ],
    });
    const { objective, flowBps } = await solve(maxConcurrent, uneven);
    expect(objective).toBeCloseTo(0.5, 6);
    expect(flowBps[0]).toBeCloseTo(5, 6);
    expect(flowBps[1]).toBeCloseTo(10, 6);
  });
});

describe.each(schemes.map((scheme) => ({ name: scheme.objective, scheme })))("$name on any problem", ({ name, scheme }) => {
  it("gives a flow that fits, an optimum that its prices prove, and the same value with either backend", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem(), async (problem) => {
        const values: number[] = [];
        for (const lp of backends) {
          const outcome = await solve(scheme, problem, lp);
          expect(outcome).toMatchObject({ status: "optimal", solver: lp.name });
          expect(excessOf(problem, outcome.flowBps, name === "min-max-utilization")).toBeLessThanOrEqual(1e-9);
          expect(outcome.linkPrice?.every((price) => price >= 0 && Number.isFinite(price))).toBe(true);
          const { value, gap } = certify(problem, name, outcome.flowBps, outcome.linkPrice);
          expect(gap).toBeLessThanOrEqual(1e-6);
          values.push(value);
        }
        const [a = 0, b = 0] = values;
        expect(Math.abs(a - b) / Math.max(1e-12, Math.abs(a), Math.abs(b))).toBeLessThanOrEqual(1e-6);
      }),
      { numRuns: 150 },
    );
  });

  it("answers an idle network with zero flow at once", async () => {
    const idle = problemOf({
      links: [{ from: 0, to: 1, capacity: 0, latencyMs: 1 }],
      demands: [{ src: 0, dst: 1, rate: 5, paths: [[0]] }],
    });
    expect(await solve(scheme, idle)).toMatchObject({ status: "optimal", flowBps: Float64Array.of(0), linkPrice: Float64Array.of(0) });
  });

  it("scales with the network: a thousand million times faster, the same plan", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem({ allUsable: true }), async (problem) => {
        const scale = 2 ** 30;
        const faster = {
          ...problem,
          capacityBps: problem.capacityBps.map((c) => c * scale),
          demandBps: problem.demandBps.map((d) => d * scale),
        };
        const [slow, fast] = [await solve(scheme, problem), await solve(scheme, faster)];
        expect(fast.flowBps).toEqual(slow.flowBps.map((flow) => flow * scale));
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    { status: "failed", expected: "failed" },
    { status: "time-limit", expected: "time-limit" },
    { status: "optimal", expected: "failed" },
  ] as const)("is $expected with zero flow when the backend ends $status without a point", async ({ status, expected }) => {
    const lp: LpBackend = { name: "highs", solve: () => Promise.resolve({ status, message: "no point" }) };
    const outcome = await solve(scheme, diamond(9), lp);
    expect(outcome).toMatchObject({ status: expected, message: "no point", flowBps: Float64Array.of(0, 0) });
  });

  it("calls a point feasible, not optimal, when the backend's prices do not prove it", async () => {
    const lp: LpBackend = {
      name: "highs",
      solve: async (program, options) => {
        const outcome = await highs.solve(program, options);
        return { ...outcome, dual: new Float64Array(program.rowCount) };
      },
    };
    expect(await solve(scheme, diamond(20), lp)).toMatchObject({ status: "feasible" });
  });

  it("sweeps the dust that interior points leave on paths without flow, and cuts what exceeds a capacity or a demand", async () => {
    const lp: LpBackend = {
      name: "highs",
      solve: async (program, options) => {
        const outcome = await highs.solve(program, options);
        const primal = outcome.primal?.map((x) => (x === 0 ? 1e-12 : x * (1 + 1e-8)));
        return { ...outcome, ...(primal === undefined ? {} : { primal }) };
      },
    };
    const problem = problemOf({
      links: [
        { from: 0, to: 1, capacity: 10, latencyMs: 1 },
        { from: 0, to: 1, capacity: 0.5, latencyMs: 99 },
        { from: 0, to: 2, capacity: 4, latencyMs: 1 },
      ],
      demands: [
        { src: 0, dst: 1, rate: 10, paths: [[0], [1]] },
        { src: 0, dst: 2, rate: 8, paths: [[2]] },
      ],
    });
    const outcome = await solve(scheme, problem, lp);
    expect(outcome).toMatchObject({ status: "optimal" });
    expect(outcome.flowBps.filter((flow) => flow > 0 && flow < 1e-3)).toHaveLength(0);
    expect(excessOf(problem, outcome.flowBps, name === "min-max-utilization")).toBeLessThanOrEqual(1e-15);
  });

  it("hands on a feasible point from the time limit", async () => {
    const lp: LpBackend = {
      name: "highs",
      solve: async (program, options) => ({
        ...(await highs.solve(program, options)),
        status: "time-limit",
        dual: new Float64Array(program.rowCount),
      }),
    };
    const outcome = await solve(scheme, diamond(20), lp);
    expect(outcome).toMatchObject({ status: "feasible", message: expect.stringMatching(/time-limit/) });
    expect(outcome.flowBps.some((flow) => flow > 0)).toBe(true);
  });
});

describe("the objectives beside one another", () => {
  it("max-throughput admits the most; min-cost nearly as much; the concurrent fraction is 1 / utilization where that is above 1", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem({ allUsable: true }), async (problem) => {
        const [throughput, cost, utilization, concurrent] = await Promise.all(schemes.map((scheme) => solve(scheme, problem)));
        const admitted = (outcome?: SchemeOutcome): number => outcome?.flowBps.reduce((sum, flow) => sum + flow, 0) ?? 0;
        const most = admitted(throughput);
        expect(admitted(cost)).toBeLessThanOrEqual(most * (1 + 1e-6));
        expect(admitted(concurrent)).toBeLessThanOrEqual(most * (1 + 1e-6));
        expect(certify(problem, "min-cost", throughput?.flowBps ?? new Float64Array(), undefined).value).toBeGreaterThanOrEqual(
          (cost?.objective ?? 0) * (1 - 1e-6),
        );
        expect(concurrent?.objective).toBeCloseTo(Math.min(1, 1 / (utilization?.objective ?? 0)), 5);
      }),
      { numRuns: 100 },
    );
  });

  it("bounds over all paths hold for flow on given paths", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem({ k: 1, allUsable: true }), fc.constantFrom(...schemes), async (problem, scheme) => {
        // With a link without capacity a demand may be unroutable on its path and routable on others.
        fc.pre(problem.capacityBps.every((capacity) => capacity > 0));
        const outcome = await solve(scheme, problem);
        const { value, bound, sense } = edgeCertify(problem, scheme.objective, outcome.flowBps, outcome.linkPrice);
        const side = sense === "maximize" ? 1 : -1;
        expect(side * ((bound ?? value) - value)).toBeGreaterThanOrEqual(-1e-6 * Math.max(1e-12, Math.abs(value)));
      }),
      { numRuns: 100 },
    );
  });
});

/** The largest relative excess over a demand or a link (and shortfall of a demand that must be met), or Infinity for a negative flow. */
function excessOf(problem: Problem, flowBps: Float64Array, meetsDemand: boolean): number {
  if (!flowBps.every((flow) => flow >= 0 && Number.isFinite(flow))) return Infinity;
  const load = new Float64Array(problem.linkCount);
  let excess = 0;
  for (let d = 0; d < problem.demandCount; d++) {
    const demand = problem.demandBps[d] ?? 0;
    let sum = 0;
    let routable = false;
    for (let p = problem.pathStart[d] ?? 0; p < (problem.pathStart[d + 1] ?? 0); p++) {
      const links = [...problem.pathLinks.subarray(problem.linkStart[p] ?? 0, problem.linkStart[p + 1] ?? 0)];
      routable ||= links.every((e) => (problem.capacityBps[e] ?? 0) > 0);
      sum += flowBps[p] ?? 0;
      for (const e of links) load[e] = (load[e] ?? 0) + (flowBps[p] ?? 0);
    }
    if (demand > 0) excess = Math.max(excess, meetsDemand && routable ? Math.abs(sum / demand - 1) : sum / demand - 1);
    else if (sum > 0) return Infinity;
  }
  load.forEach((bps, e) => {
    const capacity = problem.capacityBps[e] ?? 0;
    if (capacity === 0 && bps > 0) excess = Infinity;
    if (capacity > 0 && !meetsDemand) excess = Math.max(excess, bps / capacity - 1);
  });
  return excess;
}
