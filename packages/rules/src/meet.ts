/** The meet of an old and a new flow: the largest flow that stays under both in every tunnel. */
import type { Bucket, GroupRule, MeterRule } from "@sluice/model";
import { tunnelRates, type Flow } from "./flow.js";
import { burstBitsOf, meterRateBps, meterRateUnitBps } from "./meter.js";

/** What the weights of a meet sum to at most; rounding costs at most (tunnels / this) of its rate, for two flips. */
const meetWeightSumMax = 64;

/**
 * The installed flow with its meter and weights lowered so that no tunnel carries more than the least of old and new; what is
 * left of a tunnel is given up where its share is below one weight unit. Where old and new have no tunnel in common, the least rate
 * that a meter holds is kept on the old tunnels, so that the flow entry stays and what is dropped is counted by the meter.
 */
export function meetOf(before: Flow, after: Flow): { readonly meter: MeterRule; readonly group: GroupRule } | undefined {
  const { meter, group } = before;
  if (meter === undefined || group === undefined) return undefined;
  const newRate = new Map(tunnelRates(after).map(({ bucket, rateBps }) => [tunnelKey(bucket), rateBps]));
  const common = tunnelRates(before)
    .map(({ bucket, rateBps }) => ({ bucket, rateBps: Math.min(rateBps, newRate.get(tunnelKey(bucket)) ?? 0) }))
    .filter(({ rateBps }) => rateBps > 0);
  const sum = common.reduce((total, { rateBps }) => total + rateBps, 0);
  const kept = common
    .map(({ bucket, rateBps }) => ({ bucket, rateBps, weight: Math.floor((rateBps / sum) * meetWeightSumMax) }))
    .filter(({ weight }) => weight > 0);
  const weightSum = kept.reduce((total, { weight }) => total + weight, 0);
  const rateBps = meterRateBps(Math.min(...kept.map((tunnel) => (tunnel.rateBps * weightSum) / tunnel.weight), meter.rateBps));
  if (kept.length === 0 || rateBps === 0) {
    return { meter: { ...meter, rateBps: meterRateUnitBps, burstBits: burstBitsOf(meterRateUnitBps) }, group };
  }
  return {
    meter: { ...meter, rateBps, burstBits: burstBitsOf(rateBps) },
    group: { ...group, buckets: kept.map(({ bucket, weight }) => ({ ...bucket, weight })) },
  };
}

/** A tunnel at its ingress: label and first link. */
function tunnelKey({ pushLabel, output }: Bucket): string {
  return `${pushLabel} ${output}`;
}
