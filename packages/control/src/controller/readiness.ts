/** Adoption and readiness: when a controller that has just started may plan and push, and when it may say that it is ready. */
import type { Readiness } from "../controller-view.js";
import { unplannedCables } from "./activation.js";
import { publish } from "./journal.js";
import { isHeld } from "./operation.js";
import { deletionsAllowed, trafficMayHaveMoved } from "./push.js";
import type { ControllerState } from "./state.js";

/**
 * A controller with a last plan listens first: until every switch was heard, nothing is known that would make a push
 * safe. After the grace the missing ones are taken to forward as the last plan says (their belief is `unknown`).
 */
export function advanceAdoption(state: ControllerState): void {
  if (!state.adopting || state.inventory.topology === undefined || state.adoptFromMs === undefined) return;
  const missing = [...state.switches.values()].filter(({ belief }) => belief.kind === "unknown").length;
  if (missing > 0 && state.nowMs < state.adoptFromMs + state.config.adoptGraceMs) return;
  state.adopting = false;
  if (state.push.target !== undefined) {
    trafficMayHaveMoved(state);
    state.push.stale = true;
    // What an earlier controller activated for links that are down is better than its plan; the first solve begins now.
    state.push.awaitsPlan = state.inventory.demands !== undefined && !isHeld(state) && unplannedCables(state).size > 0;
    // That one does not wait for a confirmation.
    if (state.push.awaitsPlan) state.cycle.topologyDirtyMs ??= state.nowMs;
    publish(state, "adopted", { epoch: state.push.target.record.epoch, missing });
  }
}

export function readinessOf(state: ControllerState): Readiness {
  const { inventory, push, superseded, control } = state;
  const reasons: string[] = [];
  if (superseded !== undefined) reasons.push(superseded);
  if (inventory.topology === undefined) reasons.push("There is no topology yet.");
  else if (inventory.demands === undefined) reasons.push("There are no demands yet.");
  if (state.adopting) reasons.push("Not every agent of the last plan has been heard since the start.");
  if (control.frozen !== undefined)
    reasons.push(`${control.frozen.missing.length} agents were lost at once: the control network is at fault, and nothing is changed.`);
  if (push.inForce === undefined && inventory.topology !== undefined) reasons.push("No verified plan is in force yet.");
  return { ready: reasons.length === 0, reasons, deletionsAllowed: deletionsAllowed(state) };
}
