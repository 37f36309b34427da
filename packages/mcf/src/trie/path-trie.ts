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
export const linksMax = 65_534;
/** One number more is left to the kernels, for a node that is none. */
const groupNodesMax = 65_535;

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

/**
 * One pass over the links of all paths, against the way of travel, into tries with a node for every link; then links that are not contested
 * are taken out of them, and nodes are numbered by level. O(links of all paths x links out of a node).
 */
export function buildTrie(problem: Problem, { fillable }: TrieOptions): PathTrie {
  const { linkCount, pathCount, capacityBps } = problem;
  assert(linkCount <= linksMax, `a problem for the trie has at most ${linksMax} links`);
  const leaf = new Int32Array(pathCount).fill(-1);
  markOpenPaths(problem, leaf);
  const demands = demandsByDestination(problem, leaf);
  const full = insertPaths(problem, demands, leaf);

  const share = typeof fillable === "number" ? fillable : fillable(demands);
  const contested = Uint8Array.from(full.potentialBps, (bps, e) => (bps > share * (capacityBps[e] as number) ? 1 : 0));
  const { nodeStart, parent, link, nodesMax } = contract(full, problem, demands, { contested, leaf });
  const { demandStart, potentialBps } = full;
  return {
    problem,
    groupCount: demandStart.length - 1,
    nodeStart,
    parent,
    link,
    demandStart: Int32Array.from(demandStart),
    demands,
    leaf,
    nodesMax,
    potentialBps,
    contested,
  };
}

/** Sets `leaf` to 0 for the paths of demands with a rate over links that all have capacity. */
function markOpenPaths({ demandCount, capacityBps, demandBps, pathStart, linkStart, pathLinks }: Problem, leaf: Int32Array): void {
  const allLinksOpen = capacityBps.every((capacity) => capacity > 0);
  for (let d = 0; d < demandCount; d++) {
    if (!((demandBps[d] as number) > 0)) continue;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      let isOpen = true;
      if (!allLinksOpen) {
        for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
          if (!((capacityBps[pathLinks[k] as number] as number) > 0)) isOpen = false;
        }
      }
      if (isOpen) leaf[p] = 0;
    }
  }
}

/** Demands with an open path, by destination, else in their own order. */
function demandsByDestination({ demandCount, demandDst, nodeCount, pathStart }: Problem, leaf: Int32Array): Int32Array {
  const start = new Int32Array(nodeCount + 1);
  const routable = new Uint8Array(demandCount);
  for (let d = 0; d < demandCount; d++) {
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) if ((leaf[p] as number) >= 0) routable[d] = 1;
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

/**
 * Tries with a node for every link, numbered through as they were made: a parent before its children. A node is a record of four words,
 * so that a step down a trie touches one cache line, and is named by where that begins.
 */
interface FullTries {
  readonly words: Int32Array;
  readonly wordCount: number;
  /** Per group and one more: the root's record. */
  readonly rootAt: readonly number[];
  readonly demandStart: readonly number[];
  readonly potentialBps: Float64Array;
}

/** Words of a record: its link, its first child and its next sibling (0: none), its parent. */
const recordWords = 4;
const firstChild = 1;
const nextSibling = 2;
const parentWord = 3;

/** `leaf` becomes the record of each open path's node. */
function insertPaths(problem: Problem, demands: Int32Array, leaf: Int32Array): FullTries {
  const { linkCount, demandBps, demandDst, pathStart, linkStart, pathLinks } = problem;
  let words = new Int32Array(recordWords * Math.max(1024, 2 * leaf.length));
  let end = 0;
  const potentialBps = new Float64Array(linkCount);
  const countedFor = new Int32Array(linkCount).fill(-1);
  const rootAt: number[] = [];
  const demandStart: number[] = [];
  let root = 0;
  let destination = -1;
  for (let i = 0; i < demands.length; i++) {
    const d = demands[i] as number;
    const rate = demandBps[d] as number;
    const pathEnd = pathStart[d + 1] as number;
    const linksOfPaths = (linkStart[pathEnd] as number) - (linkStart[pathStart[d] as number] as number);
    if (end + recordWords * (linksOfPaths + 1) > words.length) words = enlarged(words, recordWords * (linksOfPaths + 1));
    // As many nodes more as if this demand shared none, and the root.
    assert(linksOfPaths < groupNodesMax, `the paths of a demand for the trie have fewer than ${groupNodesMax} links together`);
    if (demandDst[d] !== destination || end - root + recordWords * linksOfPaths > recordWords * groupNodesMax) {
      destination = demandDst[d] as number;
      root = end;
      end += recordWords;
      words[root] = linkCount;
      rootAt.push(root);
      demandStart.push(i);
    }
    for (let p = pathStart[d] as number; p < pathEnd; p++) {
      if ((leaf[p] as number) < 0) continue;
      let at = root;
      const first = linkStart[p] as number;
      for (let k = (linkStart[p + 1] as number) - 1; k >= first; k--) {
        const e = pathLinks[k] as number;
        let last = at + firstChild;
        let child = words[last] as number;
        while (child !== 0 && words[child] !== e) {
          last = child + nextSibling;
          child = words[last] as number;
        }
        if (child === 0) {
          child = end;
          end += recordWords;
          words[last] = child;
          words[child] = e;
          words[child + parentWord] = at;
        }
        at = child;
        if (countedFor[e] !== d) {
          countedFor[e] = d;
          potentialBps[e] = (potentialBps[e] as number) + rate;
        }
      }
      leaf[p] = at;
    }
  }
  rootAt.push(end);
  demandStart.push(demands.length);
  return { words, wordCount: end, rootAt, demandStart, potentialBps };
}

function enlarged(words: Int32Array<ArrayBuffer>, by: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * words.length + by);
  larger.set(words);
  return larger;
}

interface Contracted {
  readonly nodeStart: Int32Array;
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  readonly nodesMax: number;
}

/** The tries without the links that are not contested, each numbered by level from its root on. `leaf` is numbered anew alike. */
function contract(
  { words, wordCount, rootAt, demandStart }: FullTries,
  { linkCount, pathStart }: Problem,
  demands: Int32Array,
  { contested, leaf }: { readonly contested: Uint8Array; readonly leaf: Int32Array },
): Contracted {
  const groupCount = demandStart.length - 1;
  const nodeStart = new Int32Array(groupCount + 1);
  const parent = new Uint16Array(wordCount / recordWords);
  const link = new Uint16Array(wordCount / recordWords);
  const sizeMax = rootAt.reduce((most, end, g) => Math.max(most, (end - (rootAt[g - 1] ?? end)) / recordWords), 1);
  // Per node of a full trie: the first node towards the root that stays, and that one's level and new number.
  const stays = new Int32Array(sizeMax);
  const level = new Uint16Array(sizeMax);
  const number = new Uint16Array(sizeMax);
  const next = new Int32Array(sizeMax + 1);
  let nodesMax = 1;
  let count = 0;
  for (let g = 0; g < groupCount; g++) {
    const begin = rootAt[g] as number;
    const size = ((rootAt[g + 1] as number) - begin) / recordWords;
    const parentOf = (i: number): number => ((words[begin + recordWords * i + parentWord] as number) - begin) / recordWords;
    let levels = 1;
    next.fill(0, 0, size + 1);
    next[1] = 1;
    for (let i = 1; i < size; i++) {
      const above = stays[parentOf(i)] as number;
      if (contested[words[begin + recordWords * i] as number] === 0) {
        stays[i] = above;
        continue;
      }
      stays[i] = i;
      const l = (level[above] as number) + 1;
      level[i] = l;
      next[l + 1] = (next[l + 1] as number) + 1;
      levels = Math.max(levels, l + 1);
    }
    for (let l = 0; l < levels; l++) next[l + 1] = (next[l + 1] as number) + (next[l] as number);
    const staying = next[levels] as number;
    nodeStart[g] = count;
    link[count] = linkCount;
    next[0] = 1;
    for (let i = 1; i < size; i++) {
      if (stays[i] !== i) continue;
      const l = level[i] as number;
      const to = next[l] as number;
      next[l] = to + 1;
      number[i] = to;
      parent[count + to] = number[stays[parentOf(i)] as number] as number;
      link[count + to] = words[begin + recordWords * i] as number;
    }
    for (let i = demandStart[g] as number; i < (demandStart[g + 1] as number); i++) {
      const d = demands[i] as number;
      for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
        if ((leaf[p] as number) >= 0) leaf[p] = number[stays[((leaf[p] as number) - begin) / recordWords] as number] as number;
      }
    }
    count += staying;
    nodesMax = Math.max(nodesMax, staying);
  }
  nodeStart[groupCount] = count;
  return { nodeStart, parent: parent.slice(0, count), link: link.slice(0, count), nodesMax };
}
