/** A plan and what it holds ready, in index form: laid out once, looked at by every scenario. No text is kept per scenario. */
import {
  assert,
  compareText,
  isUsable,
  trafficClasses,
  type LinkId,
  type Plan,
  type Topology,
  type Tunnel,
  type TunnelId,
} from "@sluice/model";
import { runsOf, transposed, type Runs } from "./runs.js";
import type { IndexedBypass } from "./way-taken.js";

export interface PlanIndex {
  readonly plan: Plan;
  /** In the order of `topology.links`. */
  readonly linkIds: readonly LinkId[];
  readonly linkIndex: ReadonlyMap<LinkId, number>;
  readonly capacityBps: Float64Array;
  /** Per link, 1: it is down or drained, and gone in every scenario. */
  readonly isUnusable: Uint8Array;
  readonly latencyMs: Float64Array;
  readonly metric: Float64Array;
  /** Per link: numbers of its ends, in the order of `topology.nodes`. */
  readonly nodeCount: number;
  readonly linkFrom: Int32Array;
  readonly linkTo: Int32Array;
  /** What is installed: the plan's tunnels, then its backup tunnels. */
  readonly tunnels: readonly Tunnel[];
  readonly linksOfTunnel: Runs;
  readonly tunnelsOfLink: Runs;
  /** Bypasses of each link that has any. */
  readonly bypassesOfLink: ReadonlyMap<number, readonly IndexedBypass[]>;
  /** Pairs of nodes with a tunnel; the tunnels of each by metric, hops, id. */
  readonly tunnelsOfPair: Runs;
  /** Per group of the plan. */
  readonly pairOfGroup: Int32Array;
  /** Position in `trafficClasses`. */
  readonly classOfGroup: Uint8Array;
  readonly admittedBps: Float64Array;
  /** The tunnels of each group, and at the same positions their weights. */
  readonly members: Runs;
  readonly weight: Int32Array;
  readonly weightSum: Int32Array;
  readonly groupsOfTunnel: Runs;
  /** By class: per link, bps as planned. */
  readonly loadBps: readonly Float64Array[];
}

/** The plan is one that the checker has passed. O(hops of all tunnels and groups). */
export function indexPlan(topology: Topology, plan: Plan): PlanIndex {
  const linkIds = topology.links.map(({ id }) => id);
  const linkIndex = new Map(linkIds.map((id, e) => [id, e]));
  const nodeIndex = new Map(topology.nodes.map(({ id }, v) => [id, v]));
  const tunnels = [...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])];
  const tunnelIndex = new Map<TunnelId, number>(tunnels.map(({ id }, t) => [id, t]));
  const linksOfTunnel = runsOf(tunnels.map(({ path }) => path.map((id) => found(linkIndex, id))));
  const pairs = pairsOf(topology, tunnels);
  const members = runsOf(plan.groups.map((group) => group.members.map(({ tunnelId }) => found(tunnelIndex, tunnelId))));
  const index: PlanIndex = {
    plan,
    linkIds,
    linkIndex,
    capacityBps: Float64Array.from(topology.links, ({ capacityBps }) => capacityBps),
    isUnusable: Uint8Array.from(topology.links, (link) => (isUsable(topology, link) ? 0 : 1)),
    latencyMs: Float64Array.from(topology.links, ({ latencyMs }) => latencyMs),
    metric: Float64Array.from(topology.links, ({ metric }) => metric),
    nodeCount: topology.nodes.length,
    linkFrom: Int32Array.from(topology.links, ({ from }) => found(nodeIndex, from)),
    linkTo: Int32Array.from(topology.links, ({ to }) => found(nodeIndex, to)),
    tunnels,
    linksOfTunnel,
    tunnelsOfLink: transposed(linksOfTunnel, linkIds.length),
    bypassesOfLink: bypassesOf(plan, linkIndex),
    tunnelsOfPair: pairs.tunnels,
    pairOfGroup: Int32Array.from(plan.groups, (group) => found(pairs.index, pairKeyOf(group))),
    classOfGroup: Uint8Array.from(plan.groups, ({ trafficClass }) => trafficClasses.indexOf(trafficClass)),
    admittedBps: Float64Array.from(plan.groups, ({ admittedBps }) => admittedBps),
    members,
    weight: Int32Array.from(plan.groups.flatMap((group) => group.members.map(({ weight }) => weight))),
    weightSum: Int32Array.from(plan.groups, (group) => group.members.reduce((sum, { weight }) => sum + weight, 0)),
    groupsOfTunnel: transposed(members, tunnels.length),
    loadBps: trafficClasses.map(() => new Float64Array(linkIds.length)),
  };
  for (let group = 0; group < plan.groups.length; group++) addPlanned(index, group, 1, loadOfClass(index, classOf(index, group)));
  return index;
}

/** Adds what the plan sends of a group, `sign` times, to loads of links. */
export function addPlanned(index: PlanIndex, group: number, sign: 1 | -1, loadBps: Float64Array): void {
  const { members, weight, weightSum, admittedBps } = index;
  const unit = (sign * (admittedBps[group] as number)) / (weightSum[group] as number);
  for (let k = members.start[group] as number; k < (members.start[group + 1] as number); k++) {
    addAlongTunnel(index, members.items[k] as number, unit * (weight[k] as number), loadBps);
  }
}

export function addAlongTunnel({ linksOfTunnel: { start, items } }: PlanIndex, tunnel: number, bps: number, loadBps: Float64Array): void {
  for (let k = start[tunnel] as number; k < (start[tunnel + 1] as number); k++) {
    const e = items[k] as number;
    loadBps[e] = (loadBps[e] as number) + bps;
  }
}

export function classOf({ classOfGroup }: PlanIndex, group: number): number {
  return classOfGroup[group] as number;
}

export function loadOfClass({ loadBps }: PlanIndex, trafficClass: number): Float64Array {
  const load = loadBps[trafficClass];
  assert(load !== undefined, "there are loads of every class");
  return load;
}

function bypassesOf({ protection }: Plan, linkIndex: ReadonlyMap<LinkId, number>): PlanIndex["bypassesOfLink"] {
  const byLink = new Map<number, IndexedBypass[]>();
  for (const { protects, avoids, path } of protection?.bypasses ?? []) {
    const e = found(linkIndex, protects);
    const bypass = { links: path.map((id) => found(linkIndex, id)), avoidsNode: avoids !== undefined };
    byLink.set(e, [...(byLink.get(e) ?? []), bypass]);
  }
  return byLink;
}

function pairsOf(topology: Topology, tunnels: readonly Tunnel[]): { readonly index: ReadonlyMap<string, number>; readonly tunnels: Runs } {
  const metric = tunnels.map(({ path }) => path.reduce((sum, id) => sum + (topology.linkById.get(id)?.metric ?? 0), 0));
  const hops = (t: number): number => tunnels[t]?.path.length ?? 0;
  const order = [...tunnels.keys()].sort(
    (a, b) => (metric[a] ?? 0) - (metric[b] ?? 0) || hops(a) - hops(b) || compareText(tunnels[a]?.id ?? "", tunnels[b]?.id ?? ""),
  );
  const index = new Map<string, number>();
  const lists: number[][] = [];
  for (const t of order) {
    const tunnel = tunnels[t];
    if (tunnel === undefined) continue;
    const key = pairKeyOf(tunnel);
    const pair = index.get(key);
    if (pair === undefined) {
      index.set(key, lists.length);
      lists.push([t]);
    } else lists[pair]?.push(t);
  }
  return { index, tunnels: runsOf(lists) };
}

function pairKeyOf({ src, dst }: Pick<Tunnel, "src" | "dst">): string {
  return `${src}\n${dst}`;
}

function found<K>(index: ReadonlyMap<K, number>, id: K): number {
  const at = index.get(id);
  assert(at !== undefined, `${JSON.stringify(id)} is in the plan or its topology`);
  return at;
}
