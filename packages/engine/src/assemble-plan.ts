/** Planned classes put together into one plan in its defined order. */
import {
  byId,
  compareFlowGroups,
  rungs,
  tunnelOf,
  type Plan,
  type Topology,
  type Tunnel,
  type TunnelGroup,
  type TunnelId,
} from "@sluice/model";
import type { PlannedClass } from "./plan-class.js";

/** Everything of the plan but the checker's report. O(hops of all used paths). */
export function assemblePlan(topology: Topology, inputHash: string, planned: readonly PlannedClass[]): Omit<Plan, "check"> {
  const tunnels = new Map<TunnelId, Tunnel>();
  // Classes share tunnels, and hashing a path is dear: one tunnel per path.
  const tunnelByPath = new Map<string, Tunnel>();
  const groups: TunnelGroup[] = [];
  for (const { groups: parts } of planned) {
    for (const { demand, admittedBps, members } of parts) {
      const { src, dst, trafficClass, rateBps } = demand;
      groups.push({
        src,
        dst,
        trafficClass,
        demandBps: rateBps,
        admittedBps,
        members: members.map(({ path, allottedBps, weight }) => {
          const key = path.join("\n");
          const tunnel = tunnelByPath.get(key) ?? tunnelOf(topology, path);
          tunnelByPath.set(key, tunnel);
          tunnels.set(tunnel.id, tunnel);
          return { tunnelId: tunnel.id, allottedBps, weight };
        }),
      });
    }
  }
  return {
    inputHash,
    rung: rungs[Math.max(...planned.map(({ plan }) => rungs.indexOf(plan.rung)))] ?? "greedy",
    classes: planned.map(({ plan }) => plan),
    tunnels: [...tunnels.values()].sort(byId),
    groups: groups.sort(compareFlowGroups),
    unroutable: planned
      .flatMap(({ unroutable }) => unroutable)
      .map(({ src, dst, trafficClass }) => ({ src, dst, trafficClass }))
      .sort(compareFlowGroups),
  };
}
