import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, type LpBackend } from "@sluice/lp";
import { solveFirstOrder } from "../first-order/first-order.js";
import type { FlowEngine, SolveLimits } from "../flow-program.js";
import { judgeSolution } from "../judge-solution.js";
import { hasPeerBench, peerInstances, readPeerProblem } from "../peer-bench/peer-bench.js";
import type { Problem } from "../problem.js";
import { allLooplessPaths } from "../testing/all-loopless-paths.js";
import { randomProgram } from "../testing/random-program.js";
import { textbookOptimum } from "../testing/textbook-optimum.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { linksOf, problemOf, type WrittenDemand, type WrittenLink } from "../testing/written-problem.js";
import { costOfPaths } from "./flow-figures.js";
import { generateTunnels, type GeneratedTunnels, type TunnelRequest } from "./generate-tunnels.js";

const engine: FlowEngine = (program, limits, start) => solveFirstOrder(program, limits, start, { kind: "reference", threads: 1 });

const gap = 1e-4;
const limits = (more: Partial<SolveLimits> = {}): SolveLimits => ({ gap, timeLimitSeconds: 1000, nowMs: tickingClock(), ...more });

const withPaths = (problem: Problem, pathsOf: (demand: number) => readonly (readonly number[])[]): Problem => {
  const links = Array.from(problem.linkFrom, (from, e): WrittenLink => ({
    from,
    to: problem.linkTo[e] as number,
    capacity: problem.capacityBps[e] as number,
  }));
  const demands = Array.from(problem.demandBps, (rate, d): WrittenDemand => ({
    src: problem.demandSrc[d] as number,
    dst: problem.demandDst[d] as number,
    rate,
    paths: pathsOf(d),
  }));
  return { ...problemOf({ links, demands }), nodeCount: problem.nodeCount };
};

const withoutPaths = (problem: Problem): Problem => ({
  ...problem,
  pathCount: 0,
  pathStart: new Int32Array(problem.demandCount + 1),
  linkStart: new Int32Array(1),
  pathLinks: new Int32Array(0),
});

/** Links from node 0 to node 1. */
const parallel = (capacities: readonly number[]): readonly WrittenLink[] => capacities.map((capacity) => ({ from: 0, to: 1, capacity }));

const withAllPaths = (problem: Problem): Problem =>
  withPaths(problem, (d) => allLooplessPaths(problem, { src: problem.demandSrc[d] as number, dst: problem.demandDst[d] as number }));

/** What the prices prove, with shortest paths by Bellman and Ford. */
function provenBound({ limit, linkCost }: TunnelRequest, { problem, solution }: GeneratedTunnels): number {
  const { linkFrom, linkTo, capacityBps, demandBps, demandSrc, demandDst, nodeCount } = problem;
  const least = (src: number, dst: number): number => {
    const distance = new Float64Array(nodeCount).fill(Infinity);
    distance[src] = 0;
    for (let round = 0; round < nodeCount; round++) {
      linkFrom.forEach((from, e) => {
        if ((capacityBps[e] as number) === 0) return;
        const along = (distance[from] as number) + (solution.linkPrice[e] as number) + (linkCost?.[e] ?? 0);
        distance[linkTo[e] as number] = Math.min(distance[linkTo[e] as number] as number, along);
      });
    }
    return distance[dst] as number;
  };
  const priced = capacityBps.reduce((sum, bps, e) => sum + bps * (solution.linkPrice[e] as number), 0);
  const sum = demandBps.reduce((total, rate, d) => {
    const price = least(demandSrc[d] as number, demandDst[d] as number);
    if (price === Infinity) return total;
    return total + rate * (limit === "capacity" ? Math.max(0, 1 - price) : price);
  }, 0);
  if (limit === "capacity") return priced + sum;
  return priced > 0 ? sum / priced : 0;
}

function expectTunnels({ k }: TunnelRequest, { problem }: GeneratedTunnels): void {
  for (let d = 0; d < problem.demandCount; d++) {
    const [first, end] = [problem.pathStart[d] as number, problem.pathStart[d + 1] as number];
    expect(end - first).toBeLessThanOrEqual(k);
    for (let p = first; p < end; p++) {
      const links = linksOf(problem, p);
      const nodes = [problem.demandSrc[d], ...links.map((e) => problem.linkTo[e])];
      expect(links.map((e) => problem.linkFrom[e])).toEqual(nodes.slice(0, -1));
      expect(nodes.at(-1)).toBe(problem.demandDst[d]);
      expect(new Set(nodes).size).toBe(nodes.length);
      expect(links.every((e) => (problem.capacityBps[e] as number) > 0)).toBe(true);
    }
  }
}

/** A program without its paths, or with some of them, and costs of links that may make long paths worthless. */
const requests = fc
  .record({
    program: randomProgram({ figures: "tame" }),
    k: fc.constantFrom(1, 2, 4, 12),
    given: fc.boolean(),
    linkCost: fc.option(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 })),
  })
  .map(({ program: { problem, limit }, k, given, linkCost }): TunnelRequest => {
    const from = given ? problem : withoutPaths(problem);
    if (limit === "utilization" || linkCost === null) return { problem: from, k, limit };
    return { problem: from, k, limit, linkCost: problem.capacityBps.map((_, e) => (linkCost[e % linkCost.length] as number) / 100) };
  });

describe("generated tunnels", () => {
  let lp: LpBackend;
  beforeAll(async () => {
    lp = await highsBackend();
  });

  it("carry what they say, prove their bound over all paths, and come near it where they may be many", async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const found = generateTunnels(request, limits(), engine);
        const { problem, solution } = found;
        const pathCost = costOfPaths(problem, request);
        expect(judgeSolution({ problem, limit: request.limit, pathCost }, solution).defects).toEqual([]);
        expectTunnels(request, found);
        const size = Math.max(solution.value, solution.bound);
        expect(Math.abs(provenBound(request, found) - solution.bound)).toBeLessThanOrEqual(1e-9 * size);

        const all = withAllPaths(request.problem);
        const optimum = await textbookOptimum({ problem: all, limit: request.limit, pathCost: costOfPaths(all, request) }, lp);
        const [low, high] = request.limit === "capacity" ? [solution.value, solution.bound] : [solution.bound, solution.value];
        expect(optimum).toBeGreaterThanOrEqual(low - 1e-6 * size);
        expect(optimum).toBeLessThanOrEqual(high + 1e-6 * size);
        const holdsAll = all.demandBps.every((_, d) => (all.pathStart[d + 1] as number) - (all.pathStart[d] as number) <= request.k);
        expect(holdsAll ? solution.gap : 0).toBeLessThanOrEqual(gap);
      }),
      { numRuns: 60 },
    );
  });

  it("are the same for the same request", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const [one, other] = [generateTunnels(request, limits(), engine), generateTunnels(request, limits(), engine)];
        expect(one).toEqual(other);
      }),
      { numRuns: 10 },
    );
  });

  it("are at most k where more would carry more, and the bound says so", () => {
    const problem = problemOf({ links: parallel([5, 5, 5]), demands: [{ src: 0, dst: 1, rate: 12, paths: [] }] });
    const valueFor = (k: number): readonly number[] => {
      const { problem: found, solution } = generateTunnels({ problem, k, limit: "capacity" }, limits(), engine);
      return [found.pathCount, Math.round(solution.value * 100) / 100, Math.round(solution.bound * 100) / 100];
    };
    expect([1, 2, 3, 4].map(valueFor)).toEqual([
      [1, 5, 12],
      [2, 10, 12],
      [3, 12, 12],
      [3, 12, 12],
    ]);
    const { solution } = generateTunnels({ problem, k: 1, limit: "capacity" }, limits(), engine);
    expect(solution.status).toBe("stalled");
    expect(solution.gap).toBeCloseTo(7 / 12, 4);
  });

  it("spread over parallel links by their capacity", () => {
    const problem = problemOf({ links: parallel([1, 2, 3, 4]), demands: [{ src: 0, dst: 1, rate: 5, paths: [] }] });
    const { problem: found, solution } = generateTunnels({ problem, k: 4, limit: "utilization" }, limits(), engine);
    expect(found.pathCount).toBe(4);
    expect(solution.value).toBeCloseTo(0.5, 3);
    expect(solution.bound).toBeCloseTo(0.5, 3);
  });

  it("are none for pairs without a path over links with capacity, for demands of zero, and where there is nothing", () => {
    const links = [...parallel([3]), { from: 1, to: 2, capacity: 0 }, { from: 2, to: 3, capacity: 7 }];
    const demands = [
      { src: 0, dst: 1, rate: 2, paths: [] },
      { src: 0, dst: 2, rate: 2, paths: [[0, 1]] },
      { src: 3, dst: 0, rate: 2, paths: [] },
      { src: 2, dst: 3, rate: 0, paths: [] },
      { src: 1, dst: 1, rate: 2, paths: [] },
    ];
    for (const limit of ["capacity", "utilization"] as const) {
      const { problem, solution } = generateTunnels({ problem: problemOf({ links, demands }), k: 2, limit }, limits(), engine);
      expect([...problem.pathStart]).toEqual([0, 1, 1, 1, 1, 1]);
      expect([...solution.flowBps]).toEqual([2]);
      expect(solution.gap).toBeLessThanOrEqual(gap);
      const empty = problemOf({ links: [], demands: [] });
      expect(generateTunnels({ problem: empty, k: 2, limit }, limits(), engine).solution).toMatchObject({ value: 0, bound: 0, gap: 0 });
    }
  });

  it("replace given tunnels that carry nothing", () => {
    // Both given tunnels take the narrow link; two of k are all there may be.
    const links = [
      { from: 0, to: 1, capacity: 1 },
      { from: 1, to: 2, capacity: 10 },
      { from: 1, to: 2, capacity: 10 },
      { from: 0, to: 2, capacity: 10 },
    ];
    const given = problemOf({
      links,
      demands: [
        {
          src: 0,
          dst: 2,
          rate: 11,
          paths: [
            [0, 1],
            [0, 2],
          ],
        },
      ],
    });
    const { problem, solution } = generateTunnels({ problem: given, k: 2, limit: "capacity" }, limits(), engine);
    expect(solution.value).toBeCloseTo(11, 2);
    expect(problem.pathCount).toBe(2);
  });

  it("are what there is when there is no time, and when they are cancelled", () => {
    fc.assert(
      fc.property(requests, fc.boolean(), (request, late) => {
        const hurry = late ? limits({ timeLimitSeconds: 0 }) : limits({ cancelled: () => true });
        const found = generateTunnels(request, hurry, engine);
        const { problem, solution, rounds } = found;
        const program = { problem, limit: request.limit, pathCost: costOfPaths(problem, request) };
        expect(judgeSolution(program, solution).defects).toEqual([]);
        expect(rounds).toBe(1);
        expect(solution.status === "gap" ? solution.gap <= gap : true).toBe(true);
        expect(["gap", late ? "time-limit" : "cancelled"]).toContain(solution.status);
      }),
      { numRuns: 50 },
    );
  });
});

const absent = hasPeerBench ? "" : " (skipped: set SLUICE_DATA to the folder of shared data)";
describe.skipIf(!hasPeerBench)(`on the peers' instances${absent}`, () => {
  const small = hasPeerBench ? peerInstances().filter(({ topology }) => topology === "Uninett2010") : [];

  it.each(small)("carry .99 of what all paths could: $id", (instance) => {
    const problem = withoutPaths(readPeerProblem(instance));
    const { problem: found, solution } = generateTunnels({ problem, k: 4, limit: "capacity" }, limits({ gap: 5e-3 }), engine);
    expect(solution.value).toBeGreaterThanOrEqual(0.99 * solution.bound);
    expect(judgeSolution({ problem: found, limit: "capacity" }, solution).defects).toEqual([]);
    expect(solution.value).toBeGreaterThanOrEqual(0.99 * (instance.maxFlow.gurobi_lp?.obj ?? 0));
  });
});
