/** The loop of the first-order method: steps, restarts, and looks at the answer, until it is good enough or has to stop. */
import type { FlowProgram, FlowSolution, SolveLimits } from "../flow-program.js";
import { gapOf, improve, type Incumbent } from "./incumbent.js";
import { distanceFromAnchor, setAnchor, step, undoAveraging, type Iterate } from "./iterate.js";
import { adapt, makeStepControl, wantsRestart } from "./step-control.js";

/**
 * Steps between two looks at the answer, each of which costs about four: the least, and the most, or this share of all steps where that is
 * more; in between about this share of what the fall of the gap so far says is still to go.
 */
const pauseMin = 10;
const pauseMost = 24;
const pauseShareMost = 0.12;
const pauseAim = 0.5;
/** Steps for a gap of a third, where nothing is known yet or the gap did not fall. */
const stepsOfThird = 20;
/** From nothing, fewer steps than these have never been enough, for gaps from 5e-3 on and below. */
const firstCheckLoose = 20;
const firstCheckTight = 40;
const looseGap = 5e-3;
/** A given start is looked at as it is, and soon again: it may be nearly right. */
const warmCheckStart = 4;
/** Steps without a better gap after which the primal weight is set back; doubled each time. */
const patienceStart = 250;
/** Steps without a better gap, as a share of all, after which nothing more is to be expected; and the least number of them. */
const stallShare = 0.5;
const stallMin = 5_000;
const iterationsMaxEver = 1_000_000;

export interface Ended {
  readonly status: FlowSolution["status"];
  readonly iterations: number;
}

export interface IterationOptions {
  readonly limits: SolveLimits;
  /** When the solve began, ms. */
  readonly began: number;
  /** From a given start, which may be nearly right. */
  readonly warm: boolean;
  readonly primalWeightUsual: number;
  readonly iterationsMax?: number | undefined;
}

/** Begins at the iterate's anchor. */
export function iterateUntil(
  iterate: Iterate,
  incumbent: Incumbent,
  program: FlowProgram,
  { limits, began, warm, primalWeightUsual, iterationsMax = iterationsMaxEver }: IterationOptions,
): Ended {
  const { kernel } = iterate;
  const control = makeStepControl(primalWeightUsual);
  let iterations = 0;
  const coldCheck = limits.gap >= looseGap ? firstCheckLoose : firstCheckTight;
  let nextCheck = warm ? 0 : Math.min(coldCheck, iterationsMax);
  const pauses = makePauses(limits.gap, warm ? warmCheckStart : pauseMost);
  let bestGap = Infinity;
  let bestAt = 0;
  let patience = patienceStart;
  for (;;) {
    const late = limits.nowMs() - began >= limits.timeLimitSeconds * 1000;
    if (late || iterations === nextCheck) {
      improve(incumbent, kernel, program);
      const gap = gapOf(incumbent);
      limits.onProgress?.({ value: incumbent.value, bound: incumbent.bound, gap });
      if (gap < bestGap) [bestGap, bestAt] = [gap, iterations];
      else if (iterations - bestAt >= patience) {
        // The balance of flows and prices was lost: begin again from here, with the usual one.
        patience *= 2;
        iterate.primalWeight = primalWeightUsual;
        setAnchor(iterate);
      }
      if (gap <= limits.gap) return { status: "gap", iterations };
      if (late) return { status: "time-limit", iterations };
      if (limits.cancelled?.() === true) return { status: "cancelled", iterations };
      const stalled = iterations - bestAt > Math.max(stallMin, stallShare * iterations);
      if (stalled || iterations >= iterationsMax) return { status: "stalled", iterations };
      nextCheck = Math.min(iterationsMax, iterations + pauses.next(iterations, bestGap));
    }
    step(iterate);
    iterations++;
    // A point that a step does not move is a solution: it is looked at at once, and nothing better will come.
    if (iterate.residual === 0) {
      undoAveraging(iterate);
      nextCheck = iterations;
      bestAt = -Infinity;
    }
    if (wantsRestart(control, iterate, iterations)) {
      adapt(control, iterate, distanceFromAnchor(iterate));
      setAnchor(iterate);
    }
  }
}

/** How many steps to make before the answer is looked at again. */
function makePauses(wanted: number, first: number): { readonly next: (iterations: number, gap: number) => number } {
  let most = first;
  let gapBefore = 1;
  let iterationsBefore = 0;
  return {
    next(iterations, gap) {
      const fell = Math.log(gapBefore / gap);
      const perFold = fell > 0 && gapBefore < 1 ? (iterations - iterationsBefore) / fell : stepsOfThird;
      const aim = pauseAim * perFold * Math.log(gap / wanted);
      const pause = Math.min(Math.max(pauseMin, Math.round(aim)), Math.max(most, Math.round(pauseShareMost * iterations)));
      most = Math.min(2 * most, pauseMost);
      if (gap < gapBefore) [gapBefore, iterationsBefore] = [gap, iterations];
      return pause;
    },
  };
}
