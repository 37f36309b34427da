/** The least capacity that has to be added, over all links together, for a class's demands to be carried on the paths of its problem. */
import { ProgramBuilder, type LpBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import type { LinkId } from "@sluice/model";
import type { CapacityAddition } from "./explain-change-scene.js";
import { unitBpsOf } from "./flow-model.js";
import { wholeKbps } from "./explain-whole-kbps.js";

export interface CapacityQuestion {
  /** Its capacities are what the classes above leave. */
  readonly problem: Problem;
  /** By the problem's numbers. */
  readonly linkIds: readonly LinkId[];
  /** Per demand of the problem: what it is to be carried at least, bps. */
  readonly atLeastBps: Float64Array;
}

/** Programs of more columns than this are not begun: minutes of a general solver. */
const columnsMax = 400_000;

/**
 *   minimize  sum of z_e      subject to
 *     Capacity:  load(e) - z_e <= c_e                    for each link e that could be filled
 *     Carried:   least_d <= admitted(d) <= max(D_d, least_d)   for each demand d
 *
 * with path flows x >= 0 and additions z >= 0. Rounded up to whole kb/s. Sorted by link, those without an addition left out; undefined where
 * the program is too large or was not solved in time. Exact but for the solver's tolerance.
 */
export async function leastCapacity(
  { problem, linkIds, atLeastBps }: CapacityQuestion,
  lp: LpBackend,
  timeLimitSeconds: number,
): Promise<readonly CapacityAddition[] | undefined> {
  const { linkCount, pathCount, demandCount, capacityBps, demandBps, pathStart, linkStart, pathLinks } = problem;
  if (pathCount + linkCount > columnsMax) return undefined;
  const unitBps = unitBpsOf(problem);
  const builder = new ProgramBuilder("minimize");
  for (let path = 0; path < pathCount; path++) builder.addColumn({});
  const potentialBps = potential(problem);
  const addition = new Int32Array(linkCount).fill(-1);
  const row = new Int32Array(linkCount).fill(-1);
  for (let e = 0; e < linkCount; e++) {
    if ((potentialBps[e] ?? 0) <= (capacityBps[e] ?? 0)) continue;
    addition[e] = builder.addColumn({ cost: 1 });
    row[e] = builder.addRow({ upper: (capacityBps[e] ?? 0) / unitBps });
    builder.addEntry(row[e] ?? 0, addition[e] ?? 0, -1);
  }
  for (let path = 0; path < pathCount; path++) {
    for (let k = linkStart[path] ?? 0; k < (linkStart[path + 1] ?? 0); k++) {
      const at = row[pathLinks[k] ?? 0] ?? -1;
      if (at >= 0) builder.addEntry(at, path, 1);
    }
  }
  for (let d = 0; d < demandCount; d++) {
    const least = atLeastBps[d] ?? 0;
    const carried = builder.addRow({ lower: least / unitBps, upper: Math.max(demandBps[d] ?? 0, least) / unitBps });
    for (let path = pathStart[d] ?? 0; path < (pathStart[d + 1] ?? 0); path++) builder.addEntry(carried, path, 1);
  }
  const solved = await lp.solve(builder.build(), { timeLimitSeconds });
  const { primal } = solved;
  if (solved.status !== "optimal" || primal === undefined) return undefined;
  return linkIds
    .map((linkId, e) => ({ linkId, extraBps: wholeKbps((primal[addition[e] ?? -1] ?? 0) * unitBps) }))
    .filter(({ extraBps }) => extraBps > 0)
    .sort((a, b) => (a.linkId < b.linkId ? -1 : 1));
}

/** Per link: the most that could cross it with every demand carried. */
function potential({ linkCount, demandCount, demandBps, pathStart, linkStart, pathLinks }: Problem): Float64Array {
  const sums = new Float64Array(linkCount);
  const countedFor = new Int32Array(linkCount).fill(-1);
  for (let d = 0; d < demandCount; d++) {
    for (let k = linkStart[pathStart[d] ?? 0] ?? 0; k < (linkStart[pathStart[d + 1] ?? 0] ?? 0); k++) {
      const e = pathLinks[k] ?? 0;
      if (countedFor[e] === d) continue;
      countedFor[e] = d;
      sums[e] = (sums[e] ?? 0) + (demandBps[d] ?? 0);
    }
  }
  return sums;
}
