/**
 * Topology, demands and settings. Requests are validated, written and then acknowledged one after the other; what is
 * in force for planning is what has been written.
 */
import {
  admit,
  applyTopologyChanges,
  checkDemandEnds,
  fault,
  parseTopology,
  planSettingsSchema,
  refuse,
  topologyDocument,
  ok,
  unreachable,
  type Result,
} from "@sluice/model";
import type { InventoryReply } from "../controller-effect.js";
import { touchDemands, touchTopology } from "./replan.js";
import { publish } from "./journal.js";
import { forgetGoneLinks } from "./link-state.js";
import { nextId, type ControllerState, type InventoryRequest, type InventoryState, type InventoryWrite } from "./state.js";

/** Queues a request. A matrix that still waits is replaced by a newer one, and answered with it. */
export function request(state: ControllerState, asked: InventoryRequest): void {
  const { queue } = state.inventory;
  if (asked.kind === "measure-demands") {
    const waiting = queue.find((other) => other.kind === "measure-demands");
    if (waiting !== undefined && waiting.requestIds.length + waiting.supersededIds.length < state.config.inventoryQueueMax) {
      waiting.supersededIds.push(...waiting.requestIds.splice(0, waiting.requestIds.length, ...asked.requestIds));
      waiting.matrix = asked.matrix;
      return;
    }
  }
  if (queue.length >= state.config.inventoryQueueMax) {
    reply(state, asked, refuse(fault("unavailable", `${queue.length} inventory changes wait to be written; try again later.`)));
    return;
  }
  queue.push(asked);
}

/** Validates and writes the next request, if no write is under way. A refused one is answered at once, and the next is taken. */
export function writeInventory(state: ControllerState): void {
  const { inventory } = state;
  while (inventory.writing === undefined) {
    const next = restatement(state) ?? inventory.queue.shift();
    if (next === undefined) return;
    const write = writeOf(state, next);
    if (!write.ok) {
      reply(state, next, write);
      continue;
    }
    const persistId = nextId(state);
    inventory.writing = { persistId, request: next, write: write.value };
    state.effects.push({ kind: "persist", persistId, write: persistWrite(write.value) });
  }
}

/** After a write whose fate is unknown, the store is told again what holds: a successor starts from what the store says. */
function restatement({ inventory, nowMs }: ControllerState): InventoryRequest | undefined {
  const [what] = inventory.restate;
  return what === undefined || nowMs < inventory.restateAtMs ? undefined : { kind: "restate", what };
}

function writeOf({ inventory }: ControllerState, asked: InventoryRequest): Result<InventoryWrite> {
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
      const changes = admit(planSettingsSchema.partial(), asked.settings);
      if (!changes.ok) return changes;
      // A setting that is not given keeps its value, even if it has a default.
      const asks = new Set(Object.keys(Object(asked.settings)));
      const given = Object.fromEntries(Object.entries(changes.value).filter(([name, value]) => value !== undefined && asks.has(name)));
      const settings = admit(planSettingsSchema, { ...inventory.settings, ...given });
      return settings.ok ? ok({ kind: "settings", settings: settings.value }) : settings;
    }
    case "measure-demands": {
      if (inventory.topology === undefined) return refuse(fault("not-ready", "Demands need a topology: send one first."));
      const matrix = checkDemandEnds(inventory.topology, asked.matrix);
      return matrix.ok ? ok({ kind: "demands", matrix: matrix.value }) : matrix;
    }
    case "restate":
      return restated(inventory, asked.what);
    default:
      return unreachable(asked);
  }
}

function restated({ topology, demands, settings, restate }: InventoryState, what: InventoryWrite["kind"]): Result<InventoryWrite> {
  if (what === "topology" && topology !== undefined) return ok({ kind: what, topology });
  if (what === "demands" && demands !== undefined) return ok({ kind: what, matrix: demands });
  if (what === "settings") return ok({ kind: what, settings });
  restate.delete(what);
  return refuse(fault("not-found", `There are no ${what} to write again.`));
}

function persistWrite(write: InventoryWrite) {
  return write.kind === "topology" ? { kind: write.kind, document: topologyDocument(write.topology) } : write;
}

/** The store has answered: only now does the change hold, and only now is it acknowledged. */
export function inventoryPersisted(state: ControllerState, result: Result<{ readonly version?: number }>): void {
  const { inventory } = state;
  const { writing } = inventory;
  inventory.writing = undefined;
  if (writing === undefined) return;
  if (!result.ok) {
    publish(state, "store-failed", { write: writing.write.kind, code: result.faults[0].code, message: result.faults[0].message });
    inventory.restate.add(writing.write.kind);
    inventory.restateAtMs = state.nowMs + state.config.failureBackoffMinMs;
    reply(state, writing.request, result);
    return;
  }
  const version = result.value.version ?? 0;
  inventory.restate.delete(writing.write.kind);
  if (writing.request.kind === "restate") return restatedAs(inventory, writing.write.kind, version);
  switch (writing.write.kind) {
    case "topology":
      inventory.topology = writing.write.topology;
      inventory.topologyVersion = version;
      forgetGoneLinks(state);
      publish(state, "topology-changed", {
        version,
        name: inventory.topology.name,
        nodes: inventory.topology.nodes.length,
        links: inventory.topology.links.length,
      });
      touchTopology(state, { obsoletes: true });
      break;
    case "demands":
      inventory.demands = writing.write.matrix;
      inventory.demandsVersion = version;
      publish(state, "demands-changed", { version, name: inventory.demands.name, demands: inventory.demands.demands.length });
      touchDemands(state);
      break;
    case "settings":
      inventory.settings = writing.write.settings;
      inventory.settingsVersion = version;
      publish(state, "settings-changed", { version });
      touchDemands(state);
      break;
    default:
      unreachable(writing.write);
  }
  reply(state, writing.request, ok({ version }));
}

function restatedAs(inventory: InventoryState, what: InventoryWrite["kind"], version: number): void {
  if (what === "topology") inventory.topologyVersion = version;
  else if (what === "demands") inventory.demandsVersion = version;
  else inventory.settingsVersion = version;
}

function reply(state: ControllerState, asked: InventoryRequest, result: Result<InventoryReply>): void {
  if (asked.kind === "restate") return;
  if (asked.kind !== "measure-demands") {
    state.effects.push({ kind: "reply", requestId: asked.requestId, result });
    return;
  }
  const superseded = result.ok ? ok({ ...result.value, superseded: true }) : result;
  for (const requestId of asked.supersededIds) state.effects.push({ kind: "reply", requestId, result: superseded });
  for (const requestId of asked.requestIds) state.effects.push({ kind: "reply", requestId, result });
}
