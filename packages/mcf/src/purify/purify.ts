/**
 * From a flow that is good to one that is best and lean: a vertex, where hardly more paths carry flow than there are demands and full
 * links (Caratheodory; switches have a rule for each). First every path that may be spared gives its flow to others, worth never falling
 * ("crossover", Bixby and Saltzman 1994; Megiddo 1991); then the primal simplex method goes on to the vertex that is best under both goals,
 * worth first. A good start leaves few steps to it. Exact and dense, for up to `linksMax` links: O(links^2 + hops of all paths / 8) a step.
 */
import type { FlowProgram } from "../flow-program.js";
import type { Problem } from "../problem.js";
import { raiseToWorth } from "../raise-to-worth.js";
import { findEntering, gainOf, noCandidates, noPrices, priceLinks, signOf, type Prices } from "./vertex-price.js";
import { correctInverse, correctRates } from "./correct.js";
import { place, stateAt, undoUnevenness, type Goals, type VertexState } from "./vertex-state.js";
import { stepSpace, takeStep, type Entering, type StepSpace } from "./vertex-step.js";

export type { Goals } from "./vertex-state.js";

export interface PurifyLimits {
  readonly timeLimitSeconds: number;
  /** A monotonic clock, ms. */
  readonly nowMs: () => number;
}

export interface Purified {
  /** `best`: no vertex is better under both goals; `stopped`: by the clock or by rounding, on the way to it. */
  readonly status: "best" | "stopped";
  /** Per path, bps: fits up to rounding. */
  readonly flowBps: Float64Array;
  /** Per link, >= 0: with status `best` they prove the worth optimal. */
  readonly linkPrice: Float64Array;
  readonly steps: number;
}

/** Dense algebra is for so many links: the inverse is 32 MB then. Flow over more links is left as it is. */
const linksMax = 2_000;
/** Steps between looks at the clock, and between corrections of what rounding does to rates. */
const clockSteps = 32;
const correctionSteps = 128;
/** So many steps must make a progress of this share, or the walk is taken to run in a circle. */
const idleStepsMin = 1_000;
const idleStepsPerLink = 4;
const progressShareMin = 1e-12;

/** `flowBps` fits the program, which has limit "capacity"; what the program says of path costs is left to `goals`. */
export function purify(program: FlowProgram, flowBps: Float64Array, goals: Goals, { timeLimitSeconds, nowMs }: PurifyLimits): Purified {
  const { pathCount, linkCount } = program.problem;
  if (linkCount > linksMax) return { status: "stopped", flowBps: flowBps.slice(), linkPrice: new Float64Array(linkCount), steps: 0 };
  const began = nowMs();
  const state = stateAt(program, goals, flowBps);
  const walk: Walk = { state, space: stepSpace(state), prices: noPrices(state), steps: 0 };
  const isLate = (): boolean => walk.steps % clockSteps === 0 && nowMs() - began >= timeLimitSeconds * 1000;
  const settled = decideAll(walk, isLate);
  const status = settled && climb(walk, isLate) ? "best" : "stopped";
  if (settled) undoUnevenness(state);
  correctRates(state, walk.space);
  const linkPrice = walk.prices.worth.slice(0, linkCount).map((price) => Math.max(0, price));
  raiseToWorth(linkPrice, program.problem, { demands: clippedDemands(state), worthOf: (p) => goals.worth[p] as number });
  return { status, flowBps: state.rate.slice(0, pathCount), linkPrice, steps: walk.steps };
}

/** Relative: by less than this, what is counted of a demand differs from what it asks by unevenness and rounding alone. */
const clippedMin = 1e-6;

/** Demands of which the walk counted no more than their paths could carry: of a huge one, what rounding leaves of a price would be huge. */
function clippedDemands({ problem, goals, keyOf, totalBps }: VertexState): readonly number[] {
  const clipped: number[] = [];
  for (let d = 0; d < problem.demandCount; d++) {
    const isOpen = (keyOf[d] as number) >= 0 && goals.keepsRate[d] !== 1;
    if (isOpen && (totalBps[d] as number) < (1 - clippedMin) * (problem.demandBps[d] as number)) clipped.push(d);
  }
  return clipped;
}

interface Walk {
  readonly state: VertexState;
  readonly space: StepSpace;
  readonly prices: Prices;
  steps: number;
}

/** How far it went, bps; undefined where rounding lets nothing block the step, or has made the basis singular. */
function advance(walk: Walk, entering: Entering): number | undefined {
  const { state, space } = walk;
  const length = takeStep(state, space, entering);
  walk.steps += 1;
  if (walk.steps % correctionSteps === 0) {
    if (!correctInverse(state, space)) return undefined;
    correctRates(state, space);
  }
  priceLinks(state, walk.prices, space);
  return length;
}

/** Every column that carries flow and is not in the basis goes up or down, whichever is better, until it or another one leaves. */
function decideAll(walk: Walk, isLate: () => boolean): boolean {
  const { state, prices } = walk;
  const gain = { worth: 0, saved: 0 };
  const keyGain = { worth: 0, saved: 0 };
  for (let column = 0; column < state.placeOf.length; column++) {
    if (state.placeOf[column] !== place.undecided) continue;
    if (isLate()) return false;
    gainOf(state, prices, column, gain);
    gainOf(state, prices, state.keyOf[state.demandOf[column] as number] as number, keyGain);
    const sign = signOf(prices, gain.worth - keyGain.worth, gain.saved - keyGain.saved) || -1;
    if (advance(walk, { kind: "column", column, sign }) === undefined) return false;
  }
  return true;
}

/** The primal simplex method from a vertex on. */
function climb(walk: Walk, isLate: () => boolean): boolean {
  const { state, prices } = walk;
  const candidates = noCandidates();
  const patience = Math.max(idleStepsMin, idleStepsPerLink * state.problem.linkCount);
  let reached = totalsOf(state);
  for (let since = 0; ; since++) {
    if (isLate()) return false;
    if (since === patience) {
      const totals = totalsOf(state);
      if (!isProgress(reached, totals)) return false;
      reached = totals;
      since = 0;
    }
    const entering = findEntering(state, prices, candidates);
    if (entering === undefined) return true;
    if (advance(walk, entering) === undefined) return false;
  }
}

interface Totals {
  readonly worth: number;
  readonly cost: number;
}

function totalsOf({ problem, goals, rate }: VertexState): Totals {
  let worth = 0;
  let cost = 0;
  for (let p = 0; p < problem.pathCount; p++) {
    worth += (goals.worth[p] as number) * (rate[p] as number);
    cost += (goals.cost[p] as number) * (rate[p] as number);
  }
  return { worth, cost };
}

function isProgress(before: Totals, after: Totals): boolean {
  const least = (value: number): number => progressShareMin * Math.abs(value);
  const gained = after.worth - before.worth;
  return gained > least(before.worth) || (gained > -least(before.worth) && before.cost - after.cost > least(before.cost));
}

/** Measured on the peers' networks of 74 to 158 nodes: a step for each path, each in proportion to the square of the links. */
const secondsPerPathAndLinks = 5e-10;

/** About how long `purify` takes on such a problem, seconds of one core of 2026; Infinity where it is not for it. */
export function purifySecondsOf({ pathCount, linkCount }: Pick<Problem, "pathCount" | "linkCount">): number {
  return linkCount > linksMax ? Infinity : secondsPerPathAndLinks * pathCount * linkCount ** 2;
}
