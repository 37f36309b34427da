/**
 * Fewer paths for the same flow, where a vertex would take too long: each demand's small flows move into its larger ones as far as links have
 * room. What is carried and what fits stay as they are, and what it is worth never falls; only ways change. From the peers' networks: a third of the paths
 * that the first-order method leaves on Deltacom and Kdl is spared, in a second for a million paths.
 */
import type { Problem } from "../problem.js";

/** What moves out makes room for others: the second visit finds most of it, the third next to nothing. */
const visits = 2;

/** `flowBps` fits, and so does the answer, up to rounding. `worth` per path: left out where all are worth the same. O(visits x paths of a demand x links of all paths). */
export function concentrate(problem: Problem, flowBps: Float64Array, worth?: Float64Array): Float64Array {
  const { demandCount, pathStart } = problem;
  const flow = flowBps.slice();
  const roomBps = problem.capacityBps.slice();
  for (let p = 0; p < flow.length; p++) if ((flow[p] as number) > 0) occupy(problem, p, flow[p] as number, roomBps);
  for (let visit = 0; visit < visits; visit++) {
    for (let d = 0; d < demandCount; d++)
      concentrateDemand(problem, { flow, roomBps, worth }, { first: pathStart[d] as number, end: pathStart[d + 1] as number });
  }
  return flow;
}

interface Moving {
  readonly flow: Float64Array;
  /** Per link. */
  readonly roomBps: Float64Array;
  readonly worth: Float64Array | undefined;
}

function concentrateDemand(
  problem: Problem,
  { flow, roomBps, worth }: Moving,
  { first, end }: { readonly first: number; readonly end: number },
): void {
  const used: number[] = [];
  for (let p = first; p < end; p++) if ((flow[p] as number) > 0) used.push(p);
  if (used.length < 2) return;
  used.sort((a, b) => (flow[a] as number) - (flow[b] as number) || a - b);
  for (const path of used) {
    const bps = flow[path] as number;
    occupy(problem, path, -bps, roomBps);
    const into = fullestWithRoom(problem, { flow, roomBps, worth }, used, path);
    occupy(problem, into, bps, roomBps);
    if (into === path) continue;
    flow[into] = (flow[into] as number) + bps;
    flow[path] = 0;
  }
}

/** Of the other paths with flow the one with most, among those that can take all of this path's; the path itself where there is none. */
function fullestWithRoom(
  { linkStart, pathLinks }: Problem,
  { flow, roomBps, worth }: Moving,
  used: readonly number[],
  path: number,
): number {
  const bps = flow[path] as number;
  let fullest = path;
  for (const other of used) {
    const has = flow[other] as number;
    if (other === path || has <= 0 || (fullest !== path && has <= (flow[fullest] as number))) continue;
    let fits = worth === undefined || (worth[other] as number) >= (worth[path] as number);
    for (let k = linkStart[other] as number; fits && k < (linkStart[other + 1] as number); k++) {
      fits = (roomBps[pathLinks[k] as number] as number) >= bps;
    }
    if (fits) fullest = other;
  }
  return fullest;
}

function occupy({ linkStart, pathLinks }: Problem, path: number, bps: number, roomBps: Float64Array): void {
  for (let k = linkStart[path] as number; k < (linkStart[path + 1] as number); k++) {
    const e = pathLinks[k] as number;
    roomBps[e] = (roomBps[e] as number) - bps;
  }
}
