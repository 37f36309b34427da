import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, javascriptLpSolverBackend, type LpBackend } from "@sluice/lp";
import { edgeCertify } from "./certificate.js";
import { edgeBased, edgeObjectives, type EdgeObjectiveName } from "./edge-lp.js";
import type { Problem } from "@sluice/mcf";
import { schemeOf } from "./schemes/index.js";
import { arbitraryProblem } from "./testing/small-problem.js";
import { problemOf } from "./testing/written-problem.js";

const objectives = Object.keys(edgeObjectives) as EdgeObjectiveName[];
const timeLimitSeconds = 10;

let highs: LpBackend;
beforeAll(async () => {
  highs = await highsBackend();
});

/** The same problem with every loopless path over links with capacity as its path set: by plain recursion. */
function withEveryPath(problem: Problem): Problem {
  const paths = Array.from({ length: problem.demandCount }, (_, d) =>
    everyPath(problem, problem.demandSrc[d] ?? 0, problem.demandDst[d] ?? 0),
  );
  const { capacityBps, latencyMs, linkFrom, linkTo, demandBps } = problem;
  return {
    ...problem,
    ...problemOf({
      links: [...linkFrom].map((from, e) => ({ from, to: linkTo[e] ?? 0, capacity: capacityBps[e] ?? 0, latencyMs: latencyMs[e] ?? 0 })),
      demands: paths.map((list, d) => ({
        src: problem.demandSrc[d] ?? 0,
        dst: problem.demandDst[d] ?? 0,
        rate: demandBps[d] ?? 0,
        paths: list,
      })),
    }),
  };
}

function everyPath(problem: Problem, src: number, dst: number): readonly (readonly number[])[] {
  const found: (readonly number[])[] = [];
  const walk = (at: number, path: readonly number[], visited: readonly number[]): void => {
    if (at === dst) {
      found.push(path);
      return;
    }
    problem.linkFrom.forEach((from, e) => {
      const to = problem.linkTo[e] ?? 0;
      if (from === at && (problem.capacityBps[e] ?? 0) > 0 && !visited.includes(to)) walk(to, [...path, e], [...visited, to]);
    });
  };
  walk(src, [], [src]);
  return found;
}

describe.each(objectives)("edge-based %s", (objective) => {
  it("has the optimum of the path-based program over every path there is, and proves it over all paths", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem({ nodesMax: 5, linksMax: 10 }), async (given) => {
        const problem = withEveryPath(given);
        const onPaths = await schemeOf(objective).solve(problem, { lp: highs, timeLimitSeconds });
        for (const lp of [highs, javascriptLpSolverBackend()]) {
          const edge = await edgeBased(problem, objective, { lp, timeLimitSeconds });
          expect(edge).toMatchObject({ status: "optimal", solver: lp.name });
          expect(Math.abs(edge.objective - onPaths.objective)).toBeLessThanOrEqual(1e-6 * Math.max(1e-12, Math.abs(onPaths.objective)));
          expect(edgeCertify({ ...problem, ...edge.paths }, objective, edge.flowBps, edge.linkPrice).gap).toBeLessThanOrEqual(1e-6);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("decomposes into loopless paths of the demands' own ends, at most demands + sources x links of them", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem(), async (problem) => {
        const { paths, flowBps } = await edgeBased(problem, objective, { lp: highs, timeLimitSeconds });
        expect(flowBps).toHaveLength(paths.pathCount);
        for (let d = 0; d < problem.demandCount; d++) {
          for (let p = paths.pathStart[d] ?? 0; p < (paths.pathStart[d + 1] ?? 0); p++) {
            const links = [...paths.pathLinks.subarray(paths.linkStart[p] ?? 0, paths.linkStart[p + 1] ?? 0)];
            const nodes = [problem.demandSrc[d], ...links.map((e) => problem.linkTo[e])];
            expect(links.map((e) => problem.linkFrom[e])).toEqual(nodes.slice(0, -1));
            expect(nodes.at(-1)).toBe(problem.demandDst[d]);
            expect(new Set(nodes).size).toBe(nodes.length);
          }
        }
        const sources = new Set(problem.demandSrc).size;
        expect(paths.pathCount).toBeLessThanOrEqual(problem.demandCount + sources * problem.linkCount);
      }),
      { numRuns: 50 },
    );
  });
});

describe("edge-based max-throughput of one demand", () => {
  it("is the least cut, or the demand", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem({ nodesMax: 6, linksMax: 14, demandsMax: 1 }), async (problem) => {
        fc.pre(problem.demandCount === 1);
        const { objective } = await edgeBased(problem, "max-throughput", { lp: highs, timeLimitSeconds });
        const expected = Math.min(problem.demandBps[0] ?? 0, leastCut(problem));
        expect(Math.abs(objective - expected)).toBeLessThanOrEqual(1e-6 * expected);
      }),
      { numRuns: 100 },
    );
  });
});

describe("edgeBased", () => {
  it.each(["max-min-fair", "shortest-path"] as const)("says that %s has no edge-based form", async (objective) => {
    const problem = problemOf({
      links: [{ from: 0, to: 1, capacity: 1, latencyMs: 1 }],
      demands: [{ src: 0, dst: 1, rate: 1, paths: [[0]] }],
    });
    expect(await edgeBased(problem, objective, { lp: highs, timeLimitSeconds })).toMatchObject({
      status: "failed",
      message: expect.stringMatching(/no edge-based form/),
    });
  });

  it("carries a demand too that drowns in the rounding beside a larger one", async () => {
    const problem = problemOf({
      links: [
        { from: 0, to: 1, capacity: 1e13, latencyMs: 1 },
        { from: 1, to: 2, capacity: 1e13, latencyMs: 1 },
      ],
      demands: [
        { src: 0, dst: 1, rate: 1e13, paths: [] },
        { src: 0, dst: 2, rate: 1e-3, paths: [] },
      ],
    });
    const { status, paths, flowBps } = await edgeBased(problem, "min-max-utilization", { lp: highs, timeLimitSeconds });
    expect({ status, paths, flowBps }).toEqual({
      status: "optimal",
      paths: { pathCount: 2, pathStart: Int32Array.of(0, 1, 2), linkStart: Int32Array.of(0, 1, 3), pathLinks: Int32Array.of(0, 0, 1) },
      flowBps: Float64Array.of(1e13, 1e-3),
    });
  });

  it.each(objectives)("leaves demands out that nothing leads to, and carries the others: %s", async (objective) => {
    const problem = problemOf({
      links: [{ from: 0, to: 1, capacity: 8, latencyMs: 1 }],
      demands: [
        { src: 0, dst: 1, rate: 4, paths: [] },
        { src: 1, dst: 0, rate: 4, paths: [] },
      ],
    });
    const outcome = await edgeBased(problem, objective, { lp: highs, timeLimitSeconds });
    expect(outcome).toMatchObject({ status: "optimal", paths: { pathCount: 1 } });
    expect(outcome.flowBps[0]).toBeCloseTo(4, 6);
  });
});

/** Over all sets of nodes with the source and without the destination: the least capacity out of the set. */
function leastCut({ nodeCount, linkFrom, linkTo, capacityBps, demandSrc, demandDst }: Problem): number {
  let least = Infinity;
  for (let set = 0; set < 2 ** nodeCount; set++) {
    const inside = (node: number | undefined): boolean => Math.floor(set / 2 ** (node ?? 0)) % 2 === 1;
    if (!inside(demandSrc[0]) || inside(demandDst[0])) continue;
    least = Math.min(
      least,
      capacityBps.reduce((sum, capacity, e) => (inside(linkFrom[e]) && !inside(linkTo[e]) ? sum + capacity : sum), 0),
    );
  }
  return least;
}
