/** Backups: for each tunnel that carries protected traffic, the one that stands in for it where it fails. */
import { byId, tunnelId, type Backup, type LinkId, type NodeId, type SrlgId, type Tunnel, type TunnelId } from "@sluice/model";
import { findBackup, isWithin } from "./backup-search.js";
import type { DetourSearch } from "./detour-search.js";
import type { RiskGraph } from "./risk-graph.js";
import { atRisk, compareDetours, compareSharing, disjointnessOf, sharedRisks, type AtRisk, type SharedRisks } from "./shared-risks.js";

export interface BackupQuestion {
  /** All tunnels of the plan: those between the same ends may stand in. */
  readonly tunnels: readonly Tunnel[];
  /** Those of them that need a backup. */
  readonly inNeed: ReadonlySet<TunnelId>;
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
export function planBackups(search: DetourSearch, { tunnels, inNeed, latencyMsMax }: BackupQuestion): PlannedBackups {
  const { risks } = search;
  const { linkIndex, linkIds } = risks.graph;
  const stored = tunnels.map((tunnel): Stored => ({ tunnel, links: tunnel.path.map((id) => linkIndex.get(id) ?? -1) }));
  const siblings = byEnds(risks, stored);
  const added = new Map<TunnelId, Tunnel>();
  const backups: Backup[] = [];
  for (const one of stored) {
    const { tunnel, links } = one;
    if (!inNeed.has(tunnel.id)) continue;
    const path = atRisk(risks, links);
    const sibling = furthest(
      risks,
      path,
      (siblings.get(endsKey(risks, links)) ?? []).filter((other) => other !== one && isWithin(search, other.links, latencyMsMax)),
    );
    const found = sibling !== undefined && sharesNothing(sibling.shared) ? undefined : findBackup(search, links, latencyMsMax);
    const shared = found === undefined ? undefined : sharedRisks(risks, path, found);
    if (sibling !== undefined && (shared === undefined || compareSharing(sibling.shared, shared) <= 0)) {
      backups.push(backupOf(risks, { tunnel, backup: sibling.tunnel, shared: sibling.shared }));
    } else if (found !== undefined && shared !== undefined) {
      const way = found.map((link) => linkIds[link] as LinkId);
      const backup: Tunnel = { id: tunnelId(way), src: tunnel.src, dst: tunnel.dst, path: way };
      added.set(backup.id, backup);
      backups.push(backupOf(risks, { tunnel, backup, shared }));
    }
  }
  return {
    backupTunnels: [...added.values()].sort(byId),
    backups: backups.sort((a, b) => (a.tunnelId < b.tunnelId ? -1 : 1)),
  };
}

/** A number for each pair of nodes. */
function endsKey({ graph }: RiskGraph, links: readonly number[]): number {
  return (graph.linkFrom[links[0] as number] as number) * graph.nodeIds.length + (graph.linkTo[links.at(-1) as number] as number);
}

function byEnds(risks: RiskGraph, stored: readonly Stored[]): ReadonlyMap<number, readonly Stored[]> {
  const groups = new Map<number, Stored[]>();
  for (const one of stored) {
    const key = endsKey(risks, one.links);
    const there = groups.get(key);
    if (there === undefined) groups.set(key, [one]);
    else there.push(one);
  }
  return groups;
}

/** Which of some tunnels is furthest apart from a path. */
function furthest(risks: RiskGraph, path: AtRisk, others: readonly Stored[]): (Stored & { readonly shared: SharedRisks }) | undefined {
  return others
    .map(({ tunnel, links }) => ({ tunnel, links, shared: sharedRisks(risks, path, links) }))
    .sort((a, b) => compareSharing(a.shared, b.shared) || compareDetours(risks, a.links, b.links))[0];
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
