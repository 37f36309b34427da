/** What can still be done to a flow whose rates are decided: give demands what rounding took from them, and move them to shorter paths. */
import type { Problem } from "../problem.js";
import { addAlongPath, flowOfDemands, leastAlongPath, loadOf } from "../path-flow.js";

/** Passes over all demands: each shortens what the one before it made room for. */
const shortenPasses = 3;

function residualOf(problem: Problem, flowBps: Float64Array): Float64Array {
  const loadBps = loadOf(problem, flowBps);
  return problem.capacityBps.map((capacity, e) => Math.max(0, capacity - (loadBps[e] as number)));
}

/** Raises demands, in place, towards their rates by what their paths have room for. O(links of all paths). */
export function topUp(problem: Problem, flowBps: Float64Array, rateBps: Float64Array): void {
  const residualBps = residualOf(problem, flowBps);
  const carriedBps = flowOfDemands(problem, flowBps);
  for (let k = 0; k < problem.demandCount; k++) {
    let short = (rateBps[k] as number) - (carriedBps[k] as number);
    for (let p = problem.pathStart[k] as number; p < (problem.pathStart[k + 1] as number) && short > 0; p++) {
      const bps = Math.min(short, leastAlongPath(problem, p, residualBps));
      if (!(bps > 0)) continue;
      flowBps[p] = (flowBps[p] as number) + bps;
      short -= bps;
      addAlongPath(problem, p, -bps, residualBps);
    }
  }
}

/**
 * Moves flow, in place, from a demand's paths of more latency to those of less while there is room: rates stay, latency does not rise.
 * Not the least latency possible: no demand makes way for another. O(passes x links of all paths).
 */
export function shortenPaths(problem: Problem, flowBps: Float64Array): void {
  const { demandCount, pathCount, pathStart, linkStart, pathLinks, latencyMs } = problem;
  const residualBps = residualOf(problem, flowBps);
  const latencyOfPath = new Float64Array(pathCount);
  for (let p = 0; p < pathCount; p++) {
    let sum = 0;
    for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++) sum += latencyMs[pathLinks[i] as number] as number;
    latencyOfPath[p] = sum;
  }
  for (let pass = 0; pass < shortenPasses; pass++) {
    for (let k = 0; k < demandCount; k++) {
      for (let from = pathStart[k] as number; from < (pathStart[k + 1] as number); from++) {
        for (let to = pathStart[k] as number; to < (pathStart[k + 1] as number) && (flowBps[from] as number) > 0; to++) {
          if (!((latencyOfPath[to] as number) < (latencyOfPath[from] as number))) continue;
          const bps = Math.min(flowBps[from] as number, leastAlongPath(problem, to, residualBps));
          if (!(bps > 0)) continue;
          addAlongPath(problem, from, bps, residualBps);
          addAlongPath(problem, to, -bps, residualBps);
          flowBps[from] = (flowBps[from] as number) - bps;
          flowBps[to] = (flowBps[to] as number) + bps;
        }
      }
    }
  }
}
