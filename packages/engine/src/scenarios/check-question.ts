/** What the checker of splits asks a plan and a failure: what is gone, what is installed, what changes. */
import {
  flowGroupId,
  guaranteeOf,
  isUsable,
  protectionOf,
  type Guarantee,
  type Plan,
  type ScenarioSplit,
  type Snapshot,
  type Topology,
  type TrafficClass,
  type Tunnel,
  type TunnelGroup,
} from "@sluice/model";

export interface Question {
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly split: ScenarioSplit;
  readonly isDead: (tunnel: Tunnel) => boolean;
  readonly deadLinks: ReadonlySet<string>;
  /** Installed, by id. */
  readonly tunnels: ReadonlyMap<string, Tunnel>;
  readonly tunnelsBetween: ReadonlyMap<string, readonly Tunnel[]>;
  readonly changed: ReadonlyMap<string, TunnelGroup>;
}

export function questionOf(topology: Topology, snapshot: Snapshot, plan: Plan, split: ScenarioSplit): Question {
  const { linkIds, nodeIds } = split.scenario;
  const nodes = new Set<string>(nodeIds);
  const deadLinks = new Set<string>(linkIds);
  for (const link of topology.links) if (nodes.has(link.from) || nodes.has(link.to) || !isUsable(topology, link)) deadLinks.add(link.id);
  const installed = [...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])];
  const tunnelsBetween = new Map<string, Tunnel[]>();
  for (const tunnel of installed) {
    const ends = endsOf(tunnel);
    tunnelsBetween.set(ends, [...(tunnelsBetween.get(ends) ?? []), tunnel]);
  }
  return {
    topology,
    snapshot,
    plan,
    split,
    deadLinks,
    isDead: (tunnel) => tunnel.path.some((id) => deadLinks.has(id)),
    tunnels: new Map(installed.map((tunnel) => [tunnel.id, tunnel])),
    tunnelsBetween,
    changed: new Map(split.groups.map((group) => [flowGroupId(group), group])),
  };
}

export function endsOf({ src, dst }: Pick<Tunnel, "src" | "dst">): string {
  return JSON.stringify([src, dst]);
}

export function promiseTo({ snapshot }: Question, trafficClass: TrafficClass): Guarantee["kind"] {
  return guaranteeOf(protectionOf(snapshot.settings), trafficClass).kind;
}

export function aliveMembers(question: Question, { members }: TunnelGroup): TunnelGroup["members"] {
  return members.filter(({ tunnelId }) => {
    const tunnel = question.tunnels.get(tunnelId);
    return tunnel !== undefined && !question.isDead(tunnel);
  });
}
