/** Which flows an update touches, and what each of them is at every progress of its ingress. */
import type { NodeId, Rule, RuleKey, RuleSet } from "@sluice/model";
import type { MessageOrder } from "./message-order.js";
import type { RuleTimeline } from "./rule-timeline.js";
import type { Ground } from "./ground.js";
import { entryOf, type Entry } from "./walk.js";

/** An ingress rule with its meter and group while its node has obeyed `from` to `to` messages; `entry` absent: no rule. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly entry: Entry | undefined;
}

/**
 * Ingress rules that differ in some state, or whose meter, group or labels do. O(rules of nodes with messages + installed rules),
 * the latter a look at each group's labels.
 */
export function touchedIngresses(
  installed: RuleSet,
  timeline: RuleTimeline,
  order: MessageOrder,
): readonly { readonly nodeId: NodeId; readonly key: RuleKey }[] {
  const touched: { nodeId: NodeId; key: RuleKey }[] = [];
  const seen = new Map<NodeId, Set<RuleKey>>();
  const touch = (nodeId: NodeId, key: RuleKey) => {
    let ofNode = seen.get(nodeId);
    if (ofNode === undefined) seen.set(nodeId, (ofNode = new Set()));
    if (ofNode.has(key)) return;
    ofNode.add(key);
    touched.push({ nodeId, key });
  };
  const labels = new Set<number>();
  for (const nodeId of order.nodes()) {
    const keys = timeline.touchedKeys(nodeId);
    let onlyLabels = true;
    for (const key of keys.keys()) {
      if (key.startsWith("label/")) labels.add(Number(key.slice("label/".length)));
      else onlyLabels = false;
    }
    if (onlyLabels) continue;
    const ingresses = new Map<RuleKey, readonly (Rule | undefined)[]>();
    for (const [key, rule] of installed.get(nodeId) ?? []) if (rule.kind === "ingress") ingresses.set(key, [rule]);
    for (const [key, segments] of keys)
      if (key.startsWith("ingress/"))
        ingresses.set(
          key,
          segments.map(({ rule }) => rule),
        );
    for (const [key, rules] of ingresses) {
      if (keys.has(key) || rules.some((rule) => rule !== undefined && referencesOf(rule).some((reference) => keys.has(reference)))) {
        touch(nodeId, key);
      }
    }
  }
  if (labels.size === 0) return touched;
  for (const [nodeId, rules] of installed) {
    const groups = new Set<number>();
    for (const rule of rules.values()) {
      if (rule.kind === "group" && rule.buckets.some(({ pushLabel }) => labels.has(pushLabel))) groups.add(rule.groupId);
    }
    if (groups.size === 0) continue;
    for (const [key, rule] of rules) if (rule.kind === "ingress" && groups.has(rule.groupId)) touch(nodeId, key);
  }
  return touched;
}

/** The flow cut where its ingress rule, meter or group changes; covers every progress of the node, in order. */
export function spansOf(
  ground: Ground,
  timeline: RuleTimeline,
  { nodeId, key }: { readonly nodeId: NodeId; readonly key: RuleKey },
): readonly Span[] {
  const starts = new Set<number>();
  for (const { from, to, rule } of timeline.segments(nodeId, key)) {
    starts.add(from);
    for (const reference of rule === undefined ? [] : referencesOf(rule)) {
      for (const segment of timeline.segments(nodeId, reference)) {
        if (segment.from > from && segment.from <= to) starts.add(segment.from);
      }
    }
  }
  const ordered = [...starts].sort((a, b) => a - b);
  return ordered.map((from, i): Span => {
    const rule = timeline.at(nodeId, key, from);
    const to = (ordered[i + 1] ?? timeline.end(nodeId) + 1) - 1;
    const entry =
      rule?.kind === "ingress" ? entryOf(ground, { nodeId, key, ingress: rule }, (k) => timeline.at(nodeId, k, from)) : undefined;
    return { from, to, entry };
  });
}

function referencesOf(rule: Rule): readonly RuleKey[] {
  return rule.kind === "ingress" ? [`meter/${rule.meterId}`, `group/${rule.groupId}`] : [];
}
