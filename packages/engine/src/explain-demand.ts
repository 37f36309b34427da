/** Why a flow group got what it got: its tunnels, what fills them, and in words what binds it. */
import {
  buildTopology,
  assert,
  compareText,
  flowGroupId,
  isUsable,
  pathLatencyMs,
  toId,
  tunnelId,
  type FlowGroup,
  type Link,
  type LinkId,
  type Path,
  type Plan,
  type Snapshot,
  type Topology,
  type TunnelId,
} from "@sluice/model";
import { linkLoads } from "./link-loads.js";
import { rateText } from "./rate-text.js";
import { candidateTunnels, pairKey, type CandidateTunnels } from "./tunnels/candidate-tunnels.js";

/**
 * `met`: all of it is admitted. `no-demand`: nothing was asked for. `capacity`: its tunnels are full, or what it needs of them is
 * better used by others. `quantization`: it was allotted all, and rounding to table weights cost a little. `latency-bound`,
 * `drained-or-down`, `disconnected`: why there is no tunnel.
 */
export type DemandReason = "met" | "no-demand" | "capacity" | "quantization" | "latency-bound" | "drained-or-down" | "disconnected";

export interface DemandExplanation {
  readonly flowGroup: FlowGroup;
  readonly demandBps: number;
  readonly admittedBps: number;
  /** Share of the demand that is refused, in [0, 1]. */
  readonly rejectedShare: number;
  readonly reason: DemandReason;
  /** Candidate tunnels, those that carry something first. */
  readonly tunnels: readonly TunnelExplanation[];
  /** For `drained-or-down`: what keeps the shortest path that there would be from being used. */
  readonly unusable: readonly string[];
  readonly sentence: string;
}

export interface TunnelExplanation {
  readonly tunnelId: TunnelId;
  readonly path: Path;
  readonly latencyMs: number;
  readonly rateBps: number;
  /** Sum of the prices of its links, in the unit of the class's certificate per bps. */
  readonly price: number;
  /** The dearest link, or where none has a price the one with least room. */
  readonly bottleneck: { readonly linkId: LinkId; readonly price: number; readonly spareBps: number; readonly capacityBps: number };
}

/** Relative: less refused than this is rounding. */
const refusedShareMin = 1e-9;
/** Relative: a solver's flow this near to the demand meets it. */
const allottedShareMin = 1 - 1e-6;

/** `candidates` as given to `optimize`, where it was not left to the policy. O(hops of all groups). */
export function explainDemand(snapshot: Snapshot, plan: Plan, flowGroup: FlowGroup, candidates?: CandidateTunnels): DemandExplanation {
  const topology = topologyOf(snapshot);
  const id = flowGroupId(flowGroup);
  const { src, dst, trafficClass } = flowGroup;
  const group = plan.groups.find((item) => flowGroupId(item) === id);
  const demandBps = snapshot.demands.demands.find((item) => flowGroupId(item) === id)?.rateBps ?? 0;
  const admittedBps = group?.admittedBps ?? 0;
  const known = topology.nodeById.has(src) && topology.nodeById.has(dst);
  const found = known
    ? (candidates ?? candidateTunnels(topology, [{ src, dst }], snapshot.settings.tunnels)).pairs.get(pairKey({ src, dst }))
    : [];
  const tunnels = explainTunnels(topology, plan, flowGroup, found ?? []);
  const rejectedShare = demandBps > 0 ? Math.max(0, 1 - admittedBps / demandBps) : 0;
  const allottedBps = group?.members.reduce((sum, member) => sum + member.allottedBps, 0) ?? 0;

  const obstacle = tunnels.length === 0 && demandBps > 0 ? obstacleOf(topology, snapshot, flowGroup) : undefined;
  const reason = ((): DemandReason => {
    if (demandBps === 0) return "no-demand";
    if (obstacle !== undefined) return obstacle.reason;
    if (rejectedShare <= refusedShareMin) return "met";
    return allottedBps >= allottedShareMin * demandBps ? "quantization" : "capacity";
  })();
  const explained = {
    flowGroup: { src, dst, trafficClass },
    demandBps,
    admittedBps,
    rejectedShare,
    reason,
    tunnels,
    unusable: obstacle?.unusable ?? [],
  };
  return { ...explained, sentence: sentenceOf(explained, snapshot) };
}

function topologyOf(snapshot: Snapshot): Topology {
  const built = buildTopology(snapshot.topology);
  assert(built.ok, "the snapshot of a plan holds a valid topology");
  return built.value;
}

function explainTunnels(topology: Topology, plan: Plan, flowGroup: FlowGroup, candidates: readonly Path[]): readonly TunnelExplanation[] {
  const id = flowGroupId(flowGroup);
  const group = plan.groups.find((item) => flowGroupId(item) === id);
  const weightSum = group?.members.reduce((sum, member) => sum + member.weight, 0) ?? 0;
  const rates = new Map(group?.members.map((member) => [member.tunnelId, (group.admittedBps * member.weight) / weightSum]));
  const used = plan.tunnels.filter((tunnel) => rates.has(tunnel.id)).map((tunnel) => tunnel.path);
  const prices = pricesOf(plan, flowGroup.trafficClass);
  const spareBps = new Map(linkLoads(topology, plan).map((load) => [load.linkId, load.capacityBps - load.loadBps]));
  const paths = new Map([...used, ...candidates].map((path) => [tunnelId(path), path]));
  return [...paths]
    .filter(([, path]) => path.every((link) => isUsableLink(topology, link)))
    .map(([tunnel, path]): TunnelExplanation => {
      const links = path.map((linkId) => ({
        linkId,
        price: prices.get(linkId) ?? 0,
        spareBps: spareBps.get(linkId) ?? 0,
        capacityBps: topology.linkById.get(linkId)?.capacityBps ?? 0,
      }));
      const [bottleneck] = [...links].sort((a, b) => b.price - a.price || a.spareBps - b.spareBps || compareText(a.linkId, b.linkId));
      assert(bottleneck !== undefined, "a tunnel has at least one link");
      return {
        tunnelId: tunnel,
        path,
        latencyMs: pathLatencyMs(topology, path),
        rateBps: rates.get(tunnel) ?? 0,
        price: links.reduce((sum, link) => sum + link.price, 0),
        bottleneck,
      };
    })
    .sort((a, b) => b.rateBps - a.rateBps || a.price - b.price || compareText(a.tunnelId, b.tunnelId));
}

export function pricesOf(plan: Plan, trafficClass: FlowGroup["trafficClass"]): ReadonlyMap<LinkId, number> {
  const item = plan.classes.find((one) => one.trafficClass === trafficClass);
  return new Map(item?.certificate.linkPrices.map(({ linkId, price }) => [linkId, price]));
}

function isUsableLink(topology: Topology, id: LinkId): boolean {
  const link = topology.linkById.get(id);
  return link !== undefined && isUsable(topology, link);
}

interface Obstacle {
  readonly reason: "latency-bound" | "drained-or-down" | "disconnected";
  readonly unusable: readonly string[];
}

/** Why there is no tunnel: would there be one without the latency bound, or with everything up and active? */
function obstacleOf(topology: Topology, { topology: document }: Snapshot, { src, dst }: FlowGroup): Obstacle {
  const shortestIn = (candidate: Topology): Path | undefined =>
    candidateTunnels(candidate, [{ src, dst }], { kind: "k-shortest", k: 1 }).pairs.get(pairKey({ src, dst }))?.[0];
  if (shortestIn(topology) !== undefined) return { reason: "latency-bound", unusable: [] };
  const healed = buildTopology({
    ...document,
    nodes: document.nodes.map((node) => ({ ...node, drain: "active" as const, operational: "up" as const })),
    links: document.links.map((link) => ({ ...link, drain: "active" as const, operational: "up" as const })),
  });
  const path = healed.ok ? shortestIn(healed.value) : undefined;
  if (path === undefined) return { reason: "disconnected", unusable: [] };
  const links = path.map((id) => topology.linkById.get(id)).filter((link): link is Link => link !== undefined);
  const elements = [
    ...links.map((link) => ({ name: `link ${link.id}`, drain: link.drain, operational: link.operational })),
    ...[...new Set([src, ...links.map((link) => link.to)])].map((id) => {
      const node = topology.nodeById.get(toId(id));
      return { name: `node ${id}`, drain: node?.drain, operational: node?.operational };
    }),
  ];
  return {
    reason: "drained-or-down",
    unusable: elements
      .filter(({ drain, operational }) => drain === "drained" || operational === "down")
      .map(({ name, operational }) => `${name} is ${operational === "down" ? "down" : "drained"}`),
  };
}

function sentenceOf(explained: Omit<DemandExplanation, "sentence">, { settings }: Snapshot): string {
  const { flowGroup, demandBps, admittedBps, reason, tunnels, unusable } = explained;
  const id = flowGroupId(flowGroup);
  const part = `${id}: ${rateText(admittedBps)} of ${rateText(demandBps)} admitted`;
  switch (reason) {
    case "met":
      return `${id}: all ${rateText(demandBps)} admitted.`;
    case "no-demand":
      return `${id}: no demand.`;
    case "quantization":
      return `${part}: all of it was allotted, and rounding to at most ${settings.splitWeightSumMax} table weights cost the rest.`;
    case "latency-bound":
      return `${id}: no path keeps the latency bound of ${settings.tunnels.latencyMsMax} ms.`;
    case "drained-or-down":
      return `${id}: no path, because ${unusable.join(", ")}.`;
    case "disconnected":
      return `${id}: no path leads from ${flowGroup.src} to ${flowGroup.dst}.`;
    case "capacity": {
      const links = [...new Set(tunnels.map(({ bottleneck }) => bottleneck.linkId))].sort(compareText);
      return `${part}: its ${tunnels.length} tunnels are bound by ${links.join(", ")}.`;
    }
  }
}
