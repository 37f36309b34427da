/**
 * Up to k paths of which no two share a node but their ends, of least total weight: link-disjoint paths in the split graph, where each node v
 * is a link v_in -> v_out (Suurballe 1974; Bhandari 1999, ch. 3.4). Then no two share a link either, nor both directions of a cable.
 */
import { assert } from "@sluice/model";
import { edgeDisjointPaths } from "./edge-disjoint.js";
import { adjacency, type Graph } from "./graph.js";
import { shortestPathTree, type ShortestPathTree } from "./shortest-path-tree.js";

/** Node v is 2v (in) and 2v + 1 (out); link e stays e; the link inside of v is linkCount + v. */
export interface SplitGraph {
  readonly graph: Graph;
  readonly linkCount: number;
  /** Per link of the split graph: the metric, 0 inside nodes. */
  readonly weights: Float64Array;
}

/** O(V + E). */
export function splitNodes(graph: Graph): SplitGraph {
  const nodeCount = graph.nodeIds.length;
  const linkCount = graph.linkIds.length;
  const linkFrom = new Int32Array(linkCount + nodeCount);
  const linkTo = new Int32Array(linkCount + nodeCount);
  const usable = [...graph.outLinks];
  for (let e = 0; e < linkCount; e++) {
    linkFrom[e] = 2 * (graph.linkFrom[e] as number) + 1;
    linkTo[e] = 2 * (graph.linkTo[e] as number);
  }
  for (let v = 0; v < nodeCount; v++) {
    linkFrom[linkCount + v] = 2 * v;
    linkTo[linkCount + v] = 2 * v + 1;
    usable.push(linkCount + v);
  }
  usable.sort((a, b) => a - b);
  const outgoing = adjacency(2 * nodeCount, usable, linkFrom);
  const incoming = adjacency(2 * nodeCount, usable, linkTo);
  const weights = new Float64Array(linkCount + nodeCount);
  weights.set(graph.metric);
  return {
    linkCount,
    weights,
    graph: {
      // Only their number counts here: what is found is handed back as links of the graph that was split.
      nodeIds: graph.nodeIds.flatMap((id) => [id, id]),
      linkIds: [...graph.linkIds, ...(graph.nodeIds as readonly string[] as typeof graph.linkIds)],
      nodeIndex: new Map(),
      linkIndex: new Map(),
      linkFrom,
      linkTo,
      metric: weights,
      latencyMs: new Float64Array(linkCount + nodeCount),
      outStart: outgoing.start,
      outLinks: outgoing.links,
      inStart: incoming.start,
      inLinks: incoming.links,
      linkSrlgs: [],
      srlgCount: 0,
    },
  };
}

export function treeTowards({ graph, weights }: SplitGraph, destination: number): ShortestPathTree {
  return shortestPathTree(graph, weights, 2 * destination);
}

/** Paths as links of the graph that was split; `tree` from `treeTowards`. As many as exist, up to k. O(k (V + E) log V). */
export function nodeDisjointPaths(
  { graph, linkCount, weights }: SplitGraph,
  { tree, source, k }: { readonly tree: ShortestPathTree; readonly source: number; readonly k: number },
): readonly (readonly number[])[] {
  assert(tree.destination % 2 === 0, "paths end at the inside of a node");
  if (2 * source === tree.destination) return [];
  return edgeDisjointPaths(graph, { weights, tree, source: 2 * source + 1, k }).map((links) => links.filter((link) => link < linkCount));
}
