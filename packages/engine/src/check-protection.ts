/**
 * The checker's look at what a plan holds ready for failures: bypasses and backups are what they say, none is missing that could be there, and none
 * shares more than it must. By searches of its own (check-reach.ts); it imports nothing of protection/.
 */
import {
  bypassId,
  cablesOf,
  guaranteeOf,
  isUsable,
  protectionOf,
  trafficClasses,
  tunnelId,
  type Backup,
  type Bypass,
  type LinkId,
  type NodeId,
  type Path,
  type Plan,
  type PlanProtection,
  type Snapshot,
  type SrlgId,
  type Topology,
  type Tunnel,
  type TunnelId,
} from "@sluice/model";
import { Reach } from "./check-reach.js";
import { checkTolerance, exceeds, type Report } from "./check-report.js";

type ProtectedPlan = Pick<Plan, "tunnels" | "groups" | "protection">;

/**
 * Adds to the report what is wrong with `plan.protection`. O((links + tunnels) x (V + E)), where latencies are bounded O(V E) each.
 */
export function checkProtection(topology: Topology, { settings }: Pick<Snapshot, "settings">, plan: ProtectedPlan, report: Report): void {
  const asked = protectionOf(settings);
  const classes = new Set(trafficClasses.filter((trafficClass) => guaranteeOf(asked, trafficClass).kind !== "none"));
  const isAsked = classes.size > 0 || asked.localRepair !== "none";
  const { protection } = plan;
  if (protection === undefined) {
    if (isAsked) report.add("protection-wrong", "/protection", "The settings ask for protection; the plan has none.");
    return;
  }
  if (!isAsked) {
    report.add("protection-wrong", "/protection", "The plan has protection; the settings ask for none.");
    return;
  }
  const ground = groundOf(topology);
  const tunnels = new Map(plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  const spare = checkBackupTunnels(ground, protection, tunnels, report);
  const inNeed = new Set(
    plan.groups.filter((group) => classes.has(group.trafficClass)).flatMap((group) => group.members.map((member) => member.tunnelId)),
  );
  checkBackups({ ground, protection, tunnels, spare, inNeed, latencyMsMax: settings.tunnels.latencyMsMax ?? Infinity }, report);
  const paths = [...plan.tunnels, ...protection.backupTunnels].map(({ path }) => path);
  checkBypasses({ ground, protection, localRepair: asked.localRepair, paths }, report);
}

/** The topology with its cables and SRLGs looked up. */
interface Ground {
  readonly topology: Topology;
  readonly reach: Reach;
  readonly cableOf: ReadonlyMap<LinkId, readonly LinkId[]>;
  readonly linksOfSrlg: ReadonlyMap<SrlgId, readonly LinkId[]>;
}

function groundOf(topology: Topology): Ground {
  const linksOfSrlg = new Map<SrlgId, LinkId[]>();
  for (const link of topology.links) {
    for (const srlgId of link.srlgIds) linksOfSrlg.set(srlgId, [...(linksOfSrlg.get(srlgId) ?? []), link.id]);
  }
  return {
    topology,
    reach: new Reach(topology),
    cableOf: new Map(cablesOf(topology).flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds]))),
    linksOfSrlg,
  };
}

/** What is wrong with a path over usable links, and the nodes that it visits. */
function walkOf({ topology }: Ground, path: Path): { readonly defect?: string; readonly nodes: readonly NodeId[] } {
  const nodes: NodeId[] = [];
  for (const id of path) {
    const link = topology.linkById.get(id);
    if (link === undefined) return { defect: `link ${id} is not in the topology`, nodes };
    if (!isUsable(topology, link)) return { defect: `link ${id} is down or drained, or ends at a node that is`, nodes };
    if (nodes.length === 0) nodes.push(link.from);
    if (nodes.at(-1) !== link.from) return { defect: `link ${id} does not start where the path stands`, nodes };
    if (nodes.includes(link.to)) return { defect: `it visits ${link.to} twice`, nodes };
    nodes.push(link.to);
  }
  return path.length === 0 ? { defect: "it has no links", nodes } : { nodes };
}

/** Sound tunnels, in order, that are no tunnels of the plan and that some backup needs. */
function checkBackupTunnels(
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
function checkBackups({ ground, protection, tunnels, spare, inNeed, latencyMsMax }: BackupsInQuestion, report: Report): void {
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
  const cables = new Set(tunnel.path.flatMap((id) => cableOf.get(id) ?? [id]));
  const risky = new Set([...cables, ...[...srlgIds].flatMap((srlgId) => linksOfSrlg.get(srlgId) ?? [])]);
  const within = strictly(latencyMsMax);
  const is = {
    srlg: shared.sharedLinkIds.length === 0 && shared.sharedSrlgIds.length === 0,
    node: shared.sharedLinkIds.length === 0 && shared.sharedNodeIds.length === 0,
    link: shared.sharedLinkIds.length === 0,
  };
  const exact = is.srlg ? "srlg" : is.node ? "node" : is.link ? "link" : "partial";
  if (backup.disjointness !== exact) {
    report.add("protection-wrong", `${pointer}/disjointness`, `${name} calls itself ${backup.disjointness}; it is ${exact}.`);
  }
  const better =
    !is.srlg && reach.has(tunnel.src, tunnel.dst, { links: risky }, within)
      ? "SRLG"
      : !is.srlg && !is.node && reach.has(tunnel.src, tunnel.dst, { links: cables, nodes: inside }, within)
        ? "node"
        : !is.link && reach.has(tunnel.src, tunnel.dst, { links: cables }, within)
          ? "link"
          : undefined;
  if (better !== undefined) report.add("protection-wrong", pointer, `${name} is ${exact}; there is a ${better}-disjoint one.`);
}

interface BypassesInQuestion {
  readonly ground: Ground;
  readonly protection: PlanProtection;
  readonly localRepair: "none" | "link" | "node";
  readonly paths: readonly Path[];
}

/** A detour that is wanted: around a link to its end, or around its end to the node after that. */
interface Wanted {
  readonly protects: LinkId;
  readonly avoids: NodeId | undefined;
  readonly merge: NodeId;
}

/** Each link of the paths (and each node that they pass, where asked) has one bypass if it can have one; others have none. */
function checkBypasses({ ground, protection: { bypasses }, localRepair, paths }: BypassesInQuestion, report: Report): void {
  const wanted = wantedDetours(ground, localRepair, paths);
  const there = new Set<string>();
  bypasses.forEach((bypass, i) => {
    const pointer = `/protection/bypasses/${i}`;
    const previous = bypasses[i - 1];
    if (previous !== undefined && previous.id >= bypass.id)
      report.add("duplicate-id", pointer, `Bypass ${bypass.id} is there twice, or out of order.`);
    const { defect, nodes } = walkOf(ground, bypass.path);
    const merge = nodes.at(-1);
    if (defect !== undefined || merge === undefined) return report.add("tunnel-broken", pointer, `Bypass ${bypass.id}: ${defect}.`);
    if (bypass.id !== bypassId(bypass.protects, bypass.path))
      report.add("tunnel-broken", pointer, `Bypass ${bypass.id} does not have the id of its path.`);
    const key = keyOf({ protects: bypass.protects, avoids: bypass.avoids, merge });
    if (!wanted.has(key)) {
      return report.add(
        "protection-wrong",
        pointer,
        `Bypass ${bypass.id} of ${bypass.protects} ends at ${merge}, where no tunnel needs it.`,
      );
    }
    if (there.has(key)) report.add("duplicate-id", pointer, `Link ${bypass.protects} has two bypasses to ${merge}.`);
    there.add(key);
    checkBypass(ground, { bypass, nodes, merge, pointer }, report);
  });
  for (const [key, { protects, avoids, merge }] of wanted) {
    const start = ground.topology.linkById.get(protects)?.from;
    if (there.has(key) || start === undefined) continue;
    if (ground.reach.has(start, merge, { links: new Set(ground.cableOf.get(protects)), nodes: only(avoids) })) {
      report.add("protection-wrong", "/protection/bypasses", `Link ${protects} has no bypass to ${merge} though there is a way.`);
    }
  }
}

function checkBypass(
  { topology, reach, cableOf, linksOfSrlg }: Ground,
  {
    bypass,
    nodes,
    merge,
    pointer,
  }: { readonly bypass: Bypass; readonly nodes: readonly NodeId[]; readonly merge: NodeId; readonly pointer: string },
  report: Report,
): void {
  const { id, protects, avoids, path } = bypass;
  const link = topology.linkById.get(protects);
  const cable = new Set(cableOf.get(protects));
  if (link === undefined || nodes[0] !== link.from) {
    return report.add("protection-wrong", pointer, `Bypass ${id} does not start where ${protects} does.`);
  }
  if (path.some((other) => cable.has(other))) report.add("protection-wrong", pointer, `Bypass ${id} uses the cable of ${protects}.`);
  if (avoids !== undefined && nodes.includes(avoids))
    report.add("protection-wrong", pointer, `Bypass ${id} passes ${avoids}, which it avoids.`);
  const met = srlgsOf(topology, path);
  const exact = link.srlgIds.filter((srlgId) => met.has(srlgId)).sort();
  if (!isSame(bypass.sharedSrlgIds, exact)) {
    report.add(
      "protection-wrong",
      `${pointer}/sharedSrlgIds`,
      `Bypass ${id} shares ${exact.join(" ")}, not ${bypass.sharedSrlgIds.join(" ")}.`,
    );
  }
  const risky = new Set([...cable, ...link.srlgIds.flatMap((srlgId) => linksOfSrlg.get(srlgId) ?? [])]);
  if (exact.length > 0 && reach.has(link.from, merge, { links: risky, nodes: only(avoids) })) {
    report.add("protection-wrong", pointer, `Bypass ${id} shares ${exact.join(" ")} with ${protects}; there is one that shares nothing.`);
  }
}

function wantedDetours({ topology }: Ground, localRepair: "none" | "link" | "node", paths: readonly Path[]): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  if (localRepair === "none") return wanted;
  const successors = new Map<LinkId, Set<LinkId>>();
  for (const path of paths) {
    path.forEach((id, i) => {
      const known = successors.get(id) ?? new Set();
      const next = path[i + 1];
      if (next !== undefined) known.add(next);
      successors.set(id, known);
    });
  }
  const add = (one: Wanted): void => void wanted.set(keyOf(one), one);
  for (const [protects, nexts] of successors) {
    const link = topology.linkById.get(protects);
    if (link === undefined) continue;
    add({ protects, avoids: undefined, merge: link.to });
    for (const id of localRepair === "node" ? nexts : []) {
      const next = topology.linkById.get(id);
      if (next !== undefined) add({ protects, avoids: link.to, merge: next.to });
    }
  }
  return wanted;
}

function keyOf({ protects, avoids, merge }: Wanted): string {
  return JSON.stringify([protects, avoids ?? null, merge]);
}

function only(node: NodeId | undefined): ReadonlySet<NodeId> {
  return new Set(node === undefined ? [] : [node]);
}

function srlgsOf(topology: Topology, path: Path): ReadonlySet<SrlgId> {
  return new Set(path.flatMap((id) => topology.linkById.get(id)?.srlgIds ?? []));
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** Bounds that a path keeps however its latencies are summed. */
function strictly(latencyMsMax: number): number {
  return latencyMsMax * (1 - checkTolerance);
}
