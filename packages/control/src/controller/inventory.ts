/**
 * Topology, demands, settings, and what operators decide. Requests are validated, written and then acknowledged one after the other; what is
 * in force for planning is what has been written.
 */
import {
  applyTopologyChanges,
  changeSettings,
  checkDemandEnds,
  fault,
  parseTopology,
  refuse,
  ok,
  unreachable,
  type Result,
} from "@sluice/model";
import type { Persisted } from "../controller-event.js";
import { confirmWrite, expiryDue, expiryWrite } from "./confirmation.js";
import { adopt, itemsOf, persistWrite } from "./inventory-write.js";
import { publish } from "./journal.js";
import { operationDocument, operationWrite } from "./operation.js";
import { advancePlanInHand } from "./plan-in-hand.js";
import { planWriteBegins, planWriteFailed } from "./plan-write.js";
import {
  nextId,
  type ControllerState,
  type InventoryItem,
  type InventoryRequest,
  type InventoryWrite,
  type VerifiedPlan,
} from "./state.js";

/** Queues a request. A matrix that still waits is replaced by a newer one, and answered with it. */
export function request(state: ControllerState, asked: InventoryRequest): void {
  const { queue } = state.inventory;
  // One that is meant for a certain version is for no other.
  if (asked.kind === "measure-demands" && asked.ifVersion === undefined) {
    const waiting = queue.find((other) => other.kind === "measure-demands" && other.ifVersion === undefined);
    if (waiting?.kind === "measure-demands" && waiting.requestIds.length + waiting.supersededIds.length < state.config.inventoryQueueMax) {
      waiting.supersededIds.push(...waiting.requestIds.splice(0, waiting.requestIds.length, ...asked.requestIds));
      waiting.matrix = asked.matrix;
      waiting.by = asked.by;
      return;
    }
  }
  if (queue.length >= state.config.inventoryQueueMax) {
    reply(
      state,
      asked,
      refuse(fault("unavailable", `${queue.length} inventory changes wait to be written; try again later.`, { data: { accepted: false } })),
    );
    return;
  }
  queue.push(asked);
}

/** Validates and writes the next request, if no write is under way. A refused one is answered at once, and the next is taken. */
export function writeInventory(state: ControllerState, isTick: boolean): void {
  const { inventory, cycle } = state;
  while (inventory.writing === undefined) {
    const next = restatement(state) ?? expiryDue(state) ?? inventory.queue[0];
    if (next === undefined) return;
    // Its number is known when the plan before it is written.
    if (mayWritePlan(next) && cycle.phase.kind === "persisting") return;
    // A plan in hand goes on with ticks.
    if (inventory.inHand?.asked === next && !isTick) return;
    const write = writeOf(state, next);
    if (write === undefined) return;
    if (next === inventory.queue[0]) inventory.queue.shift();
    if (!write.ok) {
      reply(state, next, write);
      continue;
    }
    const persistId = nextId(state);
    if (write.value.kind === "plan") planWriteBegins(state, write.value, persistId);
    inventory.writing = { persistId, request: next, write: write.value };
    state.effects.push({ kind: "persist", persistId, write: persistWrite(write.value) });
  }
}

function mayWritePlan({ kind }: InventoryRequest): boolean {
  return kind === "apply-proposal" || kind === "roll-back" || kind === "expire";
}

/** After a write whose fate is unknown, the store is told again what holds: a successor starts from what the store says. */
function restatement({ inventory, nowMs }: ControllerState): InventoryRequest | undefined {
  const [what] = inventory.restate;
  return what === undefined || nowMs < inventory.restateAtMs ? undefined : { kind: "restate", what };
}

/** Undefined where it takes more than one event. */
function writeOf(state: ControllerState, asked: InventoryRequest): Result<InventoryWrite> | undefined {
  const { inventory } = state;
  const current = isCurrent(state, asked);
  if (!current.ok) return current;
  switch (asked.kind) {
    case "replace-topology": {
      const topology = parseTopology(asked.topology);
      return topology.ok ? ok({ kind: "topology", topology: topology.value }) : topology;
    }
    case "change-topology": {
      if (inventory.topology === undefined) return refuse(fault("not-ready", "There is no topology to change: send a whole one first."));
      // The gate in applyTopologyChanges judges what came in, whatever its type claims.
      const topology = applyTopologyChanges(inventory.topology, asked.changes as Parameters<typeof applyTopologyChanges>[1]);
      return topology.ok ? ok({ kind: "topology", topology: topology.value }) : topology;
    }
    case "change-settings": {
      const settings = changeSettings(inventory.settings, asked.settings);
      return settings.ok ? ok({ kind: "settings", settings: settings.value }) : settings;
    }
    case "change-operation":
      return operationWrite(state, asked.operation);
    case "measure-demands": {
      if (inventory.topology === undefined) return refuse(fault("not-ready", "Demands need a topology: send one first."));
      const matrix = checkDemandEnds(inventory.topology, asked.matrix);
      return matrix.ok ? ok({ kind: "demands", matrix: matrix.value }) : matrix;
    }
    case "apply-proposal":
    case "roll-back":
      return advancePlanInHand(state, asked);
    case "confirm":
      return confirmWrite(state, asked.epoch);
    case "expire":
      return ok(expiryWrite(state, asked.confirmation));
    case "restate":
      return restated(state, asked.what);
    default:
      return unreachable(asked);
  }
}

/** Whether what is to be changed is stored in the version that the change was meant for. */
function isCurrent({ inventory, operation }: ControllerState, { kind, ifVersion }: InventoryRequest): Result<void> {
  if (ifVersion === undefined) return ok(undefined);
  const versions = {
    "replace-topology": inventory.topologyVersion,
    "change-topology": inventory.topologyVersion,
    "change-settings": inventory.settingsVersion,
    "change-operation": operation.version,
    "measure-demands": inventory.demandsVersion,
  } as const;
  const version = (kind in versions ? versions[kind as keyof typeof versions] : undefined) ?? 0;
  if (version === ifVersion) return ok(undefined);
  return refuse(
    fault("stale-version", `The change is meant for version ${ifVersion}, and version ${version} is stored: read it again.`, {
      data: { version, versionAsked: ifVersion },
    }),
  );
}

function restated({ inventory, operation }: ControllerState, what: InventoryItem["kind"]): Result<InventoryWrite> {
  const { topology, demands, settings, restate } = inventory;
  if (what === "topology" && topology !== undefined) return ok({ kind: what, topology });
  if (what === "demands" && demands !== undefined) return ok({ kind: what, matrix: demands });
  if (what === "settings") return ok({ kind: what, settings });
  if (what === "operation") return ok({ kind: what, document: operationDocument(operation) });
  restate.delete(what);
  return refuse(fault("not-found", `There are no ${what} to write again.`));
}

/**
 * The store has answered: only now does the change hold, and only now is it acknowledged. Returns the plan that the switches should hold from
 * now on, where the write was about one.
 */
export function inventoryPersisted(state: ControllerState, result: Result<Persisted>): VerifiedPlan | undefined {
  const { inventory } = state;
  const { writing } = inventory;
  inventory.writing = undefined;
  if (writing === undefined) return undefined;
  const { write, request: asked } = writing;
  const kinds = itemsOf(write).map(({ kind }) => kind);
  if (!result.ok) {
    const { code, message } = result.faults[0];
    publish(state, "store-failed", { write: write.kind, code, message });
    for (const kind of kinds) inventory.restate.add(kind);
    inventory.restateAtMs = state.nowMs + state.config.failureBackoffMinMs;
    state.operation.retryAtMs = inventory.restateAtMs;
    if (write.kind === "plan") planWriteFailed(state, result.faults);
    reply(state, asked, result);
    return undefined;
  }
  for (const kind of kinds) inventory.restate.delete(kind);
  const value = adopt(state, { write, asked }, result.value);
  if (asked.kind !== "restate") reply(state, asked, ok(value));
  return write.kind === "plan" ? write.plan : undefined;
}

function reply(state: ControllerState, asked: InventoryRequest, result: Result<object>): void {
  if (asked.kind === "restate" || asked.kind === "expire") return;
  if (asked.kind !== "measure-demands") {
    state.effects.push({ kind: "reply", requestId: asked.requestId, result });
    return;
  }
  const superseded = result.ok ? ok({ ...result.value, superseded: true }) : result;
  for (const requestId of asked.supersededIds) state.effects.push({ kind: "reply", requestId, result: superseded });
  for (const requestId of asked.requestIds) state.effects.push({ kind: "reply", requestId, result });
}
