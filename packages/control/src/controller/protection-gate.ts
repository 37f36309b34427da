/**
 * Whether what a plan holds ready for failures is what rules can be made of: the controller's own look at it, before bypasses and backup tunnels get
 * labels. Whether it is the best there is, the engine's checker says. Shares no code with the engine.
 */
import {
  bypassId,
  cablesOf,
  isProtecting,
  isUsable,
  protectionOf,
  type Backup,
  type Bypass,
  type Link,
  type LinkId,
  type NodeId,
  type Path,
  type Plan,
  type PlanProtection,
  type PlanSettings,
  type Topology,
  type Tunnel,
  type TunnelId,
} from "@sluice/model";

const disjointnesses: ReadonlySet<string> = new Set(["srlg", "node", "link", "partial"]);

/** Whether a tunnel's id is that of its path. */
export type IdCheck = (id: TunnelId, path: Path) => boolean;

/**
 * What is wrong with `plan.protection`, as a sentence, or undefined: it is there if and only if the settings ask for it; bypasses are loopless paths
 * of usable links around the links that they protect, at most one for each merge point; backup tunnels are such paths and used; backups join the
 * ends of their tunnels; all ids are those of their paths, and no two are alike. Throws a TypeError for a value of another
 * shape. O(links + hops).
 */
export function protectionDefect(
  topology: Topology,
  settings: PlanSettings,
  plan: Plan,
  { usable, isOfPath }: { readonly usable: UsableLinks; readonly isOfPath: IdCheck },
): string | undefined {
  const { protection, tunnels } = plan;
  const asked = protectionOf(settings);
  const isAsked = isProtecting(asked) || asked.localRepair !== "none";
  if (protection === undefined) return isAsked ? "The settings ask for protection, and the plan has none." : undefined;
  if (!isAsked) return "The plan has protection that the settings do not ask for.";
  const taken = new Set<TunnelId>(tunnels.map(({ id }) => id));
  return (
    backupTunnelsDefect(protection, { usable, taken, isOfPath }) ??
    backupsDefect(protection, new Map([...tunnels, ...protection.backupTunnels].map((tunnel) => [tunnel.id, tunnel])), tunnels) ??
    bypassesDefect(topology, protection, {
      usable,
      taken,
      avoidsNodes: asked.localRepair === "node",
      isRepaired: asked.localRepair !== "none",
    })
  );
}

/** Links that new plans may use. */
export type UsableLinks = ReadonlyMap<LinkId, Link>;

export function usableLinks(topology: Topology): UsableLinks {
  return new Map(topology.links.filter((link) => isUsable(topology, link)).map((link) => [link.id, link]));
}

/** The nodes along a loopless path of usable links, or undefined where it is none. */
export function nodesAlong(usable: UsableLinks, path: Path): readonly NodeId[] | undefined {
  const nodes: NodeId[] = [];
  const visited = new Set<NodeId>();
  for (const linkId of path) {
    const link = usable.get(linkId);
    if (link === undefined) return undefined;
    if (nodes.length === 0) nodes.push(link.from);
    if (nodes.at(-1) !== link.from) return undefined;
    visited.add(link.from);
    if (visited.has(link.to)) return undefined;
    nodes.push(link.to);
  }
  return nodes.length === 0 ? undefined : nodes;
}

function backupTunnelsDefect(
  { backupTunnels, backups }: PlanProtection,
  { usable, taken, isOfPath }: { readonly usable: UsableLinks; readonly taken: Set<TunnelId>; readonly isOfPath: IdCheck },
): string | undefined {
  const used = new Set(backups.map(({ backupId }) => backupId));
  for (const { id, src, dst, path } of backupTunnels) {
    const nodes = nodesAlong(usable, path);
    if (nodes === undefined || nodes[0] !== src || nodes.at(-1) !== dst) {
      return `Backup tunnel ${id} is not a loopless path of usable links from ${src} to ${dst}.`;
    }
    if (!isOfPath(id, path)) return `Backup tunnel ${id} does not have the id of its path.`;
    if (taken.has(id)) return `Backup tunnel ${id} occurs twice, or is a tunnel of the plan.`;
    if (!used.has(id)) return `Backup tunnel ${id} stands in for no tunnel.`;
    taken.add(id);
  }
  return undefined;
}

function backupsDefect({ backups }: PlanProtection, known: ReadonlyMap<TunnelId, Tunnel>, tunnels: readonly Tunnel[]): string | undefined {
  const inPlan = new Set(tunnels.map(({ id }) => id));
  const seen = new Set<TunnelId>();
  for (const backup of backups) {
    const { tunnelId: id, backupId } = backup;
    const tunnel = known.get(id);
    const other = known.get(backupId);
    if (tunnel === undefined || other === undefined || !inPlan.has(id)) return `The backup ${backupId} of ${id}: one of them is no tunnel.`;
    if (seen.has(id)) return `Tunnel ${id} has two backups.`;
    if (id === backupId || tunnel.src !== other.src || tunnel.dst !== other.dst) {
      return `The backup ${backupId} of ${id} is the same tunnel, or does not join its ends.`;
    }
    if (!disjointnesses.has(backup.disjointness) || !saysWhatItShares(backup))
      return `The backup ${backupId} of ${id} does not say what is shared.`;
    seen.add(id);
  }
  return undefined;
}

function saysWhatItShares({ sharedLinkIds, sharedNodeIds, sharedSrlgIds }: Backup): boolean {
  return [sharedLinkIds, sharedNodeIds, sharedSrlgIds].every(
    (ids: unknown) => Array.isArray(ids) && ids.every((id) => typeof id === "string"),
  );
}

function bypassesDefect(
  topology: Topology,
  { bypasses }: PlanProtection,
  {
    usable,
    taken,
    avoidsNodes,
    isRepaired,
  }: {
    readonly usable: UsableLinks;
    readonly taken: Set<TunnelId>;
    readonly avoidsNodes: boolean;
    readonly isRepaired: boolean;
  },
): string | undefined {
  if (bypasses.length === 0) return undefined;
  if (!isRepaired) return "The plan has bypasses that the settings do not ask for.";
  const cables = new Map<LinkId, readonly LinkId[]>(cablesOf(topology).flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds])));
  const seen = new Set<string>();
  for (const bypass of bypasses) {
    const { id, protects, path } = bypass;
    const nodes = nodesAlong(usable, path);
    const found = nodes === undefined ? "it is not a loopless path of usable links" : detourDefect(topology, bypass, nodes, cables);
    if (found !== undefined) return `Bypass ${id}: ${found}.`;
    if (bypass.avoids !== undefined && !avoidsNodes) return `Bypass ${id} avoids a node, and the settings ask for links alone.`;
    const ends = JSON.stringify([protects, nodes?.at(-1)]);
    if (taken.has(id) || seen.has(ends)) return `Bypass ${id} occurs twice, or has the ends of another one of ${protects}.`;
    taken.add(id);
    seen.add(ends);
  }
  return undefined;
}

function detourDefect(
  topology: Topology,
  { id, protects, avoids, path, sharedSrlgIds }: Bypass,
  nodes: readonly NodeId[],
  cables: ReadonlyMap<LinkId, readonly LinkId[]>,
): string | undefined {
  const link = topology.linkById.get(protects);
  if (link === undefined) return `it protects ${protects}, which is no link`;
  if (id !== bypassId(protects, path)) return "it does not have the id of its path";
  if (nodes[0] !== link.from) return `it does not start at ${link.from}`;
  if (path.some((other) => cables.get(protects)?.includes(other) === true)) return `it uses the cable of ${protects}`;
  if (avoids === undefined ? nodes.at(-1) !== link.to : avoids !== link.to || nodes.includes(avoids)) {
    return `it does not end at ${link.to}, and does not go around it either`;
  }
  if (!Array.isArray(sharedSrlgIds) || !sharedSrlgIds.every((srlgId) => link.srlgIds.includes(srlgId))) {
    return `it says that it shares SRLGs that ${protects} does not have`;
  }
  return undefined;
}
