/**
 * Soft drains: an element that should carry nothing, and may where nothing else can. As operators of Open/R and EBB do it who raise a metric,
 * but nothing is added to any metric or latency here: plans are made around the element, and use it for what is left over.
 */
import { assert } from "./fault.js";
import { buildTopology, isUsable, topologyDocument, type Link, type Topology, type TopologyDocument } from "./topology.js";

/** Whether plans keep off this link where they can: it may be used, and it or one of its ends is soft-drained. */
export function isSoftDrained(topology: Topology, link: Link): boolean {
  return (
    isUsable(topology, link) &&
    [link, topology.nodeById.get(link.from), topology.nodeById.get(link.to)].some((each) => each?.drain === "soft-drained")
  );
}

export function hasSoftDrains({ nodes, links }: Pick<TopologyDocument, "nodes" | "links">): boolean {
  return nodes.some(({ drain }) => drain === "soft-drained") || links.some(({ drain }) => drain === "soft-drained");
}

/** The network as it is without what is soft-drained: that is drained. The same topology where nothing is. O(V + E). */
export function withoutSoftDrained(topology: Topology): Topology {
  if (!hasSoftDrains(topology)) return topology;
  const drained = <T extends { readonly drain: Link["drain"] }>(element: T): T =>
    element.drain === "soft-drained" ? { ...element, drain: "drained" } : element;
  const document = topologyDocument(topology);
  const built = buildTopology({ ...document, nodes: document.nodes.map(drained), links: document.links.map(drained) });
  assert(built.ok, "a valid topology stays valid when elements are drained");
  return built.value;
}
