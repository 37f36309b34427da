/**
 * Bringing the switches to the target, by levels and not by edges: whatever disturbs an update (a new plan, a switch that
 * holds something else than it should, a refused stage) only marks it stale. Once no stage is on its way, the update is
 * derived again from what the switches are known to hold and from what they should hold.
 */
import { fault, type Epoch, type Fault, type NodeId, type RuleSet, type ScenarioId } from "@sluice/model";
import { applyOperations, digestAfter, type ScenarioOperations, type StagePurpose } from "@sluice/rules";
import { emptyDigest, noRules, worstRules, type Holding } from "./belief.js";
import { isFrozen } from "./control-fault.js";
import { advanceDerivation } from "./derivation.js";
import { publish } from "./journal.js";
import { backoffMs } from "./replan.js";
import { forgetRetired, retiredRules, withoutLostWays } from "./retired.js";
import type { ControllerState, PushState, Switch, VerifiedPlan } from "./state.js";
import { withoutUnused } from "./unused-rules.js";
import { flipsOf, isDone, nextMessage, startUpdate, type PendingMessage } from "./update.js";

/** Of links that are too crowded for an update, so many are named in its event. */
const linksListedMax = 20;
/** Stages that take label rules away: whoever may still send packets to them is at another switch. */
const labelRemovals: ReadonlySet<StagePurpose> = new Set(["remove-transit", "remove-bypass"]);

/** From now on the switches should hold this. */
export function retarget(state: ControllerState, { target, purpose }: Pick<PushState, "target" | "purpose">): void {
  const { push } = state;
  push.target = target;
  push.purpose = purpose;
  push.awaitsPlan = false;
  push.retryAtMs = 0;
  push.failuresInRow = 0;
  push.stale = true;
}

/**
 * From now on the switches should hold this, and all of these nodes are told so at once. Each node's operations lead to the target from whatever
 * it may hold: what was on its way to it is not waited for by the others. O(operations), and O(E) for the grace.
 */
export function pushAtOnce(state: ControllerState, target: VerifiedPlan, operations: ScenarioOperations): void {
  const { push, inventory, nowMs } = state;
  retarget(state, { target, purpose: "activate" });
  trafficMayHaveMoved(state);
  push.stale = false;
  // What was being swept is looked at again with the next update.
  if (push.sweep === "under-way") push.sweep = "due";
  const messages = [...operations].map(([nodeId, ofNode]) => ({ nodeId, operations: ofNode, waitsFor: [] }));
  const stages = messages.length === 0 ? [] : [{ index: 0, purpose: "flip" as const, graceMs: 0, messages }];
  const plan = { slack: inventory.settings.updateSlack, stages, interrupts: [], throttled: [], crowded: [] };
  push.epochSent = Math.max(push.epochSent, target.record.epoch);
  push.update = startUpdate(plan, { epoch: push.epochSent, nowMs, provisional: new Set(), atOnce: true });
  push.lastProgressMs = nowMs;
  finishIfDone(state);
  for (const nodeId of operations.keys()) sendNext(state, nodeId);
}

/** Whether a switch is known to hold what the target says. */
export function isOnTarget({ push }: ControllerState, { belief, nodeId }: Switch): boolean {
  return belief.kind === "known" && push.target !== undefined && belief.digest === (push.target.digests.get(nodeId) ?? emptyDigest);
}

/** Derives a stale update again, or sends what has become possible to the nodes that were set free. A derivation that was begun goes on with ticks. */
export function advancePush(state: ControllerState, freed: Iterable<NodeId>, isTick: boolean): void {
  const { push } = state;
  if (state.adopting || isFrozen(state) || push.target === undefined || push.awaitsPlan) return;
  if (push.stale) {
    if (state.nowMs < push.retryAtMs || stageUnderWay(state) || (!isTick && isDeriving(state, push.target))) return;
    derive(state, push.target);
    return;
  }
  if (push.update === undefined) return;
  for (const nodeId of freed) sendNext(state, nodeId);
}

/** With ticks: while the next target is being written, nothing is on its way and nothing else asks for an update, its update is derived already. */
export function deriveAhead(state: ControllerState): void {
  const { cycle, push, inventory } = state;
  const { phase } = cycle;
  if (phase.kind !== "persisting" || phase.revision !== inventory.revision || state.adopting || isFrozen(state)) return;
  if (push.stale || push.sweep !== "none" || stageUnderWay(state)) return;
  const derived = advanceDerivation(state, phase.plan, () => targetRules(state, phase.plan), { isAhead: true });
  if (derived === undefined && push.derivation !== undefined) state.effects.push({ kind: "wake", atMs: state.nowMs });
}

/** Whether some of the work on this target's update is done, and some is left. */
function isDeriving({ push: { derivation } }: ControllerState, target: VerifiedPlan): boolean {
  return derivation !== undefined && derivation.derived === undefined && derivation.basis.target === target.rules;
}

/** Whether an agent with a stream has still to answer for a stage. One that lost its stream may take its time. */
function stageUnderWay(state: ControllerState): boolean {
  for (const one of state.switches.values()) if (one.inFlight !== undefined) return true;
  return false;
}

/** O(network) in slices: once for each plan, and for each disturbance that outlives the stages under way. */
function derive(state: ControllerState, target: VerifiedPlan): void {
  const { push } = state;
  const derived = advanceDerivation(state, target, (installed) => wantedRules(state, target, installed));
  if (derived === undefined) {
    if (push.derivation !== undefined) state.effects.push({ kind: "wake", atMs: state.nowMs });
    return;
  }
  push.derivation = undefined;
  push.stale = false;
  push.update = undefined;
  const { update: plan, walk, provisional } = derived;
  if (walk.verdict !== "pass") {
    const first = walk.violations[0] ?? fault("walk-failed", "The packet walk refused the update.");
    refuseUpdate(state, target, [first, ...walk.violations.slice(1)]);
    return;
  }
  push.epochSent = Math.max(push.epochSent, target.record.epoch);
  // Packets of moves that an earlier update made may still be under way in tunnels that only this one removes.
  const graceBeforeMs = state.nowMs < push.lastMoveMs + push.graceMs + state.config.drainGraceMs ? push.graceMs : 0;
  push.graceMs = Math.max(graceBeforeMs, ...plan.stages.map(({ graceMs }) => graceMs));
  const update = startUpdate(plan, { epoch: push.epochSent, nowMs: state.nowMs, provisional });
  push.update = update;
  push.lastProgressMs = state.nowMs;
  if (update.messageCount > 0) {
    publish(state, "update-started", {
      epoch: target.record.epoch,
      purpose: push.purpose,
      stages: plan.stages.length,
      messages: update.messageCount,
      interrupts: plan.interrupts.length,
      flips: flipsOf(plan),
      throttled: plan.throttled.length,
      throttledBps: plan.throttled.reduce((sum, { lessBps }) => sum + lessBps, 0),
      utilizationMax: walk.utilizationMax,
    });
    if (plan.throttled.length > 0) {
      publish(state, "update-throttles", {
        epoch: target.record.epoch,
        flowGroups: plan.throttled.length,
        throttledBps: plan.throttled.reduce((sum, { lessBps }) => sum + lessBps, 0),
        linkCount: plan.crowded.length,
        linkIds: plan.crowded.slice(0, linksListedMax).join(" "),
      });
    }
  }
  finishIfDone(state);
  for (const nodeId of update.ready) sendNext(state, nodeId);
}

/** The target; or, after a table was full, first what is installed without the label rules that no traffic uses. */
function wantedRules(state: ControllerState, target: VerifiedPlan, installed: RuleSet): RuleSet {
  const { push } = state;
  const rules = targetRules(state, target);
  push.sweep = push.sweep === "none" || !deletionsAllowed(state) ? "none" : "under-way";
  const swept = push.sweep === "none" ? installed : withoutUnused(installed, rules);
  if (swept !== installed) return swept;
  push.sweep = "none";
  return rules;
}

/** What the switches and those that were retired should hold. */
function targetRules(state: ControllerState, { rules }: VerifiedPlan): RuleSet {
  const present = [...rules].filter(([nodeId]) => state.switches.has(nodeId));
  return new Map([...retiredRules(state), ...withoutLostWays(state, rules, present)]);
}

function refuseUpdate(state: ControllerState, target: VerifiedPlan, faults: readonly [Fault, ...Fault[]]): void {
  const { push, nowMs } = state;
  push.stale = true;
  push.retryAtMs = nowMs + backoffMs(state, push.failuresInRow);
  push.failuresInRow += 1;
  publish(state, "update-refused", {
    epoch: target.record.epoch,
    purpose: push.purpose,
    code: faults[0].code,
    message: faults[0].message,
    violations: faults.length,
    retryAfterMs: push.retryAtMs - nowMs,
  });
}

/** Sends a node's next message if nothing holds it: at most one is on its way to a node. */
export function sendNext(state: ControllerState, nodeId: NodeId): void {
  const { push, nowMs } = state;
  const { update } = push;
  const one = state.switches.get(nodeId);
  if (isFrozen(state)) return;
  if (update === undefined || push.stale || one?.streamId === undefined || one.belief.kind !== "known" || one.inFlight !== undefined)
    return;
  if (update.provisional.has(nodeId)) return;
  const pending = nextMessage(update, nodeId);
  if (pending === undefined || pending.waiting > 0 || isHeld(state, pending)) return;
  const { operations } = pending.message;
  const { rules, digest } = one.belief;
  const before = { rules, digest };
  const prepared = preparedWay(state, one, before);
  const after = prepared?.after ?? { rules: applyOperations(rules, operations), digest: digestAfter(digest, rules, operations) };
  state.sequenceLast += 1;
  one.belief = { kind: "either", before, after };
  one.inFlight = { sequence: state.sequenceLast, sentAtMs: nowMs, isPrepared: prepared?.named !== undefined };
  one.pending = pending;
  update.ready.delete(nodeId);
  update.sentCount += 1;
  state.effects.push({
    kind: "send",
    streamId: one.streamId,
    message: {
      kind: "stage",
      term: state.term,
      epoch: update.epoch,
      stage: pending.stage.index,
      sequence: state.sequenceLast,
      ...(prepared?.named === undefined ? { operations } : { operations: [], prepared: prepared.named }),
    },
  });
}

/**
 * Where a scenario is being activated and the switch holds the plan's rules: what it will hold, which is known already, and, where its agent keeps the
 * operations, the name that stands for them. O(1).
 */
function preparedWay(
  { push }: ControllerState,
  { nodeId, prepared: { held } }: Switch,
  before: Holding,
): { readonly after: Holding; readonly named: { readonly epoch: Epoch; readonly scenarioId: ScenarioId } | undefined } | undefined {
  const { target, update } = push;
  const { active } = target ?? {};
  if (target === undefined || active === undefined || update?.atOnce !== true) return undefined;
  if (before.digest !== (active.base.digests.get(nodeId) ?? emptyDigest)) return undefined;
  const { epoch, scenarioId } = active;
  return {
    after: { rules: target.rules.get(nodeId) ?? noRules, digest: target.digests.get(nodeId) ?? emptyDigest },
    named: held.has(scenarioId) ? { epoch, scenarioId } : undefined,
  };
}

/** Whether a removal has to wait: for packets that are still under way, or for switches that nobody has heard. */
function isHeld(state: ControllerState, { stage }: PendingMessage): boolean {
  const { push, config, nowMs } = state;
  const takesRules = labelRemovals.has(stage.purpose) || stage.graceMs > 0;
  if (takesRules && nowMs < push.lastMoveMs + push.graceMs + config.drainGraceMs) return true;
  return labelRemovals.has(stage.purpose) && !deletionsAllowed(state);
}

/** Transit rules may go when it is known of every switch whether it still sends traffic to them. */
export function deletionsAllowed(state: ControllerState): boolean {
  if (state.adopting || state.push.target === undefined) return false;
  for (const { belief } of state.switches.values()) if (belief.kind === "unknown") return false;
  return true;
}

/** When all of an update is programmed and nothing differs any more, its target is in force. */
export function finishIfDone(state: ControllerState): void {
  const { push, nowMs } = state;
  const { update, target } = push;
  if (update === undefined || target === undefined || push.stale || !isDone(update)) return;
  if (push.sweep === "under-way") {
    push.sweep = "none";
    push.stale = true;
    return;
  }
  if (update.atOnce && target.active !== undefined) {
    const { scenarioId, newsMs } = target.active;
    push.update = undefined;
    publish(state, "scenario-programmed", {
      scenarioId,
      epoch: target.record.epoch,
      ingresses: update.messageCount,
      msFromEvent: nowMs - newsMs,
    });
  }
  for (const one of state.switches.values()) {
    if (isOnTarget(state, one) || !concerns(target, one)) continue;
    // What an update had left to do when it made way for a scenario goes on now.
    if (update.atOnce) push.stale = true;
    return;
  }
  push.update = undefined;
  push.failuresInRow = 0;
  if (push.purpose === "apply" || push.purpose === "reconcile") {
    forgetRetired(state, target);
    state.cycle.failuresInRow = 0;
    for (const one of state.switches.values()) one.failure = undefined;
  }
  const { epoch } = target.record;
  if (push.purpose === "roll-back") {
    publish(state, "rolled-back", { epoch });
  } else if (push.inForce?.record.epoch !== epoch) {
    const seconds = (nowMs - update.startedAtMs) / 1000;
    // What follows the last move only clears away what nothing uses any more.
    const movedSeconds = Math.max(0, push.lastFlowMs - update.startedAtMs) / 1000;
    const { messageCount: messages } = update;
    publish(state, "plan-applied", { epoch, seconds, movedSeconds, stages: update.plan.stages.length, messages }, target.by);
  }
  if (push.purpose !== "roll-back") push.inForce = target;
  push.purpose = "reconcile";
}

/** A switch that holds nothing, as far as anyone knows, and should hold nothing needs not be heard. */
function concerns(target: VerifiedPlan, { nodeId, belief }: Switch): boolean {
  return target.digests.has(nodeId) || worstRules(belief).size > 0;
}

/**
 * Somebody may have moved traffic just now, nobody knows from where: packets are under way for as long as the longest way that
 * visits no node twice can take, which is no longer than the sum of every node's slowest link. O(E).
 */
export function trafficMayHaveMoved({ push, nowMs, inventory }: ControllerState): void {
  const slowestMs = new Map<NodeId, number>();
  for (const { from, latencyMs } of inventory.topology?.links ?? []) slowestMs.set(from, Math.max(latencyMs, slowestMs.get(from) ?? 0));
  push.lastMoveMs = nowMs;
  push.graceMs = [...slowestMs.values()].reduce((sum, ms) => sum + ms, 0);
}

/** The rules of a switch turned out to be others than the update was derived from. */
export function rulesLearned(state: ControllerState, one: Switch): void {
  const { push } = state;
  trafficMayHaveMoved(state);
  if (push.target === undefined) return;
  if (push.update !== undefined || !isOnTarget(state, one)) push.stale = true;
}
