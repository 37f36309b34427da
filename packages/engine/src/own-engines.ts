/**
 * Our own engines (packages/mcf) behind one small interface: a program over the problem's paths in, flow and prices out. The first-order and the
 * interior-point engine find flow that is spread over many paths; where that costs little it is then brought to the best vertex
 * ("purified"), as lean as a simplex method's. `simplex` is that walk alone, from flow on first paths.
 */
import {
  concentrate,
  firstOrder,
  type FlowEngine,
  flowOfDemands,
  type FlowProgram,
  interiorPoint,
  loadOf,
  type Problem,
  type Purified,
  purify,
  purifySecondsOf,
  type SolveLimits,
} from "@sluice/mcf";
import type { EngineName } from "@sluice/model";
import { nearestOnPaths } from "./certificate.js";
import { fitToCapacity } from "./flow.js";
import type { SchemeOptions } from "./scheme.js";
import { greedyFill } from "./schemes/greedy-fill.js";

/** The gap wanted where none is said, relative. */
const gapMaxUsual = 1e-6;
/** Share of the gap that an engine aims at: what repair and scaling cost has to fit, too. */
const gapShare = 0.5;
/** Share of the gap that breaking ties may cost, once in what is carried and once in the bound. */
const tieShare = 0.1;
/** Purification is for problems on which it is expected to take this share of the time, at most. */
const purifyShare = 0.5;

export interface EngineOptions extends SchemeOptions {
  readonly engine: EngineName;
}

export interface EngineAnswer {
  /** Per path, bps. */
  readonly flowBps: Float64Array;
  /** Prices of links, each with a valid bound: the tightest is to be kept. */
  readonly linkPrices: readonly Float64Array[];
  /** How the engine ended, in its own word. */
  readonly ended: string;
}

export interface PathGoals {
  /** Per path, in (0, 1]: what carrying one bps is worth. */
  readonly worth: Float64Array;
  /** Per path: of equal worth, the least of this is wanted. */
  readonly cost: Float64Array;
}

/** The most worth within capacity; of equal worth the least cost, to within the gap. */
export function carryMost(problem: Problem, goals: PathGoals, options: EngineOptions): EngineAnswer {
  const clock = clockOf(options);
  if (options.engine === "simplex") {
    const walked = walk(problem, greedyFill(problem, 1), goals, { secondsMax: clock.secondsLeft(), nowMs: clock.nowMs });
    return { flowBps: walked.flowBps, linkPrices: [walked.linkPrice], ended: walked.status };
  }
  const lean = purifies(problem, options);
  // Without a walk to follow, what is nearly free breaks ties; prices then pay for all of what is carried by a hair less.
  const tieWeight = lean ? 0 : tieShare * gapOf(options);
  const program = programOf(problem, goals, tieWeight);
  const solution = engineOf(options.engine)(program, limitsOf(options, clock));
  const price = solution.linkPrice.map((each) => each / (1 - tieWeight));
  if (!lean) return { flowBps: concentrate(problem, solution.flowBps, goals.worth), linkPrices: [price], ended: solution.status };
  const walked = walk(problem, solution.flowBps, goals, { secondsMax: clock.secondsLeft(), nowMs: clock.nowMs });
  const isWorse = worthOf(walked.flowBps, goals) < worthOf(solution.flowBps, goals) * (1 - gapShare * gapOf(options));
  return { flowBps: isWorse ? solution.flowBps : walked.flowBps, linkPrices: [walked.linkPrice, price], ended: solution.status };
}

export interface LeastUtilization extends EngineAnswer {
  /** The largest utilization of a link. */
  readonly utilization: number;
}

/** Room above the utilization found, relative, for flow that costs less. */
const utilizationSlack = 1e-9;
/** The first-order method's gap from which Newton's steps go on. */
const newtonStartGap = 1e-3;
const newtonStepsMax = 24;
/** Shortfall, relative, that passes for rounding. */
const shortfallMax = 1e-10;

/** Every demand with an open path in full, at the least utilization; then at the least cost. */
export function utilizeLeast(problem: Problem, cost: Float64Array, options: EngineOptions): LeastUtilization {
  const clock = clockOf(options);
  const exact = options.engine === "simplex";
  const wanted = limitsOf(options, clock);
  const limits = exact ? { ...wanted, gap: Math.max(newtonStartGap, wanted.gap) } : wanted;
  const solution = engineOf(options.engine)({ problem, limit: "utilization" }, limits);
  let best: LeastUtilization = {
    flowBps: solution.flowBps,
    linkPrices: [solution.linkPrice],
    ended: solution.status,
    utilization: utilizationOf(problem, solution.flowBps),
  };
  if (!(best.utilization > 0)) return best;
  if (exact) best = newton(problem, { start: best, bound: solution.bound, gapMax: wanted.gap }, { cost, clock });
  if (!purifies(problem, options)) return { ...best, flowBps: concentrate(roomAt(problem, best.utilization), best.flowBps) };
  const room = roomAt(problem, best.utilization * (1 + utilizationSlack));
  const goals = { worth: new Float64Array(problem.pathCount).fill(1), cost, keepsRate: new Uint8Array(problem.demandCount).fill(1) };
  const walked = walk(room, best.flowBps, goals, { secondsMax: clock.secondsLeft(), nowMs: clock.nowMs });
  const flowBps = carriedWhole(problem, walked.flowBps);
  const utilization = utilizationOf(problem, flowBps);
  return utilization <= best.utilization * (1 + 2 * utilizationSlack) ? { ...best, flowBps, utilization } : best;
}

interface NewtonStart {
  readonly start: LeastUtilization;
  /** No flow has a smaller utilization. */
  readonly bound: number;
  readonly gapMax: number;
}

/**
 * The least u by Newton's method: with every link's capacity taken u times, what is the most that fits? Where that is not all, its prices prove
 * a larger u, by the certificate's formula; where it is all, u is the least. Converges from below in a few steps (Dinkelbach 1967).
 */
function newton(
  problem: Problem,
  { start, bound, gapMax }: NewtonStart,
  { cost, clock }: { readonly cost: Float64Array; readonly clock: Clock },
): LeastUtilization {
  const goals = { worth: new Float64Array(problem.pathCount).fill(1), cost };
  const wholeBps = flowOfDemands(problem, start.flowBps).reduce((sum, bps) => sum + bps, 0);
  let best = start;
  let { flowBps } = start;
  let u = bound;
  const linkPrices = [...start.linkPrices];
  for (let step = 0; step < newtonStepsMax; step++) {
    if (!(u > 0) || best.utilization - u <= gapMax * best.utilization || clock.secondsLeft() <= 0) break;
    const room = roomAt(problem, u);
    const walked = walk(room, fitToCapacity(room, flowBps).flowBps, goals, { secondsMax: clock.secondsLeft(), nowMs: clock.nowMs });
    ({ flowBps } = walked);
    linkPrices.push(walked.linkPrice);
    const whole = carriedWhole(problem, flowBps);
    const utilization = utilizationOf(problem, whole);
    if (utilization < best.utilization) best = { ...best, flowBps: whole, utilization };
    const carried = flowBps.reduce((sum, bps) => sum + bps, 0);
    const next = provenUtilization(problem, walked.linkPrice);
    if (carried >= wholeBps * (1 - shortfallMax) || !(next > u)) break;
    u = next;
  }
  return { ...best, linkPrices };
}

/** What is left to be had above a flow that fits: each demand keeps what it has, and gets more where that adds most; least cost if equal. */
export function carryOnTop(problem: Problem, flowBps: Float64Array, cost: Float64Array, options: EngineOptions): Float64Array | undefined {
  const clock = clockOf(options);
  const twice = twicePaths(problem, flowBps);
  if (!purifies(twice.problem, options)) return undefined;
  const { pathCount } = problem;
  const both = (figures: Float64Array): Float64Array => Float64Array.from({ length: 2 * pathCount }, (_, p) => figures[p % pathCount] ?? 0);
  const start = new Float64Array(2 * pathCount);
  start.set(flowBps);
  const goals = { worth: new Float64Array(2 * pathCount).fill(1), cost: both(cost), keepsRate: twice.keepsRate };
  const walked = walk(twice.problem, start, goals, { secondsMax: clock.secondsLeft(), nowMs: clock.nowMs });
  return Float64Array.from({ length: pathCount }, (_, p) => (walked.flowBps[p] ?? 0) + (walked.flowBps[pathCount + p] ?? 0));
}

/** Each demand twice, on the same paths: what it has, and the rest. */
function twicePaths(problem: Problem, flowBps: Float64Array): { readonly problem: Problem; readonly keepsRate: Uint8Array } {
  const { demandCount, demandBps, pathCount, pathStart, linkStart, pathLinks, demandSrc, demandDst } = problem;
  const hasBps = flowOfDemands(problem, flowBps);
  const join = (a: Int32Array, b: Int32Array): Int32Array => Int32Array.from([...a, ...b]);
  const shifted = (starts: Int32Array, by: number): Int32Array => starts.subarray(1).map((start) => start + by);
  return {
    problem: {
      ...problem,
      demandCount: 2 * demandCount,
      demandBps: Float64Array.from({ length: 2 * demandCount }, (_, d) =>
        d < demandCount ? (hasBps[d] ?? 0) : Math.max(0, (demandBps[d - demandCount] ?? 0) - (hasBps[d - demandCount] ?? 0)),
      ),
      demandSrc: join(demandSrc, demandSrc),
      demandDst: join(demandDst, demandDst),
      bandwidthFunctions: [],
      pathCount: 2 * pathCount,
      pathStart: join(pathStart, shifted(pathStart, pathCount)),
      linkStart: join(linkStart, shifted(linkStart, pathLinks.length)),
      pathLinks: join(pathLinks, pathLinks),
    },
    keepsRate: Uint8Array.from({ length: 2 * demandCount }, (_, d) => (d < demandCount ? 1 : 0)),
  };
}

/** The utilization that prices prove: sum D_d near_y(d) / sum c_e y_e. */
export function provenUtilization(problem: Problem, linkPrice: Float64Array): number {
  const { needed, spent } = weighed(problem, linkPrice);
  return spent > 0 ? needed / spent : 0;
}

/** Sum D_d near_y(d) over the demands with an open path, and sum c_e y_e. */
export function weighed(problem: Problem, linkPrice: Float64Array): { readonly needed: number; readonly spent: number } {
  const near = nearestOnPaths(problem, linkPrice);
  return {
    needed: problem.demandBps.reduce((sum, bps, d) => (Number.isFinite(near[d]) ? sum + bps * (near[d] ?? 0) : sum), 0),
    spent: problem.capacityBps.reduce((sum, bps, e) => sum + bps * (linkPrice[e] ?? 0), 0),
  };
}

export function utilizationOf(problem: Problem, flowBps: Float64Array): number {
  return loadOf(problem, flowBps).reduce((most, load, e) => (load > 0 ? Math.max(most, load / (problem.capacityBps[e] ?? 0)) : most), 0);
}

/** Each demand that carries something scaled to all of it; one that carries nothing takes its first open path. */
function carriedWhole(problem: Problem, flowBps: Float64Array): Float64Array {
  const whole = flowBps.slice();
  const totals = flowOfDemands(problem, flowBps);
  const { demandBps, pathStart, linkStart, pathLinks, capacityBps } = problem;
  for (let d = 0; d < problem.demandCount; d++) {
    const first = pathStart[d] ?? 0;
    const end = pathStart[d + 1] ?? 0;
    const total = totals[d] ?? 0;
    if (total > 0) for (let p = first; p < end; p++) whole[p] = (whole[p] ?? 0) * ((demandBps[d] ?? 0) / total);
    else {
      const isOpen = (p: number): boolean => pathLinks.subarray(linkStart[p], linkStart[p + 1]).every((e) => (capacityBps[e] ?? 0) > 0);
      for (let p = first; p < end; p++) {
        if (!isOpen(p)) continue;
        whole[p] = demandBps[d] ?? 0;
        break;
      }
    }
  }
  return whole;
}

function roomAt(problem: Problem, utilization: number): Problem {
  return { ...problem, capacityBps: problem.capacityBps.map((bps) => bps * utilization) };
}

interface WalkGoals extends PathGoals {
  readonly keepsRate?: Uint8Array;
}

function walk(
  problem: Problem,
  flowBps: Float64Array,
  { worth, cost, keepsRate = new Uint8Array(problem.demandCount) }: WalkGoals,
  { secondsMax, nowMs }: { readonly secondsMax: number; readonly nowMs: () => number },
): Purified {
  return purify({ problem, limit: "capacity" }, flowBps, { worth, cost, keepsRate }, { timeLimitSeconds: Math.max(0, secondsMax), nowMs });
}

function programOf(problem: Problem, { worth, cost }: PathGoals, tieWeight: number): FlowProgram {
  const most = cost.reduce((largest, each) => Math.max(largest, each), 0);
  const pathCost = worth.map((each, p) => (1 - tieWeight) * (1 - each) + (most > 0 ? (tieWeight * (cost[p] ?? 0)) / most : 0));
  return pathCost.some((each) => each > 0) ? { problem, limit: "capacity", pathCost } : { problem, limit: "capacity" };
}

function worthOf(flowBps: Float64Array, { worth }: PathGoals): number {
  return flowBps.reduce((sum, bps, p) => sum + bps * (worth[p] ?? 0), 0);
}

function engineOf(engine: EngineName): FlowEngine {
  return engine === "interior-point" ? interiorPoint : firstOrder;
}

/** Not by the time that is left: the same problem gets the same answer, whatever the clock says. */
function purifies(problem: Problem, { purifies: asked, timeLimitSeconds }: SchemeOptions): boolean {
  return asked ?? purifySecondsOf(problem) <= purifyShare * timeLimitSeconds;
}

function gapOf({ gapMax = gapMaxUsual }: SchemeOptions): number {
  return gapMax;
}

interface Clock {
  readonly nowMs: () => number;
  readonly secondsLeft: () => number;
}

function clockOf({ timeLimitSeconds, nowMs = () => 0 }: SchemeOptions): Clock {
  const endMs = nowMs() + timeLimitSeconds * 1000;
  return { nowMs, secondsLeft: () => Math.max(0, (endMs - nowMs()) / 1000) };
}

function limitsOf(options: SchemeOptions, clock: Clock): SolveLimits {
  return { gap: gapShare * gapOf(options), timeLimitSeconds: clock.secondsLeft(), nowMs: clock.nowMs, onProgress: options.onProgress };
}
