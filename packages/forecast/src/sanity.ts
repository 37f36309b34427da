/**
 * The sanity band: whether a matrix is anything like what was ever measured. It keeps a forecast that went wrong (ten times the usual, zero,
 * NaN, half of the network missing) from being planned for. It does not judge whether a forecast is good: that is the backtest's.
 */
import { flowGroupId, type FlowGroup, type FlowGroupId, type TrafficClass } from "@sluice/model";
import type { DemandHistory } from "./demand-history.js";
import { hourOf, usualDemand, type UsualDemand, type UsualRate } from "./usual-demand.js";

/** Fewest measured windows that say what is usual. With fewer only what no history is needed for is judged. */
export const usualWindowsMin = 12;
/** So many times the median is too much... */
const timesMax = 5;
/** ...if it is also so many deviations above it, */
const deviationsMax = 10;
/** ...and so many times the most that was ever measured. A class that has bursts by nature has them in its history. */
const timesMostMax = 2;
/** Below this share of the median, and of the least ever measured, is too little. */
const shareMin = 0.1;
const shareLeastMin = 0.5;
/** Flow groups may be above their band by so much together, as a share of what their class usually has. */
const excessShareMax = 0.2;
/** Share of the usual flow groups that may be missing or 0, by number; and by what they usually have. */
const missingShareMax = 0.5;
/** Reasons of one kind that are listed one by one. */
const listedMax = 10;

export type SanityCode = "not-a-number" | "negative" | "zero" | "too-high" | "too-low" | "groups-too-high" | "groups-missing";

export interface SanityReason {
  readonly code: SanityCode;
  /** A flow group, a class, or `all`. */
  readonly subject: FlowGroupId | TrafficClass | "all";
  /** What the matrix has, and what it would have to stay within: bps, or shares where `groups-missing`. */
  readonly value: number;
  readonly bound: number;
  readonly message: string;
}

export interface Sanity {
  readonly verdict: "good" | "quarantined";
  readonly reasons: readonly SanityReason[];
  /** False where the history was too short to say what is usual. */
  readonly judgedByHistory: boolean;
}

/** Rates may be anything a parser lets through, NaN included. */
export interface JudgedMatrix {
  readonly demands: readonly (FlowGroup & { readonly rateBps: number })[];
  /** When it is for: totals are then held against what is usual around that hour of the day. */
  readonly startMs?: number;
}

export function sanityOf(history: DemandHistory, matrix: JudgedMatrix): Sanity {
  return sanityBy(usualDemand(history), matrix);
}

/** `sanityOf` for many matrices: what is usual is found once. O(demands + flow groups of the history). */
export function sanityBy(usual: UsualDemand, matrix: JudgedMatrix): Sanity {
  const reasons = numberReasons(matrix);
  const judgedByHistory = usual.windows >= usualWindowsMin;
  if (judgedByHistory) {
    const rates = new Map<FlowGroupId, number>();
    for (const demand of matrix.demands) {
      if (demand.rateBps > 0) rates.set(flowGroupId(demand), demand.rateBps);
    }
    reasons.push(...totalReasons(usual, matrix), ...groupReasons(usual, matrix), ...missingReasons(usual, rates));
  }
  return { verdict: reasons.length === 0 ? "good" : "quarantined", reasons, judgedByHistory };
}

/** What is wrong by itself. */
function numberReasons({ demands }: JudgedMatrix): SanityReason[] {
  const reasons: SanityReason[] = [];
  for (const demand of demands) {
    if (reasons.length >= listedMax) break;
    const { rateBps } = demand;
    if (rateBps >= 0 && rateBps < Infinity) continue;
    const subject = flowGroupId(demand);
    const code = rateBps < 0 && rateBps > -Infinity ? "negative" : "not-a-number";
    reasons.push({ code, subject, value: rateBps, bound: 0, message: `The rate of ${subject} is ${rateBps}.` });
  }
  return reasons;
}

function totalReasons(usual: UsualDemand, { demands, startMs }: JudgedMatrix): readonly SanityReason[] {
  const totals = new Map<TrafficClass, number>();
  for (const { trafficClass, rateBps } of demands) {
    if (rateBps > 0) totals.set(trafficClass, (totals.get(trafficClass) ?? 0) + rateBps);
  }
  const reasons: SanityReason[] = [];
  for (const [subject, always] of usual.totals) {
    const total = totals.get(subject) ?? 0;
    const atHour = startMs === undefined ? undefined : usual.totalsByHour.get(subject)?.[hourOf(startMs)];
    const reason = totalReason(subject, total, atHour ?? always);
    if (reason !== undefined) reasons.push(reason);
  }
  return reasons;
}

function totalReason(subject: TrafficClass, value: number, band: UsualRate): SanityReason | undefined {
  const { median, least } = band;
  if (value === 0 && median > 0)
    return { code: "zero", subject, value, bound: median, message: `There is no ${subject} demand at all; ${median} bps is usual.` };
  const high = highBound(band);
  if (value > high)
    return {
      code: "too-high",
      subject,
      value,
      bound: high,
      message: `${subject} demand of ${value} bps is above ${high} bps; ${median} bps is usual.`,
    };
  const low = Math.min(shareMin * median, shareLeastMin * least);
  if (value < low)
    return {
      code: "too-low",
      subject,
      value,
      bound: low,
      message: `${subject} demand of ${value} bps is below ${low} bps; ${median} bps is usual.`,
    };
  return undefined;
}

function highBound({ median, deviation, most }: UsualRate): number {
  return Math.max(timesMax * median, median + deviationsMax * deviation, timesMostMax * most);
}

/** Flow groups above their own bands, where that makes a difference to their class. One that was never measured has a band of 0. */
function groupReasons(usual: UsualDemand, { demands }: JudgedMatrix): readonly SanityReason[] {
  const reasons: SanityReason[] = [];
  for (const [trafficClass, total] of usual.totals) {
    let excess = 0;
    const above: { id: FlowGroupId; value: number; bound: number }[] = [];
    for (const demand of demands) {
      if (demand.trafficClass !== trafficClass || !(demand.rateBps > 0)) continue;
      const id = flowGroupId(demand);
      const known = usual.groups.get(id);
      const bound = known === undefined ? 0 : highBound(known);
      if (demand.rateBps <= bound) continue;
      excess += demand.rateBps - (known?.most ?? 0);
      above.push({ id, value: demand.rateBps, bound });
    }
    if (excess <= excessShareMax * total.median) continue;
    above.sort((a, b) => b.value - b.bound - (a.value - a.bound));
    for (const { id, value, bound } of above.slice(0, listedMax))
      reasons.push({
        code: "groups-too-high",
        subject: id,
        value,
        bound,
        message: `The rate of ${id}, ${value} bps, is above ${bound} bps.`,
      });
  }
  return reasons;
}

function missingReasons(usual: UsualDemand, rates: ReadonlyMap<FlowGroupId, number>): readonly SanityReason[] {
  let count = 0;
  let missing = 0;
  let weight = 0;
  let missingWeight = 0;
  for (const [id, { median }] of usual.groups) {
    if (median === 0) continue;
    count += 1;
    weight += median;
    if (rates.has(id)) continue;
    missing += 1;
    missingWeight += median;
  }
  const share = Math.max(count === 0 ? 0 : missing / count, weight === 0 ? 0 : missingWeight / weight);
  if (share <= missingShareMax) return [];
  const message = `Of ${count} usual flow groups ${missing} are missing or 0.`;
  return [{ code: "groups-missing", subject: "all", value: share, bound: missingShareMax, message }];
}
