/**
 * Getting ready for failures: what plan the switches should hold -> splits for its scenarios -> each checked -> given to the ingresses.
 *
 *   target --> due --(effect protect)--> splitting --> verifying, so much a tick --> ready
 *               ^                            |             |
 *               +-------- back-off ----------+             +--> agents (`prepared.ts`), choice of a scenario (`activation.ts`)
 *
 * It begins when the traffic has moved to the target, or when that makes no progress: splits depend on the plan alone, but what they cost
 * would hold up the push. Another target ends it.
 */
import {
  failureScenarios,
  fault,
  isProtecting,
  protectionOf,
  type FailureScenario,
  type Fault,
  type Result,
  type ScenarioId,
  type ScenarioSplit,
  type Snapshot,
} from "@sluice/model";
import { someSteps } from "@sluice/rules";
import { isFrozen } from "./control-fault.js";
import { publish } from "./journal.js";
import { nothingPrepared } from "./prepared.js";
import { backoffMs } from "./replan.js";
import { enterScenario, scenarioChoice } from "./scenario-choice.js";
import { splitVerifier, type SplitVerifier } from "./split-verifier.js";
import { nextId, type ControllerState, type PreparedScenario, type ProtectionState, type VerifiedPlan } from "./state.js";

/** Refused splits that are published one by one, for a plan; all are counted. */
const refusalsPublishedMax = 10;

export function noProtection(): ProtectionState {
  return {
    plan: undefined,
    epoch: 0,
    phase: { kind: "idle" },
    asked: new Map(),
    scenarios: new Map(),
    refused: new Map(),
    operationCount: 0,
    byNode: new Map(),
    choice: undefined,
    failuresInRow: 0,
    newsMs: undefined,
    changedMs: undefined,
    lookAtMs: 0,
    down: undefined,
    told: undefined,
  };
}

/** The plan that a target carries out, without what an active scenario changes. */
export function basePlan(target: VerifiedPlan): VerifiedPlan {
  return target.active?.base ?? target;
}

/** Follows the target and does what is due. `isTick`: also what takes its time. */
export function advanceProtection(state: ControllerState, isTick: boolean): void {
  const { target } = state.push;
  const base = target === undefined ? undefined : basePlan(target);
  if (base !== state.protection.plan) begin(state, base);
  if (state.adopting || isFrozen(state)) return;
  const { phase } = state.protection;
  const waits = isMovingTraffic(state);
  if (phase.kind === "due" && state.nowMs >= phase.atMs && !waits) ask(state);
  if (phase.kind === "splitting" && state.nowMs - phase.startedAtMs > state.config.protectOverrunMaxMs) {
    cancel(state);
    failed(state, fault("deadline-exceeded", `There were no splits within ${state.config.protectOverrunMaxMs} ms.`));
  }
  if (phase.kind === "verifying" && isTick && !waits) verifySome(state);
}

/** Whether flows are still changing over, and do: one switch that does not answer holds nothing up for long. */
function isMovingTraffic({ push, config, nowMs }: ControllerState): boolean {
  if (push.stale) return push.retryAtMs <= nowMs;
  // A sweep makes room; the flows follow after it.
  const moves = push.update !== undefined && (push.update.flowsLeft > 0 || push.sweep === "under-way");
  return moves && nowMs - push.lastProgressMs < config.pushPatienceMs;
}

/** Another plan: what was ready for the one before is worth nothing any more. */
function begin(state: ControllerState, plan: VerifiedPlan | undefined): void {
  const { protection, push, nowMs } = state;
  cancel(state);
  const { told } = protection;
  Object.assign(protection, noProtection(), { told });
  protection.plan = plan;
  if (plan === undefined) return;
  protection.epoch = Math.max(plan.record.epoch, push.epochSent);
  protection.choice = scenarioChoice(plan);
  for (const one of state.switches.values()) one.prepared = nothingPrepared();
  const { scenarios, drains } = protectionOf(plan.input.settings);
  const asksFor = isProtecting(protectionOf(plan.input.settings)) && scenarios.length + drains.length > 0;
  if (asksFor) protection.phase = { kind: "due", atMs: nowMs };
}

function ask(state: ControllerState): void {
  const { protection, nowMs } = state;
  const { plan } = protection;
  if (plan === undefined) return;
  const { topology, demands, settings } = plan.input;
  const { scenarios: kinds, drains } = protectionOf(settings);
  const asked = failureScenarios(topology, kinds, drains).filter((scenario) => isNews(plan, scenario));
  protection.asked = new Map(asked.map((scenario) => [scenario.id, scenario]));
  if (asked.length === 0) {
    protection.phase = { kind: "ready" };
    return;
  }
  const protectId = nextId(state);
  const snapshot: Snapshot = { topology, demands, settings };
  protection.phase = { kind: "splitting", protectId, startedAtMs: nowMs };
  const { plan: planned, epoch } = plan.record;
  state.effects.push({ kind: "protect", protectId, snapshot, plan: planned, epoch, scenarios: asked });
}

/** Whether a scenario takes anything down that the plan knew to be up. */
function isNews({ topology }: VerifiedPlan, { linkIds, nodeIds }: FailureScenario): boolean {
  return (
    linkIds.some((id) => topology.linkById.get(id)?.operational === "up") ||
    nodeIds.some((id) => topology.nodeById.get(id)?.operational === "up")
  );
}

function cancel(state: ControllerState): void {
  const { phase } = state.protection;
  if (phase.kind === "splitting") state.effects.push({ kind: "cancel-protect", protectId: phase.protectId });
}

/** The answer to a `protect` effect. Scenarios that it leaves out have no split. */
export function splitsFound(
  state: ControllerState,
  protectId: number,
  result: Result<{ readonly splits: readonly ScenarioSplit[] }>,
): void {
  const { protection } = state;
  const { phase, plan } = protection;
  if (phase.kind !== "splitting" || phase.protectId !== protectId || plan === undefined) return;
  if (!result.ok) return failed(state, result.faults[0]);
  const { splits } = result.value;
  if (!Array.isArray(splits)) return failed(state, fault("check-failed", "The answer is not a list of splits."));
  protection.phase = { kind: "verifying", making: splitVerifier(plan, protection.asked), verify: undefined, splits, next: 0 };
  state.effects.push({ kind: "wake", atMs: state.nowMs });
}

function failed(state: ControllerState, { code, message }: Fault): void {
  const { protection, nowMs } = state;
  const atMs = nowMs + backoffMs(state, protection.failuresInRow);
  protection.failuresInRow += 1;
  protection.phase = { kind: "due", atMs };
  publish(state, "protect-failed", { epoch: protection.plan?.record.epoch, code, message, retryAfterMs: atMs - nowMs });
}

/** Makes the verifier, and then looks at as many splits as the work of one tick allows, one at least. */
function verifySome(state: ControllerState): void {
  const { protection, config } = state;
  const { phase } = protection;
  if (phase.kind !== "verifying") return;
  if (phase.verify === undefined) {
    const made = someSteps(phase.making, config.workPerEventMax);
    if (made === undefined) {
      state.effects.push({ kind: "wake", atMs: state.nowMs });
      return;
    }
    if (!made.value.ok) return failed(state, made.value.faults[0]);
    phase.verify = made.value.value;
  }
  const { verify } = phase;
  let work = 0;
  while (phase.next < phase.splits.length && work < config.protectWorkPerTickMax) {
    const split = phase.splits[phase.next];
    phase.next += 1;
    if (split !== undefined) work += verifyOne(state, verify, split);
  }
  if (phase.next < phase.splits.length) {
    state.effects.push({ kind: "wake", atMs: state.nowMs });
    return;
  }
  protection.phase = { kind: "ready" };
  publish(state, "plan-protected", {
    epoch: protection.plan?.record.epoch,
    scenarios: protection.asked.size,
    prepared: protection.scenarios.size,
    refused: protection.refused.size,
    operations: protection.operationCount,
  });
}

/** Returns what it cost. */
function verifyOne(state: ControllerState, verify: SplitVerifier, split: ScenarioSplit): number {
  const { protection, config } = state;
  const { result, cost } = verify(split);
  if (!result.ok) {
    refused(state, idOf(split), result.faults[0]);
    return cost;
  }
  const { scenario } = result.value.split;
  if (protection.scenarios.has(scenario.id)) return cost;
  const operationCount = protection.operationCount + operationsOf(result.value);
  if (operationCount > config.scenarioOperationsMax) {
    refused(state, scenario.id, fault("too-many", `More than ${config.scenarioOperationsMax} operations for all scenarios are not kept.`));
    return cost;
  }
  protection.operationCount = operationCount;
  protection.refused.delete(scenario.id);
  protection.scenarios.set(scenario.id, result.value);
  if (protection.choice !== undefined) enterScenario(protection.choice, scenario);
  for (const nodeId of result.value.operations.keys()) {
    const there = protection.byNode.get(nodeId);
    if (there === undefined) protection.byNode.set(nodeId, [scenario.id]);
    else there.push(scenario.id);
  }
  return cost;
}

function refused(state: ControllerState, scenarioId: ScenarioId, { code, message, ...more }: Fault): void {
  const { protection } = state;
  if (protection.refused.size < refusalsPublishedMax) {
    publish(state, "scenario-refused", { epoch: protection.plan?.record.epoch, scenarioId, code, message });
  }
  // What nobody asked about is not remembered by a name that came with it.
  if (protection.asked.has(scenarioId)) protection.refused.set(scenarioId, { code, message, ...more });
}

/** Of an answer that may have any shape. */
function idOf(split: ScenarioSplit): ScenarioId {
  const id: unknown = split?.scenario?.id;
  return typeof id === "string" ? id : "";
}

function operationsOf({ operations }: PreparedScenario): number {
  let count = 0;
  for (const ofNode of operations.values()) count += ofNode.length;
  return count;
}
