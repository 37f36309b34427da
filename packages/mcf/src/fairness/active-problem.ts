/** The part of a problem that is not decided yet, as a problem of its own: fewer demands, fewer paths, what capacity is left. */
import type { Problem } from "../problem.js";

export interface ActiveProblem {
  readonly problem: Problem;
  /** Per demand and path of the part, its number in the whole. */
  readonly demandOf: Int32Array;
  readonly pathOf: Int32Array;
}

export interface ActiveParts {
  /** Per demand, bps: the most that it may carry in the part; demands with 0 are left out. */
  readonly mostBps: Float64Array;
  /** Per path: 1 where it may be used. */
  readonly open: Uint8Array;
  /** Per link. */
  readonly capacityBps: Float64Array;
}

/** O(links of all open paths). */
export function activeProblem(whole: Problem, { mostBps, open, capacityBps }: ActiveParts): ActiveProblem {
  const { demandCount, pathStart, linkStart, pathLinks } = whole;
  let demands = 0;
  let paths = 0;
  let links = 0;
  const each = (visit: (demand: number, path: number) => void, next: (demand: number) => void): void => {
    for (let k = 0; k < demandCount; k++) {
      if (!((mostBps[k] as number) > 0)) continue;
      for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) if (open[p] === 1) visit(k, p);
      next(k);
    }
  };
  each(
    (_, p) => {
      paths++;
      links += (linkStart[p + 1] as number) - (linkStart[p] as number);
    },
    () => demands++,
  );
  const demandOf = new Int32Array(demands);
  const pathOf = new Int32Array(paths);
  const partPathStart = new Int32Array(demands + 1);
  const partLinkStart = new Int32Array(paths + 1);
  const partPathLinks = new Int32Array(links);
  demands = 0;
  paths = 0;
  links = 0;
  each(
    (_, p) => {
      pathOf[paths] = p;
      for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++) partPathLinks[links++] = pathLinks[i] as number;
      partLinkStart[++paths] = links;
    },
    (k) => {
      demandOf[demands] = k;
      partPathStart[++demands] = paths;
    },
  );
  const problem: Problem = {
    ...whole,
    capacityBps,
    demandCount: demands,
    demandBps: Float64Array.from(demandOf, (k) => mostBps[k] as number),
    demandSrc: Int32Array.from(demandOf, (k) => whole.demandSrc[k] as number),
    demandDst: Int32Array.from(demandOf, (k) => whole.demandDst[k] as number),
    bandwidthFunctions: [],
    pathCount: paths,
    pathStart: partPathStart,
    linkStart: partLinkStart,
    pathLinks: partPathLinks,
  };
  return { problem, demandOf, pathOf };
}
