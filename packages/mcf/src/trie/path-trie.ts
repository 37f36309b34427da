/**
 * A problem's paths as suffix tries, one a destination: paths that end alike share the nodes of what they share. A product with the
 * incidence of paths and links is then one sweep over the nodes. On Kdl with all pairs, 63 million entries of that matrix
 * become 3 million nodes.
 *
 *      root = destination          A node is a link on the way to the destination; a path is the leaf at which it begins.
 *       /        \                 The price of a path is the sum from the root to its leaf; flow put on leaves and summed
 *     e1          e2               towards the root loads the links.
 *    /  \          \
 *   e3   e4         e5
 *
 * Only links that could fill are nodes: a link that all demands that may use it could not fill together has price zero in some optimal
 * dual, and loads there need no watching. Nodes are numbered by level, so that every parent comes before its children and
 * neighbours in memory do not depend on each other.
 */
import { assert } from "@sluice/model";
import type { Problem } from "../problem.js";

/** Nodes and links are numbered in 16 bits. */
export const linksMax = 65_535;
const groupNodesMax = 65_000;

export interface PathTrie {
  readonly problem: Problem;
  /** Demands to one destination; more than one group where a trie would grow too large. */
  readonly groupCount: number;
  /** Nodes of group g: `nodeStart[g] .. nodeStart[g + 1]`; the first is the root. */
  readonly nodeStart: Int32Array;
  /** Per node, the parent's number within the group, and the link. The root has parent 0 and link `linkCount`. */
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  /** Demands of group g: `demands[demandStart[g] .. demandStart[g + 1]]`. Demands without an open path are in no group. */
  readonly demandStart: Int32Array;
  readonly demands: Int32Array;
  /** Per path, the node at which it begins, within the group of its demand; -1 for paths that are closed. */
  readonly leaf: Int32Array;
  /** Nodes of the largest group. */
  readonly nodesMax: number;
  /** Per link, what could cross it with all demands met, as the sum of the demands that have an open path over it, bps. */
  readonly potentialBps: Float64Array;
  /** Per link: whether it could fill, and so is in the tries. */
  readonly contested: Uint8Array;
}

export interface TrieOptions {
  /**
   * Links whose potential is at most this times their capacity are left out: 1 where loads stay within capacities, a lower bound of the
   * largest utilization where that is what is minimized. May depend on the demands that have an open path.
   */
  readonly fillable: number | ((routable: Int32Array) => number);
}

/** O(links of all paths x links out of a node). */
export function buildTrie(problem: Problem, { fillable }: TrieOptions): PathTrie {
  const { linkCount, pathCount, capacityBps, pathStart, linkStart, pathLinks, demandDst, nodeCount } = problem;
  assert(linkCount <= linksMax, `a problem for the trie has at most ${linksMax} links`);
  const { open, potentialBps } = openPaths(problem);
  const demands = demandsByDestination(problem, open, nodeCount);
  const share = typeof fillable === "number" ? fillable : fillable(demands);
  const contested = Uint8Array.from(potentialBps, (bps, e) => (bps > share * (capacityBps[e] as number) ? 1 : 0));

  const leaf = new Int32Array(pathCount).fill(-1);
  const demandStart: number[] = [0];
  const nodeStart: number[] = [0];
  const nodes = new NodeArena(Math.max(1024, 2 * pathCount));
  let nodesMax = 1;
  let first = 0;
  const close = (end: number): void => {
    const begin = nodeStart[nodeStart.length - 1] as number;
    nodes.sortByLevel(begin, leaf, pathsOf(problem, demands, first, end));
    nodesMax = Math.max(nodesMax, nodes.count - begin);
    nodeStart.push(nodes.count);
    demandStart.push(end);
    first = end;
  };
  for (let i = 0; i < demands.length; i++) {
    const d = demands[i] as number;
    const begin = nodeStart[nodeStart.length - 1] as number;
    const tooLarge = nodes.count - begin > groupNodesMax;
    if (i > first && (tooLarge || demandDst[d] !== demandDst[demands[first] as number])) close(i);
    if (i === first) nodes.addRoot(linkCount);
    const root = nodeStart[nodeStart.length - 1] as number;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      if (open[p] === 0) continue;
      let at = root;
      const from = linkStart[p] as number;
      for (let k = (linkStart[p + 1] as number) - 1; k >= from; k--) {
        const e = pathLinks[k] as number;
        if (contested[e] === 1) at = nodes.child(at, e);
      }
      leaf[p] = at - root;
    }
  }
  if (first < demands.length) close(demands.length);
  return {
    problem,
    groupCount: nodeStart.length - 1,
    nodeStart: Int32Array.from(nodeStart),
    parent: nodes.parent.slice(0, nodes.count),
    link: nodes.link.slice(0, nodes.count),
    demandStart: Int32Array.from(demandStart),
    demands,
    leaf,
    nodesMax,
    potentialBps,
    contested,
  };
}

/** Paths of a demand with a rate over links that all have capacity; and per link the sum of the demands with such a path over it. */
function openPaths(problem: Problem): { readonly open: Uint8Array; readonly potentialBps: Float64Array } {
  const { demandCount, linkCount, pathCount, capacityBps, demandBps, pathStart, linkStart, pathLinks } = problem;
  const open = new Uint8Array(pathCount);
  const potentialBps = new Float64Array(linkCount);
  const countedFor = new Int32Array(linkCount).fill(-1);
  for (let d = 0; d < demandCount; d++) {
    const demand = demandBps[d] as number;
    if (!(demand > 0)) continue;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      const end = linkStart[p + 1] as number;
      let isOpen = 1;
      for (let k = linkStart[p] as number; k < end; k++) if (!((capacityBps[pathLinks[k] as number] as number) > 0)) isOpen = 0;
      open[p] = isOpen;
      if (isOpen === 0) continue;
      for (let k = linkStart[p] as number; k < end; k++) {
        const e = pathLinks[k] as number;
        if (countedFor[e] === d) continue;
        countedFor[e] = d;
        potentialBps[e] = (potentialBps[e] as number) + demand;
      }
    }
  }
  return { open, potentialBps };
}

/** Demands with an open path, by destination, else in their own order. */
function demandsByDestination({ demandCount, demandDst, pathStart }: Problem, open: Uint8Array, nodeCount: number): Int32Array {
  const start = new Int32Array(nodeCount + 1);
  const routable = new Uint8Array(demandCount);
  for (let d = 0; d < demandCount; d++) {
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) if (open[p] === 1) routable[d] = 1;
    if (routable[d] === 1) start[(demandDst[d] as number) + 1] = (start[(demandDst[d] as number) + 1] as number) + 1;
  }
  for (let v = 0; v < nodeCount; v++) start[v + 1] = (start[v + 1] as number) + (start[v] as number);
  const sorted = new Int32Array(start[nodeCount] as number);
  for (let d = 0; d < demandCount; d++) {
    if (routable[d] === 0) continue;
    const v = demandDst[d] as number;
    sorted[start[v] as number] = d;
    start[v] = (start[v] as number) + 1;
  }
  return sorted;
}

function pathsOf({ pathStart }: Problem, demands: Int32Array, begin: number, end: number): (visit: (path: number) => void) => void {
  return (visit) => {
    for (let i = begin; i < end; i++) {
      const d = demands[i] as number;
      for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) visit(p);
    }
  };
}

/** Nodes of all tries in growing arrays; while a trie is built, children are found by a list of siblings. */
class NodeArena {
  count = 0;
  parent: Uint16Array;
  link: Uint16Array;
  private above: Int32Array;
  private firstChild: Int32Array;
  private nextSibling: Int32Array;

  constructor(capacity: number) {
    this.parent = new Uint16Array(capacity);
    this.link = new Uint16Array(capacity);
    this.above = new Int32Array(capacity);
    this.firstChild = new Int32Array(capacity);
    this.nextSibling = new Int32Array(capacity);
  }

  addRoot(link: number): void {
    const root = this.add(link, -1);
    this.above[root] = root;
  }

  /** The child of a node over a link, made where there is none. */
  child(node: number, link: number): number {
    for (let c = this.firstChild[node] as number; c >= 0; c = this.nextSibling[c] as number) if (this.link[c] === link) return c;
    const sibling = this.firstChild[node] as number;
    const c = this.add(link, sibling);
    this.above[c] = node;
    this.firstChild[node] = c;
    return c;
  }

  /** Renumbers the last trie, from node `begin` on, by level. */
  sortByLevel(begin: number, leaf: Int32Array, paths: (visit: (path: number) => void) => void): void {
    const size = this.count - begin;
    const level = new Uint16Array(size);
    let levels = 1;
    for (let i = 1; i < size; i++) {
      level[i] = (level[(this.above[begin + i] as number) - begin] as number) + 1;
      levels = Math.max(levels, (level[i] as number) + 1);
    }
    const next = new Int32Array(levels + 1);
    for (let i = 0; i < size; i++) next[(level[i] as number) + 1] = (next[(level[i] as number) + 1] as number) + 1;
    for (let l = 0; l < levels; l++) next[l + 1] = (next[l + 1] as number) + (next[l] as number);
    const renumbered = new Uint16Array(size);
    for (let i = 0; i < size; i++) {
      const l = level[i] as number;
      renumbered[i] = next[l] as number;
      next[l] = (next[l] as number) + 1;
    }
    const link = this.link.slice(begin, this.count);
    for (let i = 0; i < size; i++) {
      const to = begin + (renumbered[i] as number);
      this.parent[to] = renumbered[(this.above[begin + i] as number) - begin] as number;
      this.link[to] = link[i] as number;
    }
    paths((p) => {
      if ((leaf[p] as number) >= 0) leaf[p] = renumbered[leaf[p] as number] as number;
    });
  }

  private add(link: number, sibling: number): number {
    if (this.count === this.link.length) this.grow();
    const node = this.count++;
    this.link[node] = link;
    this.firstChild[node] = -1;
    this.nextSibling[node] = sibling;
    return node;
  }

  private grow(): void {
    const capacity = 2 * this.link.length;
    const larger = <T extends Uint16Array | Int32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.parent = larger(this.parent, new Uint16Array(capacity));
    this.link = larger(this.link, new Uint16Array(capacity));
    this.above = larger(this.above, new Int32Array(capacity));
    this.firstChild = larger(this.firstChild, new Int32Array(capacity));
    this.nextSibling = larger(this.nextSibling, new Int32Array(capacity));
  }
}
