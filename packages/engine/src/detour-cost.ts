/** What tells plans of equal worth apart: how much of the network a path takes that others may need. */
import type { Problem } from "@sluice/mcf";

/**
 * Per path: its links, and each of them once more in proportion to its pressure: what would cross it over its capacity if every demand were
 * divided equally among its paths, relative to the largest. So short paths are preferred, and of these the ones over links that few need
 * (docs/decisions/0007). O(links of all paths).
 */
export function detourCost({
  linkCount,
  demandCount,
  demandBps,
  pathCount,
  pathStart,
  linkStart,
  pathLinks,
  capacityBps,
}: Problem): Float64Array {
  const pressure = new Float64Array(linkCount);
  for (let d = 0; d < demandCount; d++) {
    const first = pathStart[d] as number;
    const end = pathStart[d + 1] as number;
    const share = (demandBps[d] as number) / (end - first);
    for (let k = linkStart[first] as number; k < (linkStart[end] as number); k++) {
      const e = pathLinks[k] as number;
      pressure[e] = (pressure[e] as number) + share;
    }
  }
  let most = Number.MIN_VALUE;
  for (let e = 0; e < linkCount; e++) {
    const capacity = capacityBps[e] as number;
    const each = capacity > 0 ? (pressure[e] as number) / capacity : 0;
    pressure[e] = each;
    most = Math.max(most, each);
  }
  return sumAlong({ pathCount, linkStart, pathLinks }, (e) => 1 + (pressure[e] as number) / most);
}

/** Per path: the sum of a figure over its links. */
export function sumAlong(
  { pathCount, linkStart, pathLinks }: Pick<Problem, "pathCount" | "linkStart" | "pathLinks">,
  figureOf: (link: number) => number,
): Float64Array {
  const sums = new Float64Array(pathCount);
  for (let p = 0; p < pathCount; p++) {
    let sum = 0;
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) sum += figureOf(pathLinks[k] as number);
    sums[p] = sum;
  }
  return sums;
}
