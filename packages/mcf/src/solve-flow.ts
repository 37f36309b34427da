/**
 * Both engines as one: the first-order method to any gap that it reaches in a few hundred steps, which is nearly always; where it crawls, the
 * interior point goes on from its point.
 */
import type { FlowEngine, FlowProgram, FlowSolution, SolveLimits } from "./flow-program.js";
import { firstOrderDefaults, solveFirstOrder } from "./first-order/first-order.js";
import { gapBetween } from "./gap.js";
import { interiorPoint } from "./interior-point/interior-point.js";

/** Gaps from here on are left to the first-order method unless it stalls: the interior point takes longer for them. */
const crawlingGap = 1e-4;
/** Steps to which the first-order method is held for smaller gaps. On the peers' instances half need no more for 1e-6. */
const stepsMax = 300;

export const solveFlow: FlowEngine = (program, limits, start) => {
  const began = limits.nowMs();
  const alone = limits.gap >= crawlingGap;
  const reported = onlyBetter(program, limits);
  const first = solveFirstOrder(program, reported, start, { ...firstOrderDefaults(), ...(alone ? {} : { iterationsMax: stepsMax }) });
  if (first.status !== "stalled") return first;
  const timeLimitSeconds = secondsLeft(limits, began);
  if (timeLimitSeconds === 0) return { ...first, status: "time-limit" };
  const second = interiorPoint(program, { ...reported, timeLimitSeconds }, first);
  return bestOf(program, first, second);
};

function secondsLeft({ timeLimitSeconds, nowMs }: SolveLimits, began: number): number {
  return Math.max(0, timeLimitSeconds - (nowMs() - began) / 1000);
}

/** Progress of both as one: the best value and the best bound of either. */
function onlyBetter(program: FlowProgram, limits: SolveLimits): SolveLimits {
  const { onProgress } = limits;
  if (onProgress === undefined) return limits;
  let best: Proven | undefined;
  return {
    ...limits,
    onProgress({ value, bound }) {
      best = best === undefined ? { value, bound } : joined(program, best, { value, bound });
      onProgress({ ...best, gap: gapBetween(best.value, best.bound) });
    },
  };
}

/** The better flow with the prices that prove more, whichever engine either is from. */
function bestOf(program: FlowProgram, first: FlowSolution, second: FlowSolution): FlowSolution {
  const best = joined(program, first, second);
  const { flowBps } = best.value === second.value ? second : first;
  const { linkPrice } = best.bound === second.bound ? second : first;
  return {
    ...second,
    ...best,
    flowBps,
    linkPrice,
    gap: gapBetween(best.value, best.bound),
    iterations: first.iterations + second.iterations,
  };
}

type Proven = Pick<FlowSolution, "value" | "bound">;

function joined({ limit }: FlowProgram, a: Proven, b: Proven): Proven {
  return limit === "capacity"
    ? { value: Math.max(a.value, b.value), bound: Math.min(a.bound, b.bound) }
    : { value: Math.min(a.value, b.value), bound: Math.max(a.bound, b.bound) };
}
