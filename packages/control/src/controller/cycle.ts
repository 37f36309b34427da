/**
 * The planning cycle: something changed -> solve -> verify -> persist -> target of the push. At most one solve is under
 * way; changes coalesce, the newest wins. A solve for a topology that is no longer the network's is cancelled; its
 * answer, if it still comes, is discarded.
 */
import { fault, planSnapshot, type Faults, type Result } from "@sluice/model";
import { advanceAnswer, takeInHand, type Answer } from "./answer.js";
import { isFrozen } from "./control-fault.js";
import { basisOf, plannedDemands } from "./forecast.js";
import { isoTime, publish } from "./journal.js";
import { effectiveTopology } from "./link-state.js";
import { isHeld } from "./operation.js";
import { retarget } from "./push.js";
import { cancelSolve, cycleFailed } from "./replan.js";
import { nextId, type ControllerState, type CyclePhase, type VerifiedPlan } from "./state.js";
import { fullTables, needsSweep, tableAttemptsMax, tablesFault, withTableRooms, type FullTable } from "./table-room.js";
import type { VerifiedCycle } from "./verify.js";

/** Starts a solve when one is due; gives up one that has overrun; with ticks, goes on with verifying what it answered. */
export function advanceCycle(state: ControllerState, isTick: boolean): void {
  const { cycle, config, nowMs } = state;
  if (cycle.phase.kind === "solving" && cycle.phase.answer !== undefined) {
    if (isTick) verifyAnswer(state);
    return;
  }
  if (cycle.phase.kind === "solving") {
    const limitMs = cycle.phase.snapshot.settings.deadlineSeconds * 1000 + config.solveOverrunMaxMs;
    if (nowMs - cycle.phase.startedAtMs > limitMs) {
      cancelSolve(state);
      solveFailed(state, [fault("deadline-exceeded", `The solver gave no answer within ${limitMs} ms.`)]);
    }
    return;
  }
  if (isFrozen(state) || isHeld(state)) return;
  if (cycle.phase.kind !== "idle" || (state.adopting && state.push.target !== undefined) || nowMs < dueMs(state)) return;
  const topology = effectiveTopology(state);
  const { settings, revision } = state.inventory;
  const demands = plannedDemands(state);
  if (topology === undefined || demands === undefined) return;
  const snapshot = planSnapshot({ topology, demands, settings }, state.operation.settings.mode);
  const { by } = cycle;
  cycle.by = undefined;
  cycle.lastStartMs = nowMs;
  cycle.topologyDirtyMs = undefined;
  cycle.demandsDirtyMs = undefined;
  solve(state, { snapshot, revision, by, tableAttempts: 0 });
}

function solve(state: ControllerState, asked: Pick<Solving, "snapshot" | "revision" | "by" | "tableAttempts">): void {
  const { cycle, nowMs } = state;
  const { snapshot, by } = asked;
  const solveId = nextId(state);
  cycle.phase = { kind: "solving", solveId, startedAtMs: nowMs, ...asked };
  cycle.solves += 1;
  state.effects.push({ kind: "solve", solveId, snapshot });
  const { topologyVersion, demandsVersion } = state.inventory;
  publish(state, "solve-started", { solveId, topologyVersion, demandsVersion, ...basisOf(snapshot.demands) }, by);
}

type Solving = Extract<CyclePhase, { kind: "solving" }>;

/** The plan does not fit these tables: the question again with what they have room for, some times. */
function solveWithinTables(state: ControllerState, phase: Solving, verified: VerifiedCycle, full: readonly FullTable[]): void {
  const { plan } = phase.answer ?? {};
  if (plan === undefined || phase.tableAttempts >= tableAttemptsMax) return solveFailed(state, [tablesFault(full)]);
  const { snapshot, revision, by, tableAttempts } = phase;
  const tables = full.slice(0, tablesPublishedMax).map(({ nodeId, ruleCountMax, ruleCount }) => ({ nodeId, ruleCountMax, ruleCount }));
  publish(state, "tables-full", { solveId: phase.solveId, nodes: full.length, tables }, by);
  const within = withTableRooms(state, snapshot, { ...verified, plan }, full);
  solve(state, { snapshot: within, revision, by, tableAttempts: tableAttempts + 1 });
}

/** When the next solve may start; Infinity while nothing asks for one. */
function dueMs({ cycle, config, push, operation, nowMs }: ControllerState): number {
  const sinceLast = cycle.lastStartMs ?? -Infinity;
  let due = Infinity;
  if (cycle.topologyDirtyMs !== undefined) {
    due = Math.max(cycle.topologyDirtyMs + config.topologySettleMs, sinceLast + config.topologySolveIntervalMinMs);
  }
  // New demands let a push that makes progress finish; a network that changed does not wait for it.
  const pushing = push.update !== undefined && nowMs - push.lastProgressMs < config.pushPatienceMs;
  // Nor is a plan that waits for its confirmation overtaken by new demands.
  if (cycle.demandsDirtyMs !== undefined && !pushing && operation.confirmation === undefined) {
    // A first plan is not waited for longer than one for another topology.
    const intervalMs = push.target === undefined ? config.topologySolveIntervalMinMs : config.solveIntervalMinMs;
    due = Math.min(due, Math.max(cycle.demandsDirtyMs, sinceLast + intervalMs));
  }
  return Math.max(due, cycle.backoffUntilMs);
}

export function solved(state: ControllerState, solveId: number, result: Result<Answer>): void {
  const { cycle, inventory } = state;
  const { phase } = cycle;
  if (phase.kind !== "solving" || phase.solveId !== solveId || phase.answer !== undefined) return;
  if (result.ok && phase.revision === inventory.revision) {
    phase.answer = takeInHand(state, phase, result.value);
    verifyAnswer(state);
    return;
  }
  cycle.phase = { kind: "idle" };
  if (phase.revision !== inventory.revision) cycle.topologyDirtyMs ??= state.nowMs;
  else if (!result.ok) solveFailed(state, result.faults);
}

function verifyAnswer(state: ControllerState): void {
  const { cycle } = state;
  const { phase } = cycle;
  if (phase.kind !== "solving" || phase.answer === undefined) return;
  if (phase.revision !== state.inventory.revision) {
    cycle.phase = { kind: "idle" };
    cycle.topologyDirtyMs ??= state.nowMs;
    return;
  }
  const verified = advanceAnswer(state, phase);
  if (verified === undefined) return;
  const { plan, timings } = phase.answer;
  const { revision, startedAtMs, by } = phase;
  cycle.phase = { kind: "idle" };
  if (!verified.ok) {
    publish(state, "plan-refused", { faults: verified.faults.slice(0, faultsPublishedMax) });
    solveFailed(state, verified.faults);
    return;
  }
  const { input, inputHash, topology, rules, digests, walk, assignmentsAfter, assignmentsRecord, rulesDigest, ruleCount } = verified.value;
  const full = fullTables(state, rules);
  if (full.length > 0) return solveWithinTables(state, phase, verified.value, full);
  const record = {
    epoch: state.epoch + 1,
    term: state.term,
    createdAt: isoTime(state.nowMs),
    cycleInputHash: inputHash,
    plan,
    timings,
    rulesDigest,
    ruleCount,
  };
  const persistId = nextId(state);
  cycle.phase = {
    kind: "persisting",
    persistId,
    plan: { record, input, topology, rules, digests, walk, assignmentsAfter, by },
    revision,
    startedAtMs,
  };
  state.effects.push({ kind: "persist", persistId, write: { kind: "plan", record, input, assignmentsAfter: assignmentsRecord } });
  // Its update is derived meanwhile.
  state.effects.push({ kind: "wake", atMs: state.nowMs });
}

/** Faults, and tables, that one event carries. */
const faultsPublishedMax = 10;
const tablesPublishedMax = 10;

export function planPersisted(state: ControllerState, result: Result<unknown>): void {
  const { cycle, inventory } = state;
  if (cycle.phase.kind !== "persisting") return;
  const { plan, revision } = cycle.phase;
  cycle.phase = { kind: "idle" };
  if (!result.ok) {
    // The store is ahead: a write of ours that seemed to fail did not. The next plan takes the number after it.
    if (result.faults[0].code === "stale-epoch") state.epoch += 1;
    publish(state, "store-failed", { write: "plan", code: result.faults[0].code, message: result.faults[0].message });
    solveFailed(state, result.faults);
    return;
  }
  enterPlan(state, plan);
  // The network changed while the plan was written, or nobody can be told: it stays in the journal and is not pushed.
  if (isFrozen(state)) cycle.topologyDirtyMs ??= state.nowMs;
  else if (revision === inventory.revision) {
    retarget(state, { target: plan, purpose: "apply" });
    if (needsSweep(state, plan.rules)) state.push.sweep = "due";
  }
}

/** A plan is durable: it is the newest, and the next one starts from its assignments. */
export function enterPlan(state: ControllerState, plan: VerifiedPlan): void {
  const { cycle } = state;
  state.epoch = plan.record.epoch;
  cycle.assignments = plan.assignmentsAfter;
  cycle.lastFaults = undefined;
  cycle.kept = false;
  const { rung } = plan.record.plan;
  const { ruleCount: rules } = plan.record;
  publish(state, "plan-persisted", { epoch: state.epoch, rung, rules, utilizationMax: plan.walk.utilizationMax }, plan.by);
}

/** No plan came of it. What was solved for while a plan waits for its confirmation is the network itself: that is tried again. */
function solveFailed(state: ControllerState, faults: Faults): void {
  if (state.operation.confirmation !== undefined) state.cycle.topologyDirtyMs ??= state.nowMs;
  cycleFailed(state, faults);
}
