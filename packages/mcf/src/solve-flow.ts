/**
 * Both engines as one: the first-order method to any gap that it reaches in a few hundred steps, which is nearly always; where it crawls, the
 * interior point goes on from its point.
 */
import type { FlowEngine, FlowSolution, SolveLimits } from "./flow-program.js";
import { firstOrderDefaults, solveFirstOrder } from "./first-order/first-order.js";
import { interiorPoint } from "./interior-point/interior-point.js";

/** Gaps from here on are the first-order method's alone: the interior point takes longer than it for them, whatever the instance. */
const crawlingGap = 1e-4;
/** Steps to which the first-order method is held for smaller gaps. On the peers' instances half need no more for 1e-6. */
const stepsMax = 300;

export const solveFlow: FlowEngine = (program, limits, start) => {
  const began = limits.nowMs();
  const alone = limits.gap >= crawlingGap;
  const first = solveFirstOrder(program, limits, start, { ...firstOrderDefaults(), ...(alone ? {} : { iterationsMax: stepsMax }) });
  if (first.status !== "stalled" || alone) return first;
  const second = interiorPoint(program, { ...limits, timeLimitSeconds: secondsLeft(limits, began) }, first);
  return better(first, second);
};

function secondsLeft({ timeLimitSeconds, nowMs }: SolveLimits, began: number): number {
  return Math.max(0, timeLimitSeconds - (nowMs() - began) / 1000);
}

/** Value and bound may come from either; the answer is the one with the smaller gap. */
function better(first: FlowSolution, second: FlowSolution): FlowSolution {
  const iterations = first.iterations + second.iterations;
  return second.gap <= first.gap ? { ...second, iterations } : { ...first, status: second.status, iterations };
}
