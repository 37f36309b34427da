/** What a scenario does to a plan: which links and tunnels are gone, and which groups used them. */
import { fault, refuse, ok, trafficClasses, type FailureScenario, type Result, type Topology } from "@sluice/model";
import { classOf, type PlanIndex } from "./plan-index.js";

export interface Failure {
  readonly scenario: FailureScenario;
  /** Per link and per tunnel, 1: gone. Links that may not be used are gone as well. */
  readonly deadLink: Uint8Array;
  readonly deadTunnel: Uint8Array;
  /** By class: the groups with a member that is gone, in rising order. */
  readonly affected: readonly (readonly number[])[];
}

/** The scenario names links and nodes of the topology, or `dangling-reference`. */
export function checkScenario(topology: Topology, { id, linkIds, nodeIds }: FailureScenario): Result<undefined> {
  const link = linkIds.find((each) => !topology.linkById.has(each));
  if (link !== undefined)
    return refuse(fault("dangling-reference", `Scenario ${id} names link ${link}, which the topology does not have.`));
  const node = nodeIds.find((each) => !topology.nodeById.has(each));
  if (node !== undefined)
    return refuse(fault("dangling-reference", `Scenario ${id} names node ${node}, which the topology does not have.`));
  return ok(undefined);
}

/** O(links + tunnels + groups of the tunnels that are gone). */
export function failureOf(topology: Topology, index: PlanIndex, scenario: FailureScenario): Failure {
  const deadLink = index.isUnusable.slice();
  for (const id of scenario.linkIds) deadLink[index.linkIndex.get(id) ?? -1] = 1;
  for (const id of scenario.nodeIds) {
    topology.graph.forEachEdge(id, (linkId) => {
      const e = index.linkIndex.get(linkId as (typeof index.linkIds)[number]);
      if (e !== undefined) deadLink[e] = 1;
    });
  }
  const deadTunnel = new Uint8Array(index.tunnels.length);
  const affected: number[][] = trafficClasses.map(() => []);
  const seen = new Set<number>();
  const { tunnelsOfLink, groupsOfTunnel } = index;
  for (let e = 0; e < deadLink.length; e++) {
    if (deadLink[e] === 0) continue;
    for (let k = tunnelsOfLink.start[e] as number; k < (tunnelsOfLink.start[e + 1] as number); k++) {
      const tunnel = tunnelsOfLink.items[k] as number;
      if (deadTunnel[tunnel] === 1) continue;
      deadTunnel[tunnel] = 1;
      for (let at = groupsOfTunnel.start[tunnel] as number; at < (groupsOfTunnel.start[tunnel + 1] as number); at++) {
        const group = groupsOfTunnel.items[at] as number;
        if (seen.has(group)) continue;
        seen.add(group);
        affected[classOf(index, group)]?.push(group);
      }
    }
  }
  for (const groups of affected) groups.sort((a, b) => a - b);
  return { scenario, deadLink, deadTunnel, affected };
}
