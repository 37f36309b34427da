/** Packets' ways through the tables at one moment. */
import type { LinkId, NodeId, Rule, RuleKey } from "@sluice/model";
import type { NetworkView } from "./data-plane.js";
import { hopOf, leave, type Hop } from "./packet.js";

export interface Walk {
  readonly end: "delivered" | "link-down" | "no-rule" | "loop";
  readonly at: NodeId;
  readonly links: readonly LinkId[];
  /** How many of `links` were passed before the first repair; all where nothing was repaired. */
  readonly unrepaired: number;
  readonly isRepaired: boolean;
  /** For `no-rule`: what is missing. For `link-down`: the link. */
  readonly what: string;
}

/** How a packet sets out: under the label, by the link or the failover group that stands for it. */
export interface Start {
  readonly nodeId: NodeId;
  readonly output: LinkId;
  readonly failoverId?: number | undefined;
  readonly label: number;
}

/** Follows a packet under a label from the node that puts it on the way. */
export function walkTunnel(network: NetworkView, start: Start): Walk {
  const first = leave(network, start.nodeId, start, [start.label]);
  return follow(network, start.nodeId, first);
}

/** Follows a packet whose next hop is known. */
export function follow(network: NetworkView, from: NodeId, first: Hop): Walk {
  const links: LinkId[] = [];
  const seen = new Set<string>();
  let unrepaired: number | undefined;
  let at = from;
  let hop = first;
  let end: Walk["end"] | undefined;
  let what = "";
  while (end === undefined) {
    if (hop.kind !== "sent") {
      end = hop.kind;
      what = hop.kind === "no-rule" ? hop.key : hop.kind === "link-down" ? hop.linkId : "";
      break;
    }
    if (hop.repaired) unrepaired ??= links.length;
    links.push(hop.linkId);
    const link = network.universe.linkById.get(hop.linkId);
    if (link === undefined || link.from !== at) throw new RangeError(`link ${hop.linkId} does not leave ${at}`);
    at = link.to;
    const { labels } = hop;
    const place = `${at} ${labels.join(" ")}`;
    if (seen.has(place)) {
      end = "loop";
      break;
    }
    seen.add(place);
    hop = hopOf(network, at, labels);
  }
  return { end, at, links, what, unrepaired: unrepaired ?? links.length, isRepaired: unrepaired !== undefined };
}

/** Walks of one network, each made once: classes and groups share tunnels. */
export function walksOf(network: NetworkView): (start: Start) => Walk {
  const known = new Map<string, Walk>();
  return (start) => {
    const key = `${start.nodeId} ${start.label} ${start.output} ${start.failoverId}`;
    let walk = known.get(key);
    if (walk === undefined) known.set(key, (walk = walkTunnel(network, start)));
    return walk;
  };
}

/** What an ingress switch sends into one tunnel for one flow group: meter rate by bucket weight. */
export interface Offered extends Start {
  readonly key: RuleKey;
  readonly dstPrefix: string;
  readonly dscp: number;
  readonly rateBps: number;
  /** Of the flow group, in all its tunnels. */
  readonly meterBps: number;
}

/** All that one switch sends. */
export function offeredBy(nodeId: NodeId, rules: ReadonlyMap<RuleKey, Rule>): readonly Offered[] {
  const offered: Offered[] = [];
  for (const [key, rule] of rules) {
    if (rule.kind !== "ingress") continue;
    const meter = rules.get(`meter/${rule.meterId}`);
    const group = rules.get(`group/${rule.groupId}`);
    if (meter?.kind !== "meter" || group?.kind !== "group") continue;
    let sum = 0;
    for (const { weight } of group.buckets) sum += weight;
    const { dstPrefix, dscp } = rule.match;
    for (const { weight, pushLabel, output, failoverId } of group.buckets) {
      const rateBps = (meter.rateBps * weight) / sum;
      offered.push({ key, nodeId, dstPrefix, dscp, label: pushLabel, output, failoverId, rateBps, meterBps: meter.rateBps });
    }
  }
  return offered;
}
