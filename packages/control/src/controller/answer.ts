/**
 * A solver's answer in hand: it is verified in slices, other events in between. Whatever makes the solve pointless (another topology, a frozen
 * control network) ends its phase, and the answer with it.
 */
import type { Plan, PlanTimings, Result } from "@sluice/model";
import { someSteps, type Assignments, type Steps } from "@sluice/rules";
import type { ControllerState, CyclePhase } from "./state.js";
import { heldRules } from "./switches.js";
import { assignmentsToPlanOn, verifyPlanSteps, type VerifiedCycle } from "./verify.js";

export interface Answer {
  readonly plan: Plan;
  readonly timings: PlanTimings;
}

export interface AnswerInHand extends Answer {
  /** The newest assignments when it was begun: labels are given out after them. */
  readonly assignments: Assignments;
  readonly verifying: Steps<Result<VerifiedCycle>>;
}

type Solving = Extract<CyclePhase, { kind: "solving" }>;

export function takeInHand(state: ControllerState, { snapshot }: Solving, { plan, timings }: Answer): AnswerInHand {
  const { assignments } = state.cycle;
  const { target } = state.push;
  const verifying = verifyPlanSteps({
    snapshot,
    plan,
    assignmentsBefore: assignmentsToPlanOn(assignments, heldRules(state), target),
    rulesBefore: target?.rules,
    planBefore: target?.record.plan,
  });
  return { plan, timings, assignments, verifying };
}

/** Goes on, as much as one event allows. Undefined while there is more to do: a tick is asked for. */
export function advanceAnswer(state: ControllerState, phase: Solving): Result<VerifiedCycle> | undefined {
  if (phase.answer === undefined) return undefined;
  // A plan that no cycle made came in between.
  if (phase.answer.assignments !== state.cycle.assignments) phase.answer = takeInHand(state, phase, phase.answer);
  const done = someSteps(phase.answer.verifying, state.config.workPerEventMax);
  if (done === undefined) state.effects.push({ kind: "wake", atMs: state.nowMs });
  return done?.value;
}
