/**
 * Moves a class's flow off links that are soft-drained, as far as the rest of its network has room: each demand keeps its rate to the bit
 * per second, other demands may change their paths to make room, and the least flow times soft-drained links is left. A simplex walk from the
 * flow as it is (packages/mcf, purify): wherever it is stopped, flow fits and no demand has lost.
 */
import type { ObjectiveName } from "@sluice/model";
import { flowOfDemands, purify, purifySecondsOf, type Problem } from "@sluice/mcf";
import { certify, edgeCertify } from "./certificate.js";
import { detourCost, sumAlong } from "./detour-cost.js";
import { fitToCapacity } from "./flow.js";
import type { Answer } from "./ladder.js";

export interface MoveOffOptions {
  readonly objective: ObjectiveName;
  /** Per link, 1: soft-drained. */
  readonly links: Uint8Array;
  readonly gapMax: number;
  /** Bounds are over all paths. */
  readonly boundsAllPaths: boolean;
  readonly timeLimitSeconds: number;
  /** The class's share of the deadline, not what is left of it. */
  readonly budgetSeconds: number;
  readonly nowMs: () => number;
}

/** Of equal use of soft-drained links, the shorter way is wanted: by this much of the whole difference at most. */
const tieShare = 1e-3;
/** Relative: what a demand may differ by from its rate, and a link from its capacity, through rounding. */
const roundingMax = 1e-6;
/** Room above a utilization that was found, relative. */
const utilizationSlack = 1e-9;

/** The answer, with its flow moved and its certificate made anew; the same one where nothing can be moved, or it would take too long. */
export function moveOff(answer: Answer, options: MoveOffOptions): Answer {
  const { problem, flowBps } = answer;
  const { objective, links, gapMax, boundsAllPaths, timeLimitSeconds, budgetSeconds, nowMs } = options;
  const uses = sumAlong(problem, (e) => links[e] ?? 0);
  const used = usedOf(flowBps, uses);
  if (used === 0) return answer;
  // A shortest path is wanted for itself. Where demand is refused for a utilization above 1, every link counts.
  if (objective === "shortest-path") return noted(answer, "Shortest paths are not moved off soft-drained links one by one.");
  if (objective === "min-max-utilization" && answer.certificate.value > 1) return answer;
  if (purifySecondsOf(problem) > budgetSeconds)
    return noted(answer, "The network is too large to move traffic off its soft-drained links flow by flow in the time.");

  const rateBps = flowOfDemands(problem, flowBps);
  const room = { ...problem, demandBps: rateBps, capacityBps: roomOf(problem, answer, objective) };
  const base = objective === "min-cost" ? sumAlong(problem, (e) => problem.latencyMs[e] ?? 0) : detourCost(problem);
  const most = base.reduce((largest, each) => Math.max(largest, each), Number.MIN_VALUE);
  const goals = {
    worth: new Float64Array(problem.pathCount).fill(1),
    cost: uses.map((count, p) => count + (tieShare * (base[p] ?? 0)) / most),
    keepsRate: new Uint8Array(problem.demandCount).fill(1),
  };
  const walked = purify({ problem: room, limit: "capacity" }, flowBps, goals, { timeLimitSeconds, nowMs });
  const moved = atRates(problem, walked.flowBps, rateBps);
  if (moved === undefined || !(usedOf(moved, uses) < used)) return answer;

  const judge = boundsAllPaths ? edgeCertify : certify;
  const certificate = judge(problem, objective, moved, answer.linkPrice);
  const isProven = certificate.gap === undefined || certificate.gap <= gapMax || answer.rung !== "optimal";
  const changed = { ...answer, flowBps: moved, certificate };
  if (isProven) return changed;
  return noted(
    { ...changed, rung: "feasible" },
    `Keeping off soft-drained links costs ${percentText(certificate.gap ?? 0)} of the objective.`,
  );
}

/** A utilization that was made the least is kept. */
function roomOf({ capacityBps }: Problem, { certificate }: Answer, objective: ObjectiveName): Float64Array {
  if (objective !== "min-max-utilization") return capacityBps;
  return capacityBps.map((bps) => bps * Math.min(1, certificate.value * (1 + utilizationSlack)));
}

/** bps times soft-drained links. */
function usedOf(flowBps: Float64Array, uses: Float64Array): number {
  return flowBps.reduce((sum, bps, p) => sum + bps * (uses[p] ?? 0), 0);
}

/** Flow with what rounding took or gave put right; undefined where it is more than rounding. */
function atRates(problem: Problem, flowBps: Float64Array, rateBps: Float64Array): Float64Array | undefined {
  const now = flowOfDemands(problem, flowBps);
  const exact = flowBps.slice();
  for (let d = 0; d < problem.demandCount; d += 1) {
    const [wanted, is] = [rateBps[d] ?? 0, now[d] ?? 0];
    if (Math.abs(wanted - is) > roundingMax * wanted) return undefined;
    if (is > 0)
      for (let p = problem.pathStart[d] ?? 0; p < (problem.pathStart[d + 1] ?? 0); p += 1) exact[p] = ((exact[p] ?? 0) * wanted) / is;
  }
  const fitted = fitToCapacity(problem, exact);
  return fitted.excessMax > roundingMax ? undefined : fitted.flowBps;
}

function noted(answer: Answer, note: string): Answer {
  return { ...answer, notes: [...answer.notes, note] };
}

function percentText(share: number): string {
  return `${(share * 100).toPrecision(2)} %`;
}
