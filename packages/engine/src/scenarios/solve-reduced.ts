/**
 * Solves what a scenario leaves to be solved. The structured simplex walks from where it stands to the best vertex: from the plan's own flow that
 * is a short way. Where that many links make its steps dear, the first-order method and the interior point do it, from the same start. The
 * answer's bound comes from the prices alone.
 */
import { concentrate, purify, purifySecondsOf, solveFlow, type FlowStart, type Problem } from "@sluice/mcf";
import type { LpBackend } from "@sluice/lp";
import type { ObjectiveName } from "@sluice/model";
import { certify } from "../certificate.js";
import { fitToCapacity } from "../flow.js";
import { fillUp, greedyFill } from "../schemes/greedy-fill.js";
import { maxMinFair } from "../schemes/max-min-fair.js";

/** Above this many expected seconds for one scenario the walk alone is not tried. Not by the clock: equal inputs are solved alike. */
const walkSecondsMax = 0.5;
/** Share of the wanted gap that engines aim at: what repair costs has to fit, too. */
const gapShare = 0.5;

export interface ReducedOptions {
  readonly lp: LpBackend;
  readonly nowMs: () => number;
  readonly timeLimitSeconds: number;
  readonly objective: ObjectiveName;
  readonly gapMax: number;
  /** Per path: of flows that carry as much, the least of this is wanted. */
  readonly cost: Float64Array;
  /** Where to start: the plan's flow and its prices; left out: from nothing. */
  readonly start?: Pick<FlowStart, "flowBps" | "linkPrice"> | undefined;
}

export interface ReducedAnswer {
  /** Per path, bps; fits. */
  readonly flowBps: Float64Array;
  /** No flow carries more, bps. */
  readonly boundBps: number;
}

/**
 * Most is carried; fairly, where the class's objective is max-min-fair: then no bound is proven but all that is asked for. Of other objectives the
 * most is wanted under failure as well.
 */
export async function solveReduced(problem: Problem, options: ReducedOptions): Promise<ReducedAnswer> {
  if (problem.demandCount === 0) return { flowBps: new Float64Array(0), boundBps: 0 };
  return options.objective === "max-min-fair" ? fairest(problem, options) : most(problem, options);
}

function most(problem: Problem, options: ReducedOptions): ReducedAnswer {
  const { cost, gapMax, nowMs, timeLimitSeconds } = options;
  const flowBps = startFlow(problem, options);
  const goals = { worth: new Float64Array(problem.pathCount).fill(1), cost, keepsRate: new Uint8Array(problem.demandCount) };
  const program = { problem, limit: "capacity" } as const;
  let best = judged(problem, flowBps, new Float64Array(problem.linkCount));
  const consider = (flow: Float64Array, linkPrice: Float64Array): boolean => {
    best = better(best, judged(problem, fitToCapacity(problem, flow).flowBps, linkPrice));
    return best.boundBps - best.carriedBps <= gapMax * best.boundBps;
  };
  if (purifySecondsOf(problem) <= walkSecondsMax) {
    const walked = purify(program, flowBps, goals, { timeLimitSeconds, nowMs });
    if (consider(walked.flowBps, walked.linkPrice)) return best;
  }
  const start = { flowBps: best.flowBps, linkPrice: options.start?.linkPrice ?? new Float64Array(problem.linkCount) };
  const solution = solveFlow(program, { gap: gapShare * gapMax, timeLimitSeconds, nowMs }, options.start === undefined ? undefined : start);
  consider(concentrate(problem, solution.flowBps), solution.linkPrice);
  return best;
}

/** The plan's flow cut down to what fits, or first tunnels filled in order; then whatever else there is room for. */
function startFlow(problem: Problem, { start }: ReducedOptions): Float64Array {
  return start === undefined ? greedyFill(problem, 1) : fillUp(problem, fitToCapacity(problem, start.flowBps).flowBps);
}

interface Judged extends ReducedAnswer {
  readonly carriedBps: number;
}

function judged(problem: Problem, flowBps: Float64Array, linkPrice: Float64Array): Judged {
  const { value, bound = Infinity } = certify(problem, "max-throughput", flowBps, linkPrice);
  return { flowBps, carriedBps: value, boundBps: bound };
}

function better(a: Judged, b: Judged): Judged {
  return { ...(b.carriedBps >= a.carriedBps ? b : a), boundBps: Math.min(a.boundBps, b.boundBps) };
}

async function fairest(problem: Problem, { lp, nowMs, timeLimitSeconds, gapMax }: ReducedOptions): Promise<ReducedAnswer> {
  const outcome = await maxMinFair.solve(problem, { lp, nowMs, timeLimitSeconds, gapMax });
  const wantedBps = problem.demandBps.reduce((sum, bps) => sum + bps, 0);
  // A solver that failed leaves zero flow: first come, first served is better than nothing.
  const solved = outcome.status === "optimal" || outcome.status === "feasible";
  const { flowBps } = solved ? fitToCapacity(problem, outcome.flowBps) : { flowBps: greedyFill(problem, problem.pathCount) };
  return { flowBps, boundBps: wantedBps };
}
