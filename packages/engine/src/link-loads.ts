/** What a plan puts on each link, by class. */
import { assert, type LinkLoad, type Plan, type TopologyDocument, type TrafficClass } from "@sluice/model";

/** Every link of the topology, in its order. O(links + hops of all groups). */
export function linkLoads(topology: TopologyDocument, plan: Pick<Plan, "groups" | "tunnels">): readonly LinkLoad[] {
  const tunnels = new Map(plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  const loads = new Map(
    topology.links.map((link) => [link.id, { interactive: 0, elastic: 0, bulk: 0 } satisfies Record<TrafficClass, number>]),
  );
  for (const group of plan.groups) {
    const weightSum = group.members.reduce((sum, member) => sum + member.weight, 0);
    for (const member of group.members) {
      const tunnel = tunnels.get(member.tunnelId);
      assert(tunnel !== undefined, `tunnel ${member.tunnelId} is in the plan`);
      for (const linkId of tunnel.path) {
        const load = loads.get(linkId);
        assert(load !== undefined, `link ${linkId} is in the topology`);
        load[group.trafficClass] += (group.admittedBps * member.weight) / weightSum;
      }
    }
  }
  return topology.links.map((link) => {
    const loadBpsByClass = loads.get(link.id) ?? { interactive: 0, elastic: 0, bulk: 0 };
    return {
      linkId: link.id,
      from: link.from,
      to: link.to,
      capacityBps: link.capacityBps,
      loadBps: loadBpsByClass.interactive + loadBpsByClass.elastic + loadBpsByClass.bulk,
      loadBpsByClass,
    };
  });
}
