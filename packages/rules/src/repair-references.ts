/** Whether rules and the failover groups that they send packets through fit each other: whatever the state of links. */
import type { LinkId, NodeId, NodeRules, Rule, RuleKey, RuleSet } from "@sluice/model";
import type { Ground } from "./ground.js";
import type { RuleTimeline, Segment } from "./rule-timeline.js";
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
  const lookup = (key: RuleKey): Rule | undefined => rules.get(key);
  const failovers = new Map<number, Rule | undefined>();
  const failoverOf = (id: number): Rule | undefined => {
    if (!failovers.has(id)) failovers.set(id, lookup(`failover/${id}`));
    return failovers.get(id);
  };
  for (const [key, rule] of rules) {
    if (!isRepair(rule)) continue;
    // Most rules with failover groups are these, and few groups serve them all.
    if (rule.kind === "label" && rule.action.kind === "output") {
      const failover = failoverOf(rule.action.failoverId ?? -1);
      if (failover?.kind === "failover" && protectsLink(failover, rule.action.link)) continue;
    }
    const reason = danglingRepair(ground, nodeId, { key, rule }, lookup);
    if (reason !== undefined) found.push({ key, reason });
  }
  return found;
}

/** Whether a rule is a failover group or refers to one. */
function isRepair(rule: Rule): boolean {
  if (rule.kind === "label") return rule.action.kind === "output" && rule.action.failoverId !== undefined;
  if (rule.kind === "group") return rule.buckets.some(({ failoverId }) => failoverId !== undefined);
  return rule.kind === "failover";
}

/**
 * Rules of a node that at some progress of it refer to a failover group that is not there or does not protect their link, each once;
 * inherited: so it was, and so it does not stay. O(operations on rules with failover groups), and the node's rules where a group goes.
 */
export function* danglingReferences(
  ground: Ground,
  installed: RuleSet,
  timeline: RuleTimeline,
  nodeId: NodeId,
): Generator<{ readonly nodeId: NodeId; readonly key: RuleKey; readonly reason: string; readonly isInherited: boolean }> {
  const touched = timeline.touchedKeys(nodeId);
  const keys = new Set<RuleKey>();
  for (const [key, segments] of touched) if (segments.some(({ rule }) => rule !== undefined && isRepair(rule))) keys.add(key);
  const isSomeGone = [...touched].some(
    ([key, segments]) => key.startsWith("failover/") && segments.some(({ from, rule }) => from > 0 && !isLike(segments[0]?.rule, rule)),
  );
  if (isSomeGone) for (const [key, rule] of installed.get(nodeId) ?? []) if (rule.kind !== "failover" && isRepair(rule)) keys.add(key);
  const failoverSegments = new Map<number, readonly Segment[]>();
  const segmentsOf = (failoverId: number): readonly Segment[] => {
    let segments = failoverSegments.get(failoverId);
    if (segments === undefined) failoverSegments.set(failoverId, (segments = timeline.segments(nodeId, `failover/${failoverId}`)));
    return segments;
  };
  for (const key of keys) {
    if (timeline.segments(nodeId, key).every((segment) => isSound(segment, segmentsOf))) continue;
    const found = danglingOf(ground, timeline, { nodeId, key });
    if (found !== undefined) yield { nodeId, key, ...found };
  }
}

/** Whether all that a rule refers to is there and right for as long as the rule is; of a failover group itself that is not said here. */
function isSound({ from, to, rule }: Segment, segmentsOf: (failoverId: number) => readonly Segment[]): boolean {
  if (rule === undefined) return true;
  if (rule.kind === "failover") return false;
  const isProtected = (failoverId: number, output: LinkId): boolean => {
    for (const { from: start, to: end, rule: failover } of segmentsOf(failoverId)) {
      if (start <= to && end >= from && (failover?.kind !== "failover" || !protectsLink(failover, output))) return false;
    }
    return true;
  };
  if (rule.kind === "label") {
    const { action } = rule;
    return action.kind !== "output" || action.failoverId === undefined || isProtected(action.failoverId, action.link);
  }
  if (rule.kind !== "group") return true;
  for (const { failoverId, output } of rule.buckets) if (failoverId !== undefined && !isProtected(failoverId, output)) return false;
  return true;
}

/** Whether what refers to the one finds the like of it in the other. */
function isLike(before: Rule | undefined, after: Rule | undefined): boolean {
  if (after?.kind !== "failover" || after.buckets[0]?.pushLabel !== undefined) return false;
  return before?.kind !== "failover" || before.buckets[0]?.output === after.buckets[0]?.output;
}

function danglingOf(
  ground: Ground,
  timeline: RuleTimeline,
  { nodeId, key }: { readonly nodeId: NodeId; readonly key: RuleKey },
): { readonly reason: string; readonly isInherited: boolean } | undefined {
  const end = timeline.end(nodeId);
  const starts = new Set<number>();
  for (const { from, rule } of timeline.segments(nodeId, key)) {
    if (from > 0) starts.add(from);
    for (const { failoverId } of rule === undefined ? [] : repairsOf(rule)) {
      for (const segment of timeline.touchedSegments(nodeId, `failover/${failoverId}`) ?? [])
        if (segment.from > 0) starts.add(segment.from);
    }
  }
  const reasonAt = (progress: number): string | undefined => {
    const rule = timeline.at(nodeId, key, progress);
    return rule === undefined ? undefined : danglingRepair(ground, nodeId, { key, rule }, (other) => timeline.at(nodeId, other, progress));
  };
  const before = reasonAt(0);
  // As it is in the beginning it stays to the end.
  if (starts.size === 0) return before === undefined ? undefined : { reason: before, isInherited: false };
  starts.add(0).add(end);
  let inherited: string | undefined;
  for (const progress of [...starts].sort((a, b) => a - b)) {
    const reason = reasonAt(progress);
    if (reason === undefined) continue;
    if (reason !== before || progress === end) return { reason, isInherited: false };
    inherited = reason;
  }
  return inherited === undefined ? undefined : { reason: inherited, isInherited: true };
}
