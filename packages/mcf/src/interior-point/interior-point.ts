/**
 * The exact engine: a primal-dual interior point that never sees most of the program. Demands are eliminated in closed form
 * (elimination.ts), links that cannot fill are no rows, and what is left is a dense system over the links that can
 * (dense-kernel.ts). Iterations are few, 7 to 40, whatever the size; each costs the sum over demands of the squared number of rows
 * that their paths cross, and rows^3 / 3.
 *
 * Stopped at any iteration it has an answer: flows repaired to fit, and the bound of the prices.
 */
import type { FlowEngine, FlowProgram, FlowSolution, FlowStart, SolveLimits } from "../flow-program.js";
import { denseKernel, denseWasmRuns, type DenseKind } from "./dense-kernel.js";
import { directionsOf, type Directions } from "./direction.js";
import { eliminationOf, type Elimination } from "./elimination.js";
import { incidenceOf } from "./incidence.js";
import { incumbentOf, type Incumbent } from "./incumbent.js";
import { advance, emptyPoint } from "./point.js";
import { reduceProgram, type ReducedProgram } from "./reduced-program.js";
import { emptyResiduals, measure, type Standing } from "./residuals.js";
import { schurTerms } from "./schur-terms.js";
import { coldStart, warmStart } from "./starting-point.js";

export interface InteriorPointOptions {
  /** Left out: WebAssembly where it runs. */
  readonly kernel?: DenseKind;
}

const iterationsMax = 200;
/** How far a step goes at least towards the nearest variable at 0. Nearer the end it goes further. */
const stepShareMin = 0.97;
/** Answers are made and judged once the sum of products is at most this many times the wanted gap. */
const judgeFactor = 4;
/** A gap so small that the answer is called optimal. */
const optimalGap = 1e-9;
/** Iterations without a tenth less of gap or residuals after which the solve has stalled. */
const patience = 25;
const progressFactor = 0.9;

export const interiorPoint: FlowEngine = (program, limits, start) => solveByInteriorPoint(program, limits, start);

export function solveByInteriorPoint(
  program: FlowProgram,
  limits: SolveLimits,
  start?: FlowStart,
  { kernel = denseWasmRuns() ? "wasm" : "reference" }: InteriorPointOptions = {},
): FlowSolution {
  const watch = watchOf(limits, limits.nowMs());
  const reduced = reduceProgram(program);
  const incidence = incidenceOf(reduced);
  const incumbent = incumbentOf(program, reduced, incidence);
  if (reduced.capacity.length === 0) return nothingContested(reduced, incumbent);
  // Setting up takes a second on the largest instances: the clock is looked at between its parts, and within the long ones.
  const late = watch.over();
  if (late !== undefined) return lastAnswer(incumbent, emptyPoint(reduced), limits, { status: late, iterations: 0 });

  const { point, worth } = start === undefined ? coldStart(reduced, incidence) : warmStart(reduced, incidence, start);
  const residuals = emptyResiduals(reduced);
  const progress = progressOf();
  // Costs as much as an iteration or two: not before it is known that there is time for one.
  let newton: Newton | undefined;
  try {
    for (let iterations = 0; ; iterations++) {
      const standing = measure(reduced, incidence, point, worth, residuals);
      if (standing.gap <= judgeFactor * limits.gap || limits.onProgress !== undefined) {
        const figures = incumbent.consider(point);
        limits.onProgress?.(figures);
        if (figures.gap <= limits.gap) return incumbent.solution({ status: figures.gap <= optimalGap ? "optimal" : "gap", iterations });
      }
      const stopped = watch.stopped() ?? (iterations === iterationsMax || progress.stalled(standing) ? "stalled" : undefined);
      if (stopped !== undefined) return lastAnswer(incumbent, point, limits, { status: stopped, iterations });
      newton ??= newtonOf(reduced, kernel, watch);
      if (newton === undefined || !newton.elimination.factor(point, () => watch.over() !== undefined)) {
        return lastAnswer(incumbent, point, limits, { status: watch.over() ?? "time-limit", iterations });
      }
      const { direction, primal, dual } = newton.directions.next(point, residuals, standing.mu);
      if (!direction.linkPrice.every(Number.isFinite)) return lastAnswer(incumbent, point, limits, { status: "stalled", iterations });
      const stepShare = Math.max(stepShareMin, 1 - standing.gap);
      advance(point, direction, { primal: Math.min(1, stepShare * primal), dual: Math.min(1, stepShare * dual) });
    }
  } finally {
    newton?.release();
  }
}

interface Newton {
  readonly elimination: Elimination;
  readonly directions: Directions;
  readonly release: () => void;
}

/** Undefined where time is up before all is laid out. */
function newtonOf(reduced: ReducedProgram, kernel: DenseKind, watch: Watch): Newton | undefined {
  const terms = schurTerms(reduced.trie, reduced, reduced, () => watch.over() !== undefined);
  if (terms === undefined) return undefined;
  const dense = denseKernel({ ...terms, slotStart: reduced.slotStart }, kernel);
  const elimination = eliminationOf(reduced, dense);
  return { elimination, directions: directionsOf(reduced, elimination), release: dense.release };
}

function lastAnswer(
  incumbent: Incumbent,
  point: Parameters<Incumbent["consider"]>[0],
  { gap: goal }: SolveLimits,
  ended: Pick<FlowSolution, "status" | "iterations">,
): FlowSolution {
  const { gap } = incumbent.consider(point);
  return incumbent.solution(gap <= goal ? { ...ended, status: "gap" } : ended);
}

/** Every demand on its best path. */
function nothingContested(reduced: ReducedProgram, incumbent: Incumbent): FlowSolution {
  const point = emptyPoint(reduced);
  const { slotStart, cost, rate } = reduced;
  for (let k = 0; k < rate.length; k++) {
    let best = slotStart[k] as number;
    for (let slot = best; slot < (slotStart[k + 1] as number); slot++) if ((cost[slot] as number) < (cost[best] as number)) best = slot;
    point.flow[best] = rate[k] as number;
  }
  incumbent.consider(point);
  return incumbent.solution({ status: "optimal", iterations: 0 });
}

interface Watch {
  /** Whether to stop before another iteration that takes as long as the last. */
  readonly stopped: () => "cancelled" | "time-limit" | undefined;
  /** Whether to stop at once. */
  readonly over: () => "cancelled" | "time-limit" | undefined;
}

function watchOf({ cancelled, nowMs, timeLimitSeconds }: SolveLimits, begun: number): Watch {
  let last: number | undefined;
  const overAt = (ms: number): "cancelled" | "time-limit" | undefined => {
    if (cancelled?.() === true) return "cancelled";
    return ms - begun > 1000 * timeLimitSeconds ? "time-limit" : undefined;
  };
  return {
    stopped: () => {
      const now = nowMs();
      const iterationMs = last === undefined ? 0 : now - last;
      last = now;
      return overAt(now + iterationMs);
    },
    over: () => overAt(nowMs()),
  };
}

function progressOf(): { readonly stalled: (standing: Standing) => boolean } {
  let best = Infinity;
  let since = 0;
  return {
    stalled: ({ gap, primalInfeasibility, dualInfeasibility }) => {
      const distance = gap + primalInfeasibility + dualInfeasibility;
      since = distance <= progressFactor * best ? 0 : since + 1;
      best = Math.min(best, distance);
      return since >= patience || !Number.isFinite(distance);
    },
  };
}
