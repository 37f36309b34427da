/**
 * What every scheme must keep, whatever it optimizes: call `describeScheme` from a test file. Judged by arithmetic of its own and
 * by oracles that state each objective anew, as plainly as can be.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProgramBuilder, type LpBackend } from "@sluice/lp";
import { buildTopology, type EngineName, type ObjectiveName } from "@sluice/model";
import { buildProblem } from "./build-problem.js";
import { certify, unservedCostMs } from "./certificate.js";
import type { Problem } from "@sluice/mcf";
import type { Scheme, SchemeOutcome } from "./scheme.js";
import { arbitraryProblem } from "./testing/small-problem.js";
import { snapshotOf } from "./testing/snapshot.js";
import { candidateTunnels } from "./tunnels/candidate-tunnels.js";

/** Relative; solvers are exact to about 1e-8. */
const tolerance = 1e-6;
const timeLimitSeconds = 30;
/** 1 Gb/s: the size of the small networks' figures. */
const gbps = 1e9;

export interface SchemeContract {
  readonly makeLp: () => Promise<LpBackend>;
  /** The engine that solves; left out: the LP backend. */
  readonly engine?: EngineName;
  /** Random networks to try. */
  readonly numRuns?: number;
}

export function describeScheme(name: string, scheme: Scheme, { makeLp, engine, numRuns = 60 }: SchemeContract): void {
  const by = engine === undefined ? {} : { engine };
  describe(`scheme ${name}${engine === undefined ? "" : ` by ${engine}`}`, () => {
    it("names its objective", () => {
      expect(scheme.objective).toBe(name);
    });

    it.each(degenerateProblems())("answers a problem with %s", async (_what, problem) => {
      const outcome = await scheme.solve(problem, { lp: await makeLp(), timeLimitSeconds, ...by });
      expect(["optimal", "feasible"]).toContain(outcome.status);
      expect(defectsOf(problem, scheme.objective, outcome)).toEqual([]);
    });

    it("keeps demand, capacity and non-negativity, tells its objective rightly, and proves it", async () => {
      const lp = await makeLp();
      await fc.assert(
        fc.asyncProperty(arbitraryProblem({ k: 3 }), async (problem) => {
          const outcome = await scheme.solve(problem, { lp, timeLimitSeconds, ...by });
          expect(["optimal", "feasible"]).toContain(outcome.status);
          expect(defectsOf(problem, scheme.objective, outcome)).toEqual([]);
        }),
        { numRuns },
      );
    });

    it("agrees with an oracle that states the objective anew", async () => {
      const lp = await makeLp();
      await fc.assert(
        fc.asyncProperty(arbitraryProblem({ k: 3, demandsMax: 5, linksMax: 8 }), async (problem) => {
          const { objective } = await scheme.solve(problem, { lp, timeLimitSeconds, ...by });
          const expected = await oracleOf(scheme.objective)(problem, lp);
          expect(Math.abs(objective - expected)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)) * 10);
        }),
        { numRuns },
      );
    });
  });
}

/** What is wrong with an outcome; empty when nothing is. */
function defectsOf(problem: Problem, objective: ObjectiveName, outcome: SchemeOutcome): readonly string[] {
  const { flowBps, linkPrice } = outcome;
  const defects: string[] = [];
  if (flowBps.length !== problem.pathCount) return ["there is not one flow per path"];
  if (!flowBps.every((flow) => Number.isFinite(flow) && flow >= 0)) defects.push("a flow is negative or not finite");
  const load = new Float64Array(problem.linkCount);
  for (let d = 0; d < problem.demandCount; d++) {
    let carried = 0;
    for (let path = problem.pathStart[d] ?? 0; path < (problem.pathStart[d + 1] ?? 0); path++) {
      carried += flowBps[path] ?? 0;
      for (const link of linksOf(problem, path)) load[link] = (load[link] ?? 0) + (flowBps[path] ?? 0);
    }
    if (carried > (problem.demandBps[d] ?? 0) * (1 + 1e-9)) defects.push(`demand ${d} carries ${carried}`);
  }
  // This one answers with a utilization that may be above 1; the pipeline then admits less.
  if (objective !== "min-max-utilization") {
    load.forEach((bps, link) => {
      if (bps > (problem.capacityBps[link] ?? 0) * (1 + 1e-9)) defects.push(`link ${link} carries ${bps}`);
    });
  }
  const { value, bound, gap } = certify(problem, objective, flowBps, linkPrice);
  if (!near(outcome.objective, value)) defects.push(`the objective is said to be ${outcome.objective}, and is ${value}`);
  if (linkPrice !== undefined && !linkPrice.every((price) => Number.isFinite(price) && price >= 0))
    defects.push("a price is negative or not finite");
  if (outcome.status === "optimal" && bound !== undefined && !(gap !== undefined && gap <= tolerance)) {
    defects.push(`it is called optimal with the bound ${bound} for ${value}`);
  }
  return defects;
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
}

function linksOf(problem: Problem, path: number): readonly number[] {
  return [...problem.pathLinks.subarray(problem.linkStart[path], problem.linkStart[path + 1])];
}

function degenerateProblems(): readonly (readonly [string, Problem])[] {
  const link = (id: string, from: string, to: string, capacityBps: number) => ({ id, from, to, capacityBps, latencyMs: 1, metric: 1 });
  const nodes = [{ id: "a" }, { id: "b" }, { id: "c" }];
  const problem = (
    links: readonly ReturnType<typeof link>[],
    rates: Parameters<typeof snapshotOf>[1],
    { keepPaths = true, allNodes = true } = {},
  ): Problem => {
    const snapshot = snapshotOf({ name: "degenerate", nodes: allNodes ? nodes : nodes.slice(0, 1), links: [...links] }, rates);
    const topology = buildTopology(snapshot.topology);
    if (!topology.ok) throw new Error("the contract's own input is wrong");
    const { demands } = snapshot.demands;
    const found = candidateTunnels(topology.value, demands, { kind: "k-shortest", k: 4 });
    const capacityBps = Float64Array.from(topology.value.links, (item) => item.capacityBps);
    const built = buildProblem(topology.value, demands, found, capacityBps).problem;
    // A problem may hold a demand without any path, though the pipeline takes these out before.
    return keepPaths
      ? built
      : {
          ...built,
          pathCount: 0,
          pathStart: new Int32Array(built.demandCount + 1),
          linkStart: new Int32Array(1),
          pathLinks: new Int32Array(0),
        };
  };
  const one = link("ab", "a", "b", 10 * gbps);
  const demand = ["a", "b", "elastic", 4 * gbps] as const;
  return [
    ["no demand", problem([one], [])],
    ["one node", problem([], [], { allNodes: false })],
    ["one path", problem([one], [demand])],
    ["more demand than one path carries", problem([one], [["a", "b", "elastic", 40 * gbps]])],
    ["zero capacity", problem([link("ab", "a", "b", 0)], [demand])],
    ["zero capacity on one of two paths", problem([link("ab0", "a", "b", 0), link("ab1", "a", "b", 10 * gbps)], [demand])],
    ["a zero demand", { ...problem([one], [demand]), demandBps: new Float64Array(1) }],
    ["a demand without paths", problem([one], [demand], { keepPaths: false })],
    ["disconnected demands", problem([one], [demand, ["b", "a", "elastic", gbps], ["a", "c", "elastic", gbps]])],
    ["parallel links", problem([one, link("ab2", "a", "b", gbps), link("ab3", "a", "b", gbps)], [["a", "b", "elastic", 11.5 * gbps]])],
    [
      "equal columns",
      problem(
        Array.from({ length: 4 }, (_, i) => link(`ab${i}`, "a", "b", gbps)),
        [
          ["a", "b", "elastic", 9 * gbps],
          ["a", "b", "bulk", 9 * gbps],
        ],
      ),
    ],
    [
      "capacities over twelve orders of magnitude",
      problem([link("ab", "a", "b", 1), link("ab2", "a", "b", 1e12)], [["a", "b", "elastic", 2e12]]),
    ],
  ];
}

type Oracle = (problem: Problem, lp: LpBackend) => Promise<number>;

function oracleOf(objective: ObjectiveName): Oracle {
  switch (objective) {
    case "max-throughput":
      return (problem, lp) => program(problem, lp, { sense: "maximize", pathCost: () => 1 });
    case "min-cost":
      return costOracle;
    case "min-max-utilization":
      return (problem, lp) => program(problem, lp, { sense: "minimize", utilization: true, share: 1 });
    case "max-concurrent":
      return fractionOracle;
    case "max-min-fair":
      return fairOracle;
    case "shortest-path":
      return firstComeOracle;
  }
}

interface ProgramShape {
  readonly sense: "maximize" | "minimize";
  readonly pathCost?: (path: number) => number;
  /** Capacity rows are load <= u c with u a column of cost 1, in place of load <= c. */
  readonly utilization?: boolean;
  /** Every open demand carries exactly this share, in place of at most all. */
  readonly share?: number;
  /** Or this share is a column of cost 1, at most 1. */
  readonly commonShare?: boolean;
}

/** Every path a column, every link and demand a dense row: as in a textbook. */
async function program(
  problem: Problem,
  lp: LpBackend,
  { sense, pathCost = () => 0, utilization, share, commonShare }: ProgramShape,
): Promise<number> {
  const builder = new ProgramBuilder(sense);
  const columns = Array.from({ length: problem.pathCount }, (_, path) =>
    builder.addColumn({ cost: pathCost(path), upper: isOpen(problem, path) ? Infinity : 0 }),
  );
  const level =
    utilization === true || commonShare === true ? builder.addColumn({ cost: 1, upper: commonShare === true ? 1 : Infinity }) : -1;
  for (let link = 0; link < problem.linkCount; link++) {
    const capacity = (problem.capacityBps[link] ?? 0) / gbps;
    const row = builder.addRow({ upper: utilization === true ? 0 : capacity });
    if (utilization === true) builder.addEntry(row, level, -capacity);
    columns.forEach((column, path) => {
      if (isOpen(problem, path) && linksOf(problem, path).includes(link)) builder.addEntry(row, column, 1);
    });
  }
  for (let d = 0; d < problem.demandCount; d++) {
    const demand = (problem.demandBps[d] ?? 0) / gbps;
    if (openPathsOf(problem, d).length === 0) continue;
    const lower = commonShare === true ? 0 : share === undefined ? -Infinity : share * demand;
    const row = builder.addRow({ lower, upper: commonShare === true ? Infinity : demand });
    for (const path of openPathsOf(problem, d)) builder.addEntry(row, columns[path] ?? 0, 1);
    if (commonShare === true) builder.addEntry(row, level, -demand);
  }
  const { objective = 0 } = await lp.solve(builder.build(), { timeLimitSeconds });
  return utilization === true || commonShare === true ? objective : objective * gbps;
}

function isOpen(problem: Problem, path: number): boolean {
  return linksOf(problem, path).every((link) => (problem.capacityBps[link] ?? 0) > 0);
}

function openPathsOf(problem: Problem, demand: number): readonly number[] {
  const first = problem.pathStart[demand] ?? 0;
  const count = (problem.pathStart[demand + 1] ?? 0) - first;
  return Array.from({ length: count }, (_, i) => first + i).filter((path) => isOpen(problem, path));
}

/** All refused, less what each path saves by not being refused. */
async function costOracle(problem: Problem, lp: LpBackend): Promise<number> {
  const refusedMs = unservedCostMs(problem);
  const latencyMs = (path: number): number => linksOf(problem, path).reduce((sum, link) => sum + (problem.latencyMs[link] ?? 0), 0);
  const saved = await program(problem, lp, { sense: "maximize", pathCost: (path) => refusedMs - latencyMs(path) });
  const asked = problem.demandBps.reduce((sum, rate, d) => (openPathsOf(problem, d).length > 0 ? sum + rate : sum), 0);
  return refusedMs * asked - saved;
}

async function fractionOracle(problem: Problem, lp: LpBackend): Promise<number> {
  const open = problem.demandBps.some((rate, d) => rate > 0 && openPathsOf(problem, d).length > 0);
  return open ? program(problem, lp, { sense: "maximize", commonShare: true }) : 1;
}

/** Finds how far all can rise together by bisection, freezes those that cannot rise alone, and goes on: exact to about 1e-6. */
async function fairOracle(problem: Problem, lp: LpBackend): Promise<number> {
  const frozen: (number | undefined)[] = Array.from(problem.demandBps, (_, d) => (openPathsOf(problem, d).length === 0 ? 0 : undefined));
  const rateOf = (d: number, level: number): number => Math.min(frozen[d] ?? level, problem.demandBps[d] ?? 0);
  const bisect = async (test: (level: number) => Promise<boolean>): Promise<number> => {
    let low = 0;
    let high = Math.max(...problem.demandBps, 0);
    if (await test(high)) return high;
    for (let step = 0; step < 50; step++) {
      const middle = (low + high) / 2;
      if (await test(middle)) low = middle;
      else high = middle;
    }
    return low;
  };
  while (frozen.includes(undefined)) {
    const level = await bisect((candidate) =>
      fitsTogether(
        problem,
        lp,
        frozen.map((_, d) => rateOf(d, candidate)),
      ),
    );
    let held = 0;
    for (let d = 0; d < frozen.length; d++) {
      if (frozen[d] !== undefined) continue;
      const others = Array.from(frozen, (_, j) => rateOf(j, level));
      const more = others.map((rate, j) => (j === d ? Math.min(problem.demandBps[d] ?? 0, rate + gbps * 1e-3) : rate * (1 - 1e-7)));
      const canRise = (others[d] ?? 0) < (problem.demandBps[d] ?? 0) && (await fitsTogether(problem, lp, more));
      if (canRise) continue;
      // A little low, so that what the program's tolerance let pass here does not make the next level fail.
      frozen[d] = (others[d] ?? 0) * (1 - 1e-6);
      held++;
    }
    // Nobody is held alone only where the steps are too coarse to see it.
    if (held === 0) throw new Error("the oracle found no bottleneck");
  }
  return frozen.reduce<number>((sum, rate) => sum + (rate ?? 0), 0);
}

async function fitsTogether(problem: Problem, lp: LpBackend, ratesBps: readonly number[]): Promise<boolean> {
  const exact = { ...problem, demandBps: Float64Array.from(ratesBps) };
  const carried = await program(exact, lp, { sense: "maximize", pathCost: () => 1 });
  const wanted = ratesBps.reduce((sum, rate) => sum + rate, 0);
  return carried >= wanted - 1e-7 * Math.max(gbps, wanted);
}

/** Each demand in turn takes what its first path has left. */
function firstComeOracle(problem: Problem): Promise<number> {
  const left = [...problem.capacityBps];
  let sum = 0;
  for (let d = 0; d < problem.demandCount; d++) {
    const path = problem.pathStart[d] ?? 0;
    if (path === (problem.pathStart[d + 1] ?? 0)) continue;
    const taken = Math.min(problem.demandBps[d] ?? 0, ...linksOf(problem, path).map((link) => left[link] ?? 0));
    for (const link of linksOf(problem, path)) left[link] = (left[link] ?? 0) - taken;
    sum += taken;
  }
  return Promise.resolve(sum);
}
