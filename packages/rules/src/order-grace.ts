/** How long packets may be under way where an update takes or redefines label rules. */
import type { Bucket, NodeId, RuleKey } from "@sluice/model";
import type { Flow } from "./flow.js";
import { eitherLookup, leadsBy } from "./failover-change.js";
import { bypassLatencyMs, latencyBound } from "./latency-bound.js";
import type { StageKind } from "./order-draft.js";
import { isDetached, type UpdateScene } from "./order-stages.js";

/**
 * For each stage that deletes or redefines label rules, the longest way of a packet that its ingress, or its failover group, sent into them
 * before it changed over, ms; links may fail meanwhile (`latencyBound`). O(changed flows x buckets x hops).
 */
export function graceOf(scene: UpdateScene): Readonly<Partial<Record<StageKind, number>>> {
  const { topology, installed, target, changes, conflicts, labelsDeleted, labelsPut, bypassLabelsBefore, bypassLabelsAfter, detachment } =
    scene;
  // A failover group that changes in its place may send packets on either detour.
  const lookup = eitherLookup(
    (nodeId: NodeId, key: RuleKey) => installed.get(nodeId)?.get(key),
    (nodeId: NodeId, key: RuleKey) => target.get(nodeId)?.get(key),
  );
  const boundOf = latencyBound(topology, lookup);
  const known = new Map<string, number>();
  const bound = (bucket: Bucket) => {
    const name = `${bucket.pushLabel} ${bucket.failoverId ?? ""} ${bucket.output}`;
    let latencyMs = known.get(name);
    if (latencyMs === undefined) known.set(name, (latencyMs = boundOf(bucket)));
    return latencyMs;
  };
  const grace = new Map<StageKind, number>();
  const raise = (kind: StageKind, latencyMs: number) => grace.set(kind, Math.max(grace.get(kind) ?? 0, latencyMs));
  const removal = (label: number): StageKind => (bypassLabelsBefore.has(label) ? "remove-bypass" : "remove-transit");
  const redefinition = (label: number): StageKind => (bypassLabelsAfter.has(label) ? "add-bypass" : "add-transit");
  const bucketsOf = (flow: Flow | undefined) => flow?.group?.buckets ?? [];

  for (const { before } of changes) {
    for (const bucket of bucketsOf(before)) if (labelsDeleted.has(bucket.pushLabel)) raise(removal(bucket.pushLabel), bound(bucket));
  }
  for (const { flow, labels } of conflicts) {
    for (const bucket of bucketsOf(flow)) if (labels.includes(bucket.pushLabel)) raise(redefinition(bucket.pushLabel), bound(bucket));
  }
  for (const [nodeId, rules] of installed) {
    for (const [key, rule] of rules) {
      if (rule.kind !== "failover") continue;
      const after = isDetached(detachment, nodeId, rule) ? undefined : target.get(nodeId)?.get(key);
      for (const bucket of rule.buckets) {
        const { pushLabel } = bucket;
        if (pushLabel === undefined || leadsBy(after, bucket)) continue;
        if (labelsDeleted.has(pushLabel)) raise(removal(pushLabel), bypassLatencyMs(topology, rule, lookup));
        if (labelsPut.has(pushLabel)) raise(redefinition(pushLabel), bypassLatencyMs(topology, rule, lookup));
      }
    }
  }
  return Object.fromEntries([...grace].map(([kind, latencyMs]) => [kind, Math.ceil(latencyMs)]));
}
