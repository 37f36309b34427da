/** What the checker of splits asks a plan and a failure: what is gone, what is installed, what changes. */
import {
  flowGroupId,
  guaranteeOf,
  isUsable,
  protectionOf,
  type Guarantee,
  type LinkId,
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

/**
 * What becomes of traffic that is sent into a tunnel: the links that it loads, and whether it arrives. At a link that is gone the switch takes
 * the bypass to the node after the next where there is one, else that to the link's end; nothing repairs a bypass.
 */
export function trace(question: Question, tunnel: Tunnel): { readonly links: readonly LinkId[]; readonly arrives: boolean } {
  const { topology, plan, deadLinks } = question;
  const endOf = (id: LinkId | undefined): string | undefined => (id === undefined ? undefined : topology.linkById.get(id)?.to);
  const links: LinkId[] = [];
  let left: readonly LinkId[] = tunnel.path;
  for (let [link, next] = left; link !== undefined; [link, next] = left) {
    if (!deadLinks.has(link)) {
      links.push(link);
      left = left.slice(1);
      continue;
    }
    const here = (plan.protection?.bypasses ?? []).filter(({ protects }) => protects === link);
    const far = here.find(({ avoids, path }) => avoids !== undefined && next !== undefined && endOf(path.at(-1)) === endOf(next));
    const taken = far ?? here.find(({ avoids }) => avoids === undefined);
    const passed = taken?.path.findIndex((id) => deadLinks.has(id)) ?? 0;
    links.push(...(taken?.path.slice(0, passed < 0 ? taken.path.length : passed) ?? []));
    if (passed >= 0) return { links, arrives: false };
    left = left.slice(far === undefined ? 1 : 2);
  }
  return { links, arrives: true };
}
