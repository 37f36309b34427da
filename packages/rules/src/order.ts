/** From the rules a network has and the rules it should have to an update in stages (`update-plan.ts` draws them). */
import {
  compareText,
  type LinkId,
  type NodeId,
  type NodeRules,
  type RuleKey,
  type RuleOperation,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { applyOperations, diffRules, operationKey } from "./diff.js";
import { flowsOf, sameFlow, tunnelRates, type Flow } from "./flow.js";
import { labelConflicts, type LabelConflict } from "./label-conflict.js";
import { chooseThrottles, type Between, type FlowChange, type Throttles } from "./throttle.js";
import { tunnelTracer } from "./tunnel-trace.js";
import type { Interrupt, Stage, StageMessage, StagePurpose, UpdatePlan } from "./update-plan.js";

export interface UpdateInput {
  readonly topology: Topology;
  readonly installed: RuleSet;
  readonly target: RuleSet;
  /** Share of capacity that links may carry on top while old and new overlap, >= 0. */
  readonly slack: number;
}

const noRules: NodeRules = new Map();

/**
 * Orders the difference between two rule sets into stages that are each safe by themselves, whatever the order in which the
 * switches of one stage obey, and even where a message overtakes an earlier stage that it does not wait for:
 *
 * - an ingress flips only after the label rules of all its new tunnels are in place;
 * - label rules go only after every ingress that pushed them has changed over;
 * - a link that has no room for old and new at once gets the new only after the old has shrunk (`chooseThrottles`);
 * - a label that would change its meaning under traffic is freed first, and the interruption is listed.
 *
 * Applying all stages to `installed` gives `target`. Level-triggered: it needs no memory of earlier updates and takes any
 * installed rules, damaged ones too. O(rules + changed flows x buckets x hops), and what `chooseThrottles` needs for crowded links.
 */
export function orderUpdate({ topology, installed, target, slack }: UpdateInput): UpdatePlan {
  const nodeIds = [...new Set([...installed.keys(), ...target.keys()])].sort(compareText);
  const nodes = nodeIds
    .map((nodeId) => nodeUpdate(nodeId, installed.get(nodeId) ?? noRules, target.get(nodeId) ?? noRules))
    .filter(({ operations }) => operations.length > 0);
  const labelsPut = nodesByLabel(nodes, "put");
  const labelsDeleted = nodesByLabel(nodes, "delete");
  const conflicts = labelConflicts(topology, { installed, target }, labelsPut);
  const changes = flowChanges(nodes, conflicts, target);
  const tracers = tracersOf({ topology, installed, target });
  const throttles = changes.length === 0 ? noThrottles : throttlesOf({ topology, slack, installed, changes, tracers });

  const draft = stageDraft();
  draftPauses(draft, conflicts);
  draftTransit(draft, nodes, conflicts);
  draftThrottles(draft, changes, throttles);
  draftFlips(draft, { nodes, installed, target, changes, throttles, labelsPut });
  draftRemovals(draft, { changes, labelsDeleted });
  const graceMs = graceOf(changes, conflicts, { labelsDeleted, trace: tracers.installed });
  return { slack, stages: draft.stages(graceMs), interrupts: interruptsOf(changes, throttles) };
}

interface NodeUpdate {
  readonly nodeId: NodeId;
  readonly before: NodeRules;
  readonly after: NodeRules;
  readonly operations: readonly RuleOperation[];
}

function nodeUpdate(nodeId: NodeId, before: NodeRules, after: NodeRules): NodeUpdate {
  return { nodeId, before, after, operations: diffRules(before, after) };
}

/** The flows whose ingress rule, meter or group differ, and those that have to pause; sorted by node and key. */
function flowChanges(nodes: readonly NodeUpdate[], conflicts: readonly LabelConflict[], target: RuleSet): readonly FlowChange[] {
  const changes: FlowChange[] = [];
  const paused = new Map<NodeId, Map<RuleKey, LabelConflict>>();
  for (const conflict of conflicts) {
    const ofNode = paused.get(conflict.nodeId);
    if (ofNode === undefined) paused.set(conflict.nodeId, new Map([[conflict.key, conflict]]));
    else ofNode.set(conflict.key, conflict);
  }
  for (const { nodeId, before, after, operations } of nodes) {
    if (operations.every((operation) => isLabel(operation))) continue;
    const flowsBefore = flowsOf(before);
    const flowsAfter = flowsOf(after);
    for (const key of new Set([...flowsBefore.keys(), ...flowsAfter.keys()])) {
      const old = flowsBefore.get(key);
      const next = flowsAfter.get(key);
      const isPaused = paused.get(nodeId)?.delete(key) ?? false;
      if (!isPaused && old !== undefined && next !== undefined && sameFlow(old, next)) continue;
      changes.push({ nodeId, key, before: old, after: next, paused: isPaused });
    }
  }
  for (const [nodeId, rest] of paused) {
    const flowsAfter = rest.size === 0 ? undefined : flowsOf(target.get(nodeId) ?? noRules);
    for (const [key, { flow }] of rest) changes.push({ nodeId, key, before: flow, after: flowsAfter?.get(key), paused: true });
  }
  return changes.sort((a, b) => compareText(a.nodeId, b.nodeId) || compareText(a.key, b.key));
}

function tracersOf({ topology, installed, target }: Omit<UpdateInput, "slack">) {
  const linkIndex = new Map<LinkId, number>(topology.links.map((link, i) => [link.id, i]));
  const before = (nodeId: NodeId, key: RuleKey) => installed.get(nodeId)?.get(key);
  const after = (nodeId: NodeId, key: RuleKey) => target.get(nodeId)?.get(key);
  return {
    // A hole in an installed tunnel may be mended before its ingress changes over: its traffic then goes all the way.
    installed: tunnelTracer(topology, linkIndex, (nodeId, key) => before(nodeId, key) ?? after(nodeId, key)),
    target: tunnelTracer(topology, linkIndex, after),
  };
}

type Tracers = ReturnType<typeof tracersOf>;

const noThrottles: Throttles = { between: new Map<FlowChange, Between>(), waitsFor: new Map() };

function throttlesOf({
  topology,
  slack,
  installed,
  changes,
  tracers,
}: Omit<UpdateInput, "target"> & { readonly changes: readonly FlowChange[]; readonly tracers: Tracers }): Throttles {
  const installedBps = new Float64Array(topology.links.length);
  const uses = new Map<NodeId, Map<RuleKey, number>>();
  for (const [nodeId, rules] of installed) {
    const ofNode = new Map<RuleKey, number>();
    uses.set(nodeId, ofNode);
    for (const flow of flowsOf(rules).values()) {
      for (const key of numbersOf(flow)) ofNode.set(key, (ofNode.get(key) ?? 0) + 1);
      for (const { bucket, rateBps } of tunnelRates(flow)) {
        for (const link of tracers.installed(bucket.output, bucket.pushLabel).links)
          installedBps[link] = (installedBps[link] ?? 0) + rateBps;
      }
    }
  }
  const isShared = ({ nodeId, before }: FlowChange) =>
    before !== undefined && numbersOf(before).some((key) => (uses.get(nodeId)?.get(key) ?? 0) > 1);
  return chooseThrottles({
    topology,
    slack,
    installedBps,
    changes,
    traceInstalled: tracers.installed,
    traceTarget: tracers.target,
    isShared,
  });
}

/** The order in which the stages come, by what they are for; a pause is a removal that comes first. */
const stageOrder = ["pause", "add-transit", "throttle", "flip", "remove-ingress", "remove-transit"] as const;
type StageKind = (typeof stageOrder)[number];
type Draft = ReturnType<typeof stageDraft>;

function stageDraft() {
  const messages = new Map<StageKind, Map<NodeId, { operations: RuleOperation[]; readonly waitsFor: Set<NodeId> }>>();
  const message = (kind: StageKind, nodeId: NodeId) => {
    let ofStage = messages.get(kind);
    if (ofStage === undefined) messages.set(kind, (ofStage = new Map()));
    let ofNode = ofStage.get(nodeId);
    if (ofNode === undefined) ofStage.set(nodeId, (ofNode = { operations: [], waitsFor: new Set() }));
    return ofNode;
  };
  return {
    message,
    has: (kind: StageKind, nodeId: NodeId) => messages.get(kind)?.has(nodeId) ?? false,
    operationsOf: (kind: StageKind, nodeId: NodeId): readonly RuleOperation[] => messages.get(kind)?.get(nodeId)?.operations ?? [],
    nodesOf: (kind: StageKind): readonly NodeId[] => [...(messages.get(kind)?.keys() ?? [])],
    stages(graceMs: Readonly<Partial<Record<StageKind, number>>>): readonly Stage[] {
      const kinds = stageOrder.filter((kind) => (messages.get(kind)?.size ?? 0) > 0);
      return kinds.map((kind, index): Stage => {
        const ofStage = [...(messages.get(kind) ?? [])].sort(([a], [b]) => compareText(a, b));
        const purpose: StagePurpose = kind === "pause" ? "remove-ingress" : kind;
        return {
          index,
          purpose,
          graceMs: graceMs[kind] ?? 0,
          messages: ofStage.map(([nodeId, { operations, waitsFor }]): StageMessage => {
            const others = [...waitsFor].filter(
              (other) => other !== nodeId && kinds.slice(0, index).some((k) => messages.get(k)?.has(other)),
            );
            return { nodeId, operations, waitsFor: others.sort(compareText) };
          }),
        };
      });
    },
  };
}

/** Flows whose label changes its meaning stop being admitted; meter and group stay, nothing uses them. */
function draftPauses(draft: Draft, conflicts: readonly LabelConflict[]): void {
  for (const { nodeId, key } of conflicts) draft.message("pause", nodeId).operations.push({ op: "delete", key });
}

function draftTransit(draft: Draft, nodes: readonly NodeUpdate[], conflicts: readonly LabelConflict[]): void {
  const users = new Map<number, Set<NodeId>>();
  for (const { nodeId, labels } of conflicts) for (const label of labels) addTo(users, label, nodeId);
  for (const { nodeId, operations } of nodes) {
    for (const operation of operations) {
      if (operation.op !== "put" || operation.rule.kind !== "label") continue;
      const message = draft.message("add-transit", nodeId);
      message.operations.push(operation);
      for (const user of users.get(operation.rule.match.label) ?? []) message.waitsFor.add(user);
    }
  }
}

function draftThrottles(draft: Draft, changes: readonly FlowChange[], { between }: Throttles): void {
  for (const change of changes) {
    const way = between.get(change);
    if (way === undefined) continue;
    const { operations } = draft.message("throttle", change.nodeId);
    if (way.kind === "none") operations.push({ op: "delete", key: change.key });
    else operations.push({ op: "put", rule: way.meet.meter }, { op: "put", rule: way.meet.group });
  }
}

/** Everything at the ingresses that is put, from what the earlier stages left there. */
function draftFlips(
  draft: Draft,
  {
    nodes,
    installed,
    target,
    changes,
    throttles,
    labelsPut,
  }: {
    readonly nodes: readonly NodeUpdate[];
    readonly installed: RuleSet;
    readonly target: RuleSet;
    readonly changes: readonly FlowChange[];
    readonly throttles: Throttles;
    readonly labelsPut: ReadonlyMap<number, readonly NodeId[]>;
  },
): void {
  const known = new Map(nodes.map((node) => [node.nodeId, node.operations]));
  const touched = new Set([...known.keys(), ...draft.nodesOf("pause"), ...draft.nodesOf("throttle")]);
  for (const nodeId of [...touched].sort(compareText)) {
    const earlier = [...draft.operationsOf("pause", nodeId), ...draft.operationsOf("throttle", nodeId)];
    const before = applyIfAny(installed.get(nodeId) ?? noRules, earlier);
    const rest = earlier.length === 0 ? (known.get(nodeId) ?? []) : diffRules(before, target.get(nodeId) ?? noRules);
    const puts = rest.filter((operation) => operation.op === "put" && !isLabel(operation));
    const numbers = new Set(puts.map(operationKey));
    for (const operation of rest) {
      if (operation.op === "put" || isLabel(operation)) continue;
      const old = before.get(operation.key);
      // A flow that goes must not see its number in the hands of another: it goes in the very message that reassigns it.
      const isReassigned = old?.kind === "ingress" && (numbers.has(`meter/${old.meterId}`) || numbers.has(`group/${old.groupId}`));
      if (isReassigned) draft.message("flip", nodeId).operations.unshift(operation);
      else draft.message("remove-ingress", nodeId).operations.push(operation);
    }
    if (puts.length > 0) draft.message("flip", nodeId).operations.push(...puts);
  }
  for (const change of changes) {
    if (!draft.has("flip", change.nodeId)) continue;
    const { waitsFor } = draft.message("flip", change.nodeId);
    for (const { pushLabel } of change.after?.group?.buckets ?? []) {
      for (const node of labelsPut.get(pushLabel) ?? []) waitsFor.add(node);
    }
    for (const node of throttles.waitsFor.get(change) ?? []) waitsFor.add(node);
  }
}

function draftRemovals(
  draft: Draft,
  { changes, labelsDeleted }: { readonly changes: readonly FlowChange[]; readonly labelsDeleted: ReadonlyMap<number, readonly NodeId[]> },
): void {
  for (const [label, nodeIds] of [...labelsDeleted].sort(([a], [b]) => a - b)) {
    for (const nodeId of nodeIds) draft.message("remove-transit", nodeId).operations.push({ op: "delete", key: `label/${label}` });
  }
  for (const { nodeId, before } of changes) {
    for (const { pushLabel } of before?.group?.buckets ?? []) {
      for (const node of labelsDeleted.get(pushLabel) ?? []) draft.message("remove-transit", node).waitsFor.add(nodeId);
    }
  }
}

/** The longest way of a packet that may still be under way in a tunnel when its rules are taken or redefined. */
function graceOf(
  changes: readonly FlowChange[],
  conflicts: readonly LabelConflict[],
  { labelsDeleted, trace }: { readonly labelsDeleted: ReadonlyMap<number, unknown>; readonly trace: Tracers["installed"] },
) {
  const latencyMs = (flow: Flow | undefined, isConcerned: (label: number) => boolean) =>
    (flow?.group?.buckets ?? [])
      .filter(({ pushLabel }) => isConcerned(pushLabel))
      .reduce((most, { output, pushLabel }) => Math.max(most, trace(output, pushLabel).latencyMs), 0);
  let removal = 0;
  for (const { before } of changes)
    removal = Math.max(
      removal,
      latencyMs(before, (label) => labelsDeleted.has(label)),
    );
  let redefinition = 0;
  for (const { flow, labels } of conflicts)
    redefinition = Math.max(
      redefinition,
      latencyMs(flow, (label) => labels.includes(label)),
    );
  return { "remove-transit": Math.ceil(removal), "add-transit": Math.ceil(redefinition) };
}

function interruptsOf(changes: readonly FlowChange[], { between }: Throttles): readonly Interrupt[] {
  const interrupts: Interrupt[] = [];
  for (const change of changes) {
    if (change.before === undefined || change.after === undefined) continue;
    const reason = change.paused ? "label-reused" : between.get(change)?.kind === "none" ? "no-room" : undefined;
    if (reason !== undefined) interrupts.push({ nodeId: change.nodeId, key: change.key, reason });
  }
  return interrupts;
}

function nodesByLabel(nodes: readonly NodeUpdate[], op: RuleOperation["op"]): ReadonlyMap<number, readonly NodeId[]> {
  const byLabel = new Map<number, NodeId[]>();
  for (const { nodeId, operations } of nodes) {
    for (const operation of operations) {
      if (operation.op !== op || !isLabel(operation)) continue;
      const label = Number(operationKey(operation).slice("label/".length));
      const there = byLabel.get(label);
      if (there === undefined) byLabel.set(label, [nodeId]);
      else there.push(nodeId);
    }
  }
  return byLabel;
}

function isLabel(operation: RuleOperation): boolean {
  return operation.op === "put" ? operation.rule.kind === "label" : operation.key.startsWith("label/");
}

function numbersOf({ ingress }: Flow): readonly RuleKey[] {
  return [`meter/${ingress.meterId}`, `group/${ingress.groupId}`];
}

function applyIfAny(rules: NodeRules, operations: readonly RuleOperation[]): NodeRules {
  return operations.length === 0 ? rules : applyOperations(rules, operations);
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const there = sets.get(key);
  if (there === undefined) sets.set(key, new Set([value]));
  else there.add(value);
}
