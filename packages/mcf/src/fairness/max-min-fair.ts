/**
 * Max-min fairness with bandwidth functions on given paths, at scale: progressive filling (Bertsekas and Gallager 1992, section 6.5; B4 2013,
 * section 5.2) in geometric windows of the fair share rather than level by level, in the manner of the geometric
 * binning of Namyar et al. (Soroush, NSDI 2024). Within a window rates are alpha-fair for a large alpha (fair-window.ts); then the
 * demands that stay below its end are settled at their rate, paths whose price lies above what they or the rising ones can pay are closed,
 * and demands with one path left are taken out of the problem with their load: it shrinks as shares rise.
 *
 * Not exact: rates are within a percent or so of the max-min fair ones in the mean. What comes out fits exactly.
 */
import type { SolveLimits } from "../flow-program.js";
import type { Problem } from "../problem.js";
import { buildTrie } from "../trie/path-trie.js";
import { activeProblem, type ActiveProblem } from "./active-problem.js";
import { priceOfShare, shareOfPrice } from "./fair-utility.js";
import { solveWindow } from "./fair-window.js";
import { emptyFilling, mostOf, mostWithin, riseFreely, settle, takeOut, type Filling } from "./filling.js";
import { shortenPaths, topUp } from "./finish-flow.js";
import { flowOfDemands } from "../path-flow.js";
import { fitFlow } from "./fit-flow.js";
import { dueBps, fullShare, shareAt } from "./share-curves.js";

/** Last share of a window over its first. */
const windowRatio = 1.3;
/** Demands whose share ends below the window's last over this are settled; the next window begins there. */
const settleMargin = 1.12;
const sweepsPerWindowMax = 1000;
/** When a window is solved: see `WindowLimits`. */
const shareError = 1e-3;
const overload = 1e-4;
/** A path is closed when it costs more than this times what its demand, or a demand at the next window's begin, can pay, */
const closePrice = 3;
/** and it carries less than this part of its demand. */
const closeFlow = 1e-4;
/** Demands that have this part of all they will ever be due are settled at what they have, which fits, and topped up in the end. */
const nearlyAll = 0.99;

export type FairLimits = Omit<SolveLimits, "gap" | "onProgress">;

export interface FairSolution {
  /** "settled": every demand has its share. Else the shares of those that were still rising are too low. */
  readonly status: "settled" | "time-limit" | "cancelled";
  /** Per path, bps: fits demands and links up to rounding. */
  readonly flowBps: Float64Array;
  /** Per demand, the fair share that its rate comes to. */
  readonly share: Float64Array;
  readonly windows: number;
  readonly sweeps: number;
  /** Windows that ended at their limit of sweeps: what is settled there is less exact. */
  readonly windowsCut: number;
}

/** O(sweeps x links of the paths that are not decided); some ten to thirty windows of some hundred sweeps. */
export function maxMinFair(problem: Problem, limits: FairLimits): FairSolution {
  const filling = emptyFilling(problem);
  const endMs = limits.nowMs() + 1000 * limits.timeLimitSeconds;
  const cancelled = (): boolean => limits.cancelled?.() === true;
  const stopped = (): boolean => cancelled() || limits.nowMs() >= endMs;
  while (filling.rising > 0 && !stopped()) {
    riseFreely(filling);
    if (filling.rising > 0) fillWindow(filling, stopped);
  }
  const flowBps = finish(filling);
  const rateBps = flowOfDemands(problem, flowBps);
  return {
    status: filling.rising === 0 ? "settled" : cancelled() ? "cancelled" : "time-limit",
    flowBps,
    share: Float64Array.from(rateBps, (rate, k) => shareAt(filling.curves, k, rate)),
    windows: filling.windows,
    sweeps: filling.sweeps,
    windowsCut: filling.windowsCut,
  };
}

/** Solves one window; stopped within it, the filling stays as it was at its begin. */
function fillWindow(filling: Filling, stopped: () => boolean): void {
  const { problem, curves, open, leftBps, settledBps, flowBps, share } = filling;
  const shareHigh = share * windowRatio;
  const active = activeProblem(problem, { mostBps: mostWithin(filling, shareHigh), open, capacityBps: leftBps });
  const { demandOf, pathOf } = active;
  const answer = solveWindow(
    {
      trie: buildTrie(active.problem, { fillable: 1 }),
      problem: active.problem,
      settled: Uint8Array.from(demandOf, (k) => ((settledBps[k] as number) >= 0 ? 1 : 0)),
      curves,
      demandOf,
      shareLow: share,
      shareHigh,
    },
    Float64Array.from(pathOf, (p) => flowBps[p] as number),
    { sweepsMax: sweepsPerWindowMax, shareError, overload, stopped },
  );
  filling.windows++;
  filling.sweeps += answer.sweeps;
  if (!answer.converged) filling.windowsCut++;
  if (stopped()) return;
  fitFlow(active.problem, answer.flowBps, active.problem.demandBps);
  pathOf.forEach((p, i) => (flowBps[p] = answer.flowBps[i] as number));
  filling.share = shareHigh / settleMargin;
  settleBelow(filling, active, { shareLow: share, linkPrice: answer.linkPrice });
  takeOut(filling);
}

/** Settles the demands whose share ends below that of the filling, by their prices, and closes paths that cost too much from now on. */
function settleBelow(
  filling: Filling,
  { problem: part, demandOf, pathOf }: ActiveProblem,
  { shareLow, linkPrice }: { readonly shareLow: number; readonly linkPrice: Float64Array },
): void {
  const { curves, settledBps, flowBps, open, share } = filling;
  const rateBps = flowOfDemands(
    part,
    Float64Array.from(pathOf, (p) => flowBps[p] as number),
  );
  const priceOfPath = Float64Array.from(pathOf, (_, p) => {
    let sum = 0;
    for (let i = part.linkStart[p] as number; i < (part.linkStart[p + 1] as number); i++)
      sum += linkPrice[part.pathLinks[i] as number] as number;
    return sum;
  });
  const risingPrice = priceOfShare(share, shareLow);
  for (let i = 0; i < demandOf.length; i++) {
    const k = demandOf[i] as number;
    const rate = rateBps[i] as number;
    let least = Infinity;
    for (let p = part.pathStart[i] as number; p < (part.pathStart[i + 1] as number); p++) least = Math.min(least, priceOfPath[p] as number);
    const end = shareOfPrice(least, shareLow);
    if ((settledBps[k] as number) < 0) {
      const most = mostOf(curves, k);
      if (fullShare(curves, k) <= Math.min(end, share)) settle(filling, k, rate >= nearlyAll * most ? rate : most);
      else if (end < share) settle(filling, k, rate);
    }
    const dear = closePrice * Math.max(least, risingPrice);
    for (let p = part.pathStart[i] as number; p < (part.pathStart[i + 1] as number); p++) {
      const path = pathOf[p] as number;
      if ((priceOfPath[p] as number) <= dear || (flowBps[path] as number) > closeFlow * rate) continue;
      open[path] = 0;
      flowBps[path] = 0;
    }
  }
}

/** The flow that fits, topped up to what each demand settled at, on its shorter paths where these have room. */
function finish(filling: Filling): Float64Array {
  const { problem, curves, settledBps, share } = filling;
  const flowBps = filling.flowBps.slice();
  const rateBps = settledBps.map((bps, k) => {
    const most = mostOf(curves, k);
    return bps >= nearlyAll * most ? most : bps >= 0 ? bps : dueBps(curves, k, share);
  });
  fitFlow(problem, flowBps, rateBps);
  topUp(problem, flowBps, rateBps);
  shortenPaths(problem, flowBps);
  return flowBps;
}
