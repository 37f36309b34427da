/** What a plan holds ready for failures: bypasses around links and nodes, backups of tunnels (docs/protection.md). */
import {
  guaranteeOf,
  isProtecting,
  trafficClasses,
  type Plan,
  type PlanProtection,
  type ProtectionSettings,
  type Topology,
  type TunnelId,
} from "@sluice/model";
import { linkLoads } from "../link-loads.js";
import { planBackups } from "./backups.js";
import { planBypasses } from "./bypasses.js";
import { DetourSearch } from "./detour-search.js";
import { riskGraph } from "./risk-graph.js";
import type { Width } from "./widest-detour.js";

/** Whether settings ask for anything that a plan must hold ready. */
export function asksProtection(settings: ProtectionSettings): boolean {
  return isProtecting(settings) || settings.localRepair !== "none";
}

export type PartsToProtect = Pick<Plan, "tunnels" | "groups"> & {
  /** Bound of the tunnel policy; backups keep it. */
  readonly latencyMsMax?: number | undefined;
};

/**
 * Backups for the tunnels of groups whose class is promised anything, and bypasses for the links of all tunnels and backup tunnels. Deterministic:
 * it depends on nothing but its arguments. A search or two for each link and each tunnel: O((links + tunnels) (V + E) log V) where paths
 * that share nothing exist.
 */
export function protectPlan(topology: Topology, settings: ProtectionSettings, parts: PartsToProtect): PlanProtection {
  const search = new DetourSearch(riskGraph(topology));
  const inNeed = new Set<TunnelId>(
    parts.groups
      .filter(({ trafficClass }) => guaranteeOf(settings, trafficClass).kind !== "none")
      .flatMap(({ members }) => members.map(({ tunnelId }) => tunnelId)),
  );
  const { backupTunnels, backups } = planBackups(search, {
    tunnels: parts.tunnels,
    inNeed,
    latencyMsMax: parts.latencyMsMax ?? Infinity,
  });
  const paths = [...parts.tunnels, ...backupTunnels].map(({ path }) => path);
  const { localRepair } = settings;
  const bypasses = localRepair === "none" ? [] : planBypasses(search, { localRepair, paths, widths: bypassWidths(topology, parts) });
  return { bypasses, backupTunnels, backups };
}

/**
 * What room bypasses should have: first for the most important class, on what it leaves of the links itself, for it takes precedence over
 * the others; then for that and the next; at last in capacity, for loads will not be quite those of the plan. Measured against the shortest bypass
 * and against capacity alone: docs/protection.md.
 */
function bypassWidths(topology: Topology, parts: PartsToProtect): readonly Width[] {
  const loads = linkLoads(topology, parts);
  const capacityBps = Float64Array.from(topology.links, (link) => link.capacityBps);
  const sum = new Float64Array(topology.links.length);
  const byClass = trafficClasses.map((trafficClass): Width => {
    loads.forEach(({ loadBpsByClass }, link) => (sum[link] = (sum[link] as number) + loadBpsByClass[trafficClass]));
    return { roomBps: capacityBps.map((bps, link) => Math.max(0, bps - (sum[link] as number))), needBps: sum.slice() };
  });
  return [...byClass, { roomBps: capacityBps, needBps: capacityBps }];
}
