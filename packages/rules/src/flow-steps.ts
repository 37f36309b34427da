/**
 * In which steps moves are made so that no link is ever too full: in each step the sum over moves of max(where it is, where it goes) fits every
 * link. The schedule of Dionysus (Jin et al., SIGCOMM 2014, section 4: what makes room first, and whole flows before parts of them) with the
 * steps of SWAN (Hong et al., SIGCOMM 2013, section 4: a flow that cannot go at once goes in parts).
 */
import type { FlowTracers } from "./flow-stop.js";
import { addedBps, stopOf, stopShares, type Move, type Place } from "./flow-moves.js";
import { stepCostMax, type Steps } from "./steps.js";

/** Each step is a round trip to switches: more of them than this and something is throttled instead. */
export const stepsMax = 11;

/** Moves are compared by this. */
export type Preference = "ratio" | "relief" | "small";
export const preferences: readonly Preference[] = ["ratio", "relief", "small"];

export interface StepInput extends FlowTracers {
  readonly moves: readonly Move[];
  /** What each link may carry, bps, by index. */
  readonly limitBps: Float64Array;
  /** What it carries when the first step begins, bps: throttles have shrunk already. */
  readonly loadBps: Float64Array;
  /** Where throttled moves are then, and what share of their rate they keep until they arrive. */
  readonly throttled: ReadonlyMap<Move, Throttle>;
  readonly preference: Preference;
  /** Whether moves may go in parts. */
  readonly inParts: boolean;
  readonly stepsMax: number;
}

export interface Throttle {
  readonly keep: number;
  readonly place: Place;
}

/** A move is at `place` when step `step` (from 1) is done. */
export interface Leg {
  readonly step: number;
  readonly place: Place;
}

export interface Stepping {
  /** The last leg of each ends after, where all are made. */
  readonly legs: ReadonlyMap<Move, readonly Leg[]>;
  readonly steps: number;
  /** Whether all moves are made. */
  readonly isDone: boolean;
  /** Links that had no room for what was to come over them when it was last looked: where not all moves are made, these are why. */
  readonly stuck: ReadonlySet<number>;
}

interface Progress {
  readonly move: Move;
  place: Place;
  /** Index into `stopShares`; -1: not under way. */
  at: number;
  readonly legs: Leg[];
}

/** O(steps x moves x (log moves + links of a move)). */
export function* makeSteps(input: StepInput): Steps<Stepping> {
  const { moves, limitBps, throttled } = input;
  const loadBps = Float64Array.from(input.loadBps);
  let left: Progress[] = moves.map((move) => ({ move, place: throttled.get(move)?.place ?? move.before, at: -1, legs: [] }));
  const legs = new Map(left.map((progress) => [progress.move, progress.legs]));
  let stuck: ReadonlySet<number> = new Set();
  let steps = 0;
  for (let step = 1; left.length > 0; step += 1) {
    const roomBps = limitBps.map((limit, link) => limit - (loadBps[link] ?? 0));
    const wantedBps = yield* wantedOf(left, roomBps.length);
    const blocked = new Set<number>();
    wantedBps.forEach((bps, link) => {
      if (bps > (roomBps[link] ?? 0) && bps > 0) blocked.add(link);
    });
    if (blocked.size > 0) stuck = blocked;
    if (step > input.stepsMax) break;
    const taken = blocked.size === 0 ? left.map((progress) => ({ progress, place: progress.move.after })) : [];
    if (blocked.size > 0) {
      const ordered = yield* byPreference(left, { roomBps, wantedBps, blocked, preference: input.preference });
      const waiting: Progress[] = [];
      let cost = 0;
      for (const progress of ordered) {
        cost += progress.move.links.length;
        if (cost >= stepCostMax) {
          yield cost;
          cost = 0;
        }
        if (fits(progress, progress.move.after, roomBps)) taken.push(take(progress, progress.move.after, roomBps));
        else waiting.push(progress);
      }
      for (const progress of waiting) {
        cost += progress.move.divides ? stopShares.length * progress.move.links.length : 1;
        if (cost >= stepCostMax) {
          yield cost;
          cost = 0;
        }
        const place = partOf(input, progress, roomBps, blocked);
        if (place !== undefined) taken.push(take(progress, place, roomBps));
      }
    }
    if (taken.length === 0) break;
    let moved = 0;
    for (const { progress, place } of taken) {
      moved += progress.move.links.length;
      if (moved >= stepCostMax) {
        yield moved;
        moved = 0;
      }
      progress.move.links.forEach((link, i) => {
        loadBps[link] = (loadBps[link] ?? 0) + (place.loadBps[i] ?? 0) - (progress.place.loadBps[i] ?? 0);
      });
      progress.place = place;
      progress.legs.push({ step, place });
    }
    left = left.filter(({ move, place }) => place !== move.after);
    steps = step;
  }
  return { legs, steps, isDone: left.length === 0, stuck };
}

/** Whether the sum over moves of max(where it is, where it goes) fits every link in each step. O(legs x links of a move + steps x links). */
export function* fitsAll(
  { moves, limitBps, loadBps, throttled }: StepInput,
  legs: ReadonlyMap<Move, readonly Leg[]>,
  steps: number,
): Steps<boolean> {
  const addedAt = Array.from({ length: steps + 1 }, () => new Float64Array(limitBps.length));
  const changedAt = Array.from({ length: steps + 1 }, () => new Float64Array(limitBps.length));
  let cost = 0;
  for (const move of moves) {
    let place = throttled.get(move)?.place ?? move.before;
    for (const { step, place: next } of legs.get(move) ?? []) {
      cost += move.links.length;
      if (cost >= stepCostMax) {
        yield cost;
        cost = 0;
      }
      const [added, changed] = [addedAt[step], changedAt[step]];
      if (added === undefined || changed === undefined) return false;
      move.links.forEach((link, i) => {
        added[link] = (added[link] ?? 0) + Math.max(0, addedBps(move, place, next, i));
        changed[link] = (changed[link] ?? 0) + (next.loadBps[i] ?? 0) - (place.loadBps[i] ?? 0);
      });
      place = next;
    }
  }
  const carriedBps = Float64Array.from(loadBps);
  for (let step = 1; step <= steps; step += 1) {
    const [added, changed] = [addedAt[step], changedAt[step]];
    for (let link = 0; link < limitBps.length; link += 1) {
      const more = added?.[link] ?? 0;
      if (more > 0 && (carriedBps[link] ?? 0) + more > (limitBps[link] ?? 0)) return false;
    }
    changed?.forEach((bps, link) => {
      carriedBps[link] = (carriedBps[link] ?? 0) + bps;
    });
  }
  return true;
}

/** What all that is left to do adds to each link, bps. */
function* wantedOf(left: readonly Progress[], links: number): Steps<Float64Array> {
  const wantedBps = new Float64Array(links);
  let cost = 0;
  for (const { move, place } of left) {
    cost += move.links.length;
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
    move.links.forEach((link, i) => {
      const more = addedBps(move, place, move.after, i);
      if (more > 0) wantedBps[link] = (wantedBps[link] ?? 0) + more;
    });
  }
  return wantedBps;
}

function fits({ move, place }: Progress, next: Place, roomBps: Float64Array): boolean {
  return move.links.every((link, i) => {
    const more = addedBps(move, place, next, i);
    return more <= 0 || more <= (roomBps[link] ?? 0);
  });
}

/** Room that a move leaves is there when the step is done, not before. */
function take(progress: Progress, next: Place, roomBps: Float64Array) {
  progress.move.links.forEach((link, i) => {
    const more = addedBps(progress.move, progress.place, next, i);
    if (more > 0) roomBps[link] = (roomBps[link] ?? 0) - more;
  });
  return { progress, place: next };
}

/** The furthest stop that fits, where going there relieves a link that is blocked. */
function partOf(input: StepInput, progress: Progress, roomBps: Float64Array, blocked: ReadonlySet<number>): Place | undefined {
  const { move } = progress;
  if (!move.divides) return undefined;
  const keep = input.throttled.get(move)?.keep ?? 1;
  const isUnderWay = progress.at >= 0 || input.throttled.has(move);
  const first = Math.max(progress.at + 1, isUnderWay || !move.shrinks ? 1 : 0);
  const last = input.inParts ? stopShares.length - 1 : 0;
  for (let at = last; at >= first; at -= 1) {
    const place = stopOf(input, move, { share: stopShares[at] ?? 0, keep });
    if (place === undefined || !fits(progress, place, roomBps)) continue;
    const relieves = move.links.some((link, i) => blocked.has(link) && (place.loadBps[i] ?? 0) < (progress.place.loadBps[i] ?? 0));
    if (!relieves) continue;
    progress.at = at;
    return place;
  }
  return undefined;
}

/** What makes most room where there is too little comes first; what makes none and needs some, last. Ties as they were. */
function* byPreference(
  left: readonly Progress[],
  {
    roomBps,
    wantedBps,
    blocked,
    preference,
  }: {
    readonly roomBps: Float64Array;
    readonly wantedBps: Float64Array;
    readonly blocked: ReadonlySet<number>;
    readonly preference: Preference;
  },
): Steps<readonly Progress[]> {
  const rated: { readonly progress: Progress; readonly reliefs: number; readonly rate: number }[] = [];
  let cost = 0;
  for (const progress of left) {
    cost += progress.move.links.length;
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
    let reliefs = 0;
    let needs = 0;
    progress.move.links.forEach((link, i) => {
      if (!blocked.has(link)) return;
      const wanted = wantedBps[link] ?? 0;
      const price = (wanted - (roomBps[link] ?? 0)) / wanted;
      const more = (progress.move.after.loadBps[i] ?? 0) - (progress.place.loadBps[i] ?? 0);
      if (more > 0) needs += price * more;
      else reliefs -= price * more;
    });
    rated.push({ progress, reliefs, rate: rateOf(preference, reliefs, needs) });
  }
  return rated.sort((a, b) => b.rate - a.rate || b.reliefs - a.reliefs).map(({ progress }) => progress);
}

function rateOf(preference: Preference, reliefs: number, needs: number): number {
  if (needs === 0) return Infinity;
  switch (preference) {
    case "ratio":
      return reliefs / needs;
    case "relief":
      return reliefs - needs;
    case "small":
      return reliefs === 0 ? -needs - 1e18 : -needs;
  }
}
