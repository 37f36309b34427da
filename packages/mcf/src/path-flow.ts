/** Sums of flow over a problem's paths. The checker and the judges have their own. */
import type { Problem } from "./problem.js";

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
