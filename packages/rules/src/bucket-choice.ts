/**
 * Which bucket of a select group a flow takes. OpenFlow leaves the choice to the switch; this is weighted rendezvous hashing
 * (Thaler and Ravishankar 1998, with the weights of Schindelhauer and Schomaker 2005): exact proportions over many flows, and a change of
 * weights moves only as many flows as it must.
 */
import type { Bucket, GroupRule } from "@sluice/model";

export interface FiveTuple {
  readonly srcAddress: number;
  readonly dstAddress: number;
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
}

/** The shares of a fluid: weight over the sum of weights, in the order of the buckets. */
export function bucketShares(group: GroupRule): readonly { readonly bucket: Bucket; readonly share: number }[] {
  const sum = group.buckets.reduce((total, { weight }) => total + weight, 0);
  return group.buckets.map((bucket) => ({ bucket, share: bucket.weight / sum }));
}

/** The bucket of one flow: the largest weight / -ln(u), where u in (0, 1) is a hash of the flow and the bucket's tunnel. */
export function bucketOf(group: GroupRule, flow: FiveTuple): Bucket | undefined {
  const ofFlow = mix([flow.srcAddress, flow.dstAddress, flow.protocol, flow.srcPort * 65_536 + flow.dstPort]);
  let best: Bucket | undefined;
  let bestScore = -1;
  for (const bucket of group.buckets) {
    const score = bucket.weight / -Math.log((mix([ofFlow, bucket.pushLabel]) + 0.5) / 2 ** 32);
    if (score > bestScore) {
      best = bucket;
      bestScore = score;
    }
  }
  return best;
}

/** MurmurHash3 (x86, 32 bits) over whole words. */
function mix(words: readonly number[]): number {
  let h = 0x9747b28c;
  for (const word of words) {
    let k = Math.imul(word | 0, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= words.length * 4;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
