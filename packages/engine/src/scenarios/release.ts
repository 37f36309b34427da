/**
 * Which untouched groups have to change because the classes above took their room. Few, so that few ingresses hear of it: link by link, those
 * that put most on it first.
 */
import type { Failure } from "./failure.js";
import { addPlanned, classOf, type PlanIndex } from "./plan-index.js";
import { isOverfull, overfullLinks } from "./room.js";

export interface Crowd {
  readonly index: PlanIndex;
  readonly failure: Failure;
  readonly trafficClass: number;
  /** Per link, bps: what the classes above send, and what this class's groups do that stay as they are. */
  readonly aboveBps: Float64Array;
  readonly untouchedBps: Float64Array;
}

/**
 * Takes groups off `untouchedBps` until what is left fits beside the classes above, and returns them in rising order. Links in their
 * order; on a link the largest flow first, then the first group. O(overfull links x groups on them x log).
 */
export function releaseCrowded({ index, failure, trafficClass, aboveBps, untouchedBps }: Crowd): readonly number[] {
  const affected = new Set(failure.affected[trafficClass]);
  const released = new Set<number>();
  for (const link of overfullLinks(index.capacityBps, failure.deadLink, [aboveBps, untouchedBps])) {
    const flows = [...flowsOver(index, link, trafficClass)]
      .filter(([group]) => !affected.has(group) && !released.has(group))
      .sort(([a, flowA], [b, flowB]) => flowB - flowA || a - b);
    for (const [group] of flows) {
      if (!isOverfull((aboveBps[link] as number) + (untouchedBps[link] as number), index.capacityBps[link] as number)) break;
      released.add(group);
      addPlanned(index, group, -1, untouchedBps);
    }
  }
  return [...released].sort((a, b) => a - b);
}

/** Groups of a class with what the plan has them send over a link, bps. */
export function flowsOver(index: PlanIndex, link: number, trafficClass: number): ReadonlyMap<number, number> {
  const { tunnelsOfLink, groupsOfTunnel, members, weight, weightSum, admittedBps } = index;
  const flows = new Map<number, number>();
  for (let k = tunnelsOfLink.start[link] as number; k < (tunnelsOfLink.start[link + 1] as number); k++) {
    const tunnel = tunnelsOfLink.items[k] as number;
    for (let at = groupsOfTunnel.start[tunnel] as number; at < (groupsOfTunnel.start[tunnel + 1] as number); at++) {
      const group = groupsOfTunnel.items[at] as number;
      if (classOf(index, group) !== trafficClass) continue;
      for (let m = members.start[group] as number; m < (members.start[group + 1] as number); m++) {
        if (members.items[m] !== tunnel) continue;
        const flow = ((admittedBps[group] as number) * (weight[m] as number)) / (weightSum[group] as number);
        flows.set(group, (flows.get(group) ?? 0) + flow);
      }
    }
  }
  return flows;
}
