/** Flow over a problem's paths cut down until it fits. */
import { flowOfDemands, loadOf } from "../path-flow.js";
import type { Problem } from "../problem.js";

/** Cuts, in place, each demand to its rate and then each path by the most overloaded of its links. O(links of all paths). */
export function fitFlow(problem: Problem, flowBps: Float64Array, rateBps: Float64Array): void {
  const { demandCount, pathCount, pathStart, linkStart, pathLinks, capacityBps } = problem;
  const rates = flowOfDemands(problem, flowBps);
  for (let k = 0; k < demandCount; k++) {
    const keep = (rateBps[k] as number) / (rates[k] as number);
    if (!(keep < 1)) continue;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) flowBps[p] = (flowBps[p] as number) * keep;
  }
  const keepOfLink = Float64Array.from(loadOf(problem, flowBps), (load, e) => {
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
