/** Plans that hold backups ready, for tests of splits: of each pair's shortest paths the one that shares least with the tunnel, rather one that no tunnel takes. */
import { buildTopology, tunnelOf, type Backup, type Plan, type PlanProtection, type Snapshot, type Tunnel } from "@sluice/model";
import { candidateTunnels, pairKey } from "../../tunnels/candidate-tunnels.js";

/** Backups are sought among so many paths. */
const pathsMax = 6;

export function withBackups(snapshot: Snapshot, plan: Plan): Plan {
  const topology = buildTopology(snapshot.topology);
  if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
  const { pairs } = candidateTunnels(topology.value, plan.tunnels, { kind: "k-shortest", k: pathsMax });
  const used = new Map<string, Tunnel>(plan.tunnels.map((tunnel) => [tunnel.path.join("\n"), tunnel]));
  const made = new Map<string, Tunnel>();
  const backups: Backup[] = [];
  for (const tunnel of plan.tunnels) {
    const shared = (path: Tunnel["path"]): Tunnel["path"] => path.filter((id) => tunnel.path.includes(id));
    const isUsed = (path: Tunnel["path"]): number => Number(used.has(path.join("\n")));
    const [path] = (pairs.get(pairKey(tunnel)) ?? [])
      .filter((each) => each.join("\n") !== tunnel.path.join("\n"))
      .toSorted((a, b) => shared(a).length - shared(b).length || isUsed(a) - isUsed(b));
    if (path === undefined) continue;
    const key = path.join("\n");
    const backup = used.get(key) ?? made.get(key) ?? tunnelOf(topology.value, path);
    if (!used.has(key)) made.set(key, backup);
    const sharedLinkIds = shared(path);
    const disjointness = sharedLinkIds.length === 0 ? "link" : "partial";
    backups.push({ tunnelId: tunnel.id, backupId: backup.id, disjointness, sharedLinkIds, sharedNodeIds: [], sharedSrlgIds: [] });
  }
  const protection: PlanProtection = {
    bypasses: [],
    backupTunnels: [...made.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    backups,
  };
  return { ...plan, protection };
}
