/** Where progressive filling stands: who has what rate for good, who rises, on which paths, and what capacity is left. */
import type { Problem } from "../problem.js";
import { addAlongPath, leastAlongPath, loadOf } from "../path-flow.js";
import { dueBps, fullShare, shareCurves, type ShareCurves } from "./share-curves.js";

/** The first share that is tried over the last: no level lies lower, or it is taken for 0. */
const shareSpan = 1e-18;
/** How near, as a ratio, the share is found to which all can rise as they are. */
const riseStep = 1.02;
/** Relative. */
const rounding = 1e-12;

export interface Filling {
  readonly problem: Problem;
  readonly curves: ShareCurves;
  /** Per path: 1 where it may be used. */
  readonly open: Uint8Array;
  /** Per path, bps: fits. */
  readonly flowBps: Float64Array;
  /** Per link, bps: what the demands that are taken out leave. */
  readonly leftBps: Float64Array;
  /** Per demand: the rate at which it is settled, -1 while it rises. */
  readonly settledBps: Float64Array;
  /** Per demand: 1 where it is out of the problem, with its load. */
  readonly gone: Uint8Array;
  /** Rising demands have the rate due at this share. */
  share: number;
  rising: number;
  windows: number;
  sweeps: number;
  windowsCut: number;
}

/** Nobody has anything yet; demands that can never have anything are settled. */
export function emptyFilling(problem: Problem): Filling {
  const { demandCount, pathCount, pathStart, linkStart, pathLinks, capacityBps } = problem;
  const curves = shareCurves(problem);
  const filling: Filling = {
    problem,
    curves,
    open: new Uint8Array(pathCount),
    flowBps: new Float64Array(pathCount),
    leftBps: capacityBps.map((bps) => Math.max(0, bps)),
    settledBps: new Float64Array(demandCount).fill(-1),
    gone: new Uint8Array(demandCount),
    share: 0,
    rising: demandCount,
    windows: 0,
    sweeps: 0,
    windowsCut: 0,
  };
  let shareMost = 0;
  for (let k = 0; k < demandCount; k++) {
    let paths = 0;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) {
      let isOpen = 1;
      for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++)
        if (!((capacityBps[pathLinks[i] as number] as number) > 0)) isOpen = 0;
      filling.open[p] = isOpen;
      paths += isOpen;
    }
    if (paths === 0 || mostOf(curves, k) === 0) {
      settle(filling, k, 0);
      filling.gone[k] = 1;
    } else shareMost = Math.max(shareMost, fullShare(curves, k));
  }
  filling.share = shareMost * shareSpan;
  return filling;
}

/** The most that demand k will ever be due, bps. */
export function mostOf(curves: ShareCurves, k: number): number {
  return curves.rateBps[(curves.start[k + 1] as number) - 1] as number;
}

export function settle(filling: Filling, k: number, bps: number): void {
  filling.settledBps[k] = bps;
  filling.rising--;
}

/** As far as all rising demands can rise with each one's flow split as it is, nobody is held: so far no window is needed. */
export function riseFreely(filling: Filling): void {
  const { problem, curves, settledBps } = filling;
  let high = filling.share;
  for (let k = 0; k < problem.demandCount; k++) if ((settledBps[k] as number) < 0) high = Math.max(high, fullShare(curves, k));
  let risen = flowAt(filling, filling.share);
  let low = filling.share;
  const attempt = (share: number): boolean => {
    const tried = flowAt(filling, share);
    if (!fits(filling, tried)) return false;
    risen = tried;
    low = share;
    return true;
  };
  // Mostly somebody is held at once, and nothing further need be tried.
  if (attempt(Math.min(high, low * riseStep)) && !attempt(high)) {
    while (high > low * riseStep) {
      const middle = Math.sqrt(low * high);
      if (!attempt(middle)) high = middle;
    }
  }
  filling.flowBps.set(risen);
  filling.share = low;
  for (let k = 0; k < problem.demandCount; k++) {
    if ((settledBps[k] as number) < 0 && fullShare(curves, k) <= low) settle(filling, k, mostOf(curves, k));
  }
  takeOut(filling);
}

/** The flow with every rising demand at the rate due at a share: split as it is, or evenly where there is none yet. */
function flowAt({ problem, curves, settledBps, flowBps, open }: Filling, share: number): Float64Array {
  const { demandCount, pathStart } = problem;
  const flow = flowBps.slice();
  for (let k = 0; k < demandCount; k++) {
    if ((settledBps[k] as number) >= 0) continue;
    const due = dueBps(curves, k, share);
    let sum = 0;
    let paths = 0;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) {
      sum += flow[p] as number;
      paths += open[p] as number;
    }
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++)
      flow[p] = sum > 0 ? ((flow[p] as number) / sum) * due : ((open[p] as number) * due) / paths;
  }
  return flow;
}

function fits({ problem }: Filling, flowBps: Float64Array): boolean {
  const loadBps = loadOf(problem, flowBps);
  return loadBps.every((load, e) => load <= (problem.capacityBps[e] as number) * (1 + rounding));
}

/** The most that each demand may have in a window; 0 for those that are out of the problem. */
export function mostWithin({ problem, curves, settledBps, gone }: Filling, shareHigh: number): Float64Array {
  return Float64Array.from({ length: problem.demandCount }, (_, k) => {
    if (gone[k] === 1) return 0;
    const settled = settledBps[k] as number;
    return settled >= 0 ? settled : dueBps(curves, k, shareHigh);
  });
}

/** Settled demands with one open path are decided: they leave the problem, and take their load with them. */
export function takeOut(filling: Filling): void {
  const { problem, settledBps, gone, open, flowBps, leftBps } = filling;
  for (let k = 0; k < problem.demandCount; k++) {
    if (gone[k] === 1 || (settledBps[k] as number) < 0) continue;
    let only = -1;
    let paths = 0;
    for (let p = problem.pathStart[k] as number; p < (problem.pathStart[k + 1] as number); p++) {
      if (open[p] === 0) continue;
      only = p;
      paths++;
    }
    if (paths > 1) continue;
    gone[k] = 1;
    if (only < 0) continue;
    const rate = Math.min(settledBps[k] as number, leastAlongPath(problem, only, leftBps));
    flowBps[only] = rate;
    settledBps[k] = rate;
    addAlongPath(problem, only, -rate, leftBps);
    for (let i = problem.linkStart[only] as number; i < (problem.linkStart[only + 1] as number); i++) {
      const e = problem.pathLinks[i] as number;
      if ((leftBps[e] as number) <= rounding * (problem.capacityBps[e] as number)) leftBps[e] = 0;
    }
  }
}
