/** How fair a flow is: against the exact rates where they are known, else by the property that every max-min fair flow has. */
import type { Problem } from "../problem.js";
import { flowOfDemands, loadOf } from "../path-flow.js";
import { fullShare, shareAt, shareCurves } from "./share-curves.js";

/** Mean over demands of min(r / r*, r* / r), in [0, 1]; 1 where both are 0. */
export function rateAgreement(rateBps: Float64Array, exactBps: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < rateBps.length; k++) {
    const rate = rateBps[k] as number;
    const exact = exactBps[k] as number;
    sum += rate === exact ? 1 : Math.min(rate, exact) / Math.max(rate, exact);
  }
  return rateBps.length === 0 ? 1 : sum / rateBps.length;
}

/**
 * The part, in [0, 1], of the demands short of their rate on whose every open path some link is full on which nobody has a larger fair
 * share, both within `epsilon` relative; 1 where nobody is short (Bertsekas and Gallager 1992, section 6.5.2). Shares count of those
 * demands that put at least `epsilon` of their rate on the link. On single paths this makes a flow max-min fair; on many it is
 * needed, not enough. O(links of all paths).
 */
export function bottleneckPart(problem: Problem, flowBps: Float64Array, epsilon: number): number {
  const { demandCount, demandBps, pathStart, linkStart, pathLinks, capacityBps, linkCount } = problem;
  const curves = shareCurves(problem);
  const rateBps = flowOfDemands(problem, flowBps);
  const loadBps = loadOf(problem, flowBps);
  const share = Float64Array.from(rateBps, (rate, k) => shareAt(curves, k, rate));
  const most = new Float64Array(linkCount);
  const onLinkBps = new Float64Array(linkCount);
  for (let k = 0; k < demandCount; k++) {
    const first = linkStart[pathStart[k] as number] as number;
    const end = linkStart[pathStart[k + 1] as number] as number;
    for (let i = first; i < end; i++) onLinkBps[pathLinks[i] as number] = 0;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) {
      for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++) {
        const e = pathLinks[i] as number;
        onLinkBps[e] = (onLinkBps[e] as number) + (flowBps[p] as number);
        if ((onLinkBps[e] as number) > epsilon * (rateBps[k] as number)) most[e] = Math.max(most[e] as number, share[k] as number);
      }
    }
  }
  let short = 0;
  let held = 0;
  for (let k = 0; k < demandCount; k++) {
    const due = Math.min(demandBps[k] as number, curves.rateBps[(curves.start[k + 1] as number) - 1] as number);
    if ((share[k] as number) >= fullShare(curves, k) || (rateBps[k] as number) >= due * (1 - epsilon)) continue;
    short++;
    let everywhere = true;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number) && everywhere; p++) {
      let somewhere = false;
      for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number) && !somewhere; i++) {
        const e = pathLinks[i] as number;
        const full = (loadBps[e] as number) >= (capacityBps[e] as number) * (1 - epsilon);
        somewhere = full && (share[k] as number) >= (most[e] as number) * (1 - epsilon);
      }
      everywhere = somewhere;
    }
    if (everywhere) held++;
  }
  return short === 0 ? 1 : held / short;
}
