/**
 * Bandwidth that what stands in for failed links and tunnels would need of each link. Failures that cannot happen together may share it: of each
 * link, what the worst one needs (FIR: Li, Wang, Kalmanek and Doverspike 2002, "Efficient distributed path selection for shared restoration
 * connections"; for SRLGs what EBB calls SRLG-RBA, Denis et al. 2023).
 */
import {
  assert,
  type FailureScenario,
  type LinkId,
  type NodeId,
  type Plan,
  type PlanProtection,
  type Topology,
  type Tunnel,
  type TunnelId,
} from "@sluice/model";

/** A path that takes over a rate in some scenarios. */
export interface StandIn {
  /** Link indices, each once. */
  readonly links: readonly number[];
  readonly bps: number;
  /** Indices of the scenarios in which it is used, each once. */
  readonly scenarios: readonly number[];
}

/** Per link, bps. */
export interface Reservation {
  /** In the worst of the scenarios. */
  readonly sharedBps: Float64Array;
  /** As if all scenarios could happen at once, but each stand-in once. Never less than what is shared. */
  readonly plainBps: Float64Array;
}

/** O(stand-ins x scenarios x hops + links), in one pass over the scenarios. Stand-ins that no scenario uses need nothing. */
export function reserve(linkCount: number, standIns: readonly StandIn[]): Reservation {
  const sharedBps = new Float64Array(linkCount);
  const plainBps = new Float64Array(linkCount);
  const byScenario = new Map<number, StandIn[]>();
  for (const standIn of standIns) {
    assert(standIn.bps >= 0, "a rate is not negative");
    for (const scenario of standIn.scenarios) {
      const there = byScenario.get(scenario);
      if (there === undefined) byScenario.set(scenario, [standIn]);
      else there.push(standIn);
    }
    if (standIn.scenarios.length > 0) add(plainBps, standIn);
  }
  const needBps = new Float64Array(linkCount);
  for (const used of byScenario.values()) {
    for (const standIn of used) add(needBps, standIn);
    for (const { links } of used) {
      for (const link of links) {
        // The same additions in the same order may differ from the plain sum by rounding alone; the smaller is as true.
        sharedBps[link] = Math.min(plainBps[link] as number, Math.max(sharedBps[link] as number, needBps[link] as number));
      }
    }
    for (const { links } of used) for (const link of links) needBps[link] = 0;
  }
  return { sharedBps, plainBps };
}

function add(bps: Float64Array, standIn: StandIn): void {
  for (const link of standIn.links) bps[link] = (bps[link] as number) + standIn.bps;
}

export type LoadedPlan = Pick<Plan, "tunnels" | "groups"> & { readonly protection: PlanProtection };

/**
 * What bypasses take over: a link's bypass what its link carries and ends there or has no bypass of its end; a bypass of the end what goes on to
 * its merge point. Used in each scenario that takes the protected link down and leaves the bypass whole.
 */
export function bypassStandIns(topology: Topology, plan: LoadedPlan, scenarios: readonly FailureScenario[]): readonly StandIn[] {
  const detours = new Map<LinkId, Map<NodeId, PlanProtection["bypasses"][number]>>();
  for (const bypass of plan.protection.bypasses) {
    const merge = topology.linkById.get(bypass.path.at(-1) ?? bypass.protects)?.to;
    const known = detours.get(bypass.protects) ?? new Map<NodeId, PlanProtection["bypasses"][number]>();
    if (merge !== undefined) detours.set(bypass.protects, known.set(merge, bypass));
  }
  const carried = new Map<TunnelId, { readonly bypass: PlanProtection["bypasses"][number]; bps: number }>();
  const { tunnels } = plan;
  const rates = tunnelRates(plan);
  for (const tunnel of tunnels) {
    tunnel.path.forEach((id, i) => {
      const known = detours.get(id);
      const end = topology.linkById.get(id)?.to;
      const after = topology.linkById.get(tunnel.path[i + 1] ?? id)?.to;
      const bypass = (after === undefined ? undefined : known?.get(after)) ?? (end === undefined ? undefined : known?.get(end));
      if (bypass === undefined) return;
      const entry = carried.get(bypass.id) ?? { bypass, bps: 0 };
      entry.bps += rates.get(tunnel.id) ?? 0;
      carried.set(bypass.id, entry);
    });
  }
  const index = indexOf(topology);
  const downs = scenarios.map(({ linkIds }) => new Set(linkIds));
  return [...carried.values()].map(({ bypass, bps }) => ({
    links: bypass.path.map((id) => index.get(id) ?? -1),
    bps,
    scenarios: downs.flatMap((down, s) => (down.has(bypass.protects) && !bypass.path.some((id) => down.has(id)) ? [s] : [])),
  }));
}

/** What backups take over: all that their tunnel carries, in each scenario that hits the tunnel and leaves the backup whole. */
export function backupStandIns(topology: Topology, plan: LoadedPlan, scenarios: readonly FailureScenario[]): readonly StandIn[] {
  const { backups, backupTunnels } = plan.protection;
  const byId = new Map<TunnelId, Tunnel>([...plan.tunnels, ...backupTunnels].map((tunnel) => [tunnel.id, tunnel]));
  const rates = tunnelRates(plan);
  const index = indexOf(topology);
  const downs = scenarios.map(({ linkIds }) => new Set(linkIds));
  return backups.map(({ tunnelId, backupId }) => {
    const path = byId.get(tunnelId)?.path ?? [];
    const stead = byId.get(backupId)?.path ?? [];
    return {
      links: stead.map((id) => index.get(id) ?? -1),
      bps: rates.get(tunnelId) ?? 0,
      scenarios: downs.flatMap((down, s) => (path.some((id) => down.has(id)) && !stead.some((id) => down.has(id)) ? [s] : [])),
    };
  });
}

/** bps that the plan sends over each tunnel, in all classes. */
function tunnelRates({ groups }: Pick<Plan, "groups">): ReadonlyMap<TunnelId, number> {
  const rates = new Map<TunnelId, number>();
  for (const { members, admittedBps } of groups) {
    const weightSum = members.reduce((sum, { weight }) => sum + weight, 0);
    for (const { tunnelId, weight } of members) rates.set(tunnelId, (rates.get(tunnelId) ?? 0) + (admittedBps * weight) / weightSum);
  }
  return rates;
}

function indexOf(topology: Topology): ReadonlyMap<LinkId, number> {
  return new Map(topology.links.map((link, i) => [link.id, i]));
}
