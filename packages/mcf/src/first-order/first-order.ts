/**
 * The main engine: a first-order primal-dual method on suffix tries. Anytime: whenever it stops, it has a flow that fits and a bound.
 *
 * A step takes two passes over the trie's nodes and one over the paths, O(nodes + paths), on two threads; no matrix is ever factored.
 */
import { availableParallelism } from "node:os";
import type { FlowEngine, FlowProgram, FlowSolution, FlowStart, SolveLimits } from "../flow-program.js";
import { addLoads, makeKernel, wasmRuns, type Kernel, type KernelKind } from "../kernel/kernel.js";
import { layOut, partitionCount } from "../kernel/layout.js";
import { buildTrie } from "../trie/path-trie.js";
import { emptyIncumbent, gapOf, improve, type Incumbent } from "./incumbent.js";
import { distanceFromAnchor, makeIterate, setAnchor, step, type Iterate } from "./iterate.js";
import { priceStepOf } from "./price-step.js";
import { begin, carriableBps, utilizationFloor } from "./start-point.js";
import { adapt, makeStepControl, stepSizeStart, wantsRestart } from "./step-control.js";

/** The answer is looked at after so many steps, and then each time these have grown by this share: looking costs about three steps. */
const checkStart = 20;
const checkGrowth = 0.12;
/** Steps without a better gap, as a share of all, after which nothing more is to be expected; and the least number of them. */
const stallShare = 0.5;
const stallMin = 5_000;
const iterationsMax = 1_000_000;

export interface FirstOrderOptions {
  readonly kernel: KernelKind;
  /** This one included. */
  readonly threads: number;
}

export const firstOrder: FlowEngine = (program, limits, start) =>
  solveFirstOrder(program, limits, start, {
    kernel: wasmRuns() ? "wasm" : "reference",
    threads: Math.min(partitionCount, availableParallelism()),
  });

export function solveFirstOrder(
  program: FlowProgram,
  limits: SolveLimits,
  start: FlowStart | undefined,
  { kernel: kind, threads }: FirstOrderOptions,
): FlowSolution {
  const began = limits.nowMs();
  const { problem, limit } = program;
  const demandBps = carriableBps(program);
  const trie = buildTrie(
    { ...problem, demandBps },
    { fillable: limit === "capacity" ? 1 : (routable) => utilizationFloor(problem, routable) },
  );
  const kernel = makeKernel(layOut(program, trie, demandBps), { kind, threads });
  try {
    return iterateUntil(kernel, program, limits, { start, began });
  } finally {
    kernel.release();
  }
}

interface Begun {
  readonly start: FlowStart | undefined;
  /** When the solve began, ms. */
  readonly began: number;
}

function iterateUntil(kernel: Kernel, program: FlowProgram, limits: SolveLimits, { start, began }: Begun): FlowSolution {
  const iterate = makeIterate(kernel, priceStepOf(program), stepSizeStart);
  iterate.primalWeight = begin(kernel, program, start);
  loadByFlow(iterate);
  setAnchor(iterate);
  const control = makeStepControl();
  const incumbent = emptyIncumbent(kernel, program);
  const isLate = (): boolean => limits.nowMs() - began >= limits.timeLimitSeconds * 1000;

  let iterations = 0;
  let nextCheck = 0;
  let bestGap = Infinity;
  let bestAt = 0;
  for (;;) {
    const late = isLate();
    if (late || iterations === nextCheck) {
      improve(incumbent, kernel, program);
      const gap = gapOf(incumbent);
      limits.onProgress?.({ value: incumbent.value, bound: incumbent.bound, gap });
      if (gap < bestGap) [bestGap, bestAt] = [gap, iterations];
      const stalled = iterations - bestAt > Math.max(stallMin, stallShare * iterations) || iterations >= iterationsMax;
      const status = gap <= limits.gap ? "gap" : late ? "time-limit" : limits.cancelled?.() === true ? "cancelled" : "stalled";
      if (status !== "stalled" || stalled)
        return solutionOf(kernel, program, incumbent, { status, iterations, primalWeight: iterate.primalWeight });
      nextCheck = Math.max(iterations + checkStart, Math.round(iterations * (1 + checkGrowth)));
    }
    step(iterate);
    iterations++;
    if (wantsRestart(control, iterate, iterations)) {
      adapt(control, iterate, distanceFromAnchor(iterate));
      setAnchor(iterate);
    }
  }
}

/** Link loads of the flows as they are. */
function loadByFlow({ kernel, load }: Iterate): void {
  const { layout } = kernel;
  layout.fitted.set(layout.flow);
  layout.linkFigure.fill(1);
  kernel.scale();
  addLoads(layout, load);
}

function solutionOf(
  { layout }: Kernel,
  { problem }: FlowProgram,
  incumbent: Incumbent,
  ended: Pick<FlowSolution, "status" | "iterations" | "primalWeight">,
): FlowSolution {
  const flowBps = new Float64Array(problem.pathCount);
  layout.pathAt.forEach((path, slot) => {
    if (path >= 0) flowBps[path] = incumbent.flow[slot] as number;
  });
  const { value, bound } = incumbent;
  return { ...ended, flowBps, linkPrice: incumbent.price.slice(0, problem.linkCount), value, bound, gap: gapOf(incumbent) };
}
