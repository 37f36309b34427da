/** Arithmetic on flow over a problem's paths, shared by the schemes and the pipeline (and not by the checker). */
import type { Problem } from "@sluice/mcf";

/** Load of each link, bps. O(links of all paths). */
export function loadOf(problem: Problem, flowBps: Float64Array): Float64Array {
  const load = new Float64Array(problem.linkCount);
  for (let path = 0; path < problem.pathCount; path++) {
    const flow = flowBps[path] as number;
    if (flow > 0) addAlongPath(problem, path, flow, load);
  }
  return load;
}

/** Flow of each demand over all its paths, bps. */
export function flowOfDemands(problem: Problem, flowBps: Float64Array): Float64Array {
  const total = new Float64Array(problem.demandCount);
  for (let demand = 0; demand < problem.demandCount; demand++) {
    for (let path = problem.pathStart[demand] as number; path < (problem.pathStart[demand + 1] as number); path++) {
      total[demand] = (total[demand] as number) + (flowBps[path] as number);
    }
  }
  return total;
}

export function addAlongPath(problem: Problem, path: number, rateBps: number, load: Float64Array): void {
  for (let i = problem.linkStart[path] as number; i < (problem.linkStart[path + 1] as number); i++) {
    const link = problem.pathLinks[i] as number;
    load[link] = (load[link] as number) + rateBps;
  }
}

/** The least of a per-link figure along a path. */
export function leastAlongPath(problem: Problem, path: number, figure: Float64Array): number {
  let least = Infinity;
  for (let i = problem.linkStart[path] as number; i < (problem.linkStart[path + 1] as number); i++) {
    least = Math.min(least, figure[problem.pathLinks[i] as number] as number);
  }
  return least;
}

export interface FittedFlow {
  readonly flowBps: Float64Array;
  /** Largest relative excess that was taken back, over demands and links: 0 when the flow already fitted. */
  readonly excessMax: number;
}

/**
 * The flow cut down until it fits: negative and non-finite flow to zero, each demand to its rate, then each path by the
 * most overloaded of its links. The result is exactly feasible up to rounding, whatever came in. O(links of all paths).
 */
export function fitToCapacity(problem: Problem, flowBps: Float64Array): FittedFlow {
  const fitted = Float64Array.from({ length: problem.pathCount }, (_, path) => {
    const flow = flowBps[path] ?? 0;
    return Number.isFinite(flow) && flow > 0 ? flow : 0;
  });
  let excessMax = 0;
  const totals = flowOfDemands(problem, fitted);
  for (let demand = 0; demand < problem.demandCount; demand++) {
    const total = totals[demand] as number;
    if (total <= (problem.demandBps[demand] as number)) continue;
    const ratio = total / (problem.demandBps[demand] as number);
    excessMax = Math.max(excessMax, ratio - 1);
    for (let path = problem.pathStart[demand] as number; path < (problem.pathStart[demand + 1] as number); path++) {
      fitted[path] = (fitted[path] as number) / ratio;
    }
  }
  const load = loadOf(problem, fitted);
  const keep = Float64Array.from(load, (loadBps, link) => {
    const capacity = problem.capacityBps[link] as number;
    return loadBps > capacity ? capacity / loadBps : 1;
  });
  for (let path = 0; path < problem.pathCount; path++) {
    const share = leastAlongPath(problem, path, keep);
    if (share < 1 && (fitted[path] as number) > 0) {
      excessMax = Math.max(excessMax, 1 / share - 1);
      fitted[path] = (fitted[path] as number) * share;
    }
  }
  return { flowBps: fitted, excessMax };
}
