/**
 * Solves what a scenario leaves to be solved. The structured simplex walks from where it stands to the best vertex: from the plan's own flow that
 * is a short way. Where that many links make its steps dear, the first-order method and the interior point do it, from the same start. The
 * answer's bound comes from the prices alone.
 */
import { addAlongPath, concentrate, leastAlongPath, purify, purifySecondsOf, solveFlow, type FlowStart, type Problem } from "@sluice/mcf";
import type { LpBackend } from "@sluice/lp";
import type { ObjectiveName } from "@sluice/model";
import { certify } from "../certificate.js";
import { fitToCapacity } from "../flow.js";
import { fillUp, greedyFill } from "../schemes/greedy-fill.js";
import { maxMinFair } from "../schemes/max-min-fair.js";
import { mergeAlike } from "./merge-alike.js";

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

function most(whole: Problem, options: ReducedOptions): ReducedAnswer {
  const { gapMax, nowMs, timeLimitSeconds, start } = options;
  const { problem, cost, sum, deal } = mergeAlike(whole, options.cost);
  const began = start === undefined ? greedyFill(problem, 1) : fillUp(problem, asFarAsFits(problem, sum(start.flowBps)));
  const goals = { worth: new Float64Array(problem.pathCount).fill(1), cost, keepsRate: new Uint8Array(problem.demandCount) };
  const program = { problem, limit: "capacity" } as const;
  let best = judged(problem, began, new Float64Array(problem.linkCount));
  const consider = (flow: Float64Array, linkPrice: Float64Array): boolean => {
    best = better(best, judged(problem, fitToCapacity(problem, flow).flowBps, linkPrice));
    return best.boundBps - best.carriedBps <= gapMax * best.boundBps;
  };
  let isNear = false;
  if (purifySecondsOf(problem) <= walkSecondsMax) {
    const walked = purify(program, began, goals, { timeLimitSeconds, nowMs });
    isNear = consider(walked.flowBps, walked.linkPrice);
  }
  if (!isNear) {
    const from = start === undefined ? undefined : { flowBps: best.flowBps, linkPrice: start.linkPrice };
    const solution = solveFlow(program, { gap: gapShare * gapMax, timeLimitSeconds, nowMs }, from);
    consider(concentrate(problem, solution.flowBps), solution.linkPrice);
  }
  return { flowBps: fitToCapacity(whole, deal(best.flowBps)).flowBps, boundBps: best.boundBps };
}

/**
 * Each path in turn with as much of its flow as still fits: what does not fit is left out here and there, not a little of everywhere, which
 * would be a step for each to put right.
 */
function asFarAsFits(problem: Problem, flowBps: Float64Array): Float64Array {
  const roomBps = problem.capacityBps.slice();
  const kept = new Float64Array(problem.pathCount);
  for (let p = 0; p < problem.pathCount; p++) {
    const flow = Math.min(flowBps[p] as number, leastAlongPath(problem, p, roomBps));
    if (!(flow > 0)) continue;
    kept[p] = flow;
    addAlongPath(problem, p, -flow, roomBps);
  }
  return kept;
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
