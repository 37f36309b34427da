/** Problems written out link by link and path by path, for worked examples. */
import type { Problem } from "@sluice/mcf";

export interface WrittenProblem {
  readonly links: readonly { readonly from: number; readonly to: number; readonly capacity: number; readonly latencyMs: number }[];
  readonly demands: readonly {
    readonly src: number;
    readonly dst: number;
    readonly rate: number;
    /** Each a list of indices into `links`. */
    readonly paths: readonly (readonly number[])[];
  }[];
}

export function problemOf({ links, demands }: WrittenProblem): Problem {
  const paths = demands.flatMap((demand) => demand.paths);
  return {
    nodeCount: 1 + Math.max(0, ...links.flatMap(({ from, to }) => [from, to]), ...demands.flatMap(({ src, dst }) => [src, dst])),
    linkCount: links.length,
    linkFrom: Int32Array.from(links, ({ from }) => from),
    linkTo: Int32Array.from(links, ({ to }) => to),
    capacityBps: Float64Array.from(links, ({ capacity }) => capacity),
    latencyMs: Float64Array.from(links, ({ latencyMs }) => latencyMs),
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

function offsets(counts: readonly number[]): Int32Array {
  let sum = 0;
  return Int32Array.from([0, ...counts.map((count) => (sum += count))]);
}
