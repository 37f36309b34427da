/**
 * Failover groups that an update would give another meaning while packets may go through them. It cannot happen between plans of one store,
 * where a bypass's label comes back late; it can where a switch holds rules of a store that was lost. Then the rules that use such a group
 * are sent on without it first: for a while a failure there is not repaired, and nothing is led astray.
 */
import {
  compareText,
  type FailoverRule,
  type LinkId,
  type NodeId,
  type NodeRules,
  type Rule,
  type RuleOperation,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { applyOperations, sameRule, sameWay } from "./diff.js";
import { bringsBack, leadsBy } from "./failover-change.js";
import type { RuleLookup } from "./tunnel-trace.js";

/** The labels that failover groups of a rule set push. O(rules). */
export function bypassLabels(rules: RuleSet): ReadonlySet<number> {
  const labels = new Set<number>();
  for (const ofNode of rules.values()) {
    for (const rule of ofNode.values()) {
      if (rule.kind !== "failover") continue;
      for (const { pushLabel } of rule.buckets) if (pushLabel !== undefined) labels.add(pushLabel);
    }
  }
  return labels;
}

export interface Detachment {
  /** Puts what uses the groups without them, then deletes the groups. */
  readonly operations: ReadonlyMap<NodeId, readonly RuleOperation[]>;
  /** The failover groups that go, by node. */
  readonly failovers: ReadonlyMap<NodeId, readonly FailoverRule[]>;
  /** The installed rules without them; the same map where there are none. */
  readonly rules: RuleSet;
}

/**
 * Detaches each installed failover group
 *
 * - that the target has under the same number for another link, or to a merge point where not all that goes through it would be on its tunnel
 *   again. (To lead over another bypass to where it led is a change in its place, `failover-change.ts`.);
 * - that leads into a label which the target redefines on its way, or extends though its group does not lead there;
 * - that repairs packets under a label which some group pushes: no bypass is repaired.
 *
 * O(failover groups x hops of their bypasses), and O(rules) of the nodes concerned.
 */
export function detachRepairs(
  topology: Topology,
  {
    installed,
    target,
    labelsPushed,
  }: { readonly installed: RuleSet; readonly target: RuleSet; readonly labelsPushed: ReadonlySet<number> },
): Detachment {
  const operations = new Map<NodeId, readonly RuleOperation[]>();
  const failovers = new Map<NodeId, readonly FailoverRule[]>();
  const now: RuleLookup = (nodeId, key) => installed.get(nodeId)?.get(key);
  const then: RuleLookup = (nodeId, key) => target.get(nodeId)?.get(key);
  for (const [nodeId, rules] of [...installed].sort(([a], [b]) => compareText(a, b))) {
    const gone = new Map<number, FailoverRule>();
    const groups = [...rules.values()].filter((rule) => rule.kind === "failover");
    if (groups.length === 0) continue;
    const repairing = failoversOfBypasses(rules, labelsPushed);
    for (const rule of groups) {
      const after = then(nodeId, `failover/${rule.failoverId}`);
      const isOther =
        after?.kind === "failover" &&
        !sameRule(rule, after) &&
        (rule.buckets[0]?.output !== after.buckets[0]?.output || !bringsBack(topology, { rules, after, installed: now, target: then }));
      if (isOther || repairing.has(rule.failoverId) || leadsAstray(topology, { installed, target }, rule, after)) {
        gone.set(rule.failoverId, rule);
      }
    }
    if (gone.size === 0) continue;
    failovers.set(nodeId, [...gone.values()]);
    operations.set(nodeId, [
      ...[...rules.values()].flatMap((rule) => putWithout(rule, gone)),
      ...[...gone.keys()].sort((a, b) => a - b).map((id): RuleOperation => ({ op: "delete", key: `failover/${id}` })),
    ]);
  }
  if (operations.size === 0) return { operations, failovers, rules: installed };
  const rules = new Map(installed);
  for (const [nodeId, ofNode] of operations) rules.set(nodeId, applyOperations(installed.get(nodeId) ?? new Map(), ofNode));
  return { operations, failovers, rules };
}

/** The failover groups that rules for labels of bypasses use. */
function failoversOfBypasses(rules: NodeRules, labelsPushed: ReadonlySet<number>): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const rule of rules.values()) {
    if (rule.kind !== "label" || rule.action.kind !== "output" || rule.action.failoverId === undefined) continue;
    if (labelsPushed.has(rule.match.label)) ids.add(rule.action.failoverId);
  }
  return ids;
}

/** Whether the update changes where one of a group's bypasses leads, in any state on the way. */
function leadsAstray(
  topology: Topology,
  { installed, target }: { readonly installed: RuleSet; readonly target: RuleSet },
  { buckets }: FailoverRule,
  then: Rule | undefined,
): boolean {
  return buckets.some((bucket) => {
    const { output, pushLabel } = bucket;
    if (pushLabel === undefined) return false;
    const isKept = leadsBy(then, bucket);
    const key = `label/${pushLabel}`;
    const visited = new Set<NodeId>();
    let next: LinkId = output;
    for (;;) {
      const at = topology.linkById.get(next)?.to;
      if (at === undefined || visited.has(at)) return false;
      visited.add(at);
      const before = installed.get(at)?.get(key);
      const after = target.get(at)?.get(key);
      if (before !== undefined && after !== undefined && !sameWay(before, after)) return true;
      if (before === undefined && after !== undefined && !isKept) return true;
      const rule = before ?? after;
      if (rule?.kind !== "label" || rule.action.kind !== "output") return false;
      next = rule.action.link;
    }
  });
}

function putWithout(rule: Rule, gone: ReadonlyMap<number, unknown>): readonly RuleOperation[] {
  const isGone = ({ failoverId }: { readonly failoverId?: number | undefined }) => failoverId !== undefined && gone.has(failoverId);
  if (rule.kind === "label") {
    const { action } = rule;
    if (action.kind !== "output" || !isGone(action)) return [];
    return [{ op: "put", rule: { ...rule, action: { kind: "output", link: action.link } } }];
  }
  if (rule.kind !== "group" || !rule.buckets.some(isGone)) return [];
  const buckets = rule.buckets.map((bucket) => {
    if (!isGone(bucket)) return bucket;
    const { failoverId: _, ...rest } = bucket;
    return rest;
  });
  return [{ op: "put", rule: { ...rule, buckets } }];
}
