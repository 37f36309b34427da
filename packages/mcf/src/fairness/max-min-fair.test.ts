import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Problem } from "../problem.js";
import { degeneratePrograms } from "../testing/degenerate-programs.js";
import { randomProgram } from "../testing/random-program.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { problemOf } from "../testing/written-problem.js";
import { bottleneckPart, rateAgreement } from "./fairness-measure.js";
import { flowOfDemands, loadOf } from "../path-flow.js";
import { maxMinFair, type FairSolution } from "./max-min-fair.js";

const noLimits = { timeLimitSeconds: 1, nowMs: () => 0 };

/** Solved to its end; whatever the input, what comes out fits. */
function settled(problem: Problem): FairSolution & { readonly rateBps: Float64Array } {
  const solution = maxMinFair(problem, noLimits);
  expect(solution.status).toBe("settled");
  return { ...solution, rateBps: expectFit(problem, solution) };
}

function expectFit(problem: Problem, { flowBps, share }: FairSolution): Float64Array {
  expect(flowBps).toHaveLength(problem.pathCount);
  expect(flowBps.every((bps) => Number.isFinite(bps) && bps >= 0)).toBe(true);
  const load = loadOf(problem, flowBps);
  load.forEach((bps, e) => expect(bps).toBeLessThanOrEqual((problem.capacityBps[e] as number) * (1 + 1e-9)));
  const rateBps = flowOfDemands(problem, flowBps);
  rateBps.forEach((bps, k) => expect(bps).toBeLessThanOrEqual((problem.demandBps[k] as number) * (1 + 1e-9)));
  expect(share.every((s) => Number.isFinite(s) && s >= 0)).toBe(true);
  return rateBps;
}

const link = (from: number, to: number, capacity: number) => ({ from, to, capacity });

describe("maxMinFair", () => {
  it("comes near the worked example of B4 (2013, section 5.2, figures 7 and 8)", () => {
    //        10
    //    A ------ B        FG1: A to B, 15 Gb/s of weight 10 and 5 Gb/s of weight 1
    //    | \      |        FG2: A to C, weight 0.5, 10 Gb/s
    //  5 |  \ 10  | 10
    //    D -- C --+        A-B 10, A-C 10, A-D 5, D-C 10, C-B 10 Gb/s
    //      10
    const links = [link(0, 1, 10e9), link(0, 2, 10e9), link(0, 3, 5e9), link(3, 2, 10e9), link(2, 1, 10e9)];
    const points = (...pairs: readonly (readonly [number, number])[]) => ({
      points: pairs.map(([fairShare, rateBps]) => ({ fairShare, rateBps })),
    });
    const bandwidthFunctions = [points([0, 0], [1.5, 16.5e9], [5, 20e9]), points([0, 0], [20, 10e9])];
    const problem = (paths1: readonly (readonly number[])[], paths2: readonly (readonly number[])[]): Problem => ({
      ...problemOf({
        links,
        demands: [
          { src: 0, dst: 1, rate: 20e9, paths: paths1 },
          { src: 0, dst: 2, rate: 10e9, paths: paths2 },
        ],
      }),
      bandwidthFunctions,
    });
    const [fg1, fg2] = settled(problem([[0], [1, 4], [2, 3, 4]], [[1], [2, 3]])).rateBps;
    expect((fg1 as number) / 20e9).toBeCloseTo(1, 2);
    expect((fg2 as number) / 5e9).toBeCloseTo(1, 2);
    // Without the detours over D: 18.33 and 1.67 Gb/s, at fair share 10/3.
    const direct = settled(problem([[0], [1, 4]], [[1]]));
    expect((direct.rateBps[0] as number) / (55e9 / 3)).toBeCloseTo(1, 2);
    expect((direct.rateBps[1] as number) / (5e9 / 3)).toBeCloseTo(1, 2);
    expect(direct.share[1] as number).toBeCloseTo(10 / 3, 1);
  });

  it("agrees on single paths with filling link by link", () => {
    let agreement = 0;
    let held = 0;
    let problems = 0;
    fc.assert(
      fc.property(randomProgram({ figures: "tame", size: "medium", kinds: ["throughput"] }), ({ problem: many }) => {
        const problem = firstPathsOf(many);
        const solution = settled(problem);
        agreement += rateAgreement(solution.rateBps, filledLinkByLink(problem));
        held += bottleneckPart(problem, solution.flowBps, 0.1);
        problems++;
      }),
      { numRuns: 40, seed: 1 },
    );
    expect(agreement / problems).toBeGreaterThan(0.998);
    expect(held / problems).toBeGreaterThan(0.99);
  });

  it("answers whatever comes: figures over many orders of magnitude, closed paths, none at all", { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(randomProgram({ kinds: ["throughput"] }), ({ problem }) => {
        expect(settled(problem).share).toHaveLength(problem.demandCount);
      }),
      { numRuns: 150 },
    );
  });

  it.each(degeneratePrograms(["throughput"]).map(({ name, program }) => [name, program.problem] as const))(
    "answers %s",
    (_name, problem) => {
      expect(settled(problem).share).toHaveLength(problem.demandCount);
    },
  );

  it("shares a link evenly among demands over twelve orders of magnitude", () => {
    const demands = Array.from({ length: 13 }, (_, i) => ({ src: 0, dst: 1, rate: 10 ** i, paths: [[0]] }));
    const { rateBps } = settled(problemOf({ links: [link(0, 1, 1e6)], demands }));
    const exact = filledLinkByLink(problemOf({ links: [link(0, 1, 1e6)], demands }));
    rateBps.forEach((bps, k) => expect(bps / (exact[k] as number)).toBeCloseTo(1, 2));
  });

  it("puts flow on the shorter path where there is room", () => {
    const problem = problemOf({
      links: [link(0, 1, 10), link(0, 2, 10), link(2, 1, 10)],
      demands: [{ src: 0, dst: 1, rate: 12, paths: [[1, 2], [0]] }],
    });
    expect(settled(problem).flowBps).toEqual(Float64Array.of(2, 10));
  });

  it("is the same for the same input, and for rates and capacities a thousand million times as large", () => {
    fc.assert(
      fc.property(randomProgram({ figures: "tame", kinds: ["throughput"] }), ({ problem }) => {
        const { flowBps } = settled(problem);
        expect(settled(problem).flowBps).toEqual(flowBps);
        const scale = 2 ** 30;
        const larger = {
          ...problem,
          demandBps: problem.demandBps.map((d) => d * scale),
          capacityBps: problem.capacityBps.map((c) => c * scale),
        };
        // A power of two changes no digit, but powers of shares are computed of ratios alone.
        settled(larger).rateBps.forEach((bps, k) => expect(bps / scale).toBeCloseTo(flowOfDemands(problem, flowBps)[k] as number, 6));
      }),
      { numRuns: 30 },
    );
  });

  it("stopped at any moment, has a flow that fits and says so", () => {
    const { problem } =
      fc.sample(randomProgram({ figures: "tame", size: "medium", kinds: ["throughput"] }), { numRuns: 1, seed: 3 })[0] ?? {};
    if (problem === undefined) throw new Error("no sample");
    for (const milliseconds of [0, 1, 5, 25, 125]) {
      const late = maxMinFair(problem, { timeLimitSeconds: milliseconds / 1000, nowMs: tickingClock() });
      expect(late.status).toBe("time-limit");
      expectFit(problem, late);
    }
    let asked = 0;
    const cancelled = maxMinFair(problem, { ...noLimits, cancelled: () => ++asked > 40 });
    expect(cancelled.status).toBe("cancelled");
    expectFit(problem, cancelled);
  });
});

/** The problem with each demand's first path alone. */
function firstPathsOf(problem: Problem): Problem {
  const { demandCount, pathStart, linkStart, pathLinks } = problem;
  const demands = Array.from({ length: demandCount }, (_, k) => {
    const first = pathStart[k] as number;
    const paths = first < (pathStart[k + 1] as number) ? [[...pathLinks.subarray(linkStart[first], linkStart[first + 1])]] : [];
    return { src: problem.demandSrc[k] as number, dst: problem.demandDst[k] as number, rate: problem.demandBps[k] as number, paths };
  });
  const links = Array.from(problem.capacityBps, (capacity, e) =>
    link(problem.linkFrom[e] as number, problem.linkTo[e] as number, capacity),
  );
  return problemOf({ links, demands });
}

/** Exact where every demand has one path at most: the link that fills first holds all that cross it (Bertsekas and Gallager 1992, 6.5.2). */
function filledLinkByLink(problem: Problem): Float64Array {
  const { demandCount, linkCount, pathStart, linkStart, pathLinks, demandBps, capacityBps } = problem;
  const rate = new Float64Array(demandCount);
  const linksOf = (k: number): readonly number[] =>
    (pathStart[k] as number) < (pathStart[k + 1] as number)
      ? [...pathLinks.subarray(linkStart[pathStart[k] as number], linkStart[(pathStart[k] as number) + 1])]
      : [];
  const rising = new Set(Array.from({ length: demandCount }, (_, k) => k).filter((k) => linksOf(k).length > 0));
  const left = Float64Array.from(capacityBps);
  while (rising.size > 0) {
    const count = new Int32Array(linkCount);
    for (const k of rising) for (const e of linksOf(k)) count[e] = (count[e] as number) + 1;
    let level = Infinity;
    for (let e = 0; e < linkCount; e++) if ((count[e] as number) > 0) level = Math.min(level, (left[e] as number) / (count[e] as number));
    for (const k of rising) level = Math.min(level, demandBps[k] as number);
    level = Math.max(0, level);
    const full = new Set<number>();
    for (let e = 0; e < linkCount; e++)
      if ((count[e] as number) > 0 && (left[e] as number) / (count[e] as number) <= level * (1 + 1e-12)) full.add(e);
    const held = [...rising].filter((k) => (demandBps[k] as number) <= level || linksOf(k).some((e) => full.has(e)));
    for (const k of held) {
      rising.delete(k);
      rate[k] = level;
      for (const e of linksOf(k)) left[e] = (left[e] as number) - level;
    }
  }
  return rate;
}
