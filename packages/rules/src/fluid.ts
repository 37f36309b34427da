/**
 * Fluid traffic through installed rules: what every flow group gets, what every link carries, and what is lost where. It looks up
 * the rules of the switches as packets would and knows no plan, so counters and losses come from what is really installed.
 *
 *   offered = delivered + policed + queue drops + blackholed + lost        (per flow group, to 1e-9 relative)
 */
import {
  classMarking,
  flowGroupId,
  prefixRange,
  trafficClasses,
  type FailoverRule,
  type FlowGroup,
  type GroupCounters,
  type LabelRule,
  type LinkCounters,
  type LinkId,
  type NodeId,
  type RuleSet,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { bucketShares } from "./bucket-choice.js";
import { solveQueues, type Strand } from "./fluid-queues.js";
import { fluidWays, type FluidEnd } from "./fluid-ways.js";
import { createRuleTable, type IngressHit } from "./rule-table.js";

/** What a packet finds at a switch; a `RuleTable` is one. */
export interface FluidSwitch {
  lookupIngress(packet: { readonly dstAddress: number; readonly dscp: number }): IngressHit | undefined;
  lookupLabel(label: number): LabelRule | undefined;
  lookupFailover(failoverId: number): FailoverRule | undefined;
}

export interface OfferedTraffic extends FlowGroup {
  readonly rateBps: number;
}

export interface FluidInput {
  readonly topology: Topology;
  /** A node without a switch forwards nothing. */
  readonly switches: ReadonlyMap<NodeId, FluidSwitch>;
  readonly offered: readonly OfferedTraffic[];
  /** The real state of links, which may be ahead of the topology's. Default: operational state of link and ends. */
  readonly isLinkUp?: (linkId: LinkId) => boolean;
  /**
   * What the switch at the link's start believes of its port: by that failover groups choose, whatever the truth is. A link that is dead
   * and believed live loses what is sent there. Default: the truth.
   */
  readonly isPortLive?: (linkId: LinkId) => boolean;
}

export interface FlowOutcome extends FlowGroup {
  readonly offeredBps: number;
  readonly deliveredBps: number;
  /** Over the meter's rate. */
  readonly policedBps: number;
  /** Dropped by full queues. */
  readonly queueDroppedBps: number;
  /** No ingress rule, no rule for a label, labels too many or too few, a loop, or delivered to the wrong node. */
  readonly blackholedBps: number;
  /** Sent to a link that is down, or meant for one and its failover group knew no live one. */
  readonly lostBps: number;
}

export interface LinkOutcome {
  readonly linkId: LinkId;
  readonly from: NodeId;
  readonly capacityBps: number;
  /** What left the queue, by class and together. */
  readonly carriedBpsByClass: Readonly<Record<TrafficClass, number>>;
  readonly carriedBps: number;
  readonly droppedBps: number;
  /** Sent to the link while it was down, or dropped instead of being sent there. */
  readonly lostBps: number;
}

export interface IngressOutcome {
  readonly nodeId: NodeId;
  readonly groupId: number;
  readonly offeredBps: number;
  readonly admittedBps: number;
}

export interface FluidReport {
  /** In the order of `offered`. */
  readonly flows: readonly FlowOutcome[];
  /** In the order of the topology's links. */
  readonly links: readonly LinkOutcome[];
  readonly ingresses: readonly IngressOutcome[];
  /** Sweeps of the queue solver, and whether shares of loss settled; capacity and conservation hold in any case. */
  readonly sweeps: number;
  readonly isSettled: boolean;
}

/** Tables of a rule set, for traffic through rules that no agent holds. */
export function switchesOf(rules: RuleSet): ReadonlyMap<NodeId, FluidSwitch> {
  return new Map([...rules].map(([nodeId, ofNode]) => [nodeId, createRuleTable(Number.MAX_SAFE_INTEGER, ofNode)]));
}

/**
 * Sends offered rates through the switches' rules. Meters police first; select groups split by weight; queues serve MPLS
 * traffic classes by strict priority and drop within a class in proportion; what is dropped upstream does not arrive downstream.
 * O(flow groups x buckets + tunnels x hops), and for links with loss what `solveQueues` needs.
 */
export function forwardFluid(input: FluidInput): FluidReport {
  const { topology, offered } = input;
  const flows = offered.map((flow) => ({ flow, delivered: 0, policed: 0, queued: 0, blackholed: 0, lost: 0 }));
  const { hits, meters } = classify(input);
  const follow = fluidWays(input);
  const strands = new Map<
    string,
    Strand & { readonly contributions: { readonly flow: number; bps: number }[]; readonly end: FluidEnd; bps: number }
  >();
  const ingresses = new Map<string, { nodeId: NodeId; groupId: number; offeredBps: number; admittedBps: number }>();

  offered.forEach((flow, i) => {
    const outcome = flows[i];
    const hit = hits[i];
    if (outcome === undefined) return;
    if (hit === undefined) {
      outcome.blackholed = flow.rateBps;
      return;
    }
    const metered = meters.get(`${flow.src} ${hit.meter.meterId}`) ?? 0;
    const admitted = metered <= hit.meter.rateBps ? flow.rateBps : (flow.rateBps * hit.meter.rateBps) / metered;
    outcome.policed = flow.rateBps - admitted;
    const ingressKey = `${hit.group.groupId} ${flow.src}`;
    const ingress = ingresses.get(ingressKey) ?? { nodeId: flow.src, groupId: hit.group.groupId, offeredBps: 0, admittedBps: 0 };
    ingress.offeredBps += flow.rateBps;
    ingress.admittedBps += admitted;
    ingresses.set(ingressKey, ingress);
    for (const { bucket, share } of bucketShares(hit.group)) {
      const { pushLabel, mplsTc, output, failoverId } = bucket;
      const key = `${pushLabel} ${mplsTc} ${flow.trafficClass} ${failoverId ?? ""} ${output.length} ${output} ${flow.src}`;
      let strand = strands.get(key);
      if (strand === undefined) {
        const { links, end } = follow(flow.src, bucket);
        strands.set(key, (strand = { links, end, priority: mplsTc, trafficClass: flow.trafficClass, bps: 0, contributions: [] }));
      }
      strand.bps += admitted * share;
      strand.contributions.push({ flow: i, bps: admitted * share });
    }
  });

  const capacityBps = topology.links.map((link) => link.capacityBps);
  const all = [...strands.values()];
  const { passShare, sweeps, isSettled } = solveQueues(capacityBps, all);
  const links = topology.links.map(() => ({ carried: perClass(), dropped: 0, lost: 0 }));
  for (const strand of all) {
    let left = strand.bps;
    let dropped = 0;
    for (const link of strand.links) {
      const passed = left * passShare(strand.priority, link);
      const outcome = links[link];
      if (outcome !== undefined) {
        outcome.carried[strand.trafficClass] += passed;
        outcome.dropped += left - passed;
      }
      dropped += left - passed;
      left = passed;
    }
    const atLink = strand.end.kind === "lost" ? links[strand.end.link] : undefined;
    if (atLink !== undefined) atLink.lost += left;
    for (const { flow: i, bps } of strand.contributions) {
      const outcome = flows[i];
      if (outcome === undefined || bps === 0) continue;
      const part = bps / strand.bps;
      outcome.queued += dropped * part;
      if (strand.end.kind === "lost") outcome.lost += left * part;
      else if (strand.end.kind === "delivered" && strand.end.at === outcome.flow.dst) outcome.delivered += left * part;
      else outcome.blackholed += left * part;
    }
  }

  return {
    flows: flows.map(({ flow: { src, dst, trafficClass, rateBps }, delivered, policed, queued, blackholed, lost }) => ({
      src,
      dst,
      trafficClass,
      offeredBps: rateBps,
      deliveredBps: delivered,
      policedBps: policed,
      queueDroppedBps: queued,
      blackholedBps: blackholed,
      lostBps: lost,
    })),
    links: topology.links.map((link, i) => {
      const outcome = links[i] ?? { carried: perClass(), dropped: 0, lost: 0 };
      return {
        linkId: link.id,
        from: link.from,
        capacityBps: link.capacityBps,
        carriedBpsByClass: outcome.carried,
        carriedBps: trafficClasses.reduce((sum, name) => sum + outcome.carried[name], 0),
        droppedBps: outcome.dropped,
        lostBps: outcome.lost,
      };
    }),
    ingresses: [...ingresses.values()],
    sweeps,
    isSettled,
  };
}

/** What the counters of a node's agent go up by in some seconds of this traffic, bytes. */
export function counterIncrements(
  report: FluidReport,
  { nodeId, seconds }: { readonly nodeId: NodeId; readonly seconds: number },
): { readonly links: readonly LinkCounters[]; readonly groups: readonly GroupCounters[] } {
  const bytes = (bps: number) => (bps * seconds) / 8;
  return {
    links: report.links
      .filter(({ from }) => from === nodeId)
      .map(({ linkId, carriedBps, droppedBps, lostBps }) => ({
        linkId,
        transmittedBytes: bytes(carriedBps),
        droppedBytes: bytes(droppedBps + lostBps),
      })),
    groups: report.ingresses
      .filter((ingress) => ingress.nodeId === nodeId)
      .map(({ groupId, offeredBps, admittedBps }) => ({
        groupId,
        offeredBytes: bytes(offeredBps),
        admittedBytes: bytes(admittedBps),
      })),
  };
}

/** Table 0 for every flow group, and what each meter is offered, by node and meter. */
function classify({ topology, switches, offered }: FluidInput) {
  const meters = new Map<string, number>();
  const hits = offered.map((flow) => {
    const range = prefixRange(topology.nodeById.get(flow.dst)?.prefix ?? "");
    if (range === undefined) throw new RangeError(`${flowGroupId(flow)} ends at a node that the topology does not have`);
    const hit = switches.get(flow.src)?.lookupIngress({ dstAddress: range.first, dscp: classMarking[flow.trafficClass].dscp });
    if (hit !== undefined) {
      const key = `${flow.src} ${hit.meter.meterId}`;
      meters.set(key, (meters.get(key) ?? 0) + flow.rateBps);
    }
    return hit;
  });
  return { hits, meters };
}

function perClass(): Record<TrafficClass, number> {
  return { interactive: 0, elastic: 0, bulk: 0 };
}
