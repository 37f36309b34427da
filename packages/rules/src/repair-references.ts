/** Whether rules and the failover groups that they send packets through fit each other: whatever the state of links. */
import type { LinkId, NodeId, NodeRules, Rule, RuleKey } from "@sluice/model";
import type { Ground } from "./ground.js";
import { protectsLink } from "./way.js";

/** The failover groups that a rule sends packets through, with the link that each must protect. */
export function repairsOf(rule: Rule): readonly { readonly failoverId: number; readonly output: LinkId }[] {
  if (rule.kind === "label") {
    const { action } = rule;
    return action.kind === "output" && action.failoverId !== undefined ? [{ failoverId: action.failoverId, output: action.link }] : [];
  }
  if (rule.kind !== "group") return [];
  return rule.buckets.flatMap(({ failoverId, output }) => (failoverId === undefined ? [] : [{ failoverId, output }]));
}

/** What is missing for a rule to be repaired as it says, or of a failover group itself; in words, undefined where nothing is. */
export function danglingRepair(
  ground: Ground,
  nodeId: NodeId,
  { key, rule }: { readonly key: RuleKey; readonly rule: Rule },
  lookup: (key: RuleKey) => Rule | undefined,
): string | undefined {
  if (rule.kind === "failover") {
    const stray = rule.buckets.find(({ output }) => ground.linkFrom(nodeId, output) === undefined);
    if (stray !== undefined) return `${key} of node ${nodeId} leads to link ${stray.output}, which does not leave it.`;
    return rule.buckets[0]?.pushLabel === undefined ? undefined : `${key} of node ${nodeId} pushes a label where nothing failed.`;
  }
  for (const { failoverId, output } of repairsOf(rule)) {
    const failover = lookup(`failover/${failoverId}`);
    if (failover?.kind !== "failover") return `${key} of node ${nodeId} refers to failover group ${failoverId}, which is not installed.`;
    if (!protectsLink(failover, output))
      return `${key} of node ${nodeId} leaves by link ${output}, which failover group ${failoverId} does not protect.`;
  }
  return undefined;
}

/** All of a node's. O(rules). */
export function danglingRepairs(
  ground: Ground,
  nodeId: NodeId,
  rules: NodeRules,
): readonly { readonly key: RuleKey; readonly reason: string }[] {
  const found: { key: RuleKey; reason: string }[] = [];
  for (const [key, rule] of rules) {
    const reason = danglingRepair(ground, nodeId, { key, rule }, (reference) => rules.get(reference));
    if (reason !== undefined) found.push({ key, reason });
  }
  return found;
}
