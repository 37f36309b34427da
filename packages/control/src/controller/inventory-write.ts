/** Writes of the inventory: what the store is told, and what holds and is published once it has it. */
import { topologyDocument, unreachable } from "@sluice/model";
import type { ConfirmReply, InventoryReply, PersistWrite, ProposalReply, RollBackReply } from "../controller-effect.js";
import type { Persisted } from "../controller-event.js";
import type { InventoryChangeRecord } from "../inventory-record.js";
import { enterPlan } from "./cycle.js";
import { isoTime, publish } from "./journal.js";
import { forgetGoneLinks } from "./link-state.js";
import { adoptOperation } from "./operation.js";
import { basePlan } from "./protection.js";
import { touchDemands, touchTopology } from "./replan.js";
import type { ControllerState, InventoryChange, InventoryItem, InventoryRequest, InventoryWrite, PlanStory } from "./state.js";

/** What of the inventory a write changes, in the order in which it takes effect. */
export function itemsOf(write: InventoryWrite): readonly InventoryItem[] {
  if (write.kind !== "inventory" && write.kind !== "plan") return [write];
  const { topology, settings, operation } = write.change;
  return [
    ...(topology === undefined ? [] : [{ kind: "topology" as const, topology }]),
    ...(settings === undefined ? [] : [{ kind: "settings" as const, settings }]),
    ...(operation === undefined ? [] : [{ kind: "operation" as const, document: operation }]),
  ];
}

export function persistWrite(write: InventoryWrite): PersistWrite {
  switch (write.kind) {
    case "topology":
      return { kind: write.kind, document: topologyDocument(write.topology) };
    case "demands":
    case "settings":
    case "operation":
      return write;
    case "inventory":
      return { kind: write.kind, change: recordOf(write.change) };
    case "plan": {
      const { plan, assignmentsAfter, change } = write;
      const { record, input } = plan;
      return { kind: write.kind, record, input, assignmentsAfter, inventory: recordOf(change) };
    }
    default:
      return unreachable(write);
  }
}

function recordOf({ topology, settings, operation }: InventoryChange): InventoryChangeRecord {
  return {
    ...(topology === undefined ? {} : { topology: topologyDocument(topology) }),
    ...(settings === undefined ? {} : { settings }),
    ...(operation === undefined ? {} : { operation }),
  };
}

type Reply = InventoryReply | ProposalReply | RollBackReply | ConfirmReply;

/** The write is durable: it holds from now on. Returns what its client is told. */
export function adopt(
  state: ControllerState,
  { write, asked }: { readonly write: InventoryWrite; readonly asked: InventoryRequest },
  { version = 0, versions = {} }: Persisted,
): Reply {
  const isWhole = write.kind === "inventory" || write.kind === "plan";
  for (const item of itemsOf(write)) {
    const versionNow = isWhole && item.kind !== "demands" ? (versions[item.kind] ?? 0) : version;
    if (asked.kind === "restate") restatedAs(state, item.kind, versionNow);
    else adoptItem(state, item, { version: versionNow, asked, asksForPlan: write.kind !== "plan" });
  }
  if (write.kind === "inventory" || write.kind === "plan") return adoptStory(state, write, asked);
  if (asked.kind === "confirm") {
    publish(state, "confirmed", { epoch: asked.epoch }, asked.by);
    return { epoch: asked.epoch, operationVersion: version };
  }
  return { version };
}

function restatedAs({ inventory, operation }: ControllerState, what: InventoryItem["kind"], version: number): void {
  if (what === "topology") inventory.topologyVersion = version;
  else if (what === "demands") inventory.demandsVersion = version;
  else if (what === "settings") inventory.settingsVersion = version;
  else operation.version = version;
}

function adoptItem(
  state: ControllerState,
  item: InventoryItem,
  { version, asked, asksForPlan }: { readonly version: number; readonly asked: InventoryRequest; readonly asksForPlan: boolean },
): void {
  const { inventory, cycle } = state;
  const { by } = asked;
  if (asksForPlan && by !== undefined) cycle.by = by;
  switch (item.kind) {
    case "topology": {
      inventory.topology = item.topology;
      inventory.topologyVersion = version;
      inventory.effective = undefined;
      forgetGoneLinks(state);
      const { name, nodes, links } = item.topology;
      publish(state, "topology-changed", { version, name, nodes: nodes.length, links: links.length }, by);
      if (asksForPlan) touchTopology(state, { obsoletes: true });
      return;
    }
    case "demands": {
      inventory.demands = item.matrix;
      inventory.demandsVersion = version;
      const { name, demands } = item.matrix;
      publish(state, "demands-changed", { version, name, demands: demands.length }, by);
      return touchDemands(state);
    }
    case "settings":
      inventory.settings = item.settings;
      inventory.settingsVersion = version;
      publish(state, "settings-changed", { version }, by);
      if (asksForPlan) touchDemands(state);
      return;
    case "operation": {
      const isOtherMode = adoptOperation(state, item.document, version);
      if (!isOtherMode && asked.kind !== "change-operation") return;
      publish(state, "operation-changed", { version, mode: state.operation.settings.mode }, by);
      return;
    }
    default:
      unreachable(item);
  }
}

/** Topology, settings and operation hold already. */
function adoptStory(
  state: ControllerState,
  write: Extract<InventoryWrite, { kind: "inventory" | "plan" }>,
  { by }: InventoryRequest,
): Reply {
  const { inventory, operation, push, cycle } = state;
  const { story } = write;
  if (write.kind === "plan") {
    cycle.phase = { kind: "idle" };
    if (operation.confirmation?.epoch === write.plan.record.epoch && push.target !== undefined) operation.previous = basePlan(push.target);
    enterPlan(state, write.plan);
  }
  const { epoch } = state;
  const { topologyVersion = 0, settingsVersion } = inventory;
  const { confirmation } = operation;
  const confirmBy = confirmation === undefined ? {} : { confirmByMs: confirmation.deadlineMs };
  switch (story.kind) {
    case "proposal":
      publish(state, "proposal-applied", { epoch, topologyVersion, settingsVersion, force: story.force, ...shares(story) }, by);
      tellPending(state);
      return { epoch, topologyVersion, settingsVersion, ...confirmBy };
    case "roll-back": {
      const { rolledBackTo, force } = story;
      publish(state, "plan-rolled-back-to", { epoch, rolledBackTo, mode: "held", force, ...shares(story) }, by);
      tellPending(state);
      return { epoch, rolledBackTo, mode: "held", operationVersion: operation.version, ...confirmBy };
    }
    case "expiry": {
      const { epoch: expired, previousEpoch } = story.confirmation;
      const plan = story.fault === undefined ? { epoch } : { code: story.fault.code, message: story.fault.message };
      publish(state, "confirmation-expired", { expired, previousEpoch, kept: story.kept, ...plan }, by);
      // The plan of before is for the inputs of before: what has changed since is planned for now.
      touchTopology(state, { obsoletes: true });
      return { version: operation.version };
    }
    default:
      return unreachable(story);
  }
}

function shares({ radius }: Extract<PlanStory, { kind: "proposal" | "roll-back" }>) {
  const { rulesChangedShare, admittedLossShare, topClassLossBps } = radius;
  return { rulesChangedShare, admittedLossShare, topClassLossBps };
}

function tellPending(state: ControllerState): void {
  const { confirmation } = state.operation;
  if (confirmation === undefined) return;
  const { epoch, previousEpoch, deadlineMs, by } = confirmation;
  publish(state, "confirmation-pending", { epoch, previousEpoch, deadline: isoTime(deadlineMs), deadlineMs }, by);
}
