/** From the rules a network has and the rules it should have to an update in stages (`update-plan.ts` draws them). */
import { compareText, type Bucket, type NodeId, type NodeRules, type RuleKey, type RuleSet, type Topology } from "@sluice/model";
import { diffRules, sameWay } from "./diff.js";
import { flowReader, sameFlow, tunnelRates, type Flow, type FlowReader } from "./flow.js";
import { labelConflicts, type LabelConflict } from "./label-conflict.js";
import { bypassLabels, detachRepairs } from "./order-detach.js";
import { stageDraft } from "./order-draft.js";
import { graceOf } from "./order-grace.js";
import { draftFlips, draftThrottles } from "./order-flips.js";
import {
  draftAdditions,
  draftDetachment,
  draftPauses,
  draftRemovals,
  isIngressSide,
  labelOf,
  numbersOf,
  type NodeUpdate,
  type UpdateScene,
} from "./order-stages.js";
import { allSteps, stepCostMax, type Steps } from "./steps.js";
import type { FlowChange } from "./throttle.js";
import { isWhole, tunnelTracers, type TunnelTracer, type TunnelTracers } from "./tunnel-trace.js";
import type { Interrupt, Throttled, UpdatePlan } from "./update-plan.js";
import { atOnce, scheduleFlows, type Schedule } from "./update-schedule.js";

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
 * - a failover group comes after its bypass and before what uses it, and goes after what used it and before its bypass: where old and
 *   new rules repair a tunnel at a link, every state in between does. One that comes to lead over another bypass changes where it stands, after the
 *   new bypass and before the old one goes;
 * - a link that has no room for old and new at once gets them in steps, and only where there are none a part of the old has to shrink first
 *   (`scheduleFlows`); where links are down, loads are those of packets that are being repaired;
 * - a label that would change its meaning under traffic is freed first, and the interruption is listed; a bypass's label is freed by doing
 *   without the repair (`detachRepairs`), which interrupts nothing that is not failing.
 *
 * Applying all stages to `installed` gives `target`. Level-triggered: it needs no memory of earlier updates and takes any
 * installed rules, damaged ones too. O(rules + changed flows x buckets x hops), and what `scheduleFlows` needs for crowded links.
 */
export function orderUpdate(input: UpdateInput): UpdatePlan {
  return allSteps(orderUpdateSteps(input));
}

/** `orderUpdate` in steps; none of the rules may change in between. */
export function* orderUpdateSteps({ topology, installed, target, slack }: UpdateInput): Steps<UpdatePlan> {
  const labelsPushed = bypassLabels(installed);
  yield stepCostMax;
  const detachment = detachRepairs(topology, { installed, target, labelsPushed });
  yield stepCostMax;
  const base = detachment.rules;
  const nodes: NodeUpdate[] = [];
  for (const nodeId of [...new Set([...base.keys(), ...target.keys()])].sort(compareText)) {
    const before = base.get(nodeId) ?? noRules;
    const after = target.get(nodeId) ?? noRules;
    if (before === after) continue;
    const operations = diffRules(before, after);
    if (operations.length > 0) nodes.push({ nodeId, before, after, operations });
    yield after.size / 4;
  }
  const labels = nodesByLabel(nodes);
  yield stepCostMax;
  const flowsOf = flowReader();
  const conflicts = labelConflicts(topology, { installed: base, target }, labels.put, flowsOf);
  yield stepCostMax;
  const changes = yield* flowChanges(nodes, conflicts, target, flowsOf);
  const tracers = tracersOf({ topology, installed, target });
  const schedule =
    changes.length === 0 ? atOnce : yield* flowSchedule({ topology, slack, installed, base, target, changes, tracers, flowsOf });
  const scene: UpdateScene = {
    topology,
    nodes,
    installed,
    base,
    target,
    labelsPut: labels.put,
    labelsRepaired: labels.repaired,
    labelsDeleted: labels.deleted,
    bypassLabelsBefore: labelsPushed,
    bypassLabelsAfter: bypassLabels(target),
    detachment,
    conflicts,
    changes,
    schedule,
    isRerouted: (bucket) => isRerouted(tracers, bucket),
  };

  const draft = stageDraft();
  draftDetachment(draft, scene);
  draftPauses(draft, scene);
  draftAdditions(draft, scene);
  draftThrottles(draft, scene);
  yield stepCostMax;
  yield* draftFlips(draft, scene);
  draftRemovals(draft, scene);
  yield stepCostMax;
  const grace = graceOf(scene);
  yield changes.length;
  return {
    slack,
    stages: draft.stages(grace),
    interrupts: interruptsOf(changes, schedule),
    throttled: throttledOf(changes, schedule),
    crowded: schedule.crowded.flatMap((link) => topology.links[link]?.id ?? []),
  };
}

/** The flows whose ingress rule, meter or group differ, and those that have to pause; sorted by node and key. */
function* flowChanges(
  nodes: readonly NodeUpdate[],
  conflicts: readonly LabelConflict[],
  target: RuleSet,
  flowsOf: FlowReader,
): Steps<readonly FlowChange[]> {
  const changes: FlowChange[] = [];
  const paused = new Map<NodeId, Map<RuleKey, LabelConflict>>();
  for (const conflict of conflicts) {
    const ofNode = paused.get(conflict.nodeId);
    if (ofNode === undefined) paused.set(conflict.nodeId, new Map([[conflict.key, conflict]]));
    else ofNode.set(conflict.key, conflict);
  }
  for (const { nodeId, before, after, operations } of nodes) {
    if (!operations.some(isIngressSide)) continue;
    const flowsBefore = flowsOf(before);
    const flowsAfter = flowsOf(after);
    for (const key of new Set([...flowsBefore.keys(), ...flowsAfter.keys()])) {
      const old = flowsBefore.get(key);
      const next = flowsAfter.get(key);
      const isPaused = paused.get(nodeId)?.delete(key) ?? false;
      if (!isPaused && old !== undefined && next !== undefined && sameFlow(old, next)) continue;
      changes.push({ nodeId, key, before: old, after: next, paused: isPaused });
    }
    yield 3 * flowsBefore.size;
  }
  for (const [nodeId, rest] of paused) {
    const flowsAfter = rest.size === 0 ? undefined : flowsOf(target.get(nodeId) ?? noRules);
    for (const [key, { flow }] of rest) changes.push({ nodeId, key, before: flow, after: flowsAfter?.get(key), paused: true });
  }
  return changes.sort((a, b) => compareText(a.nodeId, b.nodeId) || compareText(a.key, b.key));
}

interface Tracers extends TunnelTracers {
  readonly isWhole: boolean;
}

function tracersOf({ topology, installed, target }: Omit<UpdateInput, "slack">): Tracers {
  const before = (nodeId: NodeId, key: RuleKey) => installed.get(nodeId)?.get(key);
  const after = (nodeId: NodeId, key: RuleKey) => target.get(nodeId)?.get(key);
  return { isWhole: isWhole(topology), ...tunnelTracers(topology, { before, after }) };
}

/** Whether packets of a target's bucket that are being repaired may go another way until the update has changed all their failover groups. */
function isRerouted({ isWhole: isAllUp, meanwhile, target }: Tracers, bucket: Bucket): boolean {
  if (isAllUp) return false;
  const [now, then] = [meanwhile(bucket).links, target(bucket).links];
  return now !== then && now.join() !== then.join();
}

function* flowSchedule({
  topology,
  slack,
  installed,
  base,
  target,
  changes,
  tracers,
  flowsOf,
}: UpdateInput & {
  readonly base: RuleSet;
  readonly changes: readonly FlowChange[];
  readonly tracers: Tracers;
  readonly flowsOf: FlowReader;
}): Steps<Schedule> {
  const carriedBps = (rules: RuleSet, traces: readonly TunnelTracer[]) => loadsOf({ topology, rules, traces, flowsOf });
  const { isWhole: isAllUp } = tracers;
  const [installedBps = nothing, meanwhileBps] = yield* carriedBps(
    installed,
    isAllUp ? [tracers.installed] : [tracers.installed, tracers.meanwhile],
  );
  const [targetBps] = isAllUp ? [] : yield* carriedBps(target, [tracers.target]);
  const isSharedBefore = sharing(base, flowsOf);
  const isSharedAfter = sharing(target, flowsOf);
  return yield* scheduleFlows({
    topology,
    slack,
    installedBps,
    stayingBps: meanwhileBps ?? installedBps,
    targetBps,
    changes,
    traceInstalled: tracers.meanwhile,
    traceTarget: tracers.target,
    isSharedBefore: ({ nodeId, before }) => isSharedBefore(nodeId, before),
    isShared: ({ nodeId, before, after }) => isSharedBefore(nodeId, before) || isSharedAfter(nodeId, after),
  });
}

/** Whether a flow's meter or group is another one's, too, under these rules. */
function sharing(rules: RuleSet, flowsOf: FlowReader): (nodeId: NodeId, flow: Flow | undefined) => boolean {
  const uses = new Map<NodeId, ReadonlyMap<RuleKey, number>>();
  return (nodeId, flow) => {
    if (flow === undefined) return false;
    let ofNode = uses.get(nodeId);
    if (ofNode === undefined) uses.set(nodeId, (ofNode = usesOf(flowsOf(rules.get(nodeId) ?? noRules))));
    return numbersOf(flow).some((key) => (ofNode.get(key) ?? 0) > 1);
  };
}

const nothing = new Float64Array(0);

/** What the flows of a rule set put on each link, bps, by each of the tracers. */
function* loadsOf({
  topology,
  rules,
  traces,
  flowsOf,
}: {
  readonly topology: Topology;
  readonly rules: RuleSet;
  readonly traces: readonly TunnelTracer[];
  readonly flowsOf: FlowReader;
}): Steps<readonly Float64Array[]> {
  const loads = traces.map((trace) => ({ trace, loadBps: new Float64Array(topology.links.length) }));
  for (const ofNode of rules.values()) {
    const flows = flowsOf(ofNode);
    for (const flow of flows.values()) {
      for (const { bucket, rateBps } of tunnelRates(flow)) {
        for (const { trace, loadBps } of loads) {
          for (const link of trace(bucket).links) loadBps[link] = (loadBps[link] ?? 0) + rateBps;
        }
      }
    }
    yield flows.size;
  }
  return loads.map(({ loadBps }) => loadBps);
}

/** How many flows of a switch use each meter and group. */
function usesOf(flows: ReadonlyMap<RuleKey, Flow>): ReadonlyMap<RuleKey, number> {
  const uses = new Map<RuleKey, number>();
  for (const flow of flows.values()) for (const key of numbersOf(flow)) uses.set(key, (uses.get(key) ?? 0) + 1);
  return uses;
}

function interruptsOf(changes: readonly FlowChange[], { between }: Schedule): readonly Interrupt[] {
  const interrupts: Interrupt[] = [];
  for (const change of changes) {
    if (change.before === undefined || change.after === undefined) continue;
    const reason = change.paused ? "label-reused" : between.get(change)?.kind === "none" ? "no-room" : undefined;
    if (reason !== undefined) interrupts.push({ nodeId: change.nodeId, key: change.key, reason });
  }
  return interrupts;
}

/** Flows that are admitted less for a time than both before and after. */
function throttledOf(changes: readonly FlowChange[], { between }: Schedule): readonly Throttled[] {
  const throttled: Throttled[] = [];
  for (const change of changes) {
    const way = between.get(change);
    if (way === undefined || change.before === undefined || change.after === undefined) continue;
    const lesserBps = Math.min(change.before.meter?.rateBps ?? 0, change.after.meter?.rateBps ?? 0);
    const keptBps = way.kind === "none" ? 0 : way.meet.meter.rateBps;
    if (keptBps < lesserBps) throttled.push({ nodeId: change.nodeId, key: change.key, lessBps: lesserBps - keptBps });
  }
  return throttled;
}

interface NodesByLabel {
  /** Nodes with a rule where there was none, or one that sends packets another way. */
  readonly put: ReadonlyMap<number, readonly NodeId[]>;
  /** Nodes where only the failover group changes. */
  readonly repaired: ReadonlyMap<number, readonly NodeId[]>;
  readonly deleted: ReadonlyMap<number, readonly NodeId[]>;
}

function nodesByLabel(nodes: readonly NodeUpdate[]): NodesByLabel {
  const put = new Map<number, NodeId[]>();
  const repaired = new Map<number, NodeId[]>();
  const deleted = new Map<number, NodeId[]>();
  const add = (byLabel: Map<number, NodeId[]>, label: number, nodeId: NodeId) => {
    const there = byLabel.get(label);
    if (there === undefined) byLabel.set(label, [nodeId]);
    else there.push(nodeId);
  };
  for (const { nodeId, before, operations } of nodes) {
    for (const operation of operations) {
      const label = labelOf(operation);
      if (label === undefined) continue;
      if (operation.op === "delete") {
        add(deleted, label, nodeId);
        continue;
      }
      const old = before.get(`label/${label}`);
      add(old === undefined || !sameWay(old, operation.rule) ? put : repaired, label, nodeId);
    }
  }
  return { put, repaired, deleted };
}
