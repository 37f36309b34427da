/**
 * Links that are cut while a session's tries stay as they are: paths over them are taken off their node and hung on the pad node, whose
 * price nothing pays; what flowed on them moves to each demand's cheapest path that is left.
 */
import type { FlowProgram } from "../flow-program.js";
import type { Problem } from "../problem.js";
import { weightless, type Layout } from "../kernel/layout.js";
import type { Iterate } from "./iterate.js";

/** Where more than this share of all paths is cut, the old primal weight says little of the new program. */
const cutShareMax = 0.1;
const primalWeightReset = 1;

export interface Closures {
  /** Closes the paths over links without capacity that had some when the session was opened. Flows and prices must be in place. */
  readonly close: (program: FlowProgram) => void;
  readonly openAll: () => void;
}

export function makeClosures(iterate: Iterate, problem: Problem): Closures {
  const { layout } = iterate.kernel;
  const padNode = layout.trie.nodesMax;
  let index: PathIndex | undefined;
  let closed: { readonly slot: number; readonly node: number }[] = [];
  return {
    close({ problem: { capacityBps } }) {
      const links = [...capacityBps.keys()].filter((e) => capacityBps[e] === 0 && (problem.capacityBps[e] as number) > 0);
      if (links.length === 0) return;
      const known = (index ??= indexPaths(problem, layout));
      const cut = [...new Set(links.flatMap((e) => known.pathsOver(e)))];
      for (const path of cut) {
        const slot = known.slotOf[path] as number;
        closed.push({ slot, node: layout.leaf[slot] as number });
        layout.leaf[slot] = padNode;
      }
      for (const path of cut) moveFlow(layout, problem, known, path);
      if (cut.length > cutShareMax * problem.pathCount) iterate.primalWeight = primalWeightReset;
    },
    openAll() {
      for (const { slot, node } of closed) layout.leaf[slot] = node;
      closed = [];
    },
  };
}

/** Where paths are, whose they are, and which ones cross a link. Made when the first link is closed. */
interface PathIndex {
  /** Per path: its slot, -1 where it has none. */
  readonly slotOf: Int32Array;
  readonly demandOf: Int32Array;
  /** Per demand: where it stands in the layout. */
  readonly positionOf: Int32Array;
  readonly pathsOver: (link: number) => number[];
}

function indexPaths(
  { pathCount, demandCount, linkCount, pathStart, linkStart, pathLinks }: Problem,
  { pathAt, demandAt }: Layout,
): PathIndex {
  const positionOf = new Int32Array(demandCount).fill(-1);
  demandAt.forEach((d, k) => {
    if (d >= 0) positionOf[d] = k;
  });
  const slotOf = new Int32Array(pathCount).fill(-1);
  pathAt.forEach((path, slot) => {
    if (path >= 0) slotOf[path] = slot;
  });
  const demandOf = new Int32Array(pathCount);
  for (let d = 0; d < demandCount; d++) demandOf.fill(d, pathStart[d], pathStart[d + 1]);
  const start = new Int32Array(linkCount + 2);
  for (const e of pathLinks) start[e + 2] = (start[e + 2] as number) + 1;
  for (let e = 0; e <= linkCount; e++) start[e + 1] = (start[e + 1] as number) + (start[e] as number);
  const paths = new Int32Array(pathLinks.length);
  for (let p = 0; p < pathCount; p++) {
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
      const e = pathLinks[k] as number;
      const at = start[e + 1] as number;
      paths[at] = p;
      start[e + 1] = at + 1;
    }
  }
  return {
    slotOf,
    demandOf,
    positionOf,
    pathsOver: (link) => [...paths.subarray(start[link], start[link + 1])].filter((p) => (slotOf[p] as number) >= 0),
  };
}

function moveFlow(layout: Layout, problem: Problem, { slotOf, demandOf, positionOf }: PathIndex, path: number): void {
  const { flow, price, demand, weight, leaf, trie } = layout;
  const { pathStart, linkStart, pathLinks } = problem;
  const slot = slotOf[path] as number;
  const moved = flow[slot] as number;
  flow[slot] = 0;
  const d = demandOf[path] as number;
  let best = -1;
  let bestPrice = Infinity;
  for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
    const at = slotOf[p] as number;
    if (at < 0 || leaf[at] === trie.nodesMax) continue;
    let sum = 0;
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) sum += price[pathLinks[k] as number] as number;
    if (sum < bestPrice) [best, bestPrice] = [at, sum];
  }
  if (best >= 0) {
    flow[best] = (flow[best] as number) + moved;
    return;
  }
  // No path is left: the demand leaves the program.
  demand[positionOf[d] as number] = 0;
  weight[positionOf[d] as number] = weightless;
}
