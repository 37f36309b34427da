/**
 * A problem to solve before the clock runs, so that compiling (JIT, WebAssembly) is in nobody's seconds. It is about as large as the benchmark's
 * smaller instances: what is compiled for arrays of a few hundred numbers is compiled once more for larger ones.
 */
import type { Problem } from "@sluice/mcf";

/** Nodes a side of the grid: 100 nodes, 360 links, 9,900 demands, 18,000 paths. */
const sideDefault = 10;

/**
 * A grid, all pairs, each with its way along the row first and its way along the column first; about half of the demand fits.
 *
 *   o──o──o
 *   │  │  │      both directions of every line are links of capacity 1000
 *   o──o──o
 */
export function warmUpProblem(side = sideDefault): Problem {
  const linkOf = new Map<string, number>();
  const from: number[] = [];
  const to: number[] = [];
  for (let v = 0; v < side * side; v++) {
    const neighbours = [v % side > 0 ? v - 1 : -1, v % side < side - 1 ? v + 1 : -1, v - side, v + side];
    for (const w of neighbours.filter((each) => each >= 0 && each < side * side)) {
      linkOf.set(`${v}>${w}`, from.length);
      from.push(v);
      to.push(w);
    }
  }
  const demands: { readonly src: number; readonly dst: number; readonly paths: readonly (readonly number[])[] }[] = [];
  for (let src = 0; src < side * side; src++) {
    for (let dst = 0; dst < side * side; dst++) {
      if (src === dst) continue;
      const ways = [walk(src, dst, { side, rowFirst: true }), walk(src, dst, { side, rowFirst: false })];
      const paths = ways.map((nodes) => nodes.slice(1).map((node, i) => linkOf.get(`${nodes[i]}>${node}`) ?? -1));
      demands.push({ src, dst, paths: paths.filter((path, i) => paths.findIndex((other) => other.join() === path.join()) === i) });
    }
  }
  const paths = demands.flatMap((demand) => demand.paths);
  return {
    nodeCount: side * side,
    linkCount: from.length,
    linkFrom: Int32Array.from(from),
    linkTo: Int32Array.from(to),
    capacityBps: new Float64Array(from.length).fill(1000),
    latencyMs: new Float64Array(from.length).fill(1),
    metric: new Float64Array(from.length).fill(1),
    demandCount: demands.length,
    demandBps: Float64Array.from(demands, ({ src, dst }) => 20 + ((7 * src + 13 * dst) % 60)),
    demandSrc: Int32Array.from(demands, ({ src }) => src),
    demandDst: Int32Array.from(demands, ({ dst }) => dst),
    bandwidthFunctions: [],
    pathCount: paths.length,
    pathStart: startsOf(demands.map((demand) => demand.paths.length)),
    linkStart: startsOf(paths.map((path) => path.length)),
    pathLinks: Int32Array.from(paths.flat()),
  };
}

/** Nodes on the way, one step at a time, along the row first or the column first. */
function walk(src: number, dst: number, { side, rowFirst }: { readonly side: number; readonly rowFirst: boolean }): readonly number[] {
  const nodes = [src];
  let at = src;
  const alongRow = (): void => {
    for (; at % side !== dst % side; nodes.push(at)) at += dst % side > at % side ? 1 : -1;
  };
  const alongColumn = (): void => {
    for (; Math.floor(at / side) !== Math.floor(dst / side); nodes.push(at)) at += dst > at ? side : -side;
  };
  for (const step of rowFirst ? [alongRow, alongColumn] : [alongColumn, alongRow]) step();
  return nodes;
}

function startsOf(counts: readonly number[]): Int32Array {
  const start = new Int32Array(counts.length + 1);
  counts.forEach((count, i) => (start[i + 1] = (start[i] as number) + count));
  return start;
}
