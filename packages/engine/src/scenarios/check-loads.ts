/** Loads of links under a split, by the checker's own sums, and what follows from them: capacities, losses, the fullest link. */
import { flowGroupId, trafficClasses, type TrafficClass, type TunnelGroup } from "@sluice/model";
import { checkTolerance, differ, exceeds, type Report } from "../check-report.js";
import { trace, type Question } from "./check-question.js";

export interface Loads {
  /** By class and link id, bps. Links that are gone carry nothing. */
  readonly under: Readonly<Record<TrafficClass, ReadonlyMap<string, number>>>;
  readonly planned: Readonly<Record<TrafficClass, ReadonlyMap<string, number>>>;
  /** By class: what arrives. */
  readonly carriedBps: Readonly<Record<TrafficClass, number>>;
}

export function loadsOf(question: Question): Loads {
  const { plan, changed } = question;
  const under = { interactive: new Map<string, number>(), elastic: new Map<string, number>(), bulk: new Map<string, number>() };
  const planned = { interactive: new Map<string, number>(), elastic: new Map<string, number>(), bulk: new Map<string, number>() };
  const carriedBps = { interactive: 0, elastic: 0, bulk: 0 };
  const send = (group: TunnelGroup, into: Map<string, number>, asPlanned: boolean): number => {
    const weightSum = group.members.reduce((sum, { weight }) => sum + weight, 0);
    const ways = group.members.flatMap(({ tunnelId, weight }) => {
      const tunnel = question.tunnels.get(tunnelId);
      if (tunnel === undefined) return [];
      return [
        { bps: group.admittedBps * (weight / weightSum), ...(asPlanned ? { links: tunnel.path, arrives: true } : trace(question, tunnel)) },
      ];
    });
    // What only sends to where nothing gets through has stopped, or its own node is gone.
    if (!ways.some(({ arrives }) => arrives)) return 0;
    let arrived = 0;
    for (const { bps, links, arrives } of ways) {
      for (const id of links) into.set(id, (into.get(id) ?? 0) + bps);
      if (arrives) arrived += bps;
    }
    return arrived;
  };
  for (const group of plan.groups) {
    const after = changed.get(flowGroupId(group)) ?? group;
    carriedBps[group.trafficClass] += send(after, under[group.trafficClass], false);
    send(group, planned[group.trafficClass], true);
  }
  return { under, planned, carriedBps };
}

/** No link that works carries more than its capacity, all groups counted. Returns the largest utilization. */
export function checkCapacity({ topology, deadLinks }: Question, { under }: Loads, report: Report): number {
  let utilizationMax = 0;
  for (const link of topology.links) {
    if (deadLinks.has(link.id)) continue;
    const sum = trafficClasses.reduce((bps, trafficClass) => bps + (under[trafficClass].get(link.id) ?? 0), 0);
    if (exceeds(sum, link.capacityBps))
      report.add("over-capacity", `/links/${link.id}`, `Link ${link.id} carries ${sum} bps of ${link.capacityBps}.`);
    if (link.capacityBps > 0) utilizationMax = Math.max(utilizationMax, sum / link.capacityBps);
  }
  return utilizationMax;
}

/** Figures of the split are those of its groups. */
export function checkFigures(
  { plan, split, topology, deadLinks }: Question,
  { loads, utilizationMax }: { readonly loads: Loads; readonly utilizationMax: number },
  report: Report,
): void {
  for (const trafficClass of trafficClasses) {
    const admittedBps = plan.groups.reduce((sum, group) => (group.trafficClass === trafficClass ? sum + group.admittedBps : sum), 0);
    const lostBps = admittedBps - loads.carriedBps[trafficClass];
    const said = split.lostBps[trafficClass];
    const least = split.lostBpsMin?.[trafficClass] ?? 0;
    const tolerance = checkTolerance * admittedBps;
    if (!(Math.abs(said - lostBps) <= tolerance)) {
      report.add("totals-wrong", `/lostBps/${trafficClass}`, `${trafficClass}: ${said} bps are said to be lost, ${lostBps} are.`);
    }
    if (!(least >= 0 && least <= said + tolerance)) {
      report.add(
        "certificate-wrong",
        `/lostBpsMin/${trafficClass}`,
        `${trafficClass}: ${said} bps are lost, fewer than the ${least} said to be the least.`,
      );
    }
  }
  if (differ(split.utilizationMax, utilizationMax)) {
    report.add(
      "totals-wrong",
      "/utilizationMax",
      `The largest utilization is said to be ${split.utilizationMax}; it is ${utilizationMax}.`,
    );
  }
  const link = split.fullestLinkId === undefined ? undefined : topology.linkById.get(split.fullestLinkId);
  const load = trafficClasses.reduce(
    (bps, trafficClass) => bps + (link === undefined ? 0 : (loads.under[trafficClass].get(link.id) ?? 0)),
    0,
  );
  const isFullest = link !== undefined && !deadLinks.has(link.id) && !differ(load, utilizationMax * link.capacityBps);
  if (utilizationMax > 0 ? !isFullest : split.fullestLinkId !== undefined) {
    report.add("totals-wrong", "/fullestLinkId", `The fullest link is said to be ${split.fullestLinkId ?? "none"}, which is wrong.`);
  }
}
