import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlowProgram, FlowSolution } from "./flow-program.js";
import { gapBetween, judgeSolution, type DefectCode } from "./judge-solution.js";
import { highsEngine } from "./testing/highs-engine.js";
import { programKinds, randomProgram } from "./testing/random-program.js";
import { problemOf } from "./testing/written-problem.js";
import { tickingClock } from "./testing/ticking-clock.js";

const engine = await highsEngine();
const gap = 1e-6;
const solve = (program: FlowProgram): Promise<FlowSolution> => engine(program, { gap, timeLimitSeconds: 60, nowMs: tickingClock() });

/**
 *        8
 *   0 -------> 1        0>1 wants 10: over the link, or over 2
 *   |          ^        2>1 wants  4
 *   | 6        | 5      The best is 13: links 0 and 2 are full and have the price 1.
 *   +---> 2 ---+
 */
const triangle = problemOf({
  links: [
    { from: 0, to: 1, capacity: 8 },
    { from: 0, to: 2, capacity: 6 },
    { from: 2, to: 1, capacity: 5 },
  ],
  demands: [
    { src: 0, dst: 1, rate: 10, paths: [[0], [1, 2]] },
    { src: 2, dst: 1, rate: 4, paths: [[2]] },
  ],
});
const throughput: FlowProgram = { problem: triangle, limit: "capacity" };
const best: FlowSolution = {
  status: "optimal",
  flowBps: Float64Array.of(8, 2, 3),
  linkPrice: Float64Array.of(1, 0, 1),
  value: 13,
  bound: 13,
  gap: 0,
  iterations: 1,
};
const codesOf = (program: FlowProgram, solution: FlowSolution, asked?: number): readonly DefectCode[] =>
  judgeSolution(program, solution, asked).defects.map(({ code }) => code);

describe("judgeSolution on a triangle worked out by hand", () => {
  it("finds value, bound and gap", () => {
    expect(judgeSolution(throughput, best, 0)).toEqual({ value: 13, bound: 13, gap: 0, defects: [] });
  });

  it("takes any prices, and says what they prove", () => {
    // (8 + 5) / 2 for the links; half of each bps of 10 and of 4 is not paid for.
    const cheap = { ...best, linkPrice: Float64Array.of(0.5, 0, 0.5), bound: 13.5, gap: 0.5 / 13.5 };
    expect(judgeSolution(throughput, cheap)).toEqual({ value: 13, bound: 13.5, gap: 0.5 / 13.5, defects: [] });
    expect(codesOf(throughput, cheap, 1e-3)).toEqual(["status-wrong"]);
    expect(codesOf(throughput, { ...cheap, status: "time-limit" }, 1e-3)).toEqual([]);
  });

  it("takes costs off what a path is worth", () => {
    const program = { ...throughput, pathCost: Float64Array.of(0, 0.5, 0.25) };
    // 8 + 1 at half its worth + 4 at three quarters; link 2 has the price 1/2, and leaves 1/4 for each of 4.
    const solution = { ...best, flowBps: Float64Array.of(8, 1, 4), linkPrice: Float64Array.of(0.5, 0, 0.5), value: 11.5, bound: 12.5 };
    expect(judgeSolution(program, { ...solution, gap: 1 / 12.5 })).toEqual({ value: 11.5, bound: 12.5, gap: 1 / 12.5, defects: [] });
  });

  it("weighs demands by what their paths cost at the least, for utilization", () => {
    const program: FlowProgram = { ...throughput, limit: "utilization" };
    // u = 14 / 13: link 0 and link 2 alike; their prices are 1 / 13.
    const flowBps = Float64Array.of((8 * 14) / 13, 10 - (8 * 14) / 13, 4);
    const solution = { ...best, flowBps, linkPrice: Float64Array.of(1 / 13, 0, 1 / 13), value: 14 / 13, bound: 14 / 13 };
    expect(judgeSolution(program, solution, 1e-12).defects).toEqual([]);
    const scaled = { ...solution, linkPrice: Float64Array.of(2 / 13, 0, 2 / 13) };
    expect(codesOf(program, scaled)).toEqual(["price-scale"]);
    const unpriced = { ...solution, status: "stalled" as const, linkPrice: new Float64Array(3), bound: 0, gap: 1 };
    expect(judgeSolution(program, unpriced)).toMatchObject({ bound: 0, gap: 1, defects: [] });
  });

  it.each<{ readonly what: string; readonly wrong: Partial<FlowSolution>; readonly codes: readonly DefectCode[] }>([
    { what: "a flow too few", wrong: { flowBps: Float64Array.of(8, 2) }, codes: ["shape"] },
    { what: "a price too many", wrong: { linkPrice: Float64Array.of(1, 0, 1, 0) }, codes: ["shape"] },
    { what: "a flow of NaN", wrong: { flowBps: Float64Array.of(8, Number.NaN, 3) }, codes: ["number"] },
    { what: "a negative flow", wrong: { flowBps: Float64Array.of(8, -1e-12, 5) }, codes: ["number"] },
    { what: "a negative price", wrong: { linkPrice: Float64Array.of(1, -1e-12, 1) }, codes: ["number"] },
    { what: "an infinite bound", wrong: { bound: Infinity }, codes: ["number"] },
    { what: "a gap of NaN", wrong: { gap: Number.NaN }, codes: ["number"] },
    { what: "a primal weight of 0", wrong: { primalWeight: 0 }, codes: ["number"] },
    { what: "a link over its capacity", wrong: { flowBps: Float64Array.of(8 * (1 + 1e-6), 2 - 8e-6, 3) }, codes: ["link-exceeded"] },
    { what: "a demand over its rate", wrong: { flowBps: Float64Array.of(8, 0.5, 4.5) }, codes: ["demand-exceeded"] },
    { what: "another value", wrong: { value: 12.9, gap: 0.1 / 13 }, codes: ["value-wrong"] },
    { what: "a bound that its prices do not prove", wrong: { linkPrice: Float64Array.of(1, 0, 0.9) }, codes: ["bound-unproven"] },
    { what: "a bound below its value", wrong: { bound: 12, gap: 1 / 13 }, codes: ["bound-unproven", "value-beyond-bound"] },
    { what: "another gap", wrong: { gap: 1e-3 }, codes: ["gap-wrong"] },
  ])("finds $what", ({ wrong, codes }) => {
    expect(codesOf(throughput, { ...best, ...wrong })).toEqual(codes);
  });

  it("finds flow on closed paths", () => {
    const closed = { ...triangle, capacityBps: Float64Array.of(8, 0, 5), demandBps: Float64Array.of(10, 0) };
    const flowing = { ...best, flowBps: Float64Array.of(8, 1e-300, 0), value: 8, gap: 5 / 13 };
    expect(codesOf({ ...throughput, problem: closed }, flowing)).toEqual(["closed-path", "link-exceeded"]);
    const unasked = { ...best, flowBps: Float64Array.of(8, 0, 1e-300), value: 8, gap: 5 / 13 };
    expect(codesOf({ ...throughput, problem: closed }, unasked)).toEqual(["closed-path", "demand-exceeded"]);
  });
});

interface Break {
  readonly name: string;
  readonly by: (solution: FlowSolution, program: FlowProgram) => FlowSolution;
  readonly finds: readonly DefectCode[];
}

const breaks: readonly Break[] = [
  {
    name: "a flow over everything by 1e-6",
    by: (solution) => ({ ...solution, flowBps: solution.flowBps.map((flow) => flow * (1 + 1e-6)) }),
    finds: ["link-exceeded", "demand-exceeded", "closed-path"],
  },
  {
    name: "prices scaled down",
    by: (solution) => ({ ...solution, linkPrice: solution.linkPrice.map((price) => price * 0.9) }),
    finds: ["bound-unproven", "price-scale"],
  },
  {
    name: "a value of a little more",
    by: (solution) => ({ ...solution, value: solution.value * (1 + 1e-6) }),
    finds: ["value-wrong"],
  },
  {
    name: "a bound of a little less than the truth",
    by: (solution, { limit }) => ({ ...solution, bound: solution.bound * (limit === "capacity" ? 1 - 1e-5 : 1 + 1e-5) }),
    finds: ["bound-unproven", "value-beyond-bound"],
  },
  {
    name: "a demand dropped, and the rest reported rightly",
    by: (solution, program) => {
      const largest = program.problem.demandBps
        .map((_, d) => solution.flowBps.subarray(program.problem.pathStart[d], program.problem.pathStart[d + 1]).reduce((a, b) => a + b, 0))
        .reduce((most, bps, d, all) => (bps > (all[most] as number) ? d : most), 0);
      const [from = 0, to = 0] = program.problem.pathStart.subarray(largest, largest + 2);
      const dropped = { ...solution, flowBps: solution.flowBps.slice().fill(0, from, to) };
      const { value } = judgeSolution(program, dropped);
      return { ...dropped, value, gap: Math.abs(value - dropped.bound) / Math.max(value, dropped.bound) };
    },
    finds: ["demand-missed", "status-wrong"],
  },
];

describe("judgeSolution on any program", () => {
  it.each(breaks)("catches $name", async ({ name, by, finds }) => {
    await fc.assert(
      fc.asyncProperty(randomProgram({ figures: "tame" }), async (program) => {
        const solution = await solve(program);
        fc.pre(solution.value > 0 && solution.status === "optimal" && solution.linkPrice.some((price) => price > 0));
        expect(judgeSolution(program, solution, gap).defects).toEqual([]);
        const broken = by(solution, program);
        // Where demands just fit, the same bound follows from many prices: those are not wrong.
        fc.pre(!name.startsWith("prices") || gapBetween(judgeSolution(program, broken).bound, solution.bound) > gap);
        const found = codesOf(program, broken, gap);
        expect(found.filter((code) => finds.includes(code))).not.toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("finds a bound at any prices that no flow passes", async () => {
    const price = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true }), fc.constant(1));
    for (const kind of programKinds) {
      await fc.assert(
        fc.asyncProperty(randomProgram({ kinds: [kind] }), fc.array(price, { minLength: 1 }), async (program, prices) => {
          const solution = await solve(program);
          fc.pre(solution.status === "optimal");
          const linkPrice = solution.linkPrice.map((_, e) => prices[e % prices.length] as number);
          const { value, bound } = judgeSolution(program, { ...solution, linkPrice });
          const side = program.limit === "capacity" ? 1 : -1;
          expect(side * (bound - value)).toBeGreaterThanOrEqual(-1e-6 * Math.max(Math.abs(value), Math.abs(bound)));
        }),
        { numRuns: 60 },
      );
    }
  });
});
