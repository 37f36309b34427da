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
import type { KernelKind } from "../kernel/kernel.js";
import type { Problem } from "../problem.js";
import { compiledTries, compiledTriesRun } from "./compiled-tries.js";
import type { ClosedPaths, FullTries } from "./full-tries.js";
import { referenceTries } from "./reference-tries.js";

/** Links are numbered in 16 bits. */
export const linksMax = 65_534;
/** Links of all paths below which a memory for the compiled kernels costs more than they save. */
const compiledLinksMin = 2_000;

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
  /** The paths of demand d: `pathStart[d] .. pathStart[d + 1]`. */
  readonly pathStart: Int32Array;
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
  /** Compiled where that runs and pays, unless said otherwise. The same tries either way. */
  readonly kind?: KernelKind | undefined;
}

/**
 * A trie of demands and paths that stand for several of the problem's: `demands`, `pathStart` and `leaf` are of these, numbered anew. What
 * is the best flow here is, dealt out in proportion to rates, the best of the problem, at the same prices.
 */
export interface MergedTrie extends PathTrie {
  readonly merged: {
    /** Per demand here, the sum of rates, bps. */
    readonly rateBps: Float64Array;
    /** Per demand of the problem, which one here it is; -1 without an open path. */
    readonly demandOf: Int32Array;
    /** Per path of the problem, the one here, or -1. */
    readonly pathOf: Int32Array;
  };
}

/**
 * Tries with a node for every link first; then without the links that are not contested, with nodes numbered by level. The links of a path
 * are compared with those of one path that ends alike, found by its next links: O(links of all paths), as long as few nodes of a trie have
 * the same next links and the same number of them to go.
 */
export function buildTrie(problem: Problem, options: TrieOptions): PathTrie {
  const { demands, demandStart, potentialBps, contested, contract } = fullTries(problem, options);
  const { pathStart } = problem;
  const tries = contract(contested, false);
  return trieOf(problem, { ...tries, demands, demandStart, pathStart, potentialBps, contested });
}

/** Of the links that demands use, the share that is contested above which few demands are equal: merging costs more than it saves. */
const mergeableShareMax = 0.75;
/** Most paths of a demand that is merged. */
const mergeablePathsMax = 16;

/** The same, merged where much of it is equal. Paths must not differ but in their links. */
export function buildMergedTrie(problem: Problem, options: TrieOptions): PathTrie | MergedTrie {
  const { demands, demandStart, potentialBps, contested, contract } = fullTries(problem, options);
  const used = potentialBps.reduce((count, bps) => (bps > 0 ? count + 1 : count), 0);
  const watched = contested.reduce((count, is) => count + is, 0);
  const merge = watched <= mergeableShareMax * used && pathsOfDemandMax(problem) <= mergeablePathsMax;
  const tries = contract(contested, merge);
  if (!("rateBps" in tries))
    return trieOf(problem, { ...tries, demands, demandStart, pathStart: problem.pathStart, potentialBps, contested });
  const { rateBps, demandOf, pathOf } = tries;
  const all = new Int32Array(rateBps.length);
  for (let k = 0; k < all.length; k++) all[k] = k;
  return { ...trieOf(problem, { ...tries, demands: all, potentialBps, contested }), merged: { rateBps, demandOf, pathOf } };
}

export function hasMerged(trie: PathTrie | MergedTrie): trie is MergedTrie {
  return "merged" in trie;
}

function pathsOfDemandMax({ demandCount, pathStart }: Problem): number {
  let most = 0;
  for (let d = 0; d < demandCount; d++) {
    const paths = (pathStart[d + 1] as number) - (pathStart[d] as number);
    if (paths > most) most = paths;
  }
  return most;
}

function fullTries(problem: Problem, { fillable, kind }: TrieOptions): FullTries & Pick<PathTrie, "contested"> {
  const { linkCount, capacityBps } = problem;
  assert(linkCount <= linksMax, `a problem for the trie has at most ${linksMax} links`);
  const isCompiled = kind === undefined ? problem.pathLinks.length >= compiledLinksMin && compiledTriesRun() : kind === "wasm";
  const closed = closedPaths(problem);
  const full = isCompiled ? compiledTries(problem, closed) : referenceTries(problem, closed);
  const share = typeof fillable === "number" ? fillable : fillable(full.demands);
  const contested = Uint8Array.from(full.potentialBps, (bps, e) => (bps > share * (capacityBps[e] as number) ? 1 : 0));
  return { ...full, contested };
}

function trieOf(problem: Problem, tries: Omit<PathTrie, "problem" | "groupCount" | "nodesMax">): PathTrie {
  const { nodeStart, parent, link, demandStart, demands, pathStart, leaf, potentialBps, contested } = tries;
  let nodesMax = 1;
  for (let g = 1; g < nodeStart.length; g++) nodesMax = Math.max(nodesMax, (nodeStart[g] as number) - (nodeStart[g - 1] as number));
  const groupCount = demandStart.length - 1;
  return { problem, groupCount, nodeStart, parent, link, demandStart, demands, pathStart, leaf, nodesMax, potentialBps, contested };
}

function closedPaths({ pathCount, linkStart, pathLinks, capacityBps }: Problem): ClosedPaths {
  if (capacityBps.every((capacity) => capacity > 0)) return undefined;
  const closed = new Uint8Array(pathCount);
  for (let p = 0; p < pathCount; p++) {
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
      if (!((capacityBps[pathLinks[k] as number] as number) > 0)) closed[p] = 1;
    }
  }
  return closed;
}
