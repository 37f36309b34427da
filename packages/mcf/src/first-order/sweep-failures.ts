/**
 * What is left after each of many failures: each solved from the answer without failure, on the tunnels that survive it. One layout
 * serves all; a failure costs the steps to its own optimum, and nothing else.
 */
import type { FlowProgram, FlowSolution, SolveLimits } from "../flow-program.js";
import { firstOrderDefaults } from "./first-order.js";
import { openSession, type FirstOrderOptions } from "./session.js";

/** Links that fail together. */
export type FailedLinks = readonly number[];

export interface FailureAnswer {
  readonly failed: FailedLinks;
  readonly solution: FlowSolution;
}

export interface SweepOptions extends FirstOrderOptions {
  /** The answer without failure is this many times more exact than is asked of the others: their start is only as good as it is. */
  readonly startPrecision: number;
}

export function sweepDefaults(): SweepOptions {
  return { ...firstOrderDefaults(), startPrecision: 10 };
}

/**
 * The answer without failure (`failed` empty), then one for each failure in turn, as they are asked for. The time limit is for each.
 * Demands that lose all their paths carry nothing and are left out of what a utilization has to carry.
 */
export function* sweepFailures(
  program: FlowProgram,
  failures: readonly FailedLinks[],
  limits: SolveLimits,
  { startPrecision, ...options }: SweepOptions = sweepDefaults(),
): Generator<FailureAnswer, void, undefined> {
  const session = openSession(program, { ...options, demandGrowthMax: 1 });
  try {
    yield { failed: [], solution: session.solve({ ...limits, gap: limits.gap / startPrecision }) };
    const start = session.point();
    for (const failed of failures) {
      const capacityBps = program.problem.capacityBps.slice();
      for (const e of failed) capacityBps[e] = 0;
      yield { failed, solution: session.solve(limits, { change: { capacityBps }, start }) };
    }
  } finally {
    session.close();
  }
}
