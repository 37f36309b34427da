/** Cutting flow down until it fits, shared by the schemes and the pipeline (and not by the checker). */
import { flowOfDemands, leastAlongPath, loadOf, type Problem } from "@sluice/mcf";

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
