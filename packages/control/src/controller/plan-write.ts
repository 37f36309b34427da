/** Plans that operators bring: what they need before they are looked at, and what becomes of them with their write. */
import {
  fault,
  ok,
  refuse,
  type DemandMatrix,
  type Faults,
  type Plan,
  type PlanSettings,
  type PlanTimings,
  type Result,
  type Topology,
} from "@sluice/model";
import type { PlanRecord } from "../inventory-record.js";
import { isFrozen } from "./control-fault.js";
import { isoTime } from "./journal.js";
import { cancelSolve } from "./replan.js";
import type { ControllerState, PlanWrite } from "./state.js";

export interface InputsToPlanOn {
  /** Without what agents report. */
  readonly stored: { readonly topology: Topology; readonly settings: PlanSettings };
  readonly demands: DemandMatrix;
}

/**
 * Refuses where nothing can be applied now: before topology and demands are there and the agents are heard, or while the control network
 * is at fault (`not-ready`), and while another plan waits for its confirmation (`not-allowed`).
 */
export function inputsToPlanOn(state: ControllerState, more: { readonly whilePending?: boolean } = {}): Result<InputsToPlanOn> {
  const { inventory, operation } = state;
  const { topology, demands, settings } = inventory;
  if (topology === undefined || demands === undefined) {
    return refuse(fault("not-ready", "There is no topology yet, or there are no demands: nothing can be applied."));
  }
  if (state.adopting)
    return refuse(fault("not-ready", "The controller has just started and listens to its agents; try again in some seconds."));
  if (isFrozen(state)) {
    return refuse(fault("not-ready", "Too many agents were lost at once: the control network is at fault, and nothing is changed."));
  }
  const { confirmation } = operation;
  if (confirmation !== undefined && more.whilePending !== true) {
    const until = isoTime(confirmation.deadlineMs);
    return refuse(
      fault("not-allowed", `Plan ${confirmation.epoch} waits for its confirmation until ${until}: confirm it, or let it be taken back.`, {
        data: { epoch: confirmation.epoch },
      }),
    );
  }
  return ok({ stored: { topology, settings }, demands });
}

export function recordOf(
  state: ControllerState,
  made: {
    readonly plan: Plan;
    readonly timings: PlanTimings;
    /** `canonicalHash` of its input. */
    readonly inputHash: string;
    readonly rulesDigest: string;
    readonly ruleCount: number;
  },
): PlanRecord {
  const { plan, timings, inputHash, rulesDigest, ruleCount } = made;
  return {
    epoch: state.epoch + 1,
    term: state.term,
    createdAt: isoTime(state.nowMs),
    cycleInputHash: inputHash,
    plan,
    timings,
    rulesDigest,
    ruleCount,
  };
}

/** The write begins: nothing else is planned until it has ended. A proposal answers all that would be solved for now. */
export function planWriteBegins(state: ControllerState, { plan, story }: PlanWrite, persistId: number): void {
  const { cycle, inventory, nowMs } = state;
  cancelSolve(state);
  cycle.phase = { kind: "persisting", persistId, plan, revision: inventory.revision, startedAtMs: nowMs };
  if (story.kind !== "proposal") return;
  cycle.topologyDirtyMs = undefined;
  cycle.demandsDirtyMs = story.demandsWaiting ? nowMs : undefined;
}

export function planWriteFailed(state: ControllerState, faults: Faults): void {
  const { cycle, nowMs } = state;
  cycle.phase = { kind: "idle" };
  // The store is ahead: a write of ours that seemed to fail did not. The next plan takes the number after it.
  if (faults[0].code === "stale-epoch") state.epoch += 1;
  cycle.topologyDirtyMs ??= nowMs;
  cycle.demandsDirtyMs ??= nowMs;
}
