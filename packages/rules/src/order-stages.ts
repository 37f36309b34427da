/** What each stage of an update does, and which messages of others each of its messages waits for. */
import {
  type Bucket,
  type FailoverRule,
  type NodeId,
  type NodeRules,
  type Rule,
  type RuleKey,
  type RuleOperation,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { leadsBy } from "./failover-change.js";
import type { Flow } from "./flow.js";
import type { LabelConflict } from "./label-conflict.js";
import type { Detachment } from "./order-detach.js";
import type { Draft } from "./order-draft.js";
import type { FlowChange } from "./throttle.js";
import type { Schedule } from "./update-schedule.js";

export interface NodeUpdate {
  readonly nodeId: NodeId;
  readonly before: NodeRules;
  readonly after: NodeRules;
  readonly operations: readonly RuleOperation[];
}

/** Nodes that put or delete rules for a label. */
type NodesByLabel = ReadonlyMap<number, readonly NodeId[]>;

export interface UpdateScene {
  readonly topology: Topology;
  /** From `base` to `target`, where they differ. */
  readonly nodes: readonly NodeUpdate[];
  readonly installed: RuleSet;
  /** The installed rules without what was detached. */
  readonly base: RuleSet;
  readonly target: RuleSet;
  /** Where a label gets a rule that is new or leads another way, and where only its failover group changes. */
  readonly labelsPut: NodesByLabel;
  readonly labelsRepaired: NodesByLabel;
  readonly labelsDeleted: NodesByLabel;
  /** Labels that failover groups of the installed rules, and of the target, push. */
  readonly bypassLabelsBefore: ReadonlySet<number>;
  readonly bypassLabelsAfter: ReadonlySet<number>;
  readonly detachment: Detachment;
  readonly conflicts: readonly LabelConflict[];
  readonly changes: readonly FlowChange[];
  /** When each of them changes over. */
  readonly schedule: Schedule;
  /** Whether packets of a bucket that are being repaired now go another way until their label rules have changed their failover groups. */
  readonly isRerouted: (bucket: Bucket) => boolean;
}

export function draftDetachment(draft: Draft, { detachment }: UpdateScene): void {
  for (const [nodeId, operations] of detachment.operations) draft.message("detach", nodeId).operations.push(...operations);
}

/** Flows whose label changes its meaning stop being admitted; meter and group stay, nothing uses them. */
export function draftPauses(draft: Draft, { conflicts }: UpdateScene): void {
  for (const { nodeId, key } of conflicts) draft.message("pause", nodeId).operations.push({ op: "delete", key });
}

/** Bypasses, then the failover groups that lead into them, then the label rules that use those and whatever else is put for labels. */
export function draftAdditions(draft: Draft, scene: UpdateScene): void {
  const { nodes, conflicts, detachment, labelsPut, bypassLabelsAfter } = scene;
  const users = new Map<number, Set<NodeId>>();
  for (const { nodeId, labels } of conflicts) for (const label of labels) addTo(users, label, nodeId);
  for (const [nodeId, failovers] of detachment.failovers) {
    for (const { buckets } of failovers) for (const { pushLabel } of buckets) if (pushLabel !== undefined) addTo(users, pushLabel, nodeId);
  }
  for (const { nodeId, operations } of nodes) {
    for (const operation of operations) {
      if (operation.op !== "put") continue;
      const { rule } = operation;
      if (rule.kind === "failover") {
        const message = draft.message("add-failover", nodeId);
        message.operations.push(operation);
        for (const { pushLabel } of rule.buckets) {
          for (const node of pushLabel === undefined ? [] : (labelsPut.get(pushLabel) ?? [])) message.waitsFor.add(node);
        }
      } else if (rule.kind === "label") {
        const { label } = rule.match;
        const message = draft.message(bypassLabelsAfter.has(label) ? "add-bypass" : "add-transit", nodeId);
        message.operations.push(operation);
        for (const user of users.get(label) ?? []) message.waitsFor.add(user);
      }
    }
  }
}

/** Label rules of tunnels, then failover groups, which label rules may have used until then, then the label rules of their bypasses. */
export function draftRemovals(draft: Draft, scene: UpdateScene): void {
  const { nodes, installed, target, changes, detachment, labelsDeleted, bypassLabelsBefore } = scene;
  const kindOf = (label: number) => (bypassLabelsBefore.has(label) ? "remove-bypass" : "remove-transit");
  for (const { nodeId, operations } of nodes) {
    for (const operation of operations) {
      if (operation.op === "delete" && operation.key.startsWith("failover/")) {
        draft.message("remove-failover", nodeId).operations.push(operation);
      }
    }
  }
  for (const [label, nodeIds] of [...labelsDeleted].sort(([a], [b]) => a - b)) {
    for (const nodeId of nodeIds) {
      draft.message(kindOf(label), nodeId).operations.push({ op: "delete", key: `label/${label}` });
    }
  }
  const waitFor = (label: number, user: NodeId) => {
    for (const node of labelsDeleted.get(label) ?? []) draft.message(kindOf(label), node).waitsFor.add(user);
  };
  for (const { nodeId, before } of changes) for (const { pushLabel } of before?.group?.buckets ?? []) waitFor(pushLabel, nodeId);
  for (const [nodeId, rules] of installed) {
    for (const [key, rule] of rules) {
      if (rule.kind !== "failover") continue;
      // One that stays may have led over another bypass.
      const after = isDetached(detachment, nodeId, rule) ? undefined : target.get(nodeId)?.get(key);
      for (const bucket of rule.buckets) {
        if (bucket.pushLabel !== undefined && !leadsBy(after, bucket)) waitFor(bucket.pushLabel, nodeId);
      }
    }
  }
}

/** Whether a failover group of the installed rules goes first of all. */
export function isDetached({ failovers }: Detachment, nodeId: NodeId, { failoverId }: FailoverRule): boolean {
  return failovers.get(nodeId)?.some((each) => each.failoverId === failoverId) ?? false;
}

const ingressKinds: ReadonlySet<Rule["kind"]> = new Set(["meter", "group", "ingress"]);

/** Whether an operation is about flow groups: their meters, groups and flow entries. */
export function isIngressSide(operation: RuleOperation): boolean {
  if (operation.op === "put") return ingressKinds.has(operation.rule.kind);
  return !operation.key.startsWith("label/") && !operation.key.startsWith("failover/");
}

/** The label that an operation on a label rule is for. */
export function labelOf(operation: RuleOperation): number | undefined {
  if (operation.op === "put") return operation.rule.kind === "label" ? operation.rule.match.label : undefined;
  return operation.key.startsWith("label/") ? Number(operation.key.slice("label/".length)) : undefined;
}

export function numbersOf({ ingress }: Flow): readonly RuleKey[] {
  return [`meter/${ingress.meterId}`, `group/${ingress.groupId}`];
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const there = sets.get(key);
  if (there === undefined) sets.set(key, new Set([value]));
  else there.add(value);
}
