/** Loss of fluid traffic at links with strict-priority queues. */
import type { TrafficClass } from "@sluice/model";

/** A rate that takes one way in one queue. */
export interface Strand {
  /** Indices of links in the order of travel; one that is passed twice serves the strand twice. */
  readonly links: readonly number[];
  /** The queue; a higher one is served first. */
  readonly priority: number;
  readonly trafficClass: TrafficClass;
  readonly bps: number;
}

/** Most sweeps for one queue; loss that runs in circles through many links settles slowly. */
const sweepsMax = 400;
/** From this sweep on steps are halved (in the logarithm), in case they overshoot for ever. */
const sweepsUndamped = 50;
/** Shares of loss have settled when none moves by more than this. */
const settledShare = 1e-12;

export interface QueueOutcome {
  /** Which share of a priority's traffic a link lets through, 0 to 1. */
  readonly passShare: (priority: number, link: number) => number;
  readonly sweeps: number;
  readonly isSettled: boolean;
}

/**
 * For each link and queue the share p that passes: p = min(1, what higher queues leave / what arrives), where what arrives
 * depends on the shares of the links upstream. A fixed point of this exists (the map is continuous on a cube); it is found by
 * Gauss-Seidel sweeps over the links that could overflow at all, queue by queue from the highest. A last pass lowers shares
 * where a link would still carry more than it can, so capacity holds even if the sweeps did not settle.
 * O(strands x hops) without overload; each sweep visits the hops of strands on overloaded links.
 */
export function solveQueues(capacityBps: readonly number[], strands: readonly Strand[]): QueueOutcome {
  const left = Float64Array.from(capacityBps);
  const shares = new Map<number, ReadonlyMap<number, number>>();
  let sweeps = 0;
  let isSettled = true;
  for (const priority of [...new Set(strands.map((strand) => strand.priority))].sort((a, b) => b - a)) {
    const queue = strands.filter((strand) => strand.priority === priority && strand.bps > 0);
    const solved = solveQueue(left, queue);
    shares.set(priority, solved.shares);
    sweeps += solved.sweeps;
    isSettled &&= solved.isSettled;
    for (const strand of queue) {
      let bps = strand.bps;
      for (const link of strand.links) {
        bps *= solved.shares.get(link) ?? 1;
        left[link] = Math.max(0, (left[link] ?? 0) - bps);
      }
    }
  }
  return { passShare: (priority, link) => shares.get(priority)?.get(link) ?? 1, sweeps, isSettled };
}

/** One queue against the capacity that is left for it; links that let everything through are not in `shares`. */
function solveQueue(left: Float64Array, queue: readonly Strand[]) {
  const lossless = new Map<number, number>();
  for (const { links, bps } of queue) for (const link of links) lossless.set(link, (lossless.get(link) ?? 0) + bps);
  // What arrives only shrinks with loss upstream, so a link that has room for all of it never drops.
  const tight = [...lossless].flatMap(([link, bps]) => (bps > (left[link] ?? 0) ? [link] : [])).sort((a, b) => a - b);
  const shares = new Map(tight.map((link) => [link, 1]));
  if (tight.length === 0) return { shares, sweeps: 0, isSettled: true };

  const crossing = new Map<number, { readonly bps: number; readonly upstream: readonly number[] }[]>(tight.map((link) => [link, []]));
  for (const { links, bps } of queue) {
    const upstream: number[] = [];
    for (const link of links) {
      if (!shares.has(link)) continue;
      crossing.get(link)?.push({ bps, upstream: [...upstream] });
      upstream.push(link);
    }
  }
  const fits = (link: number) => {
    let arriving = 0;
    for (const { bps, upstream } of crossing.get(link) ?? []) {
      arriving += upstream.reduce((passed, before) => passed * (shares.get(before) ?? 1), bps);
    }
    const room = left[link] ?? 0;
    return arriving <= room ? 1 : room / arriving;
  };

  let sweeps = 0;
  let isSettled = false;
  while (!isSettled && sweeps < sweepsMax) {
    sweeps += 1;
    let moved = 0;
    for (const link of tight) {
      const old = shares.get(link) ?? 1;
      const wanted = fits(link);
      const next = sweeps <= sweepsUndamped || wanted === 0 ? wanted : Math.sqrt(old * wanted);
      moved = Math.max(moved, Math.abs(next - old));
      shares.set(link, next);
    }
    isSettled = moved <= settledShare;
  }
  for (const link of tight) shares.set(link, Math.min(shares.get(link) ?? 1, fits(link)));
  return { shares, sweeps, isSettled };
}
