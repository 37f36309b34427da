/** Reservations made exact: what they let survive is admitted, and no link is over capacity; and reservations in no time, without an LP. */
import { addAlongPath, leastAlongPath, loadOf, type Problem } from "@sluice/mcf";
import type { Reservation } from "./guarantee-certificate.js";
import { allPaths, canSurvive, closedPaths, type KillSets, type Survival } from "./kill-sets.js";

/** Reservations cut down, path by path, until they fit; admitted is then what survives. `excessMax` is the largest cut, relative. */
export function fitReservations(
  problem: Problem,
  survival: Survival,
  reservedBps: Float64Array,
): Reservation & { readonly excessMax: number } {
  const load = loadOf(problem, reservedBps);
  const keep = load.map((bps, link) => (bps > (problem.capacityBps[link] as number) ? (problem.capacityBps[link] as number) / bps : 1));
  let excessMax = 0;
  const fitted = reservedBps.map((bps, path) => {
    if (!(bps > 0)) return 0;
    const share = leastAlongPath(problem, path, keep);
    if (share < 1) excessMax = Math.max(excessMax, share > 0 ? 1 / share - 1 : 1);
    return bps * share;
  });
  return { reservedBps: fitted, admittedBps: admittedBy(problem, survival, fitted), excessMax };
}

/** Per demand: the least that survives of its reservations, at most its demand. */
export function admittedBy(problem: Problem, survival: Survival, reservedBps: Float64Array): Float64Array {
  return Float64Array.from(survival, ({ maximal }, demand) =>
    maximal.reduce(
      (least, mask) => Math.min(least, surviving(problem, demand, reservedBps, mask)),
      Math.max(0, problem.demandBps[demand] as number),
    ),
  );
}

/** Each demand's reservations scaled so that all of it survives; those of a demand that is reserved nothing stay at nothing. */
export function wholeReservations(problem: Problem, survival: Survival, reservedBps: Float64Array): Float64Array {
  const admittedBps = admittedBy({ ...problem, demandBps: new Float64Array(problem.demandCount).fill(Infinity) }, survival, reservedBps);
  const whole = new Float64Array(problem.pathCount);
  admittedBps.forEach((bps, d) => {
    if (!(bps > 0)) return;
    for (let path = problem.pathStart[d] as number; path < (problem.pathStart[d + 1] as number); path++) {
      whole[path] = (reservedBps[path] as number) * ((problem.demandBps[d] as number) / bps);
    }
  });
  return whole;
}

function surviving(problem: Problem, demand: number, reservedBps: Float64Array, mask: number): number {
  const first = problem.pathStart[demand] as number;
  let sum = 0;
  for (let path = first; path < (problem.pathStart[demand + 1] as number); path++) {
    if (((mask >> (path - first)) & 1) === 0) sum += reservedBps[path] as number;
  }
  return sum;
}

/**
 * Demand after demand takes equal reservations on tunnels of which as few as can be fail together, as much as still fits: no optimum, but a
 * guarantee all the same. With m tunnels of which any failure leaves s, each reserves 1 / s of what is admitted.
 */
export function greedyReservations(problem: Problem, survival: Survival): Reservation {
  const reservedBps = new Float64Array(problem.pathCount);
  const admittedBps = new Float64Array(problem.demandCount);
  const freeBps = problem.capacityBps.slice();
  survival.forEach((kills, demand) => {
    if (!canSurvive(problem, demand, kills)) return;
    const { paths, survivors } = equalPaths(problem, demand, kills);
    if (survivors === 0) return;
    const perBps = new Float64Array(problem.linkCount);
    for (const path of paths) addAlongPath(problem, path, 1 / survivors, perBps);
    let rate = problem.demandBps[demand] as number;
    for (const path of paths) {
      for (let k = problem.linkStart[path] as number; k < (problem.linkStart[path + 1] as number); k++) {
        const link = problem.pathLinks[k] as number;
        rate = Math.min(rate, Math.max(0, freeBps[link] as number) / (perBps[link] as number));
      }
    }
    if (!(rate > 0)) return;
    admittedBps[demand] = rate;
    for (const path of paths) {
      reservedBps[path] = rate / survivors;
      addAlongPath(problem, path, -rate / survivors, freeBps);
    }
  });
  const { excessMax: _, ...fitted } = fitReservations(problem, survival, reservedBps);
  return fitted;
}

interface EqualPaths {
  readonly paths: readonly number[];
  /** How many of them every kill set leaves. */
  readonly survivors: number;
}

/** Adds the path that leaves most survivors, the first of equals, one after the other; of these sets, the one that reserves least on links. */
function equalPaths(problem: Problem, demand: number, { maximal }: KillSets): EqualPaths {
  const first = problem.pathStart[demand] as number;
  const open = bitsOf(allPaths(problem, demand) & ~closedPaths(problem, demand));
  const linksOf = (bit: number): number => (problem.linkStart[first + bit + 1] as number) - (problem.linkStart[first + bit] as number);
  const survivorsOf = (mask: number): number => Math.min(...maximal.map((kill) => bitsOf(mask & ~kill).length));
  let chosen = 0;
  let best: EqualPaths = { paths: [], survivors: 0 };
  let bestCost = Infinity;
  for (let size = 0; size < open.length; size++) {
    let next = -1;
    let nextScore = -Infinity;
    for (const bit of open) {
      if ((chosen >> bit) & 1) continue;
      // A path that shares a kill set with few of the others is worth more.
      const mask = chosen | (1 << bit);
      const shared = maximal.filter((kill) => (kill >> bit) & 1).reduce((sum, kill) => sum + bitsOf(kill & chosen).length, 0);
      const score = survivorsOf(mask) * 1e6 - shared;
      if (score > nextScore) [next, nextScore] = [bit, score];
    }
    chosen |= 1 << next;
    const survivors = survivorsOf(chosen);
    const cost = bitsOf(chosen).reduce((sum, bit) => sum + linksOf(bit), 0) / survivors;
    if (survivors > 0 && cost < bestCost) {
      bestCost = cost;
      best = { paths: bitsOf(chosen).map((bit) => first + bit), survivors };
    }
  }
  return best;
}

export function bitsOf(mask: number): readonly number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < 31; bit++) if ((mask >> bit) & 1) bits.push(bit);
  return bits;
}
