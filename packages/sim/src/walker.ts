/** A packet's way through the real tables, in the fewest words: nothing of `packages/rules` is used, so that each checks the other. */
import type { LinkId, NodeId, RuleKey } from "@sluice/model";
import type { DataPlane } from "./data-plane.js";

export interface Walk {
  readonly end: "delivered" | "link-down" | "no-rule" | "loop";
  readonly at: NodeId;
  readonly links: readonly LinkId[];
}

/** Follows a label from the link that the packet is put on. */
export function walkLabel(plane: DataPlane, first: LinkId, label: number): Walk {
  const links: LinkId[] = [];
  let next: LinkId = first;
  for (;;) {
    const link = plane.universe.linkById.get(next);
    if (link === undefined) throw new RangeError(`there is no link ${next}`);
    if (plane.linksDown.has(next)) return { end: "link-down", at: link.from, links };
    if (links.includes(next)) return { end: "loop", at: link.to, links };
    links.push(next);
    const rule = plane.tablesOf(link.to).rules.get(`label/${label}`);
    if (rule?.kind !== "label") return { end: "no-rule", at: link.to, links };
    if (rule.action.kind === "pop-deliver") return { end: "delivered", at: link.to, links };
    next = rule.action.link;
  }
}

/** What an ingress switch sends into each tunnel: meter rate by bucket weight. */
export interface Offered {
  readonly key: RuleKey;
  readonly nodeId: NodeId;
  readonly dstPrefix: string;
  readonly label: number;
  readonly output: LinkId;
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
      for (const { weight, pushLabel, output } of group.buckets) {
        yield { key, nodeId, dstPrefix: rule.match.dstPrefix, label: pushLabel, output, rateBps: (meter.rateBps * weight) / sum };
      }
    }
  }
}
