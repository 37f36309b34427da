/** What a switch does with a packet, in the fewest words: nothing of `packages/rules` is used, so that each checks the other. */
import type { LinkId, NodeId } from "@sluice/model";
import type { NetworkView } from "./data-plane.js";

/** Labels, the top first: below them all is the packet of the site. */
export type LabelStack = readonly number[];

export type Hop =
  | { readonly kind: "sent"; readonly linkId: LinkId; readonly labels: LabelStack; readonly repaired: boolean }
  | { readonly kind: "delivered" }
  | { readonly kind: "no-rule"; readonly key: string }
  /** Its port is dead, and so is every other way out that the switch has been told. */
  | { readonly kind: "link-down"; readonly linkId: LinkId };

/** Table 1 of a switch. */
export function hopOf(network: NetworkView, at: NodeId, labels: LabelStack): Hop {
  const [top, ...below] = labels;
  const key = `label/${top}`;
  const rule = network.rulesOf(at)?.get(key);
  if (rule?.kind !== "label") return { kind: "no-rule", key };
  switch (rule.action.kind) {
    case "pop-deliver":
      return below.length === 0 ? { kind: "delivered" } : { kind: "no-rule", key: "a site's packet below the label" };
    case "pop-output":
      return below.length === 0
        ? { kind: "no-rule", key: "a label below the bypass's" }
        : leave(network, at, { output: rule.action.link }, below);
    case "output":
      return leave(network, at, { output: rule.action.link, failoverId: rule.action.failoverId }, labels);
  }
}

/** Out by the link, or through the failover group that stands for it. A port is dead the moment its cable is. */
export function leave(
  network: NetworkView,
  at: NodeId,
  { output, failoverId }: { readonly output: LinkId; readonly failoverId?: number | undefined },
  labels: LabelStack,
): Hop {
  const group = failoverId === undefined ? undefined : network.rulesOf(at)?.get(`failover/${failoverId}`);
  if (failoverId !== undefined && group?.kind !== "failover") return { kind: "no-rule", key: `failover/${failoverId}` };
  const buckets = group?.kind === "failover" ? group.buckets : [{ output }];
  const live = buckets.findIndex((bucket) => !network.linksDown.has(bucket.output));
  const bucket = buckets[live];
  if (bucket === undefined) return { kind: "link-down", linkId: output };
  const pushed = "pushLabel" in bucket ? bucket.pushLabel : undefined;
  return { kind: "sent", linkId: bucket.output, labels: pushed === undefined ? labels : [pushed, ...labels], repaired: live > 0 };
}
