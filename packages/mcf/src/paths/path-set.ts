/** Candidate paths of many pairs in compact arrays, as a `Problem` holds them. */
import { assert } from "@sluice/model";
import type { Problem } from "../problem.js";
import { directedGraph, type LinkEnds } from "./directed-graph.js";
import { LabelSearch } from "./label-search.js";
import { checkLengths } from "./shortest-path-tree.js";

export type PathSet = Pick<Problem, "pathCount" | "pathStart" | "linkStart" | "pathLinks">;

/** From where to where, per pair. */
export interface NodePairs {
  readonly src: Int32Array;
  readonly dst: Int32Array;
}

export interface CandidateOptions {
  /** Paths a pair, at most. */
  readonly k: number;
  /** Labels a node, at least k: the more, the rarer is a path missed (label-search.ts). */
  readonly labelsMax: number;
}

/** Paths of a pair, at most: what a search keeps grows with it. */
const kMax = 64;

/**
 * Up to k loopless paths a pair, the shortest by `linkLength` first (>= 0 per link; links of Infinity may not be used). A pair from
 * a node to itself, or without a path, has none.
 *
 * Each destination is searched twice, for sizes and then for paths: nothing is held but the result, 4 bytes for each link of a path, and the
 * labels of one destination. O(destinations x search of `LabelSearch` + links of all paths).
 */
export function candidatePaths(network: LinkEnds, pairs: NodePairs, linkLength: Float64Array, { k, labelsMax }: CandidateOptions): PathSet {
  assert(k >= 1 && k <= kMax && labelsMax >= k, `1 to ${kMax} paths a pair, and at least as many labels`);
  const graph = directedGraph(network);
  checkLengths(graph, linkLength);
  const search = new LabelSearch(graph, labelsMax);
  const order = pairsByDestination(pairs, graph.nodeCount);
  const { src, dst } = pairs;
  const forEachPair = (visit: (pair: number) => void): void => {
    let destination = -1;
    for (const pair of order) {
      if (dst[pair] !== destination) {
        destination = dst[pair] as number;
        search.run(destination, linkLength);
      }
      visit(pair);
    }
  };
  const countOf = (pair: number): number => Math.min(k, search.labelCount[src[pair] as number] as number);
  const labelOf = (pair: number, rank: number): number => search.labels[(src[pair] as number) * labelsMax + rank] as number;

  const pathStart = new Int32Array(src.length + 1);
  const linkOffset = new Float64Array(src.length + 1);
  forEachPair((pair) => {
    const count = countOf(pair);
    pathStart[pair + 1] = count;
    for (let rank = 0; rank < count; rank++) {
      linkOffset[pair + 1] = (linkOffset[pair + 1] as number) + (search.hops[labelOf(pair, rank)] as number);
    }
  });
  for (let pair = 0; pair < src.length; pair++) {
    pathStart[pair + 1] = (pathStart[pair + 1] as number) + (pathStart[pair] as number);
    linkOffset[pair + 1] = (linkOffset[pair + 1] as number) + (linkOffset[pair] as number);
  }
  const pathCount = pathStart[src.length] as number;
  const linkStart = new Int32Array(pathCount + 1);
  const pathLinks = new Int32Array(linkOffset[src.length] as number);
  forEachPair((pair) => {
    let at = linkOffset[pair] as number;
    for (let rank = 0; rank < countOf(pair); rank++) {
      at = search.writePath(labelOf(pair, rank), pathLinks, at);
      linkStart[(pathStart[pair] as number) + rank + 1] = at;
    }
  });
  return { pathCount, pathStart, linkStart, pathLinks };
}

/** Pairs by rising destination, else in their own order. O(pairs + nodes). */
export function pairsByDestination({ dst }: Pick<NodePairs, "dst">, nodeCount: number): Int32Array {
  const next = new Int32Array(nodeCount + 1);
  for (const v of dst) next[v + 1] = (next[v + 1] as number) + 1;
  for (let v = 0; v < nodeCount; v++) next[v + 1] = (next[v + 1] as number) + (next[v] as number);
  const order = new Int32Array(dst.length);
  for (let pair = 0; pair < dst.length; pair++) {
    const v = dst[pair] as number;
    order[next[v] as number] = pair;
    next[v] = (next[v] as number) + 1;
  }
  return order;
}
