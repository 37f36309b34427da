/** The rates that are due to all demands of a problem by their fair share, in flat arrays: `FairRate` at a hundred thousand demands. */
import type { Problem } from "../problem.js";
import { defaultBpsPerShare, fairRateOf } from "./fair-rate.js";

export interface ShareCurves {
  /** The points of demand k are `start[k] .. start[k + 1]`: at least one. */
  readonly start: Int32Array;
  /** Strictly rising within a demand. 0 bps before the first point, flat after the last. */
  readonly share: Float64Array;
  /** Never falling within a demand. */
  readonly rateBps: Float64Array;
}

/** O(points). */
export function shareCurves({ demandCount, demandBps, bandwidthFunctions }: Problem): ShareCurves {
  const start = new Int32Array(demandCount + 1);
  const share: number[] = [];
  const rateBps: number[] = [];
  for (let k = 0; k < demandCount; k++) {
    const demand = demandBps[k] as number;
    const bandwidthFunction = bandwidthFunctions[k];
    if (!(demand > 0)) {
      share.push(0);
      rateBps.push(0);
    } else if (bandwidthFunction === undefined) {
      share.push(0, demand / defaultBpsPerShare);
      rateBps.push(0, demand);
    } else {
      const rate = fairRateOf(demand, bandwidthFunction);
      for (let i = 0; i < rate.share.length; i++) {
        share.push(rate.share[i] as number);
        rateBps.push(Math.min(demand, rate.rateBps[i] as number));
      }
    }
    start[k + 1] = share.length;
  }
  return { start, share: Float64Array.from(share), rateBps: Float64Array.from(rateBps) };
}

/** What demand k is due at a share, bps. O(points of the demand). */
export function dueBps({ start, share, rateBps }: ShareCurves, k: number, at: number): number {
  const begin = start[k] as number;
  let i = (start[k + 1] as number) - 1;
  if (at >= (share[i] as number)) return rateBps[i] as number;
  if (at < (share[begin] as number)) return 0;
  while ((share[i] as number) > at) i--;
  const from = share[i] as number;
  const low = rateBps[i] as number;
  return low + (((rateBps[i + 1] as number) - low) * (at - from)) / ((share[i + 1] as number) - from);
}

/** By how many bps the due rate of demand k rises per unit of share just above a share; 0 where it stands. */
export function slopeBps({ start, share, rateBps }: ShareCurves, k: number, at: number): number {
  const begin = start[k] as number;
  let i = (start[k + 1] as number) - 1;
  if (at >= (share[i] as number) || at < (share[begin] as number)) return 0;
  while ((share[i] as number) > at) i--;
  return ((rateBps[i + 1] as number) - (rateBps[i] as number)) / ((share[i + 1] as number) - (share[i] as number));
}

/** The least share at which demand k is due all that it will ever be. */
export function fullShare({ start, share, rateBps }: ShareCurves, k: number): number {
  const begin = start[k] as number;
  let i = (start[k + 1] as number) - 1;
  const most = rateBps[i] as number;
  while (i > begin && (rateBps[i - 1] as number) === most) i--;
  return share[i] as number;
}

/** The least share at which demand k is due this rate, or all that it will ever be. */
export function shareAt(curves: ShareCurves, k: number, bps: number): number {
  const { start, share, rateBps } = curves;
  const begin = start[k] as number;
  const end = start[k + 1] as number;
  let i = begin;
  while (i < end && (rateBps[i] as number) < bps) i++;
  if (i === end) return fullShare(curves, k);
  if (i === begin) return share[i] as number;
  const low = rateBps[i - 1] as number;
  const from = share[i - 1] as number;
  return from + (((share[i] as number) - from) * (bps - low)) / ((rateBps[i] as number) - low);
}
