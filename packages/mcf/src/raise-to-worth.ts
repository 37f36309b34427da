/** Prices at which demands that cannot be met prove no more than their paths can carry. */
import type { Problem } from "./problem.js";

/** A hair above 1: rounding must not leave a demand of 1e15 a share of 1e-16. */
const worthy = 1 + 1e-12;

/**
 * In place: raises the price of the narrowest link of each path of the given demands until the path costs what it is worth, so that
 * the demand's own rate does not enter the bound. A raise by r of a path's price costs r times its narrowest capacity, and what the paths can
 * carry, which the bound counts for a demand that was taken down to that, is the sum of these: the raised prices prove the bound, or a
 * better one. O(links of the demands' paths).
 */
export function raiseToWorth(
  linkPrice: Float64Array,
  { pathStart, linkStart, pathLinks, capacityBps }: Problem,
  { demands, worthOf }: { readonly demands: readonly number[]; readonly worthOf: (path: number) => number },
): void {
  for (const d of demands) {
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      let sum = 0;
      let narrowest = pathLinks[linkStart[p] as number] as number;
      for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
        const e = pathLinks[k] as number;
        sum += linkPrice[e] as number;
        if ((capacityBps[e] as number) < (capacityBps[narrowest] as number)) narrowest = e;
      }
      const worth = worthOf(p) * worthy;
      if (sum < worth) linkPrice[narrowest] = (linkPrice[narrowest] as number) + (worth - sum);
    }
  }
}
