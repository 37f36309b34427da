/** What agents answer to stages: what their switches hold then, and what becomes of the update that the stage was part of. */
import { fault, type AgentMessage, type FaultCode } from "@sluice/model";
import { walkRules, type StagePurpose } from "@sluice/rules";
import { worstRules } from "./belief.js";
import { publish } from "./journal.js";
import { effectiveTopology } from "./link-state.js";
import { nothingPrepared } from "./prepared.js";
import { finishIfDone, retarget, sendNext } from "./push.js";
import { backoffMs, cycleFailed } from "./replan.js";
import type { ControllerState, Switch, VerifiedPlan } from "./state.js";
import { advanceNode, flowPurposes, nextMessage } from "./update.js";

/**
 * Stages that move traffic: label rules outlive them by a grace. Where a failover group goes, or comes to lead over another bypass, packets may
 * still be in the one it had.
 */
const movingPurposes: ReadonlySet<StagePurpose> = new Set([...flowPurposes, "add-failover", "remove-failover"]);

/** An acknowledgement of the stage on its way to this switch; others say nothing new. */
export function acknowledged(state: ControllerState, one: Switch, ack: Extract<AgentMessage, { kind: "ack" }>): void {
  const { inFlight, belief } = one;
  if (inFlight === undefined || ack.term !== state.term || ack.sequence !== inFlight.sequence || belief.kind !== "either") return;
  switch (ack.status) {
    case "received":
      return;
    case "programmed":
      if (ack.digest !== belief.after.digest) {
        // It has done something else than it was told: read it again before anything is built on it.
        one.inFlight = undefined;
        one.belief = { kind: "unknown", last: worstRules(belief) };
        state.push.stale = true;
        publish(state, "agent-drifted", { nodeId: one.nodeId, digest: ack.digest, expected: belief.after.digest });
        return;
      }
      stageProgrammed(state, one);
      return;
    case "failed":
      if (!inFlight.isPrepared) return stageFailed(state, one, ack);
      // It does not keep the scenario after all, or cannot use it: it is told the operations themselves, and given all again later.
      one.prepared = nothingPrepared();
      stageLost(state, one);
      sendNext(state, one.nodeId);
  }
}

/** The switch holds the rules from after the stage. */
export function stageProgrammed(state: ControllerState, one: Switch): void {
  const { push, nowMs } = state;
  const { belief, pending } = one;
  if (belief.kind !== "either") return;
  one.belief = { kind: "known", ...belief.after };
  one.inFlight = undefined;
  one.pending = undefined;
  push.lastProgressMs = nowMs;
  if (pending !== undefined && movingPurposes.has(pending.stage.purpose)) push.lastMoveMs = nowMs;
  if (pending !== undefined && flowPurposes.has(pending.stage.purpose)) push.lastFlowMs = nowMs;
  if (push.update === undefined || push.stale) return;
  if (pending === undefined || nextMessage(push.update, one.nodeId) !== pending) {
    if (push.update.atOnce) sendNext(state, one.nodeId);
    else push.stale = true;
    return;
  }
  const freed = advanceNode(push.update, one.nodeId);
  finishIfDone(state);
  for (const nodeId of freed) sendNext(state, nodeId);
}

/** The switch holds the rules from before the stage, which is still to be done. */
export function stageLost(state: ControllerState, one: Switch): void {
  const { push } = state;
  const { belief, pending } = one;
  if (belief.kind !== "either") return;
  one.belief = { kind: "known", ...belief.before };
  one.inFlight = undefined;
  one.pending = undefined;
  if (push.update === undefined || push.stale) return;
  if (push.update.atOnce || (pending !== undefined && nextMessage(push.update, one.nodeId) === pending)) push.update.ready.add(one.nodeId);
  else push.stale = true;
}

/**
 * A switch refused a stage. The rest of the update stops. The switches that have moved go back to the last good plan,
 * if that is still good on the network as it is; otherwise they stay as they are, which every stage allows.
 */
function stageFailed(state: ControllerState, one: Switch, ack: Extract<AgentMessage, { kind: "ack" }>): void {
  const { push } = state;
  const { target } = push;
  const failure = ack.failures[0];
  const code: FaultCode = failure?.code ?? "rule-refused";
  const reason = failure?.reason ?? "The switch gave no reason.";
  const wasCurrent = push.update !== undefined && !push.stale;
  stageLost(state, one);
  one.failure = { epoch: ack.epoch, code, reason };
  publish(state, "plan-failed", {
    epoch: ack.epoch,
    nodeId: one.nodeId,
    stage: ack.stage,
    purpose: push.purpose,
    code,
    reason,
    failures: ack.failures.length,
  });
  if (code === "table-full") push.sweep = "due";
  if (!wasCurrent || target === undefined) return;
  const { inForce } = push;
  const purpose = push.purpose;
  if (purpose === "apply" && inForce !== undefined && inForce !== target && isGoodNow(state, inForce)) {
    retarget(state, { target: inForce, purpose: "roll-back" });
    return cycleFailed(state, [fault(code, `${one.nodeId} refused a rule of plan ${target.record.epoch}: ${reason}`)]);
  }
  push.stale = true;
  push.retryAtMs = state.nowMs + backoffMs(state, push.failuresInRow);
  push.failuresInRow += 1;
  if (purpose === "apply") cycleFailed(state, [fault(code, `${one.nodeId} refused a rule of plan ${target.record.epoch}: ${reason}`)]);
}

function isGoodNow(state: ControllerState, plan: VerifiedPlan): boolean {
  const topology = effectiveTopology(state);
  return topology !== undefined && walkRules(topology, plan.rules, {}).verdict === "pass";
}
