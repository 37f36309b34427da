/** Whether a rule's fields fit the fields of OpenFlow 1.3; a switch would refuse the rule otherwise. */
import { labelMax, labelMin, prefixRange, unreachable, type Bucket, type FailoverBucket, type Rule } from "@sluice/model";
import { groupNumberMax } from "./assignments.js";
import { bucketWeightMax } from "./compile.js";
import { meterRateBpsMax, meterRateUnitBps } from "./meter.js";

/** A protected link and its bypass; more buckets than one a port of a large switch are no repair any more. */
const failoverBucketsMax = 16;

/** What is wrong with the rule's fields, in words; undefined where nothing is. */
export function misshapen(rule: Rule): string | undefined {
  switch (rule.kind) {
    case "meter":
      if (!isWithin(rule.meterId, 1, groupNumberMax)) return `meter number ${rule.meterId} is not 1 to ${groupNumberMax}`;
      if (!isWholeKb(rule.rateBps) || rule.rateBps === 0) return `the rate ${rule.rateBps} bps is not a positive whole number of kb/s`;
      return isWholeKb(rule.burstBits) ? undefined : `the burst ${rule.burstBits} bits is not a whole number of kb`;
    case "group":
      if (!isWithin(rule.groupId, 1, groupNumberMax)) return `group number ${rule.groupId} is not 1 to ${groupNumberMax}`;
      if (rule.buckets.length === 0) return "a select group has at least one bucket";
      return rule.buckets.map(misshapenBucket).find((reason) => reason !== undefined);
    case "failover":
      if (!isWithin(rule.failoverId, labelMin, labelMax)) return `failover number ${rule.failoverId} is not ${labelMin} to ${labelMax}`;
      if (rule.buckets.length === 0 || rule.buckets.length > failoverBucketsMax)
        return `a failover group has 1 to ${failoverBucketsMax} buckets, not ${rule.buckets.length}`;
      if (new Set(rule.buckets.map(({ output }) => output)).size < rule.buckets.length) return "a failover group watches each link once";
      if (rule.buckets[0]?.pushLabel !== undefined) return "a failover group pushes no label where nothing failed";
      return rule.buckets.map(misshapenFailover).find((reason) => reason !== undefined);
    case "ingress":
      if (prefixRange(rule.match.dstPrefix) === undefined) return `${rule.match.dstPrefix} is not an IPv4 prefix`;
      return isWithin(rule.match.dscp, 0, 63) ? undefined : `DSCP ${rule.match.dscp} is not 0 to 63`;
    case "label":
      if (!isWithin(rule.match.label, labelMin, labelMax)) return `label ${rule.match.label} is not ${labelMin} to ${labelMax}`;
      return rule.action.kind === "output" ? misshapenRepair(rule.action) : undefined;
    default:
      return unreachable(rule);
  }
}

function misshapenFailover({ pushLabel }: FailoverBucket): string | undefined {
  return pushLabel === undefined || isWithin(pushLabel, labelMin, labelMax)
    ? undefined
    : `label ${pushLabel} is not ${labelMin} to ${labelMax}`;
}

function misshapenRepair({ failoverId }: Pick<Bucket, "failoverId">): string | undefined {
  return failoverId === undefined || isWithin(failoverId, labelMin, labelMax)
    ? undefined
    : `failover number ${failoverId} is not ${labelMin} to ${labelMax}`;
}

function misshapenBucket({ weight, pushLabel, mplsTc, failoverId }: Bucket): string | undefined {
  if (!isWithin(weight, 1, bucketWeightMax)) return `weight ${weight} is not 1 to ${bucketWeightMax}`;
  if (!isWithin(pushLabel, labelMin, labelMax)) return `label ${pushLabel} is not ${labelMin} to ${labelMax}`;
  return isWithin(mplsTc, 0, 7) ? misshapenRepair({ failoverId }) : `MPLS traffic class ${mplsTc} is not 0 to 7`;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function isWholeKb(value: number): boolean {
  return isWithin(value, 0, meterRateBpsMax) && value % meterRateUnitBps === 0;
}
