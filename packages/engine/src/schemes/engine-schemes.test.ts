/** The LP schemes by engines of our own: worked examples, agreement with HiGHS, and how lean their plans are. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highsBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import { engineNames } from "@sluice/model";
import { certify, unservedCostMs } from "../certificate.js";
import type { Scheme, SchemeOptions, SchemeOutcome } from "../scheme.js";
import { arbitraryProblem } from "../testing/small-problem.js";
import { problemOf } from "../testing/written-problem.js";
import { maxConcurrent } from "./max-concurrent.js";
import { maxThroughput } from "./max-throughput.js";
import { minCost } from "./min-cost.js";
import { minMaxUtilization } from "./min-max-utilization.js";

const schemes = [maxThroughput, minCost, minMaxUtilization, maxConcurrent];
const lp = await highsBackend();

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

describe.each(engineNames)("%s", (engine) => {
  const solve = (scheme: Scheme, problem: Problem, more: Partial<SchemeOptions> = {}): Promise<SchemeOutcome> =>
    scheme.solve(problem, { lp, timeLimitSeconds: 10, engine, ...more });

  it("fills both paths of the diamond, and prices one link of each", async () => {
    const { status, objective, linkPrice, solver } = await solve(maxThroughput, diamond(20));
    expect({ status, solver }).toEqual({ status: "optimal", solver: engine });
    expect(objective).toBeCloseTo(14, 6);
    expect((linkPrice?.[0] ?? 0) + (linkPrice?.[1] ?? 0)).toBeCloseTo(1, 5);
    expect((linkPrice?.[2] ?? 0) + (linkPrice?.[3] ?? 0)).toBeCloseTo(1, 5);
  });

  it("takes the fast path first, and says in ms what more of it would save", async () => {
    const { flowBps, objective, linkPrice } = await solve(minCost, diamond(9));
    expect(flowBps[0]).toBeCloseTo(5, 6);
    expect(objective).toBeCloseTo(5 * 10 + 4 * 2, 4);
    expect((linkPrice?.[2] ?? 0) + (linkPrice?.[3] ?? 0)).toBeCloseTo(10 - 2, 4);
  });

  it("loads both paths alike, and says how a bps more of capacity lowers that", async () => {
    const { objective, linkPrice } = await solve(minMaxUtilization, diamond(7));
    expect(objective).toBeCloseTo(0.5, 6);
    expect((linkPrice?.[0] ?? 0) + (linkPrice?.[1] ?? 0)).toBeCloseTo(7 / 14 ** 2, 5);
    expect((await solve(minMaxUtilization, diamond(28))).objective).toBeCloseTo(2, 5);
  });

  it("takes the fastest of the flows that reach the least utilization", async () => {
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
    expect([...flowBps].map((flow) => Math.round(flow * 1e6) / 1e6)).toEqual([0, 1]);
  });

  it("gives all the same share, then tops up", async () => {
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
    const { objective, flowBps, linkPrice } = await solve(maxConcurrent, uneven);
    expect(objective).toBeCloseTo(0.5, 6);
    expect(flowBps[0]).toBeCloseTo(5, 5);
    expect(flowBps[1]).toBeCloseTo(10, 5);
    expect(linkPrice?.[0]).toBeCloseTo(1 / 10, 5);
  });

  it.each(schemes.map((scheme) => ({ name: scheme.objective, scheme })))(
    "$name: reaches what HiGHS reaches, within the gap, and uses no more paths than a vertex may",
    async ({ name, scheme }) => {
      await fc.assert(
        fc.asyncProperty(arbitraryProblem(), async (problem) => {
          const ours = await solve(scheme, problem);
          const theirs = await scheme.solve(problem, { lp, timeLimitSeconds: 10 });
          expect(ours).toMatchObject({ status: "optimal", solver: engine });
          const size = Math.max(1e-12, Math.abs(ours.objective), Math.abs(theirs.objective));
          expect(Math.abs(ours.objective - theirs.objective) / size).toBeLessThanOrEqual(2e-6);
          expect(certify(problem, name, ours.flowBps, ours.linkPrice).gap).toBeLessThanOrEqual(1e-6);
          // Caratheodory: a path for each demand and each full link; the top-up of max-concurrent has each demand twice.
          const most = (name === "max-concurrent" ? 2 : 1) * problem.demandCount + problem.linkCount;
          expect(ours.flowBps.filter((flow) => flow > 0).length).toBeLessThanOrEqual(most);
        }),
        { numRuns: 60 },
      );
    },
  );

  it.each(schemes.map((scheme) => ({ name: scheme.objective, scheme })))(
    "$name: answers with what it has when there is no time",
    async ({ scheme }) => {
      await fc.assert(
        fc.asyncProperty(arbitraryProblem(), async (problem) => {
          let now = 0;
          const outcome = await solve(scheme, problem, { nowMs: () => (now += 6_000) });
          expect(["optimal", "feasible"]).toContain(outcome.status);
        }),
        { numRuns: 30 },
      );
    },
  );

  it.each(schemes.map((scheme) => ({ name: scheme.objective, scheme })))(
    "$name: proves its answer where it is too large to be purified, too",
    async ({ scheme }) => {
      await fc.assert(
        fc.asyncProperty(arbitraryProblem(), async (problem) => {
          const { status, objective } = await solve(scheme, problem, { purifies: false });
          // Of a cost of next to nothing, dust on dear paths is more than any share.
          const nothing = scheme === minCost ? 1e-5 * unservedCostMs(problem) * problem.demandBps.reduce((sum, bps) => sum + bps, 0) : 0;
          expect(status === "optimal" || objective <= nothing).toBe(true);
        }),
        { numRuns: 30 },
      );
    },
  );

  it("is content with the gap that is wanted", async () => {
    const { status } = await solve(maxThroughput, diamond(20), { gapMax: 0.1 });
    expect(status).toBe("optimal");
  });
});
