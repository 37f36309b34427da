/** What asks for a new plan, and how long a failure delays it. */
import type { Faults } from "@sluice/model";
import { publish } from "./journal.js";
import type { ControllerState } from "./state.js";

/**
 * The network is not what the newest solve was made for. News of the network ends all patience after failures. A change that
 * makes plans wrong ends the solve under way; a link that came back only makes them poorer, so a flapping one cannot
 * keep every solve from ending.
 */
export function touchTopology(state: ControllerState, { obsoletes }: { readonly obsoletes: boolean }): void {
  const { cycle, inventory } = state;
  inventory.effective = undefined;
  cycle.topologyDirtyMs ??= state.nowMs;
  cycle.backoffUntilMs = 0;
  cycle.failuresInRow = 0;
  if (!obsoletes) return;
  inventory.revision += 1;
  cancelSolve(state);
}

export function touchDemands(state: ControllerState): void {
  state.cycle.demandsDirtyMs ??= state.nowMs;
}

export function cancelSolve(state: ControllerState): void {
  const { phase } = state.cycle;
  if (phase.kind !== "solving") return;
  state.effects.push({ kind: "cancel-solve", solveId: phase.solveId });
  state.cycle.by ??= phase.by;
  state.cycle.phase = { kind: "idle" };
}

/** Keeps the last plan, and tries again later: twice as late after each failure in a row. */
export function cycleFailed(state: ControllerState, faults: Faults): void {
  const { cycle, nowMs } = state;
  cycle.failures += 1;
  // No plan comes that would be better than the last one.
  state.push.awaitsPlan = false;
  cycle.kept = true;
  cycle.lastFaults = faults;
  cycle.backoffUntilMs = nowMs + backoffMs(state, cycle.failuresInRow);
  cycle.failuresInRow += 1;
  cycle.demandsDirtyMs ??= nowMs;
  publish(state, "solve-failed", { code: faults[0].code, message: faults[0].message, retryAfterMs: cycle.backoffUntilMs - nowMs });
}

export function backoffMs({ config }: ControllerState, failuresInRow: number): number {
  return Math.min(config.failureBackoffMaxMs, config.failureBackoffMinMs * 2 ** Math.min(failuresInRow, 30));
}
