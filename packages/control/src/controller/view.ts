/** The read-only picture of the machine, made on demand and kept until the next event. */
import { byId, compareText, type Confirmation, type NodeId } from "@sluice/model";
import type { AgentView, ConfirmationView, ControllerView, DampedLink, PlanView, ProtectionView, PushView } from "../controller-view.js";
import { emptyDigest, worstRules } from "./belief.js";
import { penaltyAt } from "./damping.js";
import { effectiveTopology } from "./link-state.js";
import { isOnTarget } from "./push.js";
import { readinessOf } from "./readiness.js";
import type { ControllerState, Switch, VerifiedPlan } from "./state.js";
import { flipsOf, nextMessage } from "./update.js";

/** O(nodes + links) after an event, O(1) until the next. */
export function controllerView(state: ControllerState): ControllerView {
  state.viewCached ??= viewOf(state);
  return state.viewCached;
}

function viewOf(state: ControllerState): ControllerView {
  const { inventory, operation, cycle, push } = state;
  const topology = effectiveTopology(state);
  const inForce = push.inForce && planView(push.inForce);
  const pending = push.target !== undefined && push.target !== push.inForce ? planView(push.target) : undefined;
  const rung = cycle.kept ? ("kept" as const) : (push.target ?? push.inForce)?.record.plan.rung;
  const update = pushView(state);
  const protection = protectionView(state);
  return {
    controllerId: state.config.controllerId,
    term: state.term,
    epoch: state.epoch,
    nowMs: state.nowMs,
    ...(topology === undefined ? {} : { topology }),
    ...(inventory.topology === undefined ? {} : { topologyStored: inventory.topology }),
    ...(inventory.topologyVersion === undefined ? {} : { topologyVersion: inventory.topologyVersion }),
    linksReportedDown: [...inventory.reportedDown.keys()].sort(compareText),
    linksDamped: linksDamped(state),
    ...(state.control.frozen === undefined ? {} : { frozen: state.control.frozen }),
    ...(inventory.demands === undefined ? {} : { demands: inventory.demands }),
    ...(inventory.demandsVersion === undefined ? {} : { demandsVersion: inventory.demandsVersion }),
    settings: inventory.settings,
    settingsVersion: inventory.settingsVersion,
    operation: operation.settings,
    operationVersion: operation.version,
    ...(operation.confirmation === undefined ? {} : { confirmation: confirmationView(operation.confirmation) }),
    ...(inForce === undefined ? {} : { planInForce: inForce }),
    ...(pending === undefined ? {} : { planPending: pending }),
    ...(rung === undefined || (inForce === undefined && pending === undefined) ? {} : { rung }),
    cycle: {
      phase: cycle.phase.kind,
      ...(cycle.phase.kind === "idle" ? {} : { startedAtMs: cycle.phase.startedAtMs }),
      solves: cycle.solves,
      failures: cycle.failures,
      ...(cycle.lastFaults === undefined ? {} : { lastFaults: cycle.lastFaults }),
    },
    ...(update === undefined ? {} : { push: update }),
    ...(protection === undefined ? {} : { protection }),
    agents: [...state.switches.values()]
      .map((one) => ({ id: one.nodeId, view: agentView(state, one) }))
      .sort(byId)
      .map(({ view }) => view),
    linkMeasurements: new Map(state.linkMeasurements),
    groupMeasurements: new Map(state.groupMeasurements),
    readiness: readinessOf(state),
  };
}

function confirmationView({ epoch, deadlineMs, previousEpoch }: Confirmation): ConfirmationView {
  return { epoch, deadlineMs, previousEpoch };
}

function linksDamped({ inventory, operation, nowMs }: ControllerState): readonly DampedLink[] {
  return [...inventory.damping]
    .map(([linkId, damping]) => ({
      linkId,
      penalty: penaltyAt(damping, nowMs, operation.settings),
      suppressed: damping.suppressed,
      heldDown: damping.heldSinceMs !== undefined,
    }))
    .sort((a, b) => compareText(a.linkId, b.linkId));
}

function planView({ record, input, rules, walk, active }: VerifiedPlan): PlanView {
  return { record, input, rules, walk, ...(active === undefined ? {} : { scenarioId: active.scenarioId }) };
}

function protectionView({ protection, push, switches }: ControllerState): ProtectionView | undefined {
  const { plan, phase, scenarios } = protection;
  if (plan === undefined) return undefined;
  const { target } = push;
  const active = target?.active;
  const isProgrammed = (nodeId: NodeId) => {
    const belief = switches.get(nodeId)?.belief;
    return belief?.kind === "known" && belief.digest === (target?.digests.get(nodeId) ?? emptyDigest);
  };
  return {
    phase: phase.kind === "idle" ? "none" : phase.kind,
    epoch: plan.record.epoch,
    scenarios: protection.asked.size,
    splits: [...scenarios.values()].map(({ split }) => split),
    refused: [...protection.refused].map(([scenarioId, fault]) => ({ scenarioId, fault })),
    crowded: [...scenarios].flatMap(([scenarioId, { crowded }]) => (crowded ? [scenarioId] : [])),
    operations: protection.operationCount,
    agents: [...protection.byNode]
      .map(([nodeId, { length: concerned }]) => {
        const prepared = switches.get(nodeId)?.prepared;
        return { nodeId, concerned, held: prepared?.held.size ?? 0, refused: prepared?.refused.size ?? 0 };
      })
      .sort((a, b) => compareText(a.nodeId, b.nodeId)),
    ...(active === undefined
      ? {}
      : {
          active: {
            scenarioId: active.scenarioId,
            newsMs: active.newsMs,
            programmed: [...active.operations.keys()].every(isProgrammed),
          },
        }),
  };
}

function agentView(state: ControllerState, one: Switch): AgentView {
  const { belief } = one;
  return {
    nodeId: one.nodeId,
    state: agentState(one),
    onTarget: isOnTarget(state, one),
    ...(one.bootId === undefined ? {} : { bootId: one.bootId }),
    ...(belief.kind === "known" ? { digest: belief.digest } : {}),
    ruleCount: belief.kind === "known" ? belief.rules.size : worstRules(belief).size,
    ruleCountMax: one.ruleCountMax,
    ...(one.lastSeenMs === undefined ? {} : { lastSeenMs: one.lastSeenMs }),
    ...(one.connectedSinceMs === undefined ? {} : { connectedSinceMs: one.connectedSinceMs }),
    ...(one.failure === undefined ? {} : { failure: one.failure }),
  };
}

function agentState(one: Switch): AgentView["state"] {
  if (one.streamId === undefined) return "absent";
  if (one.inFlight !== undefined) return "programming";
  return one.belief.kind === "known" ? "synced" : "reading";
}

function pushView(state: ControllerState): PushView | undefined {
  const { update, purpose } = state.push;
  if (update === undefined) return undefined;
  const switches = [...state.switches.values()];
  return {
    epoch: update.epoch,
    purpose,
    stages: update.plan.stages.length,
    flips: flipsOf(update.plan),
    throttled: update.plan.throttled.length,
    messages: update.messageCount,
    sent: update.sentCount,
    programmed: update.programmedCount,
    outstanding: switches.filter(({ inFlight }) => inFlight !== undefined).map(({ nodeId }) => nodeId),
    absent: switches
      .filter(({ streamId, nodeId }) => streamId === undefined && nextMessage(update, nodeId) !== undefined)
      .map(({ nodeId }) => nodeId),
    startedAtMs: update.startedAtMs,
  };
}
