/**
 * Failover groups that keep their number and come to lead over another bypass. Nothing that sends packets through such a group changes: but for a
 * time it may lead over the one or the other, and packets that it has sent into the old one may be on their way.
 */
import type { FailoverBucket, FailoverRule, LinkId, NodeId, NodeRules, Rule, RuleKey, RuleOperation, Topology } from "@sluice/model";
import type { RuleLookup } from "./tunnel-trace.js";

/** A group that leads wherever either of them does, for reckoning only; undefined where they protect different links. */
export function eitherFailover(a: FailoverRule, b: FailoverRule): FailoverRule | undefined {
  if (a.buckets[0]?.output !== b.buckets[0]?.output) return undefined;
  const more = b.buckets.filter((bucket) => !a.buckets.some((each) => sameBucket(each, bucket)));
  return more.length === 0 ? a : { ...a, buckets: [...a.buckets, ...more] };
}

/** What `before` says of a key, or else `after`; of a failover group what both say. */
export function eitherLookup(before: RuleLookup, after: RuleLookup): RuleLookup {
  return (nodeId, key) => {
    const old = before(nodeId, key);
    if (old?.kind !== "failover") return old ?? after(nodeId, key);
    const next = after(nodeId, key);
    return next?.kind === "failover" && next !== old ? (eitherFailover(old, next) ?? old) : old;
  };
}

/** Whether a group has this bucket, the same link with the same label. */
export function leadsBy(rule: Rule | undefined, bucket: FailoverBucket): boolean {
  return rule?.kind === "failover" && rule.buckets.some((each) => sameBucket(each, bucket));
}

/** The failover groups of a switch that operations change where they stand. O(operations). */
export function failoversChanged(before: NodeRules, operations: readonly RuleOperation[]): ReadonlySet<number> {
  const changed = new Set<number>();
  for (const operation of operations) {
    if (operation.op !== "put" || operation.rule.kind !== "failover") continue;
    const { failoverId } = operation.rule;
    if (before.has(`failover/${failoverId}`)) changed.add(failoverId);
  }
  return changed;
}

/**
 * Whether all that a switch's rules send through a group comes back to its tunnel where the group will lead: its merge point is on the way of
 * every tunnel concerned. So it is where a number belongs to a link and a merge point; it may not be where the store was lost. `after` is the
 * group as it will be. O(rules of the switch), and the hops to the merge point.
 */
export function bringsBack(
  topology: Topology,
  {
    rules,
    after,
    installed,
    target,
  }: { readonly rules: NodeRules; readonly after: FailoverRule; readonly installed: RuleLookup; readonly target: RuleLookup },
): boolean {
  const [first, ...around] = after.buckets;
  const end = topology.linkById.get(first?.output ?? ("" as LinkId))?.to;
  const merges = around.map((bucket) => mergeOf(topology, bucket, target));
  const either = eitherLookup(installed, target);
  const passes = (label: number) =>
    merges.every((merge) => merge !== undefined && end !== undefined && isOnWay(topology, either, { label, end, merge }));
  for (const rule of rules.values()) {
    if (rule.kind === "label" && rule.action.kind === "output" && rule.action.failoverId === after.failoverId) {
      if (!passes(rule.match.label)) return false;
    } else if (rule.kind === "group") {
      for (const { failoverId, pushLabel } of rule.buckets) if (failoverId === after.failoverId && !passes(pushLabel)) return false;
    }
  }
  return true;
}

/** Where packets are under their tunnel's label alone again; undefined where a bypass leads nowhere. */
function mergeOf(topology: Topology, { output, pushLabel }: FailoverBucket, lookup: RuleLookup): NodeId | undefined {
  const visited = new Set<NodeId>();
  let link: LinkId = output;
  let isPopped = pushLabel === undefined;
  for (;;) {
    const at = topology.linkById.get(link)?.to;
    if (isPopped || at === undefined) return at;
    if (visited.has(at)) return undefined;
    visited.add(at);
    const rule = lookup(at, `label/${pushLabel}`);
    if (rule?.kind !== "label" || rule.action.kind === "pop-deliver") return undefined;
    isPopped = rule.action.kind === "pop-output";
    link = rule.action.link;
  }
}

/** Whether packets under a label that are at `end` come to `merge`, or are there. */
function isOnWay(
  topology: Topology,
  lookup: RuleLookup,
  { label, end, merge }: { readonly label: number; readonly end: NodeId; readonly merge: NodeId },
): boolean {
  const key: RuleKey = `label/${label}`;
  const visited = new Set<NodeId>();
  let at: NodeId | undefined = end;
  while (at !== undefined && at !== merge) {
    if (visited.has(at)) return false;
    visited.add(at);
    const rule = lookup(at, key);
    if (rule?.kind !== "label" || rule.action.kind !== "output") return false;
    at = topology.linkById.get(rule.action.link)?.to;
  }
  return at === merge;
}

/** The nodes on the way of a bucket whose failover groups change under its packets. O(hops). */
export function changedOnWay(
  topology: Topology,
  { output, pushLabel }: { readonly output: LinkId; readonly pushLabel: number },
  { target, changed }: { readonly target: RuleLookup; readonly changed: ReadonlyMap<NodeId, ReadonlySet<number>> },
): readonly NodeId[] {
  const nodes: NodeId[] = [];
  const visited = new Set<NodeId>();
  let at = topology.linkById.get(output)?.to;
  while (at !== undefined && !visited.has(at)) {
    visited.add(at);
    const rule = target(at, `label/${pushLabel}`);
    if (rule?.kind !== "label" || rule.action.kind !== "output") break;
    const { link, failoverId } = rule.action;
    if (failoverId !== undefined && changed.get(at)?.has(failoverId) === true) nodes.push(at);
    at = topology.linkById.get(link)?.to;
  }
  return nodes;
}

function sameBucket(a: FailoverBucket, b: FailoverBucket): boolean {
  return a.output === b.output && a.pushLabel === b.pushLabel;
}
