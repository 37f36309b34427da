/**
 * A flow on its way to a vertex, in the form of the simplex method with generalized upper bounds (Dantzig and Van Slyke 1967): each
 * demand's paths and what is refused of it, its columns, sum to the demand. One of them, the key, follows from the others, so demands
 * need no row. What is left of the basis is W: a row for each tight link, a column for each further path that carries flow.
 */
import type { FlowProgram } from "../flow-program.js";
import type { Problem } from "../problem.js";
import { emptyInverse, type BasisInverse } from "./basis-inverse.js";

/**
 * Links are taken to hold a little less, each by another share up to this, and flows to be that much less: so no two links fill at once, and
 * every step moves something (Charnes 1952). The last correction of rates gives back what this takes.
 */
const unevenness = 1e-7;

/**
 * Demands are taken to be no more than this times what their paths could carry alone: beyond that the rest is refused anyway, and with
 * a demand of 1e15 the rate of a key would lose all its digits.
 */
const refusedShare = 2;

/** A fraction in [0, 1) that looks random and depends on `i` only. */
function fractionOf(i: number): number {
  return ((Math.imul(i + 1, 0x9e3779b1) >>> 0) % 0xfffff) / 0xfffff;
}

/** Where a column is: at 0 or more a position in W. */
export const place = { nonbasic: -1, key: -2, undecided: -3, closed: -4 } as const;

export interface Goals {
  /** Per path: what a unit of flow is worth; what is refused is worth 0. */
  readonly worth: Float64Array;
  /** Per path: among flows of equal worth the least cost is wanted. */
  readonly cost: Float64Array;
  /** Per demand, 1: none of what is carried may be refused. */
  readonly keepsRate: Uint8Array;
}

export interface VertexState {
  readonly problem: Problem;
  readonly goals: Goals;
  /** Per column (the paths, then for each demand what is refused): rate, bps. */
  readonly rate: Float64Array;
  readonly demandOf: Int32Array;
  readonly placeOf: Int32Array;
  /** Per demand: its key column, -1 where it has no open path. */
  readonly keyOf: Int32Array;
  /** Per demand: what its columns sum to. */
  readonly totalBps: Float64Array;
  /** Per link: what it may carry, bps; that less its load; its row in W or -1. */
  readonly limitBps: Float64Array;
  readonly roomBps: Float64Array;
  readonly rowOf: Int32Array;
  readonly inverse: BasisInverse;
  /** Per row of W: its link. Per position: its column. */
  readonly linkAt: Int32Array;
  readonly columnAt: Int32Array;
}

/** `flowBps` fits. O(links of all paths + links^2). */
export function stateAt({ problem }: FlowProgram, goals: Goals, flowBps: Float64Array): VertexState {
  const { pathCount, demandCount, linkCount, pathStart, capacityBps, demandBps } = problem;
  const state: VertexState = {
    problem,
    goals,
    rate: new Float64Array(pathCount + demandCount),
    demandOf: new Int32Array(pathCount + demandCount),
    placeOf: new Int32Array(pathCount + demandCount).fill(place.nonbasic),
    keyOf: new Int32Array(demandCount).fill(-1),
    totalBps: new Float64Array(demandCount),
    limitBps: capacityBps.map((capacity, e) => capacity * (1 - unevenness * (0.5 + 0.5 * fractionOf(e)))),
    roomBps: capacityBps.slice(),
    rowOf: new Int32Array(linkCount).fill(-1),
    inverse: emptyInverse(linkCount + 1),
    linkAt: new Int32Array(linkCount + 1),
    columnAt: new Int32Array(linkCount + 1),
  };
  flowBps.forEach((flow, p) => (state.rate[p] = flow * (1 - unevenness)));
  for (let d = 0; d < demandCount; d++) {
    const refusal = pathCount + d;
    state.demandOf[refusal] = d;
    const keeps = goals.keepsRate[d] === 1;
    let carried = 0;
    let carriable = 0;
    let key = -1;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      state.demandOf[p] = d;
      const bottleneck = bottleneckOf(problem, p);
      if (!(bottleneck > 0)) {
        state.placeOf[p] = place.closed;
        state.rate[p] = 0;
        continue;
      }
      const rate = state.rate[p] as number;
      carried += rate;
      carriable += bottleneck;
      if (key < 0 || rate > (state.rate[key] as number)) key = p;
      if (rate > 0) state.placeOf[p] = place.undecided;
    }
    const total = keeps ? carried : Math.max(carried, (1 - unevenness) * Math.min(demandBps[d] as number, refusedShare * carriable));
    if (key < 0 || total <= 0) {
      state.placeOf[refusal] = place.closed;
      continue;
    }
    state.totalBps[d] = total;
    state.rate[refusal] = total - carried;
    if (keeps) state.placeOf[refusal] = place.closed;
    else if (total > carried) state.placeOf[refusal] = place.undecided;
    if (!keeps && total - carried > (state.rate[key] as number)) key = refusal;
    state.keyOf[d] = key;
    state.placeOf[key] = place.key;
  }
  measureRoom(state);
  return state;
}

/** Links hold what they hold, and demands are what they are: rates that follow from others are to be corrected after it. */
export function undoUnevenness({ problem, goals, limitBps, totalBps }: VertexState): void {
  limitBps.set(problem.capacityBps);
  for (let d = 0; d < totalBps.length; d++) {
    totalBps[d] =
      goals.keepsRate[d] === 1
        ? (totalBps[d] as number) / (1 - unevenness)
        : Math.min(problem.demandBps[d] as number, (totalBps[d] as number) / (1 - unevenness));
  }
}

/** Room on links from the rates anew. */
export function measureRoom(state: VertexState): void {
  const { problem, roomBps, limitBps, rate } = state;
  roomBps.set(limitBps);
  for (let p = 0; p < problem.pathCount; p++) {
    const flow = rate[p] as number;
    if (flow !== 0) addAlong(problem, p, -flow, roomBps);
  }
}

/** Adds to the figures of a column's links; what is refused has none. */
export function addAlong({ pathCount, linkStart, pathLinks }: Problem, column: number, amount: number, figures: Float64Array): void {
  if (column >= pathCount) return;
  for (let k = linkStart[column] as number; k < (linkStart[column + 1] as number); k++) {
    const e = pathLinks[k] as number;
    figures[e] = (figures[e] as number) + amount;
  }
}

export function crosses({ pathCount, linkStart, pathLinks }: Problem, column: number, link: number): boolean {
  if (column >= pathCount) return false;
  for (let k = linkStart[column] as number; k < (linkStart[column + 1] as number); k++) if (pathLinks[k] === link) return true;
  return false;
}

/** The least capacity along a path. */
function bottleneckOf({ linkStart, pathLinks, capacityBps }: Problem, path: number): number {
  let least = Infinity;
  for (let k = linkStart[path] as number; k < (linkStart[path + 1] as number); k++) {
    least = Math.min(least, capacityBps[pathLinks[k] as number] as number);
  }
  return least;
}
