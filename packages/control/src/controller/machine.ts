/**
 * The controller: a state machine that does no I/O and reads no clock. Events in, effects out; a thin driver carries
 * them out. docs/protocol.md shows the whole.
 */
import { assert, buildTopology, planSettingsDefault, unreachable, type Result, type Term } from "@sluice/model";
import { emptyAssignments, parseAssignments } from "@sluice/rules";
import type { ControllerConfig } from "../controller-config.js";
import type { ControllerEffect } from "../controller-effect.js";
import type { ControllerEvent } from "../controller-event.js";
import type { StartInventory } from "../inventory-record.js";
import { advanceActivation } from "./activation.js";
import { advanceControlFault } from "./control-fault.js";
import { advanceCycle, planPersisted, solved } from "./cycle.js";
import { advanceDamping } from "./damping.js";
import { advanceForecast, forecastLoaded, noForecast } from "./forecast.js";
import { inventoryPersisted, request, writeInventory } from "./inventory.js";
import { operationAtStart } from "./operation.js";
import { recompiled } from "./reinstall.js";
import { advanceResync, resync } from "./resync.js";
import { journalPersisted, publish, writeJournal } from "./journal.js";
import { presumeDown } from "./link-state.js";
import { sendPrepare } from "./prepared.js";
import { advanceProtection, noProtection, splitsFound } from "./protection.js";
import { advancePush, deriveAhead, retarget } from "./push.js";
import { advanceAdoption } from "./readiness.js";
import { agentClosed, agentMessage, agentOpened, greetParked, read, watchStreams } from "./sessions.js";
import type { ControllerState } from "./state.js";
import { retire } from "./retired.js";
import { syncSwitches } from "./switches.js";
import { reviveVerifiedPlan } from "./verify.js";

export type { ControllerState } from "./state.js";
export { controllerView } from "./view.js";

/** Throws where the inventory is not one that this machine wrote: a store that was tampered with is not planned on. */
export function createController(
  config: ControllerConfig,
  start: { readonly term: Term; readonly inventory: StartInventory },
): ControllerState {
  const { inventory } = start;
  const topology = inventory.topology && admitted(buildTopology(inventory.topology.document), "topology");
  const assignments = inventory.assignments && admitted(parseAssignments(inventory.assignments), "assignments");
  const state: ControllerState = {
    config,
    term: start.term,
    epoch: inventory.epoch,
    nowMs: 0,
    startedAtMs: undefined,
    adoptFromMs: undefined,
    effects: [],
    superseded: undefined,
    adopting: true,
    idLast: 0,
    sequenceLast: 0,
    inventory: {
      topology,
      topologyVersion: inventory.topology?.version,
      demands: inventory.demands?.matrix,
      demandsVersion: inventory.demands?.version,
      // What was stored before a setting came up lacks it.
      settings: { ...planSettingsDefault, ...inventory.settings?.settings },
      settingsVersion: inventory.settings?.version ?? 0,
      queue: [],
      inHand: undefined,
      restate: new Set(),
      restateAtMs: 0,
      writing: undefined,
      reportedDown: new Map(),
      damping: new Map(),
      retired: { nodes: new Map(), links: new Map(), rules: new Map() },
      effective: undefined,
      revision: 0,
    },
    operation: operationAtStart(config, inventory),
    control: { lostAtMs: new Map(), frozen: undefined },
    protection: noProtection(),
    forecast: noForecast(),
    journal: { pending: [], writing: undefined, retryAtMs: 0, dropped: 0 },
    cycle: {
      phase: { kind: "idle" },
      topologyDirtyMs: undefined,
      // Whatever was under way in the last term is unknown: the first thing after adoption is a fresh plan.
      demandsDirtyMs: 0,
      lastStartMs: undefined,
      backoffUntilMs: 0,
      failuresInRow: 0,
      solves: 0,
      failures: 0,
      lastFaults: undefined,
      kept: false,
      by: undefined,
      assignments: assignments ?? emptyAssignments,
    },
    push: {
      inForce: undefined,
      target: undefined,
      purpose: "reconcile",
      update: undefined,
      stale: false,
      awaitsPlan: false,
      sweep: "none",
      retryAtMs: 0,
      failuresInRow: 0,
      lastProgressMs: 0,
      epochSent: inventory.epoch,
      lastMoveMs: 0,
      lastFlowMs: 0,
      graceMs: 0,
    },
    switches: new Map(),
    streams: new Map(),
    linkMeasurements: new Map(),
    groupMeasurements: new Map(),
    viewCached: undefined,
  };
  if (inventory.lastPlan !== undefined && inventory.assignments !== undefined) {
    const revived = reviveVerifiedPlan({ ...inventory.lastPlan, assignmentsAfter: inventory.assignments });
    if (revived.ok) {
      state.push.target = revived.value;
      presumeDown(state, revived.value.topology);
      retire(state, revived.value.topology);
    } else {
      state.cycle.lastFaults = revived.faults;
    }
  }
  if (inventory.previousPlan !== undefined) {
    const previous = recompiled(inventory.previousPlan);
    // Where it does not come out as it was, a cycle takes its place when the time is over.
    if (previous.ok) state.operation.previous = previous.value;
  }
  syncSwitches(state);
  return state;
}

function admitted<T>(stored: Result<T>, what: string): T {
  assert(stored.ok, `the stored ${what} is valid: ${stored.ok ? "" : stored.faults[0].message}`);
  return stored.value;
}

/** One event; the state is changed in place and given back. An acknowledgement costs what it sets free, not the network. */
export function stepController(
  state: ControllerState,
  event: ControllerEvent,
): { readonly state: ControllerState; readonly effects: readonly ControllerEffect[] } {
  state.effects = [];
  state.nowMs = Math.max(state.nowMs, event.nowMs);
  if (state.startedAtMs === undefined) begin(state);
  state.viewCached = undefined;
  if (state.superseded === undefined) {
    handle(state, event);
    advance(state, event.kind === "tick");
  }
  return { state, effects: state.effects };
}

function begin(state: ControllerState): void {
  state.startedAtMs = state.nowMs;
  state.adoptFromMs = state.nowMs;
  const { lastFaults } = state.cycle;
  if (lastFaults !== undefined)
    publish(state, "plan-refused", { epoch: state.epoch, code: lastFaults[0].code, message: lastFaults[0].message });
}

function handle(state: ControllerState, event: ControllerEvent): void {
  switch (event.kind) {
    case "tick":
      return watchStreams(state);
    case "replace-topology":
    case "change-topology":
    case "change-settings":
    case "change-operation":
    case "apply-proposal":
    case "roll-back":
    case "confirm":
      return request(state, event);
    case "measure-demands": {
      const { kind, requestId, by, ifVersion, matrix } = event;
      return request(state, { kind, requestIds: requestId === undefined ? [] : [requestId], supersededIds: [], matrix, by, ifVersion });
    }
    case "resync":
      return resync(state, event);
    case "forecast-loaded":
      return forecastLoaded(state, event);
    case "forecast-noted":
      return publish(state, event.note, event.data, event.by);
    case "agent-opened":
      return agentOpened(state, event.streamId, event.certified);
    case "agent-message":
      return agentMessage(state, event.streamId, event.message);
    case "agent-closed":
      return agentClosed(state, event.streamId);
    case "solved":
      return solved(state, event.solveId, event.result);
    case "protected":
      return splitsFound(state, event.protectId, event.result);
    case "persisted":
      return persisted(state, event);
    default:
      return unreachable(event);
  }
}

function persisted(state: ControllerState, { persistId, result }: Extract<ControllerEvent, { kind: "persisted" }>): void {
  if (!result.ok && result.faults[0].code === "stale-term") {
    stepDown(state, result.faults[0].message);
  } else if (state.inventory.writing?.persistId === persistId) {
    const before = state.inventory.topology;
    const plan = inventoryPersisted(state, result);
    if (state.inventory.topology !== before) {
      // Without a topology nobody could be heard: listening begins now.
      if (before === undefined) state.adoptFromMs = state.nowMs;
      retire(state, before);
      syncSwitches(state);
      greetParked(state);
    }
    // What an operator has asked for is pushed whatever has happened while it was written: then a cycle may follow, or none.
    if (plan !== undefined) retarget(state, { target: plan, purpose: "apply" });
  } else if (state.journal.writing?.persistId === persistId) {
    journalPersisted(state, result);
  } else if (state.cycle.phase.kind === "persisting" && state.cycle.phase.persistId === persistId) {
    planPersisted(state, result);
  }
}

/** A newer leader exists: from here on this machine does nothing. */
function stepDown(state: ControllerState, reason: string): void {
  publish(state, "superseded", { term: state.term, reason });
  state.superseded = `A newer controller leads: ${reason}`;
  state.effects.push({ kind: "step-down", reason });
}

/** What follows from the state alone, whatever the event was. Only a tick looks at every switch. */
function advance(state: ControllerState, everySwitch: boolean): void {
  if (state.superseded !== undefined) return;
  // What waits for it is done with the same event, and not with whatever comes next.
  advanceAdoption(state);
  writeInventory(state, everySwitch);
  if (everySwitch) advanceControlFault(state);
  if (everySwitch) advanceDamping(state);
  advanceForecast(state);
  const isWriting = state.cycle.phase.kind === "persisting";
  advanceCycle(state, everySwitch);
  advanceProtection(state, everySwitch);
  advanceActivation(state);
  if (everySwitch) {
    advanceResync(state);
    for (const one of state.switches.values()) {
      if (one.belief.kind === "unknown") read(state, one);
      sendPrepare(state, one);
    }
  }
  advancePush(state, everySwitch ? (state.push.update?.ready ?? []) : [], everySwitch);
  if (everySwitch && isWriting) deriveAhead(state);
  writeJournal(state);
}
