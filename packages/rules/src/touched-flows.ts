/** Which flows an update touches, and what each of them is at every progress of its ingress. */
import type { LinkId, NodeId, Rule, RuleKey, RuleSet } from "@sluice/model";
import type { MessageOrder } from "./message-order.js";
import { repairsOf } from "./repair-references.js";
import type { RuleTimeline } from "./rule-timeline.js";
import type { Ground } from "./ground.js";
import type { Steps } from "./steps.js";
import { entryOf, type Entry } from "./walk.js";

/** An ingress rule with its meter and group while its node has obeyed `from` to `to` messages; `entry` absent: no rule. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly entry: Entry | undefined;
}

export interface Scene {
  readonly ground: Ground;
  readonly installed: RuleSet;
  readonly timeline: RuleTimeline;
  readonly order: MessageOrder;
}

/**
 * Ingress rules that differ in some state, or whose meter, group or labels do, or, where links are down, the failover groups that repair
 * them or the labels of their bypasses. O(rules of nodes with messages + installed rules), the latter a look at each group's labels; where
 * links are down also the label rules of the nodes that they leave.
 */
export function* touchedIngresses({
  ground,
  installed,
  timeline,
  order,
}: Scene): Steps<readonly { readonly nodeId: NodeId; readonly key: RuleKey }[]> {
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
    const ingresses: RuleKey[] = [];
    const meters = new Set<number>();
    const groups = new Set<number>();
    for (const key of keys.keys()) {
      if (key.startsWith("label/")) labels.add(Number(key.slice("label/".length)));
      else if (key.startsWith("ingress/")) ingresses.push(key);
      else if (key.startsWith("meter/")) meters.add(Number(key.slice("meter/".length)));
      else if (key.startsWith("group/")) groups.add(Number(key.slice("group/".length)));
    }
    if (ingresses.length === 0 && meters.size === 0 && groups.size === 0) continue;
    for (const [key, rule] of installed.get(nodeId) ?? []) {
      if (rule.kind !== "ingress") continue;
      if (meters.has(rule.meterId) || groups.has(rule.groupId) || keys.has(key)) touch(nodeId, key);
    }
    for (const key of ingresses) touch(nodeId, key);
    yield keys.size;
  }
  const isRepairTouched = touchedRepairs({ ground, installed, timeline, order }, labels);
  if (labels.size === 0 && isRepairTouched === undefined) return touched;
  for (const [nodeId, rules] of installed) {
    const groups = new Set<number>();
    for (const rule of rules.values()) {
      if (rule.kind !== "group") continue;
      for (const { pushLabel, output, failoverId } of rule.buckets) {
        if (!labels.has(pushLabel) && (failoverId === undefined || isRepairTouched?.(nodeId, { output, failoverId }) !== true)) continue;
        groups.add(rule.groupId);
        break;
      }
    }
    yield rules.size / 4;
    if (groups.size === 0) continue;
    for (const [key, rule] of rules) if (rule.kind === "ingress" && groups.has(rule.groupId)) touch(nodeId, key);
  }
  return touched;
}

interface Repair {
  readonly output: LinkId;
  readonly failoverId: number;
}

/**
 * Adds to `labels` those whose packets are repaired, where a link is down, by a failover group that changes or under a label that is
 * among them; says of a repair whether it is of that kind. Undefined where no link is down.
 */
function touchedRepairs(
  { ground, installed, timeline }: Scene,
  labels: Set<number>,
): ((nodeId: NodeId, repair: Repair) => boolean) | undefined {
  const tails = ground.downTails();
  if (tails.size === 0) return undefined;
  const isTouched = (nodeId: NodeId, { output, failoverId }: Repair): boolean => {
    const link = ground.linkFrom(nodeId, output);
    if (link === undefined || ground.isUp(link)) return false;
    const key = `failover/${failoverId}`;
    if (timeline.touchedKeys(nodeId).has(key)) return true;
    const rule = timeline.at(nodeId, key, 0);
    return rule?.kind === "failover" && rule.buckets.some(({ pushLabel }) => pushLabel !== undefined && labels.has(pushLabel));
  };
  const repaired: { readonly label: number; readonly nodeId: NodeId; readonly repair: Repair }[] = [];
  for (const nodeId of tails) {
    for (const rule of versionsAt(installed, timeline, nodeId)) {
      if (rule.kind !== "label") continue;
      for (const repair of repairsOf(rule)) repaired.push({ label: rule.match.label, nodeId, repair });
    }
  }
  // A bypass that is repaired itself makes for another round; rules of the documented shape have none.
  for (let size = -1; size !== labels.size;) {
    size = labels.size;
    for (const { label, nodeId, repair } of repaired) if (!labels.has(label) && isTouched(nodeId, repair)) labels.add(label);
  }
  return isTouched;
}

/** Every rule that a node holds at some progress. */
function* versionsAt(installed: RuleSet, timeline: RuleTimeline, nodeId: NodeId): Generator<Rule> {
  yield* installed.get(nodeId)?.values() ?? [];
  for (const segments of timeline.touchedKeys(nodeId).values()) {
    for (const { from, rule } of segments) if (from > 0 && rule !== undefined) yield rule;
  }
}

/** The flow cut where its ingress rule, meter or group changes; covers every progress of the node, in order. */
export function spansOf(
  ground: Ground,
  timeline: RuleTimeline,
  { nodeId, key }: { readonly nodeId: NodeId; readonly key: RuleKey },
): readonly Span[] {
  const starts: number[] = [];
  for (const { from, to, rule } of timeline.segments(nodeId, key)) {
    starts.push(from);
    if (rule?.kind !== "ingress") continue;
    for (const reference of [`meter/${rule.meterId}`, `group/${rule.groupId}`]) {
      for (const segment of timeline.touchedSegments(nodeId, reference) ?? []) {
        if (segment.from > from && segment.from <= to && !starts.includes(segment.from)) starts.push(segment.from);
      }
    }
  }
  const ordered = starts.sort((a, b) => a - b);
  return ordered.map((from, i): Span => {
    const rule = timeline.at(nodeId, key, from);
    const to = (ordered[i + 1] ?? timeline.end(nodeId) + 1) - 1;
    const entry =
      rule?.kind === "ingress" ? entryOf(ground, { nodeId, key, ingress: rule }, (k) => timeline.at(nodeId, k, from)) : undefined;
    return { from, to, entry };
  });
}
