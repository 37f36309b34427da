/** Whether tunnels found by ourselves are what they are said to be: ways through the given network, few enough. The judge of flows takes paths as given. */
import type { Problem } from "@sluice/mcf";

/**
 * One sentence a kind of violation; empty where every tunnel leads over joining links of `given` from its demand's source to its destination, passes no
 * node twice, and no demand has more than `most`. O(links of all tunnels).
 */
export function judgeTunnels(found: Problem, given: Problem, most: number): readonly string[] {
  const sameNetwork =
    sameNumbers(found.capacityBps, given.capacityBps) &&
    sameNumbers(found.linkFrom, given.linkFrom) &&
    sameNumbers(found.linkTo, given.linkTo);
  const sameDemands =
    sameNumbers(found.demandBps, given.demandBps) &&
    sameNumbers(found.demandSrc, given.demandSrc) &&
    sameNumbers(found.demandDst, given.demandDst);
  if (!sameNetwork || !sameDemands) return ["The tunnels are of another network or of other demands."];
  const violations = new Map<string, string>();
  const seen = new Int32Array(found.nodeCount).fill(-1);
  for (let d = 0; d < found.demandCount; d++) {
    const from = found.pathStart[d] as number;
    const to = found.pathStart[d + 1] as number;
    if (to - from > most) violations.set("count", `Demand ${d} has ${to - from} tunnels, more than ${most}.`);
    for (let p = from; p < to; p++)
      if (!leads(found, d, p, seen))
        violations.set("path", `Tunnel ${p} is no loopless way from the source to the destination of demand ${d}.`);
  }
  return [...violations.values()];
}

/** `seen` holds per node the last path that passed it. */
function leads(
  { linkFrom, linkTo, linkStart, pathLinks, demandSrc, demandDst, linkCount }: Problem,
  d: number,
  p: number,
  seen: Int32Array,
): boolean {
  let at = demandSrc[d] as number;
  seen[at] = p;
  for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
    const e = pathLinks[k] as number;
    if (!(e >= 0 && e < linkCount) || linkFrom[e] !== at) return false;
    at = linkTo[e] as number;
    if (seen[at] === p) return false;
    seen[at] = p;
  }
  return at === demandDst[d];
}

function sameNumbers(a: Int32Array | Float64Array, b: Int32Array | Float64Array): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
