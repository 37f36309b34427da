/** Filling demands one after the other into what capacity is left: no optimum, but an answer in no time. */
import { addAlongPath, flowOfDemands, leastAlongPath, loadOf, type Problem } from "@sluice/mcf";

/**
 * Visits demands in the problem's order (by source, destination) and gives each as much as still fits on its first
 * `pathsMax` paths, first path first. Returns bps per path; never over capacity or demand. O(links of the paths visited).
 */
export function greedyFill(problem: Problem, pathsMax: number): Float64Array {
  return fillUp(problem, new Float64Array(problem.pathCount), pathsMax);
}

/** The same on top of flow that is there already and fits. */
export function fillUp(problem: Problem, flowBps: Float64Array, pathsMax = problem.pathCount): Float64Array {
  const filled = flowBps.slice();
  const loadBps = loadOf(problem, flowBps);
  const carriedBps = flowOfDemands(problem, flowBps);
  const residualBps = problem.capacityBps.map((capacity, link) => Math.max(0, capacity - (loadBps[link] ?? 0)));
  for (let demand = 0; demand < problem.demandCount; demand++) {
    const first = problem.pathStart[demand] as number;
    const end = Math.min(problem.pathStart[demand + 1] as number, first + pathsMax);
    let wanted = (problem.demandBps[demand] as number) - (carriedBps[demand] as number);
    for (let path = first; path < end && wanted > 0; path++) {
      const flow = Math.min(wanted, leastAlongPath(problem, path, residualBps));
      if (!(flow > 0)) continue;
      filled[path] = (filled[path] as number) + flow;
      wanted -= flow;
      addAlongPath(problem, path, -flow, residualBps);
    }
  }
  return filled;
}
