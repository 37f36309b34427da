/** A flow group as a class is planned: what it is admitted, and its weighted paths. */
import type { Demand, LinkId, Path, Topology } from "@sluice/model";
import type { Problem } from "@sluice/mcf";

export interface PlannedGroup {
  readonly demand: Demand;
  readonly admittedBps: number;
  readonly members: readonly { readonly path: Path; readonly allottedBps: number; readonly weight: number }[];
}

export interface PlannedPaths {
  readonly problem: Problem;
  /** Per path of the problem: what it was allotted, bps, and its integer weight; 0: not used. */
  readonly allottedBps: Float64Array;
  readonly weight: ArrayLike<number>;
  /** Per demand. */
  readonly admittedBps: Float64Array;
}

/** One group for each demand that is admitted something. O(links of all paths). */
export function plannedGroups(
  topology: Topology,
  demands: readonly Demand[],
  { problem, allottedBps, weight, admittedBps }: PlannedPaths,
): readonly PlannedGroup[] {
  const linkIds = topology.links.map((link) => link.id);
  return demands.flatMap((demand, d) => {
    const rate = admittedBps[d] ?? 0;
    if (!(rate > 0)) return [];
    const members: PlannedGroup["members"][number][] = [];
    for (let path = problem.pathStart[d] ?? 0; path < (problem.pathStart[d + 1] ?? 0); path++) {
      const share = weight[path] ?? 0;
      if (share === 0) continue;
      const links = problem.pathLinks.subarray(problem.linkStart[path], problem.linkStart[path + 1]);
      members.push({ path: Array.from(links, (link) => linkIds[link] as LinkId), allottedBps: allottedBps[path] ?? 0, weight: share });
    }
    return [{ demand, admittedBps: rate, members }];
  });
}
