/** From the rules a network has and the rules it should have to an update in stages (`update-plan.ts` draws them). */
import {
  compareText,
  type Bucket,
  type LinkId,
  type NodeId,
  type NodeRules,
  type RuleKey,
  type RuleOperation,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { diffRules, sameWay } from "./diff.js";
import { flowsOf, sameFlow, tunnelRates } from "./flow.js";
import { labelConflicts, type LabelConflict } from "./label-conflict.js";
import { bypassLabels, detachRepairs } from "./order-detach.js";
import { stageDraft } from "./order-draft.js";
import { graceOf } from "./order-grace.js";
import {
  draftAdditions,
  draftDetachment,
  draftFlips,
  draftPauses,
  draftRemovals,
  draftThrottles,
  isIngressSide,
  labelOf,
  numbersOf,
  type NodeUpdate,
  type UpdateScene,
} from "./order-stages.js";
import { chooseThrottles, type Between, type FlowChange, type Throttles } from "./throttle.js";
import { isWhole, tunnelTracer, type TunnelTracer } from "./tunnel-trace.js";
import type { Interrupt, UpdatePlan } from "./update-plan.js";

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
 *   new rules repair a tunnel at a link, every state in between does;
 * - a link that has no room for old and new at once gets the new only after the old has shrunk (`chooseThrottles`); where links are
 *   down, loads are those of packets that are being repaired;
 * - a label that would change its meaning under traffic is freed first, and the interruption is listed; a bypass's label is freed by doing
 *   without the repair (`detachRepairs`), which interrupts nothing that is not failing.
 *
 * Applying all stages to `installed` gives `target`. Level-triggered: it needs no memory of earlier updates and takes any
 * installed rules, damaged ones too. O(rules + changed flows x buckets x hops), and what `chooseThrottles` needs for crowded links.
 */
export function orderUpdate({ topology, installed, target, slack }: UpdateInput): UpdatePlan {
  const labelsPushed = bypassLabels(installed);
  const detachment = detachRepairs(topology, { installed, target, labelsPushed });
  const base = detachment.rules;
  const nodeIds = [...new Set([...base.keys(), ...target.keys()])].sort(compareText);
  const nodes = nodeIds
    .map((nodeId) => nodeUpdate(nodeId, base.get(nodeId) ?? noRules, target.get(nodeId) ?? noRules))
    .filter(({ operations }) => operations.length > 0);
  const labelsPut = nodesByLabel(nodes, ({ op, leadsAnew }) => op === "put" && leadsAnew);
  const conflicts = labelConflicts(topology, { installed: base, target }, labelsPut);
  const changes = flowChanges(nodes, conflicts, target);
  const tracers = tracersOf({ topology, installed, target });
  const throttles = changes.length === 0 ? noThrottles : throttlesOf({ topology, slack, installed, target, changes, tracers });
  const scene: UpdateScene = {
    topology,
    nodes,
    installed,
    base,
    target,
    labelsPut,
    labelsRepaired: nodesByLabel(nodes, ({ op, leadsAnew }) => op === "put" && !leadsAnew),
    labelsDeleted: nodesByLabel(nodes, ({ op }) => op === "delete"),
    bypassLabelsBefore: labelsPushed,
    bypassLabelsAfter: bypassLabels(target),
    detachment,
    conflicts,
    changes,
    throttles,
    isRerouted: (bucket) => isRerouted(tracers, bucket),
  };

  const draft = stageDraft();
  draftDetachment(draft, scene);
  draftPauses(draft, scene);
  draftAdditions(draft, scene);
  draftThrottles(draft, scene);
  draftFlips(draft, scene);
  draftRemovals(draft, scene);
  return { slack, stages: draft.stages(graceOf(scene)), interrupts: interruptsOf(changes, throttles) };
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
  }
  for (const [nodeId, rest] of paused) {
    const flowsAfter = rest.size === 0 ? undefined : flowsOf(target.get(nodeId) ?? noRules);
    for (const [key, { flow }] of rest) changes.push({ nodeId, key, before: flow, after: flowsAfter?.get(key), paused: true });
  }
  return changes.sort((a, b) => compareText(a.nodeId, b.nodeId) || compareText(a.key, b.key));
}

interface Tracers {
  readonly isWhole: boolean;
  readonly installed: TunnelTracer;
  /**
   * The same while the update lasts. Where every link is up nothing changes under a flow that stays; where links are down, label rules may
   * change their failover groups under it, and each node may have changed or not.
   */
  readonly meanwhile: TunnelTracer;
  readonly target: TunnelTracer;
}

function tracersOf({ topology, installed, target }: Omit<UpdateInput, "slack">): Tracers {
  const linkIndex = new Map<LinkId, number>(topology.links.map((link, i) => [link.id, i]));
  const before = (nodeId: NodeId, key: RuleKey) => installed.get(nodeId)?.get(key);
  const after = (nodeId: NodeId, key: RuleKey) => target.get(nodeId)?.get(key);
  // A hole in an installed tunnel may be mended before its ingress changes over: its traffic then goes all the way.
  const mended = (nodeId: NodeId, key: RuleKey) => before(nodeId, key) ?? after(nodeId, key);
  const changed = (nodeId: NodeId, key: RuleKey) => after(nodeId, key) ?? before(nodeId, key);
  const traces = {
    isWhole: isWhole(topology),
    installed: tunnelTracer(topology, linkIndex, [mended]),
    target: tunnelTracer(topology, linkIndex, [after]),
  };
  return { ...traces, meanwhile: traces.isWhole ? traces.installed : tunnelTracer(topology, linkIndex, [mended, changed]) };
}

/** Whether packets of a target's bucket that are being repaired may go another way until the update has changed all their failover groups. */
function isRerouted({ isWhole: isAllUp, meanwhile, target }: Tracers, bucket: Bucket): boolean {
  return !isAllUp && meanwhile(bucket).links.join() !== target(bucket).links.join();
}

const noThrottles: Throttles = { between: new Map<FlowChange, Between>(), waitsFor: new Map() };

function throttlesOf({
  topology,
  slack,
  installed,
  target,
  changes,
  tracers,
}: UpdateInput & { readonly changes: readonly FlowChange[]; readonly tracers: Tracers }): Throttles {
  const installedBps = carriedBps(topology, installed, tracers.installed);
  const uses = new Map([...installed].map(([nodeId, rules]) => [nodeId, usesOf(rules)]));
  const isShared = ({ nodeId, before }: FlowChange) =>
    before !== undefined && numbersOf(before).some((key) => (uses.get(nodeId)?.get(key) ?? 0) > 1);
  return chooseThrottles({
    topology,
    slack,
    installedBps,
    stayingBps: tracers.isWhole ? installedBps : carriedBps(topology, installed, tracers.meanwhile),
    targetBps: tracers.isWhole ? undefined : carriedBps(topology, target, tracers.target),
    changes,
    traceInstalled: tracers.meanwhile,
    traceTarget: tracers.target,
    isShared,
  });
}

/** What the flows of a rule set put on each link, bps. */
function carriedBps(topology: Topology, rules: RuleSet, trace: TunnelTracer): Float64Array {
  const loadBps = new Float64Array(topology.links.length);
  for (const ofNode of rules.values()) {
    for (const flow of flowsOf(ofNode).values()) {
      for (const { bucket, rateBps } of tunnelRates(flow)) {
        for (const link of trace(bucket).links) loadBps[link] = (loadBps[link] ?? 0) + rateBps;
      }
    }
  }
  return loadBps;
}

/** How many flows of a switch use each meter and group. */
function usesOf(rules: NodeRules): ReadonlyMap<RuleKey, number> {
  const uses = new Map<RuleKey, number>();
  for (const flow of flowsOf(rules).values()) for (const key of numbersOf(flow)) uses.set(key, (uses.get(key) ?? 0) + 1);
  return uses;
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

interface LabelOperation {
  readonly op: RuleOperation["op"];
  /** A rule where there was none, or one that sends packets another way. */
  readonly leadsAnew: boolean;
}

function nodesByLabel(
  nodes: readonly NodeUpdate[],
  counts: (operation: LabelOperation) => boolean,
): ReadonlyMap<number, readonly NodeId[]> {
  const byLabel = new Map<number, NodeId[]>();
  for (const { nodeId, before, operations } of nodes) {
    for (const operation of operations) {
      const label = labelOf(operation);
      if (label === undefined) continue;
      const old = before.get(`label/${label}`);
      const leadsAnew = operation.op === "put" && (old === undefined || !sameWay(old, operation.rule));
      if (!counts({ op: operation.op, leadsAnew })) continue;
      const there = byLabel.get(label);
      if (there === undefined) byLabel.set(label, [nodeId]);
      else there.push(nodeId);
    }
  }
  return byLabel;
}
