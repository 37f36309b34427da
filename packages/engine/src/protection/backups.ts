/** Backups: for each tunnel that carries protected traffic, the one that stands in for it where it fails. */
import { byId, tunnelId, type Backup, type LinkId, type NodeId, type SrlgId, type Tunnel, type TunnelId } from "@sluice/model";
import { pathWeight } from "../tunnels/path-order.js";
import { findBackup } from "./backup-search.js";
import type { DetourSearch } from "./detour-search.js";
import type { RiskGraph } from "./risk-graph.js";
import { atRisk, compareDetours, compareSharing, disjointnessOf, sharedRisks, type SharedRisks } from "./shared-risks.js";

export interface BackupQuestion {
  /** All tunnels of the plan: those between the same ends may stand in. */
  readonly tunnels: readonly Tunnel[];
  /** Tunnels that need a backup, each once. */
  readonly protectedTunnels: readonly Tunnel[];
  readonly latencyMsMax: number;
}

export interface PlannedBackups {
  /** Those that are not in the plan already, sorted by id. */
  readonly backupTunnels: readonly Tunnel[];
  /** Sorted by tunnel. A tunnel has none where there is no other path between its ends, or none within the bound. */
  readonly backups: readonly Backup[];
}

interface Stored {
  readonly tunnel: Tunnel;
  readonly links: readonly number[];
}

/**
 * Each tunnel's backup is the path that `findBackup` says is furthest apart; or, where another tunnel of the plan between the same ends is as far
 * apart, that one (of several the first by sharing, latency, hops, link ids): it is installed anyway. Cost: one search a tunnel
 * where an SRLG-disjoint path exists, none where a tunnel of the plan shares nothing.
 */
export function planBackups(search: DetourSearch, { tunnels, protectedTunnels, latencyMsMax }: BackupQuestion): PlannedBackups {
  const { risks } = search;
  const linksOf = (tunnel: Tunnel): readonly number[] => tunnel.path.map((id) => risks.graph.linkIndex.get(id) ?? -1);
  const siblings = new Map<string, Stored[]>();
  for (const tunnel of tunnels) {
    const links = linksOf(tunnel);
    if (pathWeight(links, risks.graph.latencyMs) > latencyMsMax) continue;
    const key = pairOf(tunnel);
    const there = siblings.get(key);
    if (there === undefined) siblings.set(key, [{ tunnel, links }]);
    else there.push({ tunnel, links });
  }
  const added = new Map<TunnelId, Tunnel>();
  const planned = protectedTunnels.flatMap((tunnel): readonly Backup[] => {
    const path = atRisk(risks, linksOf(tunnel));
    const sharingOf = (links: readonly number[]): SharedRisks => sharedRisks(risks, path, links);
    const nearby = (siblings.get(pairOf(tunnel)) ?? [])
      .filter((other) => other.tunnel.id !== tunnel.id)
      .map((other) => ({ tunnel: other.tunnel, links: other.links, shared: sharingOf(other.links) }))
      .sort((a, b) => compareSharing(a.shared, b.shared) || compareDetours(risks, a.links, b.links))[0];
    if (nearby !== undefined && sharesNothing(nearby.shared))
      return [backupOf(risks, { tunnel, backup: nearby.tunnel, shared: nearby.shared })];
    const links = findBackup(search, path.links, latencyMsMax);
    const shared = links === undefined ? undefined : sharingOf(links);
    if (nearby !== undefined && (shared === undefined || compareSharing(nearby.shared, shared) <= 0)) {
      return [backupOf(risks, { tunnel, backup: nearby.tunnel, shared: nearby.shared })];
    }
    if (links === undefined || shared === undefined) return [];
    const way = links.map((link) => risks.graph.linkIds[link] as LinkId);
    const backup: Tunnel = { id: tunnelId(way), src: tunnel.src, dst: tunnel.dst, path: way };
    added.set(backup.id, backup);
    return [backupOf(risks, { tunnel, backup, shared })];
  });
  return {
    backupTunnels: [...added.values()].sort(byId),
    backups: planned.sort((a, b) => (a.tunnelId < b.tunnelId ? -1 : 1)),
  };
}

function pairOf({ src, dst }: Tunnel): string {
  return `${src}\n${dst}`;
}

function sharesNothing({ links, nodes, srlgs }: SharedRisks): boolean {
  return links.length + nodes.length + srlgs.length === 0;
}

function backupOf(
  { graph, srlgIds }: RiskGraph,
  { tunnel, backup, shared }: { readonly tunnel: Tunnel; readonly backup: Tunnel; readonly shared: SharedRisks },
): Backup {
  return {
    tunnelId: tunnel.id,
    backupId: backup.id,
    disjointness: disjointnessOf(shared),
    sharedLinkIds: shared.links.map((link) => graph.linkIds[link] as LinkId),
    sharedNodeIds: shared.nodes.map((node) => graph.nodeIds[node] as NodeId),
    sharedSrlgIds: shared.srlgs.map((srlg) => srlgIds[srlg] as SrlgId),
  };
}
