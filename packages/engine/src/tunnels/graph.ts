/**
 * The usable part of a topology in index form: what path searches run on. Nodes and links are numbered in id order, so
 * comparing indices is comparing ids.
 */
import { isUsable, type LinkId, type NodeId, type Topology } from "@sluice/model";

export interface Graph {
  readonly nodeIds: readonly NodeId[];
  readonly linkIds: readonly LinkId[];
  readonly nodeIndex: ReadonlyMap<NodeId, number>;
  readonly linkIndex: ReadonlyMap<LinkId, number>;
  /** Per link, whether it may be used or not: node indices of its ends, metric, one-way latency in ms. */
  readonly linkFrom: Int32Array;
  readonly linkTo: Int32Array;
  readonly metric: Float64Array;
  readonly latencyMs: Float64Array;
  /** Usable links that leave node v, by rising index: `outLinks[outStart[v] .. outStart[v + 1]]`; likewise those that enter it. */
  readonly outStart: Int32Array;
  readonly outLinks: Int32Array;
  readonly inStart: Int32Array;
  readonly inLinks: Int32Array;
  /** Per link: indices of its SRLGs, sorted. */
  readonly linkSrlgs: readonly (readonly number[])[];
  readonly srlgCount: number;
}

/** Drained and down links, and links at drained or down nodes, are in no adjacency list. O(V + E). */
export function buildGraph(topology: Topology): Graph {
  const { nodes, links } = topology;
  const nodeIndex = new Map(nodes.map((node, i) => [node.id, i]));
  const srlgIds = [...new Set(links.flatMap((link) => link.srlgIds))].sort();
  const srlgIndex = new Map(srlgIds.map((id, i) => [id, i]));
  const linkFrom = Int32Array.from(links, (link) => nodeIndex.get(link.from) ?? -1);
  const linkTo = Int32Array.from(links, (link) => nodeIndex.get(link.to) ?? -1);
  const usable = links.flatMap((link, i) => (isUsable(topology, link) ? [i] : []));
  const outgoing = adjacency(nodes.length, usable, linkFrom);
  const incoming = adjacency(nodes.length, usable, linkTo);
  return {
    nodeIds: nodes.map((node) => node.id),
    linkIds: links.map((link) => link.id),
    nodeIndex,
    linkIndex: new Map(links.map((link, i) => [link.id, i])),
    linkFrom,
    linkTo,
    metric: Float64Array.from(links, (link) => link.metric),
    latencyMs: Float64Array.from(links, (link) => link.latencyMs),
    outStart: outgoing.start,
    outLinks: outgoing.links,
    inStart: incoming.start,
    inLinks: incoming.links,
    linkSrlgs: links.map((link) => link.srlgIds.map((id) => srlgIndex.get(id) ?? -1)),
    srlgCount: srlgIds.length,
  };
}

/** The usable links at each node by the end in question: those of v are `links[start[v] .. start[v + 1]]`, in rising order. O(V + E). */
export function adjacency(
  nodeCount: number,
  usable: readonly number[],
  end: Int32Array,
): { readonly start: Int32Array; readonly links: Int32Array } {
  const start = new Int32Array(nodeCount + 1);
  for (const link of usable) start[(end[link] ?? 0) + 1] = (start[(end[link] ?? 0) + 1] ?? 0) + 1;
  for (let node = 0; node < nodeCount; node++) start[node + 1] = (start[node + 1] ?? 0) + (start[node] ?? 0);
  const next = start.slice();
  const links = new Int32Array(usable.length);
  for (const link of usable) {
    const node = end[link] ?? 0;
    const at = next[node] ?? 0;
    links[at] = link;
    next[node] = at + 1;
  }
  return { start, links };
}
