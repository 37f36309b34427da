/**
 * Demands that are alike solved as one: once the links that cannot fill are gone, many demands of a reduced program have the same ways, and only
 * the sum of their rates matters to the others. What it is allotted is dealt out in proportion to rates, so that none of them is refused
 * all; and path by path, so that few of them have to be divided among several.
 */
import { flowOfDemands, type Problem } from "@sluice/mcf";
import { startsOf } from "./runs.js";

export interface Merged {
  readonly problem: Problem;
  /** Per path of `problem`: the mean of what its members' cost, by rate. */
  readonly cost: Float64Array;
  /** Flow of the members summed. */
  readonly sum: (flowBps: Float64Array) => Float64Array;
  /** Flow of the merged demands dealt out to their members. */
  readonly deal: (mergedBps: Float64Array) => Float64Array;
}

/** A demand's paths in the order of the links they have, each kind once. */
interface Ways {
  readonly key: string;
  /** First path of each kind, and for every path of the demand its kind. */
  readonly first: readonly number[];
  readonly kindOf: readonly number[];
}

/** Bandwidth functions are not looked at. O(links of all paths), up to sorting a demand's paths. */
export function mergeAlike(problem: Problem, cost: Float64Array): Merged {
  const ways = Array.from({ length: problem.demandCount }, (_, d) => waysOf(problem, d));
  const members = new Map<string, number[]>();
  ways.forEach(({ key }, d) => {
    const alike = members.get(key);
    if (alike === undefined) members.set(key, [d]);
    else alike.push(d);
  });
  const classes = [...members.values()];
  const counts = classes.map(([d = 0]) => ways[d]?.first.length ?? 0);
  const pathStart = startsOf(counts);
  /** Per path of the whole problem: its merged path. */
  const mergedPath = new Int32Array(problem.pathCount);
  const mergedCost = new Float64Array(pathStart.at(-1) ?? 0);
  const demandBps = Float64Array.from(classes, (alike) => alike.reduce((sum, d) => sum + (problem.demandBps[d] as number), 0));
  const paths: number[] = [];
  classes.forEach((alike, m) => {
    paths.push(...(ways[alike[0] ?? 0]?.first ?? []));
    for (const d of alike) {
      const share = (problem.demandBps[d] as number) / (demandBps[m] as number);
      const { kindOf = [], first = [] } = ways[d] ?? {};
      kindOf.forEach((kind, i) => (mergedPath[(problem.pathStart[d] as number) + i] = (pathStart[m] as number) + kind));
      first.forEach((p, kind) => {
        const at = (pathStart[m] as number) + kind;
        mergedCost[at] = (mergedCost[at] as number) + share * (cost[p] as number);
      });
    }
  });
  const merged: Problem = {
    ...problem,
    demandCount: classes.length,
    demandBps,
    demandSrc: Int32Array.from(classes, ([d = 0]) => problem.demandSrc[d] as number),
    demandDst: Int32Array.from(classes, ([d = 0]) => problem.demandDst[d] as number),
    bandwidthFunctions: [],
    pathCount: paths.length,
    pathStart,
    linkStart: startsOf(paths.map((p) => (problem.linkStart[p + 1] as number) - (problem.linkStart[p] as number))),
    pathLinks: Int32Array.from(paths.flatMap((p) => Array.from(linksOfPath(problem, p)))),
  };
  return {
    problem: merged,
    cost: mergedCost,
    sum(flowBps) {
      const sums = new Float64Array(merged.pathCount);
      flowBps.forEach((flow, p) => {
        const at = mergedPath[p] as number;
        sums[at] = (sums[at] as number) + flow;
      });
      return sums;
    },
    deal(mergedBps) {
      const flowBps = new Float64Array(problem.pathCount);
      const totals = flowOfDemands(merged, mergedBps);
      classes.forEach((alike, m) => {
        const first = pathStart[m] as number;
        const left = Array.from(mergedBps.subarray(first, pathStart[m + 1]));
        const share = (totals[m] as number) / (demandBps[m] as number);
        let kind = 0;
        for (const d of alike) {
          let wanted = (problem.demandBps[d] as number) * share;
          const own = ways[d]?.first ?? [];
          while (wanted > 0 && kind < left.length) {
            const flow = Math.min(wanted, left[kind] ?? 0);
            const p = own[kind] ?? 0;
            if (flow > 0) flowBps[p] = (flowBps[p] as number) + flow;
            left[kind] = (left[kind] ?? 0) - flow;
            wanted -= flow;
            if (wanted > 0) kind++;
          }
        }
      });
      return flowBps;
    },
  };
}

function waysOf(problem: Problem, demand: number): Ways {
  const from = problem.pathStart[demand] as number;
  const keys = Array.from({ length: (problem.pathStart[demand + 1] as number) - from }, (_, i) =>
    linksOfPath(problem, from + i)
      .toSorted()
      .join(),
  );
  const kinds = [...new Set(keys)].sort();
  return { key: kinds.join(";"), first: kinds.map((key) => from + keys.indexOf(key)), kindOf: keys.map((key) => kinds.indexOf(key)) };
}

function linksOfPath({ linkStart, pathLinks }: Problem, path: number): Int32Array {
  return pathLinks.subarray(linkStart[path], linkStart[path + 1]);
}
