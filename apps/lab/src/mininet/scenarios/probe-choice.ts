/** Which flows to send so that what happens to a link is seen. Pure. */
import { classMarking, trafficClasses, type TrafficClass } from "@sluice/model";
import type { PlanReading } from "../plan-reading.js";
import type { ProbeFlow } from "../probe.js";

export const probePps = 1_000;
export const probeBytes = 16;
/** What a meter counts of a probe: Ethernet, IPv4 and UDP headers besides. */
const probeFrameBits = (14 + 20 + 8 + probeBytes) * 8;
/** One probe's rate, with room for the unevenness of its sending: a busy machine sends twenty at once. */
export const probeBps = probePps * probeFrameBits * 1.25;
/** The flows of a group miss a tunnel with at most this probability. */
const missedMax = 0.02;
const flowsMax = 6;
const sourcePortFirst = 30_000;
/** Source ports of probes of whole plans; they tell flows of one host apart. */
const groupPortFirst = 20_000;
const groupPorts = 40_000;

export interface Crossing {
  readonly src: string;
  readonly dst: string;
  readonly trafficClass: TrafficClass;
  /** Of the group's flows, over the link. */
  readonly share: number;
  readonly admittedBps: number;
}

/**
 * The group that has the largest part of its flows over this link, of those whose meters let enough probes in, and of these the most important:
 * with the link gone, lower classes may be admitted less, and their meters would drop probes. Only of those that have another way, which
 * `hasOtherWay` says. Undefined where there is none.
 */
export function crossingOf(
  { demands, tunnels }: PlanReading,
  linkId: string,
  hasOtherWay: (pair: { readonly src: string; readonly dst: string }) => boolean = () => true,
): Crossing | undefined {
  const admitted = new Map(demands.map((demand) => [keyOf(demand), demand.admittedBps ?? 0]));
  const shares = new Map<string, Crossing>();
  for (const tunnel of tunnels) {
    if (!tunnel.path.includes(linkId)) continue;
    for (const { trafficClass, weight, weightSum } of tunnel.flowGroups) {
      const group = { src: tunnel.src, dst: tunnel.dst, trafficClass };
      const key = keyOf(group);
      const share = (shares.get(key)?.share ?? 0) + weight / weightSum;
      shares.set(key, { ...group, share, admittedBps: admitted.get(key) ?? 0 });
    }
  }
  const able = [...shares.values()].filter((each) => each.admittedBps >= flowCount(each) * probeBps && hasOtherWay(each));
  const rank = ({ trafficClass }: Crossing): number => trafficClasses.indexOf(trafficClass);
  return able.toSorted(
    (a, b) => b.share - a.share || rank(a) - rank(b) || b.admittedBps - a.admittedBps || keyOf(a).localeCompare(keyOf(b), "en"),
  )[0];
}

/** Whether links other than `gone` lead from one node to another. O(nodes x links). */
export function isConnected(
  links: readonly { readonly id: string; readonly from: string; readonly to: string }[],
  gone: readonly string[],
  { src, dst }: { readonly src: string; readonly dst: string },
): boolean {
  const left = links.filter(({ id }) => !gone.includes(id));
  const reached = new Set([src]);
  for (let size = 0; size < reached.size && !reached.has(dst);) {
    size = reached.size;
    for (const { from, to } of left) if (reached.has(from)) reached.add(to);
  }
  return reached.has(dst);
}

/** So many flows that one of them is on the link but for bad luck. */
export function flowCount({ share }: Pick<Crossing, "share">): number {
  return share > 0.999 ? 1 : Math.min(flowsMax, Math.ceil(Math.log(missedMax) / Math.log(1 - share)));
}

export function probesOf(crossing: Crossing): readonly ProbeFlow[] {
  const { src, dst, trafficClass } = crossing;
  return Array.from({ length: flowCount(crossing) }, (_, i) => ({
    src,
    dst,
    dscp: classMarking[trafficClass].dscp,
    pps: probePps,
    bytes: probeBytes,
    sourcePort: sourcePortFirst + 7 * i,
  }));
}

/** Probes of whole plans that are sent in a second: probers run in real time, and more would starve the controller that they watch. */
const probesPerSecondMax = 1_000;

/** How many probes a second each of so many flows is sent: not more than wanted, and of all together not more than the machine has time for. */
export function sharedPps(flows: number, wantedPps: number): number {
  return Math.min(wantedPps, probesPerSecondMax / Math.max(1, flows));
}

/** The most important class that the plan admits anything of. */
export function topClassOf({ demands }: Pick<PlanReading, "demands">): TrafficClass | undefined {
  return trafficClasses.find((name) => demands.some(({ trafficClass, admittedBps = 0 }) => trafficClass === name && admittedBps > 0));
}

/**
 * The largest group that starts at a node, of the most important class that the plan admits, and how many probes a second its meter lets in; the first
 * node that has one which takes all that are wanted, or else the one with the largest.
 */
export function startingAt({ demands }: Pick<PlanReading, "demands">, nodes: Iterable<string>) {
  const topClass = topClassOf({ demands });
  const widest = [...nodes].flatMap((node) => {
    const own = demands.filter(({ src, trafficClass, admittedBps = 0 }) => src === node && trafficClass === topClass && admittedBps > 0);
    const [largest] = own.toSorted((a, b) => (b.admittedBps ?? 0) - (a.admittedBps ?? 0));
    if (largest === undefined) return [];
    return [{ node, group: largest, pps: Math.min(probePps, Math.floor((probePps * (largest.admittedBps ?? 0)) / probeBps)) }];
  });
  const [best] = widest.toSorted((a, b) => b.pps - a.pps);
  return best !== undefined && best.pps > 0 ? best : undefined;
}

/** One flow for each flow group that the plan admits, of these classes; in the plan's order. */
export function groupProbes(
  { demands }: Pick<PlanReading, "demands">,
  {
    pps,
    bytes = probeBytes,
    classes = trafficClasses,
  }: { readonly pps: number; readonly bytes?: number; readonly classes?: readonly TrafficClass[] },
): readonly ProbeFlow[] {
  return demands
    .filter(({ admittedBps = 0, trafficClass }) => admittedBps > 0 && classes.includes(trafficClass))
    .map(({ src, dst, trafficClass }, i) => ({
      src,
      dst,
      dscp: classMarking[trafficClass].dscp,
      pps,
      bytes,
      sourcePort: groupPortFirst + (i % groupPorts),
    }));
}

function keyOf({ src, dst, trafficClass }: { readonly src: string; readonly dst: string; readonly trafficClass: string }): string {
  return `${src}\0${dst}\0${trafficClass}`;
}
