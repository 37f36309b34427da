/**
 * Few tunnels that carry almost what all paths together could: column generation (Ford and Fulkerson 1958; Barnhart et al. 1998) over
 * tunnels, with shortest-path trees as pricing.
 *
 *   solve the program on the tunnels in play  -->  link prices  -->  one shortest-path tree a destination
 *          ^                                                           |             |
 *          |                                                           |             +--> a bound over all paths
 *          +---- tunnels that carry nothing make room for <------------+
 *                paths that are shorter than all a demand has
 *
 * A demand has k slots. First-order answers spread flow over what there is, and where all slots of many demands carry, nothing new gets
 * in: then each gets some slots more for a while, until the k tunnels that carry most are kept. The bound is over all paths throughout.
 *
 * Among paths of equal length the trees prefer fewer hops: early prices are zero on most links, and without that demands wander.
 */
import { assert } from "@sluice/model";
import type { FlowEngine, FlowSolution, FlowStart, SolveLimits } from "../flow-program.js";
import { candidatePaths } from "../paths/path-set.js";
import type { Problem } from "../problem.js";
import { gapBetween } from "../gap.js";
import { costOfPaths, fitToDemands, valueOf } from "./flow-figures.js";
import { lengthMaxOf, linkLengths, Pricing, type TunnelObjective } from "./pricing.js";
import { keepFirst, keepLargest, turnOver, type Renumbering } from "./tunnel-set.js";

export interface TunnelRequest extends TunnelObjective {
  /** Its paths, where it has some, are what the search starts from: of each demand the first k. */
  readonly problem: Problem;
  /** Tunnels a demand, at most; the engine must take 4 more. */
  readonly k: number;
}

export interface GeneratedTunnels {
  /** The problem asked about, with the tunnels found: at most k a demand, over links with capacity. */
  readonly problem: Problem;
  /** On these tunnels; its bound, prices and gap are of the program over all paths. */
  readonly solution: FlowSolution;
  /** Solves of a program on some tunnels. */
  readonly rounds: number;
}

/** Slots beyond k where k alone block the search, */
const spareSlots = 4;
/** until this share of the time is over. */
const spareTimeShare = 0.75;
/** Paths a demand starts with, where none are given. */
const startPaths = 2;
/** The first programs need no exact answers: their gap, and the advantage that a new tunnel must have. */
const masterGapStart = 1e-2;
const advantageStart = 1e-3;
/** Each time little is gained any more, both shrink by this factor, down to a share of the gap wanted. */
const tightening = 0.3;
const masterGapShare = 0.3;
const advantageShare = 1e-3;
/** Little is gained where no more demands than this share get a new tunnel, or where the gap is within this factor of the master's. */
const fewAdded = 1e-3;
const nearGap = 3;
/** Tunnels only come and go where neither value nor bound gets better by this share of it in so many rounds. */
const idleRoundsMax = 12;
const gainMin = 1e-6;

/**
 * Tunnels and a flow on them, within `limits.gap` of the best flow over all loopless paths if time allows. Anytime: it is cut short by
 * the clock or by cancellation between and within solves, and then gives what it has, with its gap; the first solve is always made, with
 * the time that is left. Demands without a path over links with capacity get no tunnel and are left out, as in `FlowProgram`; a demand of zero gets
 * none that it has not.
 *
 * `stalled`: neither do prices give shorter paths nor does the engine a smaller gap; with few tunnels a demand, that is what they can do.
 *
 * A round takes a solve, O(destinations x links x log links) for the trees, and O(links of all tunnels) for the turnover.
 */
export function generateTunnels(request: TunnelRequest, limits: SolveLimits, engine: FlowEngine): GeneratedTunnels {
  const search = begin(request, limits, engine);
  const status = runRounds(search, { slots: request.k, timeShare: 1 });
  return status === "stalled" && search.isBlocked ? widened(search) : answerOf(search, status);
}

/** Goes on with more slots, then with the k tunnels that carry most; the better of that and what there was. */
function widened(search: Search): GeneratedTunnels {
  const { k, limit } = search.request;
  const before = { problem: search.problem, flowBps: search.flowBps, value: search.value };
  const wide = runRounds(search, { slots: k + spareSlots, timeShare: spareTimeShare });
  narrow(search, k);
  const status = wide === "cancelled" ? wide : runRounds(search, { slots: k, timeShare: 1 });
  const worse = limit === "capacity" ? search.value < before.value : search.value > before.value;
  return answerOf(worse ? Object.assign(search, before) : search, status);
}

function answerOf(search: Search, ended: FlowSolution["status"]): GeneratedTunnels {
  const { problem, flowBps, value, bound, price: linkPrice, iterations, rounds, limits } = search;
  const gap = gapBetween(search.value, search.bound);
  const status = gap <= limits.gap ? "gap" : ended;
  return { problem, solution: { status, flowBps, linkPrice, value, bound, gap, iterations }, rounds };
}

interface Search {
  readonly request: TunnelRequest;
  readonly limits: SolveLimits;
  readonly engine: FlowEngine;
  readonly pricing: Pricing;
  readonly began: number;
  /** The tunnels in play, the best flow on them, and its value; NaN before the first solve. */
  problem: Problem;
  flowBps: Float64Array;
  value: number;
  /** The best bound, and the prices that prove it. */
  bound: number;
  price: Float64Array;
  /** Where the next solve starts. */
  start: FlowStart;
  masterGap: number;
  advantage: number;
  /** Whether new tunnels were last held up by demands all of whose slots carry, or only took turns. */
  isBlocked: boolean;
  /** The round in which value or bound last got better. */
  gainRound: number;
  iterations: number;
  rounds: number;
}

/** The tunnels given or the shortest paths, at least one for each demand that has a path, and what prices of zero prove. */
function begin(request: TunnelRequest, limits: SolveLimits, engine: FlowEngine): Search {
  const { k } = request;
  const began = limits.nowMs();
  const price = new Float64Array(request.problem.linkCount);
  const linkLength = linkLengths(request.problem, request, price);
  const lengthMax = lengthMaxOf(request);
  assert(k >= 1, "a demand has one tunnel at least");
  const given = request.problem.pathCount > 0 ? request.problem : shortestPaths(request, Math.min(startPaths, k));
  const usable = keepFirst(given, linkLength, { lengthMax, count: k }).problem;
  const pricing = new Pricing(usable, request);
  const bound = pricing.run(price);
  const flowBps = new Float64Array(usable.pathCount);
  const { problem } = turnOver(usable, pricing, { slots: k, advantage: 0, flowBps, linkLength, lengthMax });
  const idle = new Float64Array(problem.pathCount);
  const unsolved = { flowBps: idle, value: Number.NaN, start: { flowBps: idle, linkPrice: price }, iterations: 0, rounds: 0, gainRound: 0 };
  const patience = { masterGap: masterGapStart, advantage: advantageStart, isBlocked: false };
  return { request, limits, engine, pricing, began, problem, bound, price, ...unsolved, ...patience };
}

function shortestPaths({ problem, linkCost }: TunnelRequest, k: number): Problem {
  const { demandSrc: src, demandDst: dst, capacityBps } = problem;
  const hopOrCost = capacityBps.map((bps, e) => (bps > 0 ? (linkCost?.[e] ?? 1) : Infinity));
  return { ...problem, ...candidatePaths(problem, { src, dst }, hopOrCost, { k, labelsMax: k }) };
}

interface RoundLimits {
  readonly slots: number;
  /** The share of the time, from the beginning, after which it ends. */
  readonly timeShare: number;
}

/** Solves and turns tunnels over until the gap is reached, nothing is gained any more, or the time is over. */
function runRounds(search: Search, { slots, timeShare }: RoundLimits): FlowSolution["status"] {
  const { limits, began } = search;
  const end = began + 1000 * limits.timeLimitSeconds * timeShare;
  search.gainRound = search.rounds;
  const stopped = (): FlowSolution["status"] | undefined => {
    if (Number.isNaN(search.value)) return undefined;
    if (gapBetween(search.value, search.bound) <= limits.gap) return "gap";
    if (limits.cancelled?.() === true) return "cancelled";
    return limits.nowMs() >= end ? "time-limit" : undefined;
  };
  for (;;) {
    const before = stopped();
    if (before !== undefined) return before;
    const master = solve(search, Math.max(0, end - limits.nowMs()) / 1000);
    priceAll(search, master.linkPrice);
    limits.onProgress?.({ value: search.value, bound: search.bound, gap: gapBetween(search.value, search.bound) });
    const after = stopped();
    if (after !== undefined) return after;
    if (!renew(search, slots, master)) return "stalled";
  }
}

/** Turns tunnels over for the next solve; false where another one would not get further. */
function renew(search: Search, slots: number, master: FlowSolution): boolean {
  const { request, problem, pricing, advantage, flowBps } = search;
  const linkLength = linkLengths(problem, request, master.linkPrice);
  const turnover = turnOver(problem, pricing, { slots, advantage, flowBps, linkLength, lengthMax: lengthMaxOf(request) });
  const { added, blocked } = turnover;
  const few = added <= fewAdded * problem.demandCount;
  search.isBlocked = (few && blocked > added) || search.rounds - search.gainRound > idleRoundsMax;
  const tightened = tighten(search, few, master);
  if (search.isBlocked || (added === 0 && !tightened)) return false;
  moveTo(search, turnover, master);
  return true;
}

function solve(search: Search, timeLimitSeconds: number): FlowSolution {
  const { problem, request, limits, engine, start } = search;
  const program = { problem, limit: request.limit, pathCost: costOfPaths(problem, request) };
  const { nowMs, cancelled } = limits;
  const master = engine(program, { gap: search.masterGap, timeLimitSeconds, nowMs, cancelled }, start);
  assert(!master.flowBps.some(Number.isNaN), "an engine's flows are numbers");
  search.rounds++;
  search.iterations += master.iterations;
  const gain = master.value - search.value;
  if (Number.isNaN(search.value) || (request.limit === "capacity" ? gain > 0 : gain < 0)) {
    noteGain(search, gain, search.value);
    [search.flowBps, search.value] = [master.flowBps, master.value];
  }
  return master;
}

function priceAll(search: Search, price: Float64Array): void {
  const bound = search.pricing.run(price);
  const gain = bound - search.bound;
  if (search.request.limit === "capacity" ? gain < 0 : gain > 0) {
    noteGain(search, gain, search.bound);
    [search.bound, search.price] = [bound, price];
  }
}

/** The first gain, which has nothing before it, counts too. */
function noteGain(search: Search, gain: number, before: number): void {
  if (!(Math.abs(gain) <= gainMin * Math.abs(before))) search.gainRound = search.rounds;
}

/** Asks for more exact prices and for smaller advantages where little was gained; false where there is no more to ask for. */
function tighten(search: Search, few: boolean, master: FlowSolution): boolean {
  const { limits, masterGap, advantage } = search;
  if (!few && gapBetween(search.value, search.bound) > nearGap * masterGap) return true;
  search.masterGap = Math.min(masterGap, Math.max(masterGapShare * limits.gap, tightening * Math.min(masterGap, master.gap)));
  if (few) search.advantage = Math.min(advantage, Math.max(advantageShare * limits.gap, tightening * advantage));
  return (search.masterGap < masterGap && master.status !== "stalled") || search.advantage < advantage;
}

function moveTo(search: Search, { problem, origin }: Renumbering, master: FlowSolution): void {
  const moved = (flowBps: Float64Array): Float64Array => Float64Array.from(origin, (was) => (was < 0 ? 0 : (flowBps[was] as number)));
  const kept = search.flowBps === master.flowBps;
  search.problem = problem;
  const flowBps = moved(master.flowBps);
  search.flowBps = kept ? flowBps : moved(search.flowBps);
  search.start = { flowBps, linkPrice: master.linkPrice, primalWeight: master.primalWeight };
}

/** Leaves each demand the k tunnels that carry most. What they lose is lost, or where all is to be carried goes to those that stay. */
function narrow(search: Search, k: number): void {
  const { request } = search;
  const { problem, origin } = keepLargest(search.problem, search.flowBps, k);
  if (problem.pathCount === search.problem.pathCount) return;
  const flowBps = Float64Array.from(origin, (was) => search.flowBps[was] as number);
  if (request.limit === "utilization") fitToDemands(problem, flowBps);
  search.problem = problem;
  search.flowBps = flowBps;
  search.value = valueOf(problem, request, flowBps);
  search.start = { flowBps, linkPrice: search.price };
}
