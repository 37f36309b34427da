/** Flow over a problem's paths: its sums, and cutting it down until it fits. */
import type { Problem } from "../problem.js";

/** Flow of each demand, bps. */
export function rateOfDemands({ demandCount, pathStart }: Problem, flowBps: Float64Array): Float64Array {
  const rateBps = new Float64Array(demandCount);
  for (let k = 0; k < demandCount; k++) {
    let sum = 0;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) sum += flowBps[p] as number;
    rateBps[k] = sum;
  }
  return rateBps;
}

/** Load of each link, bps. */
export function loadOfLinks(problem: Problem, flowBps: Float64Array): Float64Array {
  const loadBps = new Float64Array(problem.linkCount);
  for (let p = 0; p < problem.pathCount; p++) if ((flowBps[p] as number) > 0) addLoad(problem, loadBps, p, flowBps[p] as number);
  return loadBps;
}

export function addLoad({ linkStart, pathLinks }: Problem, loadBps: Float64Array, path: number, bps: number): void {
  for (let i = linkStart[path] as number; i < (linkStart[path + 1] as number); i++) {
    const e = pathLinks[i] as number;
    loadBps[e] = (loadBps[e] as number) + bps;
  }
}

/** What fits on a path, bps. */
export function roomOf({ linkStart, pathLinks }: Problem, residualBps: Float64Array, path: number): number {
  let room = Infinity;
  for (let i = linkStart[path] as number; i < (linkStart[path + 1] as number); i++)
    room = Math.min(room, residualBps[pathLinks[i] as number] as number);
  return room;
}

/** Cuts, in place, each demand to its rate and then each path by the most overloaded of its links. O(links of all paths). */
export function fitFlow(problem: Problem, flowBps: Float64Array, rateBps: Float64Array): void {
  const { demandCount, pathCount, pathStart, linkStart, pathLinks, capacityBps } = problem;
  const rates = rateOfDemands(problem, flowBps);
  for (let k = 0; k < demandCount; k++) {
    const keep = (rateBps[k] as number) / (rates[k] as number);
    if (!(keep < 1)) continue;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) flowBps[p] = (flowBps[p] as number) * keep;
  }
  const keepOfLink = Float64Array.from(loadOfLinks(problem, flowBps), (load, e) => {
    const capacity = capacityBps[e] as number;
    return load > capacity ? Math.max(0, capacity) / load : 1;
  });
  for (let p = 0; p < pathCount; p++) {
    if (!((flowBps[p] as number) > 0)) continue;
    let keep = 1;
    for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++)
      keep = Math.min(keep, keepOfLink[pathLinks[i] as number] as number);
    if (keep < 1) flowBps[p] = (flowBps[p] as number) * keep;
  }
}
