/**
 * Labels that an update would redefine under running traffic. It cannot happen between plans of one store, where labels come
 * back late; it can where a switch holds rules of a store that was lost. Then the flow has to pause.
 */
import { compareText, prefixRange, type Bucket, type LinkId, type NodeId, type RuleKey, type RuleSet, type Topology } from "@sluice/model";
import { sameWay } from "./diff.js";
import type { Flow, FlowReader } from "./flow.js";

export interface LabelConflict {
  readonly nodeId: NodeId;
  readonly key: RuleKey;
  readonly flow: Flow;
  /** The labels whose meaning changes. */
  readonly labels: readonly number[];
}

/**
 * Installed flows that push a label which the target redefines on its way, or extends to a place where the flow does not
 * belong. A hole in the way that the target mends is no conflict, nor is another failover group on the same way. `labelsPut`: labels for
 * which some node gets a rule that is new or leads another way.
 * O(installed groups x buckets + hops of the suspects).
 */
export function labelConflicts(
  topology: Topology,
  { installed, target }: { readonly installed: RuleSet; readonly target: RuleSet },
  labelsPut: ReadonlyMap<number, readonly NodeId[]>,
  flowsOf: FlowReader,
): readonly LabelConflict[] {
  const conflicts: LabelConflict[] = [];
  if (labelsPut.size === 0) return conflicts;
  for (const [nodeId, rules] of [...installed].sort(([a], [b]) => compareText(a, b))) {
    const suspects = new Set<number>();
    for (const rule of rules.values()) {
      if (rule.kind === "group" && rule.buckets.some(({ pushLabel }) => labelsPut.has(pushLabel))) suspects.add(rule.groupId);
    }
    if (suspects.size === 0) continue;
    for (const [key, flow] of flowsOf(rules)) {
      if (flow.group === undefined || !suspects.has(flow.group.groupId)) continue;
      const labels = flow.group.buckets
        .filter((bucket) => labelsPut.has(bucket.pushLabel) && isRedefined({ topology, installed, target, bucket, flow }))
        .map(({ pushLabel }) => pushLabel);
      if (labels.length > 0) conflicts.push({ nodeId, key, flow, labels });
    }
  }
  return conflicts;
}

/** Follows the label where installed and target rules are both in force: the way must stay one way, to the same end. */
function isRedefined({
  topology,
  installed,
  target,
  bucket,
  flow,
}: {
  readonly topology: Topology;
  readonly installed: RuleSet;
  readonly target: RuleSet;
  readonly bucket: Bucket;
  readonly flow: Flow;
}): boolean {
  const key = `label/${bucket.pushLabel}`;
  const visited = new Set<NodeId>();
  let next: LinkId = bucket.output;
  let extended = false;
  for (;;) {
    const at = topology.linkById.get(next)?.to;
    if (at === undefined) return false;
    if (visited.has(at)) return extended;
    visited.add(at);
    const before = installed.get(at)?.get(key);
    const after = target.get(at)?.get(key);
    if (before !== undefined && after !== undefined && !sameWay(before, after)) return true;
    const rule = before ?? after;
    extended ||= before === undefined;
    if (rule === undefined || rule.kind !== "label") return false;
    if (rule.action.kind === "pop-deliver") return extended && !delivers(topology, at, flow);
    // A bypass's label on its own: behind its last node packets would have none.
    if (rule.action.kind === "pop-output") return extended;
    next = rule.action.link;
  }
}

function delivers(topology: Topology, at: NodeId, flow: Flow): boolean {
  const behind = prefixRange(topology.nodeById.get(at)?.prefix ?? "");
  const wanted = prefixRange(flow.ingress.match.dstPrefix);
  return behind !== undefined && wanted !== undefined && behind.first <= wanted.first && wanted.last <= behind.last;
}
