/** What a flow group is due at a fair share: its bandwidth function (B4 2013, section 5.1), cut off at its demand. */
import type { BandwidthFunction } from "@sluice/model";

/**
 * Weight of a flow group that brings no bandwidth function: 1 Gb/s per unit of fair share, as weights are given in B4. Where no group
 * brings one this makes ordinary max-min fairness, in bps.
 */
export const defaultBpsPerShare = 1e9;

/** Piecewise linear and non-falling: `rateBps[i]` at `share[i]`, 0 before the first point, flat after the last. */
export interface FairRate {
  readonly share: readonly number[];
  readonly rateBps: readonly number[];
}

export function fairRateOf(demandBps: number, bandwidthFunction: BandwidthFunction | undefined): FairRate {
  const points = bandwidthFunction?.points ?? [
    { fairShare: 0, rateBps: 0 },
    { fairShare: demandBps / defaultBpsPerShare, rateBps: demandBps },
  ];
  const share: number[] = [];
  const rateBps: number[] = [];
  for (const [i, point] of points.entries()) {
    const before = points[i - 1];
    if (point.rateBps >= demandBps && before !== undefined) {
      const part = point.rateBps === before.rateBps ? 1 : (demandBps - before.rateBps) / (point.rateBps - before.rateBps);
      share.push(before.fairShare + part * (point.fairShare - before.fairShare));
      rateBps.push(demandBps);
      break;
    }
    share.push(point.fairShare);
    rateBps.push(point.rateBps);
  }
  return { share, rateBps };
}

/** The share from which on the rate stays what it is. */
export function saturationShare({ share, rateBps }: FairRate): number {
  const last = rateBps.at(-1);
  return share[rateBps.findIndex((rate) => rate === last)] ?? 0;
}

export function rateAt({ share, rateBps }: FairRate, at: number): number {
  const next = share.findIndex((point) => point > at);
  if (next === 0) return 0;
  if (next < 0) return rateBps.at(-1) ?? 0;
  const [s0 = 0, s1 = 0] = share.slice(next - 1, next + 1);
  const [r0 = 0, r1 = 0] = rateBps.slice(next - 1, next + 1);
  return r0 + ((r1 - r0) * (at - s0)) / (s1 - s0);
}

/** The largest share at which sum of weight x rate is at most `budget`; Infinity where it always is. O(points log points). */
export function shareWithin(rates: readonly FairRate[], weights: readonly number[], budget: number): number {
  const bends: { share: number; slope: number }[] = [];
  rates.forEach(({ share, rateBps }, k) => {
    const weight = weights[k] ?? 0;
    if (weight <= 0) return;
    for (let i = 1; i < share.length; i++) {
      const [s0 = 0, s1 = 0] = share.slice(i - 1, i + 1);
      const slope = (weight * ((rateBps[i] ?? 0) - (rateBps[i - 1] ?? 0))) / (s1 - s0);
      bends.push({ share: s0, slope }, { share: s1, slope: -slope });
    }
  });
  bends.sort((a, b) => a.share - b.share);
  let at = 0;
  let sum = 0;
  let slope = 0;
  for (const bend of bends) {
    const reached = sum + slope * (bend.share - at);
    if (reached > budget && slope > 0) return at + Math.max(0, budget - sum) / slope;
    at = bend.share;
    sum = reached;
    slope += bend.slope;
  }
  return Infinity;
}
