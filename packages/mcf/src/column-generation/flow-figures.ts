/** What a flow over tunnels is worth, and what tunnels cost. */
import { loadOf } from "../path-flow.js";
import type { Problem } from "../problem.js";
import type { TunnelObjective } from "./pricing.js";

/** Per path, the sum over its links; undefined where links cost nothing. O(links of all paths). */
export function costOfPaths({ pathCount, linkStart, pathLinks }: Problem, { linkCost }: TunnelObjective): Float64Array | undefined {
  if (linkCost === undefined) return undefined;
  const cost = new Float64Array(pathCount);
  for (let p = 0; p < pathCount; p++) {
    let sum = 0;
    for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++) sum += linkCost[pathLinks[i] as number] as number;
    cost[p] = sum;
  }
  return cost;
}

/** The program's value at a flow: its worth, bps, or the largest utilization of a link. O(links of all paths). */
export function valueOf(problem: Problem, objective: TunnelObjective, flowBps: Float64Array): number {
  if (objective.limit === "capacity") {
    const cost = costOfPaths(problem, objective);
    return flowBps.reduce((sum, flow, p) => sum + flow * (1 - (cost?.[p] ?? 0)), 0);
  }
  const { capacityBps } = problem;
  return loadOf(problem, flowBps).reduce((most, load, e) => (load > 0 ? Math.max(most, load / (capacityBps[e] as number)) : most), 0);
}

/** Scales each demand's flows, in place, so that they carry it; one that carries nothing goes on its first path. */
export function fitToDemands({ demandCount, demandBps, pathStart }: Problem, flowBps: Float64Array): void {
  for (let d = 0; d < demandCount; d++) {
    const [first, end] = [pathStart[d] as number, pathStart[d + 1] as number];
    const demand = demandBps[d] as number;
    if (first === end || !(demand > 0)) continue;
    let sum = 0;
    for (let p = first; p < end; p++) sum += flowBps[p] as number;
    if (sum > 0) for (let p = first; p < end; p++) flowBps[p] = ((flowBps[p] as number) / sum) * demand;
    else flowBps[first] = demand;
  }
}
