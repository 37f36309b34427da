/** What an update does at ingresses: flows shrink where they must, then change over, all at once or in steps. */
import { compareText, type NodeId, type NodeRules, type RuleKey, type RuleOperation } from "@sluice/model";
import { applyOperations, diffRules, operationKey, sameRule } from "./diff.js";
import { changedOnWay, failoversChanged } from "./failover-change.js";
import type { Flow } from "./flow.js";
import type { FlowStop } from "./flow-stop.js";
import { flipKind, type Draft, type StageKind } from "./order-draft.js";
import { isIngressSide, numbersOf, type UpdateScene } from "./order-stages.js";
import { stepCostMax, type Steps } from "./steps.js";
import type { FlowChange } from "./throttle.js";

export function draftThrottles(draft: Draft, { changes, schedule: { between } }: UpdateScene): void {
  for (const change of changes) {
    const way = between.get(change);
    if (way === undefined) continue;
    const { operations } = draft.message("throttle", change.nodeId);
    if (way.kind === "none") operations.push({ op: "delete", key: change.key });
    else operations.push({ op: "put", rule: way.meet.meter }, { op: "put", rule: way.meet.group });
  }
}

/** Everything at the ingresses that is put, from what the earlier stages left there, in the steps of the schedule. */
export function* draftFlips(draft: Draft, scene: UpdateScene): Steps<void> {
  const { nodes, base, target, changes, schedule } = scene;
  yield* draftStops(draft, scene);
  const flips = Array.from({ length: schedule.steps }, (_, i) => flipKind(i + 1));
  const known = new Map(nodes.map((node) => [node.nodeId, node.operations]));
  const kinds: readonly StageKind[] = ["pause", "throttle", ...flips];
  const touched = new Set([...known.keys(), ...kinds.flatMap((kind) => draft.nodesOf(kind))]);
  const stepOf = yield* lastSteps(scene);
  for (const nodeId of [...touched].sort(compareText)) {
    const earlier = kinds.flatMap((kind) => draft.operationsOf(kind, nodeId));
    const before = applyIfAny(base.get(nodeId) ?? noRules, earlier);
    const rest = earlier.length === 0 ? (known.get(nodeId) ?? []) : diffRules(before, target.get(nodeId) ?? noRules);
    const puts = rest.filter((operation) => operation.op === "put" && isIngressSide(operation));
    const numbers = new Set(puts.map(operationKey));
    const kindOf = (key: RuleKey) => flipKind(stepOf.get(nodeId)?.get(key) ?? 1);
    for (const operation of rest) {
      if (operation.op === "put" || !isIngressSide(operation)) continue;
      const old = before.get(operation.key);
      // A flow that goes must not see its number in the hands of another: it goes in the very message that reassigns it.
      const isReassigned = old?.kind === "ingress" && (numbers.has(`meter/${old.meterId}`) || numbers.has(`group/${old.groupId}`));
      if (isReassigned) draft.message(kindOf(operation.key), nodeId).operations.unshift(operation);
      else draft.message("remove-ingress", nodeId).operations.push(operation);
    }
    for (const operation of puts) draft.message(kindOf(operationKey(operation)), nodeId).operations.push(operation);
    yield earlier.length === 0 ? rest.length : before.size;
  }
  let cost = 0;
  const waits = labelWaits(scene);
  for (const change of changes) {
    cost += 1;
    if (cost % stepCostMax === 0) yield stepCostMax;
    for (const { step } of schedule.legs.get(change) ?? [{ step: 1 }]) {
      const kind = flipKind(step);
      if (draft.has(kind, change.nodeId)) waits(change, draft.message(kind, change.nodeId).waitsFor);
    }
  }
  for (const [step, ofStep] of schedule.waitsFor) {
    const kind = flipKind(step);
    for (const nodeId of draft.nodesOf(kind)) {
      const { waitsFor } = draft.message(kind, nodeId);
      for (const node of ofStep.get(nodeId) ?? []) waitsFor.add(node);
    }
  }
}

/** Where flows stop on their way, and flows that go and make room for others: their load must be off the links when its step is done. */
function* draftStops(draft: Draft, { changes, schedule, base }: UpdateScene): Steps<void> {
  if (schedule.steps <= 1) return;
  let cost = 0;
  for (const change of changes) {
    cost += 1;
    if (cost % stepCostMax === 0) yield stepCostMax;
    const between = schedule.between.get(change);
    let last: Installed | undefined = between?.kind === "meet" ? between.meet : change.before;
    for (const { step, stop } of schedule.legs.get(change) ?? []) {
      const { nodeId, key, after, paused } = change;
      if (stop !== undefined) {
        const { operations } = draft.message(flipKind(step), nodeId);
        for (const operation of stopOperations(last, stop)) operations.push(operation);
        last = stop;
      } else if (after === undefined && !paused && base.get(nodeId)?.has(key) === true) {
        draft.message(flipKind(step), nodeId).operations.unshift({ op: "delete", key });
      }
    }
  }
}

/** What of a flow is installed. */
type Installed = Pick<Flow, "meter" | "group">;

function stopOperations(last: Installed | undefined, { meter, group }: FlowStop): readonly RuleOperation[] {
  const rules = [
    ...(last?.meter !== undefined && sameRule(last.meter, meter) ? [] : [meter]),
    ...(last?.group !== undefined && sameRule(last.group, group) ? [] : [group]),
  ];
  return rules.map((rule) => ({ op: "put", rule }));
}

/** In which step each node's flows become what they are after, by the keys of their rules; those that are not here do so in the first. */
function* lastSteps({ changes, schedule }: UpdateScene): Steps<ReadonlyMap<NodeId, ReadonlyMap<RuleKey, number>>> {
  const steps = new Map<NodeId, Map<RuleKey, number>>();
  if (schedule.steps <= 1) return steps;
  for (const change of changes) {
    const step = schedule.legs.get(change)?.at(-1)?.step ?? 1;
    if (step <= 1) continue;
    const ofNode = steps.get(change.nodeId) ?? new Map<RuleKey, number>();
    steps.set(change.nodeId, ofNode);
    ofNode.set(change.key, step);
    for (const flow of [change.before, change.after]) for (const key of flow === undefined ? [] : numbersOf(flow)) ofNode.set(key, step);
  }
  yield changes.length;
  return steps;
}

/** Adds the nodes that must have the rules of a flow's new tunnels before it uses them. */
function labelWaits({ topology, nodes, target, labelsPut, labelsRepaired, isRerouted }: UpdateScene) {
  const changed = new Map(nodes.map(({ nodeId, before, operations }) => [nodeId, failoversChanged(before, operations)] as const));
  const then = (nodeId: NodeId, key: RuleKey) => target.get(nodeId)?.get(key);
  return ({ after }: FlowChange, waitsFor: Set<NodeId>): void => {
    for (const bucket of after?.group?.buckets ?? []) {
      const anew = labelsPut.get(bucket.pushLabel);
      for (const node of anew ?? []) waitsFor.add(node);
      // Where a label is another tunnel's now, what stands at the other nodes may be repaired to where the old one went.
      const rerouted = isRerouted(bucket);
      if (anew === undefined && !rerouted) continue;
      for (const node of labelsRepaired.get(bucket.pushLabel) ?? []) waitsFor.add(node);
      for (const node of rerouted ? changedOnWay(topology, bucket, { target: then, changed }) : []) waitsFor.add(node);
    }
  };
}

const noRules: NodeRules = new Map();

function applyIfAny(rules: NodeRules, operations: readonly RuleOperation[]): NodeRules {
  return operations.length === 0 ? rules : applyOperations(rules, operations);
}
