/** Operation settings as the machine holds them: what operators have set over what its configuration says. */
import { changeOperation, ok, operationSettingsDefault, type OperationDocument, type OperationSettings, type Result } from "@sluice/model";
import type { ControllerConfig } from "../controller-config.js";
import type { StartInventory } from "../inventory-record.js";
import { settlePenalties } from "./damping.js";
import { cancelSolve, touchTopology } from "./replan.js";
import type { ControllerState, InventoryItem, OperationState } from "./state.js";

export function operationDefaultOf(config: ControllerConfig): OperationSettings {
  const { linkUpHoldMs, dampingHalfLifeMs, dampingSuppressAbove, dampingReuseBelow } = config;
  return { ...operationSettingsDefault, linkUpHoldMs, dampingHalfLifeMs, dampingSuppressAbove, dampingReuseBelow };
}

export function operationAtStart(config: ControllerConfig, { operation }: StartInventory): OperationState {
  const set = operation?.document.settings ?? {};
  return {
    set,
    settings: { ...operationDefaultOf(config), ...set },
    version: operation?.version ?? 0,
    confirmation: operation?.document.confirmation,
    previous: undefined,
    retryAtMs: 0,
  };
}

/** What is stored of it. */
export function operationDocument({ set, confirmation }: Pick<OperationState, "set" | "confirmation">): OperationDocument {
  return { settings: set, ...(confirmation === undefined ? {} : { confirmation }) };
}

export function operationWrite({ operation, config }: ControllerState, change: unknown): Result<InventoryItem> {
  const changed = changeOperation(operation.set, change, operationDefaultOf(config));
  if (!changed.ok) return changed;
  return ok({ kind: "operation", document: operationDocument({ ...operation, set: changed.value.set }) });
}

/** It is durable: from now on it holds. Returns whether another mode holds than before. */
export function adoptOperation(state: ControllerState, document: OperationDocument, version: number): boolean {
  const { operation } = state;
  const before = operation.settings;
  const settings = { ...operationDefaultOf(state.config), ...document.settings };
  if (settings.dampingHalfLifeMs !== before.dampingHalfLifeMs) settlePenalties(state);
  operation.set = document.settings;
  operation.settings = settings;
  operation.version = version;
  operation.confirmation = document.confirmation;
  if (document.confirmation === undefined) operation.previous = undefined;
  if (settings.mode === before.mode) return false;
  if (settings.mode === "held") hold(state);
  // Who changes the mode does not want to wait for the next cycle.
  else touchTopology(state, { obsoletes: true });
  return true;
}

/** No plan comes any more: what is waited for one is not waited for. A plan that is being written already still becomes the target. */
function hold(state: ControllerState): void {
  cancelSolve(state);
  state.push.awaitsPlan = false;
}

export function isHeld({ operation }: ControllerState): boolean {
  return operation.settings.mode === "held";
}
