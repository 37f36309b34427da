/** The walk as an engine of its own, from no flow at all or from a start that is mended, held to the contract of engines; and what it adds to it. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, ProgramBuilder, type LpBackend } from "@sluice/lp";
import { describeEngine } from "../contract.js";
import type { FlowEngine, FlowProgram, FlowSolution } from "../flow-program.js";
import { firstOrder } from "../first-order/first-order.js";
import { gapBetween } from "../judge-solution.js";
import type { Problem } from "../problem.js";
import { fuzzProgram } from "../testing/fuzz.js";
import { randomProgram } from "../testing/random-program.js";
import { textbookOptimum } from "../testing/textbook-optimum.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { linksOf, openPathsOf, problemOf } from "../testing/written-problem.js";
import { purify, purifySecondsOf, type Goals } from "./purify.js";

const worthOf = ({ problem, pathCost }: FlowProgram): Float64Array =>
  Float64Array.from({ length: problem.pathCount }, (_, p) => 1 - (pathCost?.[p] ?? 0));
const linkCountOf = (problem: Problem): Float64Array =>
  Float64Array.from({ length: problem.pathCount }, (_, p) => linksOf(problem, p).length);
const goalsOf = (program: FlowProgram, more: Partial<Goals> = {}): Goals => ({
  worth: worthOf(program),
  cost: linkCountOf(program.problem),
  keepsRate: new Uint8Array(program.problem.demandCount),
  ...more,
});

/** Cuts each demand's flow to its rate, then each path by the fullest of its links. */
function fitted({ problem }: FlowProgram, flowBps: Float64Array): Float64Array {
  const { demandCount, demandBps, pathStart, capacityBps, linkCount } = problem;
  const flow = flowBps.map((bps) => (bps > 0 && Number.isFinite(bps) ? bps : 0));
  for (let d = 0; d < demandCount; d++) {
    const own = flow.subarray(pathStart[d], pathStart[d + 1]);
    const share = (demandBps[d] ?? 0) / own.reduce((sum, bps) => sum + bps, 0);
    if (share < 1) own.forEach((bps, i) => (own[i] = bps * share));
  }
  const load = new Float64Array(linkCount);
  flow.forEach((bps, p) => linksOf(problem, p).forEach((e) => (load[e] = (load[e] ?? 0) + bps)));
  const keep = load.map((bps, e) => (bps > (capacityBps[e] ?? 0) ? (capacityBps[e] ?? 0) / bps : 1));
  return flow.map((bps, p) => bps * linksOf(problem, p).reduce((least, e) => Math.min(least, keep[e] ?? 1), 1));
}

/** Sum c_e y_e + sum D_d max(0, most of (1 - k_p - y(p))). */
function boundOf(program: FlowProgram, price: Float64Array): number {
  const { problem } = program;
  const worth = worthOf(program);
  let bound = problem.capacityBps.reduce((sum, bps, e) => sum + bps * (price[e] ?? 0), 0);
  for (let d = 0; d < problem.demandCount; d++) {
    const gain = openPathsOf(problem, d).reduce(
      (most, p) => Math.max(most, (worth[p] ?? 0) - linksOf(problem, p).reduce((sum, e) => sum + (price[e] ?? 0), 0)),
      0,
    );
    bound += gain * (problem.demandBps[d] ?? 0);
  }
  return bound;
}

const walkAlone: FlowEngine = (program, limits, start): FlowSolution => {
  // The contract's fuzz draws these, too; they are not the walk's.
  if (program.limit === "utilization") return firstOrder(program, limits, start);
  const { timeLimitSeconds, nowMs, gap: gapMax, cancelled, onProgress } = limits;
  const worth = worthOf(program);
  const from = fitted(program, start?.flowBps ?? new Float64Array(program.problem.pathCount));
  const isCancelled = cancelled?.() === true;
  const walked = purify(program, from, goalsOf(program), { timeLimitSeconds: isCancelled ? 0 : timeLimitSeconds, nowMs });
  const flowBps = fitted(program, walked.flowBps);
  const value = flowBps.reduce((sum, bps, p) => sum + bps * (worth[p] ?? 0), 0);
  const bound = Math.max(value, boundOf(program, walked.linkPrice));
  const gap = gapBetween(value, bound);
  onProgress?.({ value, bound, gap });
  const status = gap <= gapMax ? "gap" : isCancelled ? "cancelled" : walked.status === "best" ? "stalled" : "time-limit";
  return { status, flowBps, linkPrice: walked.linkPrice, value, bound, gap, iterations: walked.steps };
};

// Where a demand is 1e15 times what its path can carry, no price is exact enough to prove that: the walk then says that it stalled.
describeEngine("purify", walkAlone, { gap: 1e-6, kinds: ["throughput", "cost"], hostile: "sound" });

describe("purify", () => {
  let lp: LpBackend;
  beforeAll(async () => {
    lp = await highsBackend();
  });
  const limits = () => ({ timeLimitSeconds: 1_000, nowMs: tickingClock() });
  const spread = (program: FlowProgram): Float64Array => fitted(program, new Float64Array(program.problem.pathCount).fill(1e30));

  it("ends at a vertex, from a flow that is spread over all paths: at most a path for each demand and each full link", () => {
    fc.assert(
      fc.property(randomProgram({ kinds: ["throughput"], size: "medium", figures: "tame" }), (program) => {
        const { problem } = program;
        const { status, flowBps } = purify(program, spread(program), goalsOf(program), limits());
        expect(status).toBe("best");
        expect(flowBps.filter((bps) => bps > 0).length).toBeLessThanOrEqual(problem.demandCount + problem.linkCount);
      }),
      { numRuns: 60 },
    );
  });

  it("reaches the optimum, and at that the least cost, as two linear programs do", async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram({ kinds: ["throughput", "cost"], figures: "tame" }), async (program) => {
        const { flowBps } = purify(program, spread(program), goalsOf(program), limits());
        const goals = goalsOf(program);
        const value = flowBps.reduce((sum, bps, p) => sum + bps * (goals.worth[p] ?? 0), 0);
        expect(gapBetween(value, await textbookOptimum(program, lp))).toBeLessThanOrEqual(1e-6);
        const cost = flowBps.reduce((sum, bps, p) => sum + bps * (goals.cost[p] ?? 0), 0);
        // A hair less worth is allowed to the oracle, which may be worth as much again in cost.
        const least = await leastCost(program, goals, value * (1 - 1e-7), lp);
        expect(cost).toBeLessThanOrEqual(least + 1e-4 * Math.max(least, value));
      }),
      { numRuns: 60 },
    );
  });

  it("proves by its prices that it is at the best, however far demands are beyond what their paths can carry", () => {
    const gapOf = (program: FlowProgram): number => {
      const { status, flowBps, linkPrice } = purify(program, spread(program), goalsOf(program), limits());
      const worth = worthOf(program);
      const value = flowBps.reduce((sum, bps, p) => sum + bps * (worth[p] ?? 0), 0);
      return status === "best" ? gapBetween(value, boundOf(program, linkPrice)) : 0;
    };
    // Of these the prices were a rounding short of what a demand of 1e15 times its paths is worth.
    const programs = [70, 92, 112, 172, 184].map((seed) => fuzzProgram(seed, "medium")).filter(({ limit }) => limit === "capacity");
    expect(Math.max(...programs.map(gapOf))).toBeLessThanOrEqual(2e-7);
    fc.assert(
      fc.property(randomProgram({ kinds: ["throughput", "cost"], size: "medium" }), (program) => {
        expect(gapOf(program)).toBeLessThanOrEqual(2e-7);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses nothing of demands that keep their rate", () => {
    fc.assert(
      fc.property(randomProgram({ kinds: ["throughput"], figures: "tame" }), (program) => {
        const { problem } = program;
        const start = spread(program);
        const keepsRate = new Uint8Array(problem.demandCount).fill(1);
        const { flowBps } = purify(program, start, goalsOf(program, { keepsRate }), limits());
        for (let d = 0; d < problem.demandCount; d++) {
          const rateOf = (flow: Float64Array): number =>
            flow.subarray(problem.pathStart[d], problem.pathStart[d + 1]).reduce((a, b) => a + b, 0);
          const before = openPathsOf(problem, d).length > 0 ? rateOf(start) : 0;
          expect(Math.abs(rateOf(flowBps) - before)).toBeLessThanOrEqual(1e-6 * before);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("never gives up worth, wherever it is stopped", () => {
    fc.assert(
      fc.property(randomProgram({ kinds: ["throughput"], figures: "tame", size: "medium" }), fc.nat(8), (program, looks) => {
        const start = spread(program);
        const { flowBps } = purify(program, start, goalsOf(program), { timeLimitSeconds: looks / 1000, nowMs: tickingClock() });
        const sum = (flow: Float64Array): number => flow.reduce((total, bps) => total + bps, 0);
        expect(sum(fitted(program, flowBps))).toBeGreaterThanOrEqual(sum(start) * (1 - 3e-7));
      }),
      { numRuns: 60 },
    );
  });

  it("takes the path that costs less of two that are worth the same", () => {
    const problem = problemOf({
      links: [
        { from: 0, to: 1, capacity: 10 },
        { from: 0, to: 1, capacity: 10 },
      ],
      demands: [{ src: 0, dst: 1, rate: 12, paths: [[0], [1]] }],
    });
    const program: FlowProgram = { problem, limit: "capacity" };
    const { flowBps } = purify(program, Float64Array.of(6, 6), goalsOf(program, { cost: Float64Array.of(2, 1) }), limits());
    expect([...flowBps].map((bps) => Math.round(bps * 1e6) / 1e6)).toEqual([2, 10]);
  });

  it("leaves flow over more links than it is for as it is", () => {
    const links = Array.from({ length: 2_001 }, () => ({ from: 0, to: 1, capacity: 1 }));
    const problem = problemOf({ links, demands: [{ src: 0, dst: 1, rate: 1, paths: [[0], [1]] }] });
    const program: FlowProgram = { problem, limit: "capacity" };
    const start = Float64Array.of(0.5, 0.5);
    expect(purify(program, start, goalsOf(program), limits())).toMatchObject({ status: "stopped", flowBps: start, steps: 0 });
  });

  it("knows what is too large for it", () => {
    expect(purifySecondsOf({ pathCount: 10_000, linkCount: 176 })).toBeLessThan(1);
    expect(purifySecondsOf({ pathCount: 10, linkCount: 100_000 })).toBe(Infinity);
  });
});

/** The least cost of flow that is worth at least `value`. */
async function leastCost({ problem }: FlowProgram, goals: Goals, value: number, lp: LpBackend): Promise<number> {
  const unitBps = problem.capacityBps.reduce((most, bps) => Math.max(most, bps), 0) || 1;
  const builder = new ProgramBuilder("minimize");
  const columns = Array.from(problem.demandBps, (rate, d) => {
    const own = openPathsOf(problem, d).map((p) => ({ p, column: builder.addColumn({ cost: goals.cost[p] ?? 0 }) }));
    const row = builder.addRow({ upper: rate / unitBps });
    for (const { column } of own) builder.addEntry(row, column, 1);
    return own;
  }).flat();
  problem.capacityBps.forEach((bps, e) => {
    const row = builder.addRow({ upper: bps / unitBps });
    for (const { p, column } of columns) if (linksOf(problem, p).includes(e)) builder.addEntry(row, column, 1);
  });
  const row = builder.addRow({ lower: value / unitBps });
  for (const { p, column } of columns) builder.addEntry(row, column, goals.worth[p] ?? 0);
  const { status, objective } = await lp.solve(builder.build(), { timeLimitSeconds: 10 });
  if (objective === undefined) throw new Error(`The oracle ended ${status}`);
  return objective * unitBps;
}
