/** Packets' ways through the real tables at one moment. */
import type { LinkId, NodeId, RuleKey } from "@sluice/model";
import type { DataPlane } from "./data-plane.js";
import { hopOf, leave, type Hop, type LabelStack } from "./packet.js";

export interface Walk {
  readonly end: "delivered" | "link-down" | "no-rule" | "loop";
  readonly at: NodeId;
  readonly links: readonly LinkId[];
  /** Where the packet carried its tunnel's label alone, its start first. */
  readonly nodes: readonly NodeId[];
  /** How many of `links` were passed before the first repair; absent where nothing was repaired. */
  readonly repairedAfter?: number;
  /** For `no-rule`: what is missing. For `link-down`: the link. */
  readonly what: string;
}

/** Follows a packet under a label from the node that puts it on the way. */
export function walkTunnel(
  plane: DataPlane,
  start: { readonly nodeId: NodeId; readonly output: LinkId; readonly failoverId?: number | undefined; readonly label: number },
): Walk {
  const links: LinkId[] = [];
  const nodes: NodeId[] = [start.nodeId];
  const seen = new Set<string>();
  let repairedAfter: number | undefined;
  let at = start.nodeId;
  let hop: Hop = leave(plane, at, start, [start.label]);
  const done = (end: Walk["end"], what = ""): Walk => ({
    end,
    at,
    links,
    nodes,
    what,
    ...(repairedAfter === undefined ? {} : { repairedAfter }),
  });
  for (;;) {
    if (hop.kind === "delivered") return done("delivered");
    if (hop.kind === "no-rule") return done("no-rule", hop.key);
    if (hop.kind === "link-down") return done("link-down", hop.linkId);
    if (hop.repaired) repairedAfter ??= links.length;
    links.push(hop.linkId);
    const link = plane.universe.linkById.get(hop.linkId);
    if (link === undefined || link.from !== at) throw new RangeError(`link ${hop.linkId} does not leave ${at}`);
    at = link.to;
    const { labels }: { readonly labels: LabelStack } = hop;
    if (labels.length === 1) nodes.push(at);
    const state = `${at} ${labels.join(" ")}`;
    if (seen.has(state)) return done("loop");
    seen.add(state);
    hop = hopOf(plane, at, labels);
  }
}

/** What an ingress switch sends into each tunnel: meter rate by bucket weight. */
export interface Offered {
  readonly key: RuleKey;
  readonly nodeId: NodeId;
  readonly dstPrefix: string;
  readonly label: number;
  readonly output: LinkId;
  readonly failoverId: number | undefined;
  readonly rateBps: number;
}

/** All that ingress switches of the topology send; those that were taken out of it are strangers. */
export function* offeredTraffic(plane: DataPlane): Iterable<Offered> {
  for (const [nodeId, { rules }] of plane.tables) {
    if (plane.strangersAtMs.has(nodeId)) continue;
    for (const [key, rule] of rules) {
      if (rule.kind !== "ingress") continue;
      const meter = rules.get(`meter/${rule.meterId}`);
      const group = rules.get(`group/${rule.groupId}`);
      if (meter?.kind !== "meter" || group?.kind !== "group") continue;
      let sum = 0;
      for (const { weight } of group.buckets) sum += weight;
      for (const { weight, pushLabel, output, failoverId } of group.buckets) {
        const rateBps = (meter.rateBps * weight) / sum;
        yield { key, nodeId, dstPrefix: rule.match.dstPrefix, label: pushLabel, output, failoverId, rateBps };
      }
    }
  }
}
