/** What follows from a plan alone, computed once for each plan that is asked about: plans never change. */
import type { ControllerView } from "@sluice/control";
import { linkLoads } from "@sluice/engine";
import {
  compareText,
  flowGroupId,
  type FlowGroupId,
  type LinkId,
  type LinkLoad,
  type Plan,
  type TopologyDocument,
  type TrafficClass,
  type Tunnel,
} from "@sluice/model";

export interface TunnelUse extends Tunnel {
  readonly latencyMs: number;
  readonly plannedBps: number;
  readonly flowGroups: readonly {
    readonly trafficClass: TrafficClass;
    readonly plannedBps: number;
    readonly weight: number;
    readonly weightSum: number;
  }[];
}

export interface PlanDerived {
  readonly loads: ReadonlyMap<LinkId, LinkLoad>;
  /** Sorted by id. */
  readonly tunnels: readonly TunnelUse[];
  readonly admittedBps: ReadonlyMap<FlowGroupId, number>;
}

const known = new WeakMap<Plan, PlanDerived>();

export function derivedInForce({ planInForce }: Pick<ControllerView, "planInForce">): PlanDerived | undefined {
  return planInForce && derivedOf(planInForce.record.plan, planInForce.input.topology);
}

/** `topology` is the one that the plan was made on. O(links + hops of all groups) once. */
export function derivedOf(plan: Plan, topology: TopologyDocument): PlanDerived {
  const before = known.get(plan);
  if (before !== undefined) return before;
  const derived = {
    loads: new Map(linkLoads(topology, plan).map((load) => [load.linkId, load])),
    tunnels: tunnelUses(plan, topology),
    admittedBps: new Map(plan.groups.map((group) => [flowGroupId(group), group.admittedBps])),
  };
  known.set(plan, derived);
  return derived;
}

function tunnelUses(plan: Plan, topology: TopologyDocument): readonly TunnelUse[] {
  const latencyMs = new Map(topology.links.map((link) => [link.id, link.latencyMs]));
  const uses = new Map<Tunnel["id"], TunnelUse["flowGroups"][number][]>();
  for (const { trafficClass, admittedBps, members } of plan.groups) {
    const weightSum = members.reduce((sum, { weight }) => sum + weight, 0);
    for (const { tunnelId, weight } of members) {
      const use = { trafficClass, plannedBps: (admittedBps * weight) / weightSum, weight, weightSum };
      const there = uses.get(tunnelId);
      if (there === undefined) uses.set(tunnelId, [use]);
      else there.push(use);
    }
  }
  return plan.tunnels
    .map(({ id, src, dst, path }): TunnelUse => {
      const flowGroups = uses.get(id) ?? [];
      return {
        id,
        src,
        dst,
        path,
        latencyMs: path.reduce((sum, linkId) => sum + (latencyMs.get(linkId) ?? 0), 0),
        plannedBps: flowGroups.reduce((sum, { plannedBps }) => sum + plannedBps, 0),
        flowGroups,
      };
    })
    .sort((a, b) => compareText(a.id, b.id));
}
