/** Prices of tight links under two goals at once, and what they say of a column: whether more of it, or less, is better. */
import { leftProduct } from "./basis-inverse.js";
import type { Entering } from "./vertex-step.js";
import { place, type VertexState } from "./vertex-state.js";

/** Gains below these, in units of worth and of the largest cost, are rounding. */
const worthMin = 1e-10;
const costShareMin = 1e-9;

/** Of two values the first decides, and the second where the first says nothing. */
export interface Gain {
  worth: number;
  saved: number;
}

export interface Prices {
  /** Per link; 0 where it is not tight: the worth, and the cost saved, of one bps more. */
  readonly worth: Float64Array;
  readonly saved: Float64Array;
  readonly savedMin: number;
}

export function noPrices({ problem, goals }: VertexState): Prices {
  const most = goals.cost.reduce((largest, cost) => Math.max(largest, Math.abs(cost)), 0);
  return {
    worth: new Float64Array(problem.linkCount + 1),
    saved: new Float64Array(problem.linkCount + 1),
    savedMin: costShareMin * most,
  };
}

export function worthOf({ problem, goals }: VertexState, column: number): number {
  return column < problem.pathCount ? (goals.worth[column] as number) : 0;
}

export function costOf({ problem, goals }: VertexState, column: number): number {
  return column < problem.pathCount ? (goals.cost[column] as number) : 0;
}

/** y W = (each column's figure less its key's), for both goals. O(size^2). */
export function priceLinks(
  state: VertexState,
  prices: Prices,
  space: { readonly change: Float64Array; readonly product: Float64Array },
): void {
  const { inverse, columnAt, demandOf, keyOf, linkAt } = state;
  const { change: figure, product } = space;
  const goal = (figureOf: (state: VertexState, column: number) => number, scale: number, into: Float64Array): void => {
    let any = false;
    for (let j = 0; j < inverse.size; j++) {
      const column = columnAt[j] as number;
      figure[j] = scale * (figureOf(state, column) - figureOf(state, keyOf[demandOf[column] as number] as number));
      any ||= figure[j] !== 0;
    }
    into.fill(0);
    if (!any) return;
    leftProduct(inverse, figure, product);
    for (let row = 0; row < inverse.size; row++) into[linkAt[row] as number] = product[row] as number;
  };
  goal(worthOf, 1, prices.worth);
  goal(costOf, -1, prices.saved);
}

/** What one bps on a column gains, its links paid for; columns of a basis gain what their demand's key does. */
export function gainOf(state: VertexState, { worth, saved }: Prices, column: number, gain: Gain): void {
  const { pathCount, linkStart, pathLinks } = state.problem;
  gain.worth = worthOf(state, column);
  gain.saved = -costOf(state, column);
  if (column >= pathCount) return;
  for (let k = linkStart[column] as number; k < (linkStart[column + 1] as number); k++) {
    const e = pathLinks[k] as number;
    gain.worth -= worth[e] as number;
    gain.saved -= saved[e] as number;
  }
}

/** 1 where the gain is one, -1 where it is a loss, 0 where it is neither. */
export function signOf({ savedMin }: Prices, worth: number, saved: number): 1 | 0 | -1 {
  if (Math.abs(worth) > worthMin) return worth > 0 ? 1 : -1;
  if (Math.abs(saved) > savedMin) return saved > 0 ? 1 : -1;
  return 0;
}

/** So many columns that gain are sought at a time, and looked at again before others are. */
const candidatesMax = 96;

/** Columns that gained when they were last looked at, and the demand at which the search for more goes on. */
export interface Candidates {
  readonly column: Int32Array;
  count: number;
  demand: number;
}

export function noCandidates(): Candidates {
  return { column: new Int32Array(candidatesMax), count: 0, demand: 0 };
}

/** The best of the candidates, or of new ones where none gains any more ("multiple pricing"). O(hops of the paths looked at + size). */
export function findEntering(state: VertexState, prices: Prices, candidates: Candidates): Entering | undefined {
  const best = { worth: 0, saved: 0 };
  let entering = bestRoom(state, prices, best);
  let column = bestOld(state, prices, candidates, best);
  if (column < 0 && entering === undefined) column = bestNew(state, prices, candidates, best);
  if (column >= 0) entering = { kind: "column", column, sign: 1 };
  return entering;
}

/** A tight link that would rather have room. */
function bestRoom({ inverse, linkAt }: VertexState, prices: Prices, best: Gain): Entering | undefined {
  let found = -1;
  for (let row = 0; row < inverse.size; row++) {
    const link = linkAt[row] as number;
    if (isBetter(prices, -(prices.worth[link] as number), -(prices.saved[link] as number), best)) found = row;
  }
  return found < 0 ? undefined : { kind: "room", row: found };
}

/** -1 where no candidate gains more than `best`; those that gain nothing are dropped. */
function bestOld(state: VertexState, prices: Prices, candidates: Candidates, best: Gain): number {
  const { keyOf, demandOf, placeOf } = state;
  let found = -1;
  let kept = 0;
  for (let i = 0; i < candidates.count; i++) {
    const column = candidates.column[i] as number;
    if (placeOf[column] !== place.nonbasic) continue;
    gainOf(state, prices, column, gain);
    gainOf(state, prices, keyOf[demandOf[column] as number] as number, keyGain);
    const worth = gain.worth - keyGain.worth;
    const saved = gain.saved - keyGain.saved;
    if (signOf(prices, worth, saved) !== 1) continue;
    candidates.column[kept++] = column;
    if (isBetter(prices, worth, saved, best)) found = column;
  }
  candidates.count = kept;
  return found;
}

/** Fills the candidates, from the demand on where the last search ended; all demands are looked at once at most. */
function bestNew(state: VertexState, prices: Prices, candidates: Candidates, best: Gain): number {
  const { problem, keyOf, placeOf } = state;
  const { pathStart, pathCount, demandCount } = problem;
  let found = -1;
  for (let seen = 0; seen < demandCount && candidates.count < candidatesMax; seen++) {
    const d = candidates.demand;
    candidates.demand = d + 1 === demandCount ? 0 : d + 1;
    const key = keyOf[d] as number;
    if (key < 0) continue;
    gainOf(state, prices, key, keyGain);
    const first = pathStart[d] as number;
    const end = pathStart[d + 1] as number;
    for (let p = first; p <= end && candidates.count < candidatesMax; p++) {
      const column = p < end ? p : pathCount + d;
      if (placeOf[column] !== place.nonbasic) continue;
      gainOf(state, prices, column, gain);
      const worth = gain.worth - keyGain.worth;
      const saved = gain.saved - keyGain.saved;
      if (signOf(prices, worth, saved) !== 1) continue;
      candidates.column[candidates.count++] = column;
      if (isBetter(prices, worth, saved, best)) found = column;
    }
  }
  return found;
}

const gain: Gain = { worth: 0, saved: 0 };
const keyGain: Gain = { worth: 0, saved: 0 };

/** Where the gain is one, and more than the best one, it becomes the best one. */
function isBetter(prices: Prices, worth: number, saved: number, best: Gain): boolean {
  if (signOf(prices, worth, saved) !== 1) return false;
  const better = signOf(prices, worth - best.worth, 0);
  if (better < 0 || (better === 0 && saved <= best.saved)) return false;
  best.worth = worth;
  best.saved = saved;
  return true;
}
