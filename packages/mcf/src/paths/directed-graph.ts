/** A directed multigraph by indices, with the links out of and into each node in compressed rows. */
import { assert } from "@sluice/model";

export interface DirectedGraph {
  readonly nodeCount: number;
  readonly linkCount: number;
  /** Per link: node indices of its ends. */
  readonly linkFrom: Int32Array;
  readonly linkTo: Int32Array;
  /** The links into node v are `inLinks[inStart[v] .. inStart[v + 1]]`, in rising order. Links from a node to itself are in no row. */
  readonly inStart: Int32Array;
  readonly inLinks: Int32Array;
}

export type LinkEnds = Pick<DirectedGraph, "nodeCount" | "linkFrom" | "linkTo">;

/** Parallel links and links from a node to itself are allowed; no loopless path takes the latter. O(nodes + links). */
export function directedGraph({ nodeCount, linkFrom, linkTo }: LinkEnds): DirectedGraph {
  const linkCount = linkFrom.length;
  assert(linkTo.length === linkCount, "every link has two ends");
  const inStart = new Int32Array(nodeCount + 1);
  let rowLinks = 0;
  for (let e = 0; e < linkCount; e++) {
    const [from, to] = [linkFrom[e] as number, linkTo[e] as number];
    assert(from >= 0 && from < nodeCount && to >= 0 && to < nodeCount, "links end at nodes of the graph");
    if (from === to) continue;
    inStart[to + 1] = (inStart[to + 1] as number) + 1;
    rowLinks++;
  }
  for (let v = 0; v < nodeCount; v++) inStart[v + 1] = (inStart[v + 1] as number) + (inStart[v] as number);
  const inLinks = new Int32Array(rowLinks);
  const next = inStart.slice();
  for (let e = 0; e < linkCount; e++) {
    const to = linkTo[e] as number;
    if (linkFrom[e] === to) continue;
    inLinks[next[to] as number] = e;
    next[to] = (next[to] as number) + 1;
  }
  return { nodeCount, linkCount, linkFrom, linkTo, inStart, inLinks };
}
