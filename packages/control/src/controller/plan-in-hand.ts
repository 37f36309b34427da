/**
 * A plan that an operator brings: it is verified in slices, other events in between, while its request stays first in the queue. Whether it may be written
 * is judged before and after; where what it was verified for has changed meanwhile, it is verified anew.
 */
import { canonicalJson, documentsHash, type Result } from "@sluice/model";
import { assignmentsDocument, someSteps, type Assignments, type Steps } from "@sluice/rules";
import { proposalInPlace, proposalWrite, type ProposalInPlace } from "./proposal.js";
import { recompiledSteps } from "./reinstall.js";
import { rollBackInPlace, rollBackWrite } from "./roll-back.js";
import type { ControllerState, InventoryRequest, PlanWrite, VerifiedPlan } from "./state.js";
import { verifyPlanSteps, type PlanToVerify, type VerifiedCycle } from "./verify.js";

/** Times that a proposal is verified before it is done at once, whatever that holds up: one is applied though plans follow each other. */
const attemptsMax = 3;

type Apply = Extract<InventoryRequest, { kind: "apply-proposal" }>;
type RollBack = Extract<InventoryRequest, { kind: "roll-back" }>;

export type PlanInHand =
  | {
      readonly kind: "proposal";
      readonly asked: Apply;
      readonly place: ProposalInPlace;
      readonly verifying: Steps<Result<VerifiedCycle>>;
      /** How often it was begun, this time included. */
      readonly attempt: number;
    }
  | { readonly kind: "roll-back"; readonly asked: RollBack; readonly recompiling: Steps<Result<VerifiedPlan>> };

/** Goes on with it, as much as one event allows, or begins. Undefined while there is more to do: a tick is asked for. */
export function advancePlanInHand(state: ControllerState, asked: Apply | RollBack): Result<PlanWrite> | undefined {
  const write = asked.kind === "roll-back" ? rollBack(state, asked) : proposal(state, asked);
  if (write === undefined) state.effects.push({ kind: "wake", atMs: state.nowMs });
  else state.inventory.inHand = undefined;
  return write;
}

/** What it takes is the stored plan's alone. */
function rollBack(state: ControllerState, asked: RollBack): Result<PlanWrite> | undefined {
  const { inventory, config } = state;
  if (inventory.inHand?.kind !== "roll-back" || inventory.inHand.asked !== asked) {
    const place = rollBackInPlace(state, asked);
    if (!place.ok) return place;
    inventory.inHand = { kind: "roll-back", asked, recompiling: recompiledSteps(asked) };
  }
  const done = someSteps(inventory.inHand.recompiling, config.workPerEventMax);
  return done && rollBackWrite(state, asked, done.value);
}

function proposal(state: ControllerState, asked: Apply): Result<PlanWrite> | undefined {
  const { inHand } = state.inventory;
  if (inHand?.kind !== "proposal" || inHand.asked !== asked) return begun(state, asked, 1);
  const done = someSteps(inHand.verifying, state.config.workPerEventMax);
  if (done === undefined) return undefined;
  const place = proposalInPlace(state, asked);
  if (!place.ok) return place;
  if (!isSame(inHand.place.toVerify, place.value.toVerify)) return begun(state, asked, inHand.attempt + 1);
  return proposalWrite(state, asked, place.value, done.value);
}

function begun(state: ControllerState, asked: Apply, attempt: number): Result<PlanWrite> | undefined {
  const place = proposalInPlace(state, asked);
  if (!place.ok) return place;
  const verifying = verifyPlanSteps(place.value.toVerify);
  state.inventory.inHand = { kind: "proposal", asked, place: place.value, verifying, attempt };
  const done = someSteps(verifying, attempt > attemptsMax ? Infinity : state.config.workPerEventMax);
  return done && proposalWrite(state, asked, place.value, done.value);
}

/** Whether a verdict on the one holds for the other: the same plan in the same place. Rules of before only save work. */
function isSame(a: PlanToVerify, b: PlanToVerify): boolean {
  return documentsHash(a.snapshot) === documentsHash(b.snapshot) && hasSameNumbers(a.assignmentsBefore, b.assignmentsBefore);
}

function hasSameNumbers(a: Assignments, b: Assignments): boolean {
  return a === b || canonicalJson(assignmentsDocument(a)) === canonicalJson(assignmentsDocument(b));
}
