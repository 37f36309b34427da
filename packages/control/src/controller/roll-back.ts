/**
 * Going back to an earlier plan: its rules, byte for byte, under a new epoch. The inputs stay as they are, so the next cycle would plan on
 * them and undo what was asked for: therefore nothing is planned until an operator changes the mode.
 */
import { fault, nothingToUndo, ok, refuse, type Confirmation, type Result } from "@sluice/model";
import { confirmationOf, inputsBefore } from "./confirmation.js";
import { asReported } from "./link-state.js";
import { operationDocument } from "./operation.js";
import { inputsToPlanOn, type InputsToPlanOn } from "./plan-write.js";
import { withinLimits } from "./proposal.js";
import { reinstalled } from "./reinstall.js";
import type { ControllerState, InventoryRequest, PlanWrite, VerifiedPlan } from "./state.js";

type RollBack = Extract<InventoryRequest, { kind: "roll-back" }>;

interface RollBackInPlace {
  readonly inputs: InputsToPlanOn;
  /** What is taken back with it. */
  readonly pending: Confirmation | undefined;
}

/** While a plan waits for its confirmation the plan before it, and no other, may be gone back to: that takes the inputs back as well. O(1). */
export function rollBackInPlace(state: ControllerState, asked: RollBack): Result<RollBackInPlace> {
  const { operation } = state;
  const pending = operation.confirmation?.previousEpoch === asked.record.epoch ? operation.confirmation : undefined;
  const inputs = inputsToPlanOn(state, { whilePending: pending !== undefined });
  if (!inputs.ok) return inputs;
  if (pending !== undefined && asked.confirmWithinSeconds !== undefined) {
    const message = `Plan ${pending.epoch} is taken back by this, which needs no confirmation.`;
    return refuse(fault("not-allowed", message, { pointer: "/confirmWithinSeconds" }));
  }
  return ok({ inputs: inputs.value, pending });
}

/** `plan`: the stored one, `recompiled`. */
export function rollBackWrite(state: ControllerState, asked: RollBack, plan: Result<VerifiedPlan>): Result<PlanWrite> {
  const { operation, inventory } = state;
  const place = rollBackInPlace(state, asked);
  if (!place.ok) return place;
  if (!plan.ok) return plan;
  const { inputs, pending } = place.value;
  const before = pending === undefined ? undefined : inputsBefore(state, pending);
  const topology = asReported(inventory, before?.topology ?? inputs.stored.topology);
  const again = reinstalled(state, plan.value, { topology, overDrained: asked.force, by: asked.by });
  if (!again.ok) return again;
  const { record, rules } = again.value.plan;
  const radius = withinLimits(state, { plan: record.plan, rules, demands: inputs.demands }, asked.force);
  if (!radius.ok) return radius;
  const confirmation = confirmationOf(state, asked, { undo: nothingToUndo, modeBefore: operation.settings.mode });
  if (!confirmation.ok) return confirmation;
  const set = { ...operation.set, mode: "held" as const };
  return ok({
    kind: "plan",
    ...again.value,
    change: {
      ...(before?.topology === undefined ? {} : { topology: before.topology }),
      ...(before?.settings === undefined ? {} : { settings: before.settings }),
      operation: operationDocument({ set, confirmation: confirmation.value }),
    },
    story: { kind: "roll-back", rolledBackTo: asked.record.epoch, force: asked.force, radius: radius.value },
  });
}
