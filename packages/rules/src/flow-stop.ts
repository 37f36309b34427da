/** Where a flow can stop on its way from old to new: the same rate or less, split between the tunnels of both. */
import type { Bucket, GroupRule, MeterRule } from "@sluice/model";
import { tunnelRates, type Flow } from "./flow.js";
import { burstBitsOf, meterRateBps, meterRateUnitBps } from "./meter.js";
import type { TunnelTracer } from "./tunnel-trace.js";

/** Loads by index of the link, bps. */
export type Loads = ReadonlyMap<number, number>;

/** What the weights of a stop sum to at most: shares are off by one unit of it at most, for the time between two flips. */
export const stopWeightSumMax = 64;

/** A flow between old and new, as it is installed. */
export interface FlowStop {
  readonly meter: MeterRule;
  readonly group: GroupRule;
}

export interface Course {
  /** 0: split as before, 1: as after. */
  readonly share: number;
  /** Of the lesser of the rates before and after, so much is admitted; 1: nothing that both admit is withheld. */
  readonly keep: number;
}

/**
 * The flow on its way: each tunnel has (1 - share) of what it has before and share of what it has after, in integer weights by largest
 * remainder. Undefined where a meter or group is missing, or one admits nothing. O(buckets log buckets).
 */
export function flowStop(before: Flow, after: Flow, { share, keep }: Course): FlowStop | undefined {
  if (before.meter === undefined || after.meter === undefined || before.group === undefined || after.group === undefined) return undefined;
  const lesserBps = Math.min(before.meter.rateBps, after.meter.rateBps);
  if (!(lesserBps > 0)) return undefined;
  const rateBps = Math.max(meterRateUnitBps, meterRateBps(lesserBps * keep));
  const meter = { ...after.meter, rateBps, burstBits: burstBitsOf(rateBps) };
  if (share === 0) return { meter, group: { ...before.group, groupId: after.group.groupId } };
  if (share === 1) return { meter, group: after.group };
  const buckets = weighted([...mixOf(before.group, after.group, share).values()]);
  return buckets.length === 0 ? undefined : { meter, group: { ...after.group, buckets } };
}

interface Part {
  readonly bucket: Bucket;
  share: number;
}

/** Tunnels of both, each with its share of the traffic; buckets as they are after where there is one. */
function mixOf(before: GroupRule, after: GroupRule, share: number): ReadonlyMap<string, Part> {
  const parts = new Map<string, Part>();
  for (const [group, part] of [
    [after, share],
    [before, 1 - share],
  ] as const) {
    let sum = 0;
    for (const { weight } of group.buckets) sum += weight;
    for (const bucket of group.buckets) {
      const key = tunnelKey(bucket);
      const there = parts.get(key);
      if (there === undefined) parts.set(key, { bucket, share: (part * bucket.weight) / sum });
      else there.share += (part * bucket.weight) / sum;
    }
  }
  return parts;
}

/** Shares as weights that sum to `stopWeightSumMax`; what is left less than a unit by rounding is left out. */
function weighted(parts: readonly Part[]): readonly Bucket[] {
  const exact = parts.map(({ share }) => share * stopWeightSumMax);
  const floors = exact.map((value) => Math.floor(value + 1e-9));
  let left = stopWeightSumMax - floors.reduce((sum, floor) => sum + floor, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => remainder(exact, b) - remainder(exact, a) || a - b);
  for (const i of byRemainder) {
    if (left <= 0) break;
    floors[i] = (floors[i] ?? 0) + 1;
    left -= 1;
  }
  return parts.flatMap(({ bucket }, i) => ((floors[i] ?? 0) > 0 ? [{ ...bucket, weight: floors[i] ?? 0 }] : []));
}

function remainder(exact: readonly number[], i: number): number {
  const value = exact[i] ?? 0;
  return value - Math.floor(value + 1e-9);
}

/** A tunnel at its ingress: label and first link. */
export function tunnelKey({ pushLabel, output }: Bucket): string {
  return `${pushLabel} ${output}`;
}

export interface FlowTracers {
  readonly traceInstalled: TunnelTracer;
  readonly traceTarget: TunnelTracer;
}

/** What a stop loads links with: tunnels that both old and new have may be repaired either way meanwhile, and count with the more of both. */
export function stopLoads(before: Flow, after: Flow, stop: FlowStop, { traceInstalled, traceTarget }: FlowTracers): Loads {
  const old = new Map((before.group?.buckets ?? []).map((bucket) => [tunnelKey(bucket), bucket]));
  const next = new Map((after.group?.buckets ?? []).map((bucket) => [tunnelKey(bucket), bucket]));
  const loads = new Map<number, number>();
  for (const { bucket, rateBps } of tunnelRates({ ingress: after.ingress, ...stop })) {
    const key = tunnelKey(bucket);
    const [was, will] = [old.get(key), next.get(key)];
    const ways = [...(was === undefined ? [] : [traceInstalled(was).links]), ...(will === undefined ? [] : [traceTarget(will).links])];
    for (const [link, times] of timesOf(ways)) loads.set(link, (loads.get(link) ?? 0) + rateBps * times);
  }
  return loads;
}

/** How often each link is passed, by the way that does so most often. */
function timesOf(ways: readonly (readonly number[])[]): ReadonlyMap<number, number> {
  const most = new Map<number, number>();
  for (const [i, way] of ways.entries()) {
    if (i > 0 && way === ways[0]) continue;
    const times = new Map<number, number>();
    for (const link of way) times.set(link, (times.get(link) ?? 0) + 1);
    for (const [link, count] of times) most.set(link, Math.max(count, most.get(link) ?? 0));
  }
  return most;
}

/** What a flow loads links with. */
export function flowLoads(flow: Flow | undefined, trace: TunnelTracer): Loads {
  const loads = new Map<number, number>();
  if (flow === undefined) return loads;
  for (const { bucket, rateBps } of tunnelRates(flow)) {
    for (const link of trace(bucket).links) loads.set(link, (loads.get(link) ?? 0) + rateBps);
  }
  return loads;
}
