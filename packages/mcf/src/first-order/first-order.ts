/**
 * The main engine: a first-order primal-dual method on suffix tries. Anytime: whenever it stops, it has a flow that fits and a bound.
 *
 * A step takes two passes over the trie's nodes and one over the paths, O(nodes + paths), on two threads; no matrix is ever factored.
 */
import { availableParallelism } from "node:os";
import type { FlowEngine, FlowProgram, FlowSolution, FlowStart, SolveLimits } from "../flow-program.js";
import { wasmRuns } from "../kernel/kernel.js";
import { partitionCount } from "../kernel/layout.js";
import { openSession, type FirstOrderOptions } from "./session.js";

export const firstOrder: FlowEngine = (program, limits, start) => solveFirstOrder(program, limits, start, firstOrderDefaults());

/** What this machine can do. */
export function firstOrderDefaults(): FirstOrderOptions {
  return { kind: wasmRuns() ? "wasm" : "reference", threads: Math.min(partitionCount, availableParallelism()) };
}

export function solveFirstOrder(
  program: FlowProgram,
  limits: SolveLimits,
  start: FlowStart | undefined,
  options: FirstOrderOptions,
): FlowSolution {
  const began = limits.nowMs();
  const session = openSession(program, { ...options, demandGrowthMax: 1, merge: true });
  try {
    // Laying out took some of the time.
    const timeLimitSeconds = limits.timeLimitSeconds - (limits.nowMs() - began) / 1000;
    return session.solve({ ...limits, timeLimitSeconds }, start === undefined ? {} : { start });
  } finally {
    session.close();
  }
}
