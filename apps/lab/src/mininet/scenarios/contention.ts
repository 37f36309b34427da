/** What to send so that the fullest link of a plan is offered more than it carries. Pure. */
import { classMarking, trafficClasses } from "@sluice/model";
import type { PlanReading, PlannedDemand } from "../plan-reading.js";
import type { ProbeFlow } from "../probe.js";

export const contentionBytes = 1_400;
/** What meters count of each packet. */
export const contentionFrameBits = (14 + 20 + 8 + contentionBytes) * 8;
/** Flows of each group: enough to come near the weights. */
const flowsPerGroup = 8;
/** Elastic and bulk are offered so many times what is admitted: their meters drop the rest. */
const overload = 1.3;
/** The share of the link that the groups of the top class are sent at in all: more would leave nobody to contend with. */
const topShareMax = 0.2;
const sourcePortFirst = 25_000;

export interface Contention {
  readonly linkId: string;
  /** What the plan puts on it, of its capacity. */
  readonly fill: number;
  /** Groups with a tunnel over the link, the top class first, and so many times what is admitted that each is offered. */
  readonly groups: readonly { readonly group: PlannedDemand; readonly factor: number }[];
}

/** Undefined where no tunnel carries anything. O(tunnels x hops + groups x tunnels). */
export function contentionOf({ demands, tunnels }: PlanReading, capacity: ReadonlyMap<string, number>): Contention | undefined {
  const load = new Map<string, number>();
  for (const { path, flowGroups } of tunnels) {
    const plannedBps = flowGroups.reduce((sum, use) => sum + use.plannedBps, 0);
    for (const linkId of path) load.set(linkId, (load.get(linkId) ?? 0) + plannedBps);
  }
  const fill = (linkId: string): number => (load.get(linkId) ?? 0) / (capacity.get(linkId) ?? Infinity);
  const linkId = [...load.keys()].toSorted((a, b) => fill(b) - fill(a) || (a < b ? -1 : 1))[0];
  if (linkId === undefined) return undefined;
  const crossing = demands.filter(({ src, dst, trafficClass, admittedBps = 0 }) => {
    const uses = tunnels.filter(
      (tunnel) => tunnel.src === src && tunnel.dst === dst && tunnel.flowGroups.some((use) => use.trafficClass === trafficClass),
    );
    return admittedBps > 0 && uses.some(({ path }) => path.includes(linkId));
  });
  const [topClass] = trafficClasses;
  const topBpsMax = topShareMax * (capacity.get(linkId) ?? 0);
  let sum = 0;
  const top = crossing.filter(({ trafficClass, admittedBps = 0 }) => {
    if (trafficClass !== topClass || sum + admittedBps > topBpsMax) return false;
    sum += admittedBps;
    return true;
  });
  const others = crossing.filter(({ trafficClass }) => trafficClass !== topClass);
  return {
    linkId,
    fill: fill(linkId),
    groups: [...top.map((group) => ({ group, factor: 1 })), ...others.map((group) => ({ group, factor: overload }))],
  };
}

/** Flows by group, in the order of the groups. */
export function contentionFlows({ groups }: Contention): readonly (readonly ProbeFlow[])[] {
  return groups.map(({ group: { src, dst, trafficClass, admittedBps = 0 }, factor }, i) => {
    const pps = (admittedBps * factor) / contentionFrameBits / flowsPerGroup;
    const { dscp } = classMarking[trafficClass];
    const first = sourcePortFirst + i * flowsPerGroup;
    return Array.from({ length: flowsPerGroup }, (_, j) => ({ src, dst, dscp, sourcePort: first + j, pps, bytes: contentionBytes }));
  });
}

/** Switches that a packet of each flow group crosses, mean over its tunnels by weight; by `switchesKey`. */
export function switchesCrossed({ tunnels }: Pick<PlanReading, "tunnels">): ReadonlyMap<string, number> {
  const crossed = new Map<string, number>();
  for (const { src, dst, path, flowGroups } of tunnels) {
    for (const { trafficClass, weight, weightSum } of flowGroups) {
      const key = switchesKey({ src, dst, trafficClass });
      crossed.set(key, (crossed.get(key) ?? 0) + ((path.length + 1) * weight) / weightSum);
    }
  }
  return crossed;
}

export function switchesKey({ src, dst, trafficClass }: Pick<PlannedDemand, "src" | "dst" | "trafficClass">): string {
  return `${src}\0${dst}\0${trafficClass}`;
}
