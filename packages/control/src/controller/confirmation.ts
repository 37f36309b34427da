/**
 * Plans that are taken back unless an operator confirms them in time (JunOS: commit confirmed). What waits is stored with the plan, in one
 * transaction, so that a controller that follows takes it back as well: who applied the plan may be cut off by it.
 *
 *   applied --- confirm ---------> stays
 *      |
 *      +------- deadline --------> inputs as they were, but for what others changed since; the plan of before, where it still fits;
 *                                  then a cycle, which plans on these inputs
 */
import {
  fault,
  ok,
  refuse,
  undoElements,
  undoSettings,
  type Confirmation,
  type CycleMode,
  type OperationDocument,
  type PlanSettings,
  type RequestedBy,
  type Result,
  type Topology,
  type Undo,
} from "@sluice/model";
import { isFrozen } from "./control-fault.js";
import { asReported } from "./link-state.js";
import { operationDocument } from "./operation.js";
import { basePlan } from "./protection.js";
import { reinstalled } from "./reinstall.js";
import type { ControllerState, InventoryItem, InventoryRequest, InventoryWrite } from "./state.js";

/** Undefined where none was asked for. Refuses times that are no whole seconds or too long. */
export function confirmationOf(
  { config, epoch, nowMs, push }: ControllerState,
  asked: { readonly confirmWithinSeconds?: number | undefined; readonly by?: RequestedBy | undefined },
  more: { readonly undo: Undo; readonly modeBefore?: CycleMode | undefined },
): Result<Confirmation | undefined> {
  const seconds = asked.confirmWithinSeconds;
  if (seconds === undefined) return ok(undefined);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > config.confirmWithinSecondsMax) {
    const message = `The time to confirm must be 1 to ${config.confirmWithinSecondsMax} whole seconds.`;
    return refuse(fault("out-of-range", message, { pointer: "/confirmWithinSeconds" }));
  }
  return ok({
    epoch: epoch + 1,
    previousEpoch: push.target === undefined ? 0 : basePlan(push.target).record.epoch,
    deadlineMs: Math.ceil(nowMs + seconds * 1000),
    undo: more.undo,
    ...(more.modeBefore === undefined ? {} : { modeBefore: more.modeBefore }),
    ...(asked.by === undefined ? {} : { by: asked.by }),
  });
}

/** Refuses with `not-found` where the plan does not wait for it: it never did, was confirmed already, or was taken back. */
export function confirmWrite({ operation: { set, confirmation } }: ControllerState, epoch: number): Result<InventoryItem> {
  if (confirmation === undefined || confirmation.epoch !== epoch) {
    const which = confirmation === undefined ? "no plan does" : `plan ${confirmation.epoch} does`;
    return refuse(fault("not-found", `Plan ${epoch} does not wait for a confirmation; ${which}.`, { pointer: "/epoch" }));
  }
  return ok({ kind: "operation", document: operationDocument({ set, confirmation: undefined }) });
}

/** What is to be done as soon as the time is over. Not before agents were heard: until then nobody could be told. */
export function expiryDue(state: ControllerState): Extract<InventoryRequest, { kind: "expire" }> | undefined {
  const { confirmation, retryAtMs } = state.operation;
  if (confirmation === undefined || state.nowMs < Math.max(confirmation.deadlineMs, retryAtMs)) return undefined;
  if (state.adopting || isFrozen(state)) return undefined;
  return { kind: "expire", confirmation, by: confirmation.by };
}

export function expiryWrite(state: ControllerState, confirmation: Confirmation): InventoryWrite {
  const { operation, inventory } = state;
  const { topology, settings, operation: document, kept } = inputsBefore(state, confirmation);
  const change = { ...(topology === undefined ? {} : { topology }), ...(settings === undefined ? {} : { settings }), operation: document };
  const network = topology ?? inventory.topology;
  const back =
    network === undefined || operation.previous === undefined
      ? refuse(fault("not-found", `Plan ${confirmation.previousEpoch} is not at hand.`))
      : reinstalled(state, operation.previous, { topology: asReported(inventory, network), overDrained: false, by: confirmation.by });
  if (!back.ok) return { kind: "inventory", change, story: { kind: "expiry", confirmation, kept, fault: back.faults[0] } };
  return { kind: "plan", ...back.value, change, story: { kind: "expiry", confirmation, kept } };
}

export interface InputsBefore {
  /** Absent where nothing of it goes back. */
  readonly topology?: Topology;
  readonly settings?: PlanSettings;
  /** With nothing that waits. */
  readonly operation: OperationDocument;
  /** What somebody changed since, and stays: ids of elements, names of settings. */
  readonly kept: readonly string[];
}

/** The inputs without what was applied. Where the elements cannot go back together, none of them does. O(V + E). */
export function inputsBefore({ inventory, operation }: ControllerState, { undo, modeBefore }: Confirmation): InputsBefore {
  const topology = inventory.topology === undefined ? undefined : undoElements(inventory.topology, undo);
  const elements = topology?.ok === true ? topology.value : { value: undefined, kept: undo.elements.map(({ id }): string => id) };
  const settings = undoSettings(inventory.settings, undo);
  const isHeldByIt = modeBefore !== undefined && operation.settings.mode === "held";
  return {
    ...(elements.value === undefined || elements.kept.length === undo.elements.length ? {} : { topology: elements.value }),
    ...(settings.kept.length === undo.settings.length ? {} : { settings: settings.value }),
    operation: operationDocument({ set: isHeldByIt ? { ...operation.set, mode: modeBefore } : operation.set, confirmation: undefined }),
    kept: [...elements.kept, ...settings.kept],
  };
}
