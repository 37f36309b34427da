/** The checker's look at backups: each tunnel in need has one, as far apart as can be, which says exactly what is shared. */
import { tunnelId, type Backup, type LinkId, type PlanProtection, type Tunnel, type TunnelId } from "@sluice/model";
import { isSame, srlgsOf, walkOf, type Ground } from "./check-ground.js";
import { checkTolerance, exceeds, type Report } from "./check-report.js";

/** Sound tunnels, in order, that are no tunnels of the plan and that some backup needs. */
export function checkBackupTunnels(
  ground: Ground,
  { backupTunnels, backups }: PlanProtection,
  tunnels: ReadonlyMap<TunnelId, Tunnel>,
  report: Report,
): ReadonlyMap<TunnelId, Tunnel> {
  const sound = new Map<TunnelId, Tunnel>();
  const used = new Set(backups.map(({ backupId }) => backupId));
  backupTunnels.forEach((tunnel, i) => {
    const pointer = `/protection/backupTunnels/${i}`;
    const { id, src, dst, path } = tunnel;
    const previous = backupTunnels[i - 1];
    if (previous !== undefined && previous.id >= id)
      report.add("duplicate-id", pointer, `Backup tunnel ${id} is there twice, or out of order.`);
    if (tunnels.has(id)) report.add("duplicate-id", pointer, `Backup tunnel ${id} is a tunnel of the plan.`);
    if (!used.has(id)) report.add("dangling-reference", pointer, `Backup tunnel ${id} stands in for nothing.`);
    const { defect, nodes } = walkOf(ground, path);
    if (defect !== undefined) report.add("tunnel-broken", pointer, `Backup tunnel ${id}: ${defect}.`);
    else if (nodes[0] !== src || nodes.at(-1) !== dst)
      report.add("tunnel-broken", pointer, `Backup tunnel ${id} does not go from ${src} to ${dst}.`);
    else if (id !== tunnelId(path)) report.add("tunnel-broken", pointer, `Backup tunnel ${id} does not have the id of its path.`);
    else sound.set(id, tunnel);
  });
  return sound;
}

interface BackupsInQuestion {
  readonly ground: Ground;
  readonly protection: PlanProtection;
  readonly tunnels: ReadonlyMap<TunnelId, Tunnel>;
  readonly spare: ReadonlyMap<TunnelId, Tunnel>;
  readonly inNeed: ReadonlySet<TunnelId>;
  readonly latencyMsMax: number;
}

/** Each tunnel in need has one backup, as far apart as can be, which says exactly what is shared; others have none. */
export function checkBackups({ ground, protection, tunnels, spare, inNeed, latencyMsMax }: BackupsInQuestion, report: Report): void {
  const { backups } = protection;
  const backed = new Set<TunnelId>();
  backups.forEach((backup, i) => {
    const pointer = `/protection/backups/${i}`;
    const previous = backups[i - 1];
    if (previous !== undefined && previous.tunnelId >= backup.tunnelId) {
      report.add("duplicate-id", pointer, `Tunnel ${backup.tunnelId} has two backups, or they are out of order.`);
    }
    backed.add(backup.tunnelId);
    const tunnel = tunnels.get(backup.tunnelId);
    const other = tunnels.get(backup.backupId) ?? spare.get(backup.backupId);
    if (tunnel === undefined || other === undefined) {
      report.add("dangling-reference", pointer, `Backup ${backup.backupId} of ${backup.tunnelId}: one of the two is no sound tunnel.`);
    } else if (!inNeed.has(tunnel.id)) {
      report.add("protection-wrong", pointer, `Tunnel ${tunnel.id} has a backup; no class that uses it is promised anything.`);
    } else if (tunnel.id === other.id || tunnel.src !== other.src || tunnel.dst !== other.dst) {
      report.add("protection-wrong", pointer, `Backup ${other.id} does not stand in for ${tunnel.id}: it is the same, or has other ends.`);
    } else {
      checkBackup({ ground, backup, tunnel, other, latencyMsMax, pointer }, report);
    }
  });
  for (const id of inNeed) {
    const tunnel = tunnels.get(id);
    if (tunnel === undefined || backed.has(id)) continue;
    // Every other path leaves out one of the tunnel's links.
    const isBacked = tunnel.path.some((linkId) =>
      ground.reach.has(tunnel.src, tunnel.dst, { links: new Set([linkId]) }, strictly(latencyMsMax)),
    );
    if (isBacked) report.add("protection-wrong", "/protection/backups", `Tunnel ${id} has no backup though there is another path.`);
  }
}

interface BackupInQuestion {
  readonly ground: Ground;
  readonly backup: Backup;
  readonly tunnel: Tunnel;
  readonly other: Tunnel;
  readonly latencyMsMax: number;
  readonly pointer: string;
}

function checkBackup({ ground, backup, tunnel, other, latencyMsMax, pointer }: BackupInQuestion, report: Report): void {
  const { topology, cableOf, linksOfSrlg, reach } = ground;
  const name = `Backup ${other.id} of ${tunnel.id}`;
  const latencyMs = other.path.reduce((sum, id) => sum + (topology.linkById.get(id)?.latencyMs ?? 0), 0);
  if (exceeds(latencyMs, latencyMsMax))
    report.add("tunnel-unusable", pointer, `${name} takes ${latencyMs} ms; the bound is ${latencyMsMax} ms.`);

  const usesCable = (id: LinkId): boolean => (cableOf.get(id) ?? [id]).some((same) => other.path.includes(same));
  const inside = new Set(walkOf(ground, tunnel.path).nodes.slice(1, -1));
  const srlgIds = srlgsOf(topology, tunnel.path);
  const others = srlgsOf(topology, other.path);
  const shared = {
    sharedLinkIds: tunnel.path.filter(usesCable),
    sharedNodeIds: walkOf(ground, other.path).nodes.filter((node) => inside.has(node)),
    sharedSrlgIds: [...srlgIds].filter((srlgId) => others.has(srlgId)),
  };
  for (const field of ["sharedLinkIds", "sharedNodeIds", "sharedSrlgIds"] as const) {
    const exact = [...shared[field]].sort();
    if (!isSame(backup[field], exact)) {
      report.add(
        "protection-wrong",
        `${pointer}/${field}`,
        `${name} says that it shares ${backup[field].join(" ")}; it shares ${exact.join(" ")}.`,
      );
    }
  }
  const is = {
    srlg: shared.sharedLinkIds.length === 0 && shared.sharedSrlgIds.length === 0,
    node: shared.sharedLinkIds.length === 0 && shared.sharedNodeIds.length === 0,
    link: shared.sharedLinkIds.length === 0,
  };
  const exact = is.srlg ? "srlg" : is.node ? "node" : is.link ? "link" : "partial";
  if (backup.disjointness !== exact) {
    report.add("protection-wrong", `${pointer}/disjointness`, `${name} calls itself ${backup.disjointness}; it is ${exact}.`);
  }
  if (is.srlg) return;
  const cables = new Set(tunnel.path.flatMap((id) => cableOf.get(id) ?? [id]));
  const risky = new Set([...cables, ...[...srlgIds].flatMap((srlgId) => linksOfSrlg.get(srlgId) ?? [])]);
  const within = strictly(latencyMsMax);
  const better = reach.has(tunnel.src, tunnel.dst, { links: risky }, within)
    ? "SRLG"
    : !is.node && reach.has(tunnel.src, tunnel.dst, { links: cables, nodes: inside }, within)
      ? "node"
      : !is.link && reach.has(tunnel.src, tunnel.dst, { links: cables }, within)
        ? "link"
        : undefined;
  if (better !== undefined) report.add("protection-wrong", pointer, `${name} is ${exact}; there is a ${better}-disjoint one.`);
}

/** Bounds that a path keeps however its latencies are summed. */
function strictly(latencyMsMax: number): number {
  return latencyMsMax * (1 - checkTolerance);
}
