/** Problems written out link by link and path by path. */
import type { Problem } from "../problem.js";

export interface WrittenLink {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}

export interface WrittenDemand {
  readonly src: number;
  readonly dst: number;
  readonly rate: number;
  /** Each a list of indices into `links`, in order of travel. */
  readonly paths: readonly (readonly number[])[];
}

export interface WrittenProblem {
  readonly links: readonly WrittenLink[];
  readonly demands: readonly WrittenDemand[];
}

export function problemOf({ links, demands }: WrittenProblem): Problem {
  const paths = demands.flatMap((demand) => demand.paths);
  const nodes = [...links.flatMap(({ from, to }) => [from, to]), ...demands.flatMap(({ src, dst }) => [src, dst])];
  return {
    nodeCount: 1 + nodes.reduce((most, node) => Math.max(most, node), 0),
    linkCount: links.length,
    linkFrom: Int32Array.from(links, ({ from }) => from),
    linkTo: Int32Array.from(links, ({ to }) => to),
    capacityBps: Float64Array.from(links, ({ capacity }) => capacity),
    latencyMs: new Float64Array(links.length).fill(1),
    metric: new Float64Array(links.length).fill(1),
    demandCount: demands.length,
    demandBps: Float64Array.from(demands, ({ rate }) => rate),
    demandSrc: Int32Array.from(demands, ({ src }) => src),
    demandDst: Int32Array.from(demands, ({ dst }) => dst),
    bandwidthFunctions: [],
    pathCount: paths.length,
    pathStart: offsets(demands.map((demand) => demand.paths.length)),
    linkStart: offsets(paths.map((path) => path.length)),
    pathLinks: Int32Array.from(paths.flat()),
  };
}

/** The reverse, so that a failing instance can be printed and pasted into a test. */
export function written(problem: Problem): WrittenProblem {
  const { linkCount, demandCount, linkFrom, linkTo, capacityBps, demandBps, demandSrc, demandDst, pathStart } = problem;
  return {
    links: Array.from({ length: linkCount }, (_, e) => ({
      from: linkFrom[e] as number,
      to: linkTo[e] as number,
      capacity: capacityBps[e] as number,
    })),
    demands: Array.from({ length: demandCount }, (_, d) => ({
      src: demandSrc[d] as number,
      dst: demandDst[d] as number,
      rate: demandBps[d] as number,
      paths: Array.from({ length: (pathStart[d + 1] as number) - (pathStart[d] as number) }, (_unused, i) =>
        linksOf(problem, (pathStart[d] as number) + i),
      ),
    })),
  };
}

export function linksOf({ linkStart, pathLinks }: Problem, path: number): readonly number[] {
  return [...pathLinks.subarray(linkStart[path], linkStart[path + 1])];
}

/** Over links that all have capacity, of a demand above 0. */
export function openPathsOf(problem: Problem, demand: number): readonly number[] {
  const first = problem.pathStart[demand] as number;
  const count = (problem.pathStart[demand + 1] as number) - first;
  if (!((problem.demandBps[demand] as number) > 0)) return [];
  const open = (path: number): boolean => linksOf(problem, path).every((e) => (problem.capacityBps[e] as number) > 0);
  return Array.from({ length: count }, (_, i) => first + i).filter(open);
}

function offsets(counts: readonly number[]): Int32Array {
  let sum = 0;
  return Int32Array.from([0, ...counts.map((count) => (sum += count))]);
}
