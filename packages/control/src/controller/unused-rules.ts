/** What a switch could do without: for tables that are too full for old and new rules at once. */
import type { NodeId, NodeRules, Rule, RuleKey, RuleSet } from "@sluice/model";

/**
 * What is installed without the flow groups that the target has not, without the tunnels that then no group uses, without failover groups that then
 * nothing uses, and without their bypasses; the same map where nothing is unused. What the target has stays. O(rules).
 */
export function withoutUnused(held: RuleSet, target: RuleSet): RuleSet {
  const installed = withoutEnded(held, target);
  const labels = new Set<number>();
  for (const rules of installed.values()) {
    for (const rule of rules.values()) if (rule.kind === "group") for (const { pushLabel } of rule.buckets) labels.add(pushLabel);
  }
  const pushed = new Set<number>();
  const failovers = new Map<NodeId, ReadonlySet<number>>();
  for (const [nodeId, rules] of installed) {
    const isWanted = (key: RuleKey) => target.get(nodeId)?.has(key) ?? false;
    const used = new Set<number>();
    for (const [key, rule] of rules) {
      if (rule.kind === "failover" && isWanted(key)) used.add(rule.failoverId);
      const isKept = rule.kind === "group" || (rule.kind === "label" && (labels.has(rule.match.label) || isWanted(key)));
      for (const failoverId of isKept ? failoversOf(rule) : []) used.add(failoverId);
    }
    failovers.set(nodeId, used);
    for (const rule of rules.values()) {
      if (rule.kind !== "failover" || !used.has(rule.failoverId)) continue;
      for (const { pushLabel } of rule.buckets) if (pushLabel !== undefined) pushed.add(pushLabel);
    }
  }
  let isSame = true;
  const swept = new Map<NodeId, NodeRules>();
  for (const [nodeId, rules] of installed) {
    const kept = new Map(
      [...rules].filter(([key, rule]) => {
        if (rule.kind === "failover") return failovers.get(nodeId)?.has(rule.failoverId);
        return rule.kind !== "label" || labels.has(rule.match.label) || pushed.has(rule.match.label) || target.get(nodeId)?.has(key);
      }),
    );
    isSame &&= kept.size === rules.size;
    swept.set(nodeId, kept);
  }
  return isSame ? installed : swept;
}

/** Without the ingress rules of flows that the target ends anyway, and without groups and meters that then nothing refers to. */
function withoutEnded(held: RuleSet, target: RuleSet): RuleSet {
  let isSame = true;
  const left = new Map<NodeId, NodeRules>();
  for (const [nodeId, rules] of held) {
    const wanted = target.get(nodeId);
    const ends = (key: RuleKey, rule: Rule): boolean => rule.kind === "ingress" && wanted?.has(key) !== true;
    const used = new Set<RuleKey>();
    for (const [key, rule] of rules) {
      if (rule.kind !== "ingress" || ends(key, rule)) continue;
      used.add(`group/${rule.groupId}`).add(`meter/${rule.meterId}`);
    }
    const kept = new Map(
      [...rules].filter(([key, rule]) => {
        if (rule.kind === "group" || rule.kind === "meter") return used.has(key) || wanted?.has(key) === true;
        return !ends(key, rule);
      }),
    );
    isSame &&= kept.size === rules.size;
    left.set(nodeId, kept);
  }
  return isSame ? held : left;
}

/** The failover groups that a rule sends packets through. */
function failoversOf(rule: Rule): readonly number[] {
  const ways = rule.kind === "group" ? rule.buckets : rule.kind === "label" && rule.action.kind === "output" ? [rule.action] : [];
  return ways.flatMap(({ failoverId }) => (failoverId === undefined ? [] : [failoverId]));
}
