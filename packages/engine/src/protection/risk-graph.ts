/** The usable part of a topology with what fails together: cables and SRLGs, by index. What searches for ways around failures run on. */
import { assert, cablesOf, compareText, type SrlgId, type Topology } from "@sluice/model";
import { buildGraph, type Graph } from "../tunnels/graph.js";

export interface RiskGraph {
  readonly graph: Graph;
  /** Per link: its cable. */
  readonly cable: Int32Array;
  /** Per cable: its links, one or two. */
  readonly cableLinks: readonly (readonly number[])[];
  /** Sorted, so comparing indices is comparing ids: the numbers in `graph.linkSrlgs`. */
  readonly srlgIds: readonly SrlgId[];
  /** Per SRLG: its links, by rising index, whether they may be used or not. */
  readonly srlgLinks: readonly (readonly number[])[];
  /** Per SRLG: whether all its links are of one cable, so that a loopless path meets it once at most. */
  readonly isPrivate: Uint8Array;
}

/** O(V + E x SRLGs of a link) up to sorting. */
export function riskGraph(topology: Topology): RiskGraph {
  const graph = buildGraph(topology);
  const cable = new Int32Array(graph.linkIds.length);
  const cableLinks = cablesOf(topology).map(({ linkIds }, c) =>
    linkIds.map((id) => {
      const link = graph.linkIndex.get(id) ?? -1;
      cable[link] = c;
      return link;
    }),
  );
  const srlgLinks: number[][] = Array.from({ length: graph.srlgCount }, () => []);
  graph.linkSrlgs.forEach((srlgs, link) => {
    for (const srlg of srlgs) srlgLinks[srlg]?.push(link);
  });
  const srlgIds = [...new Set(topology.links.flatMap((link) => link.srlgIds))].sort(compareText);
  assert(srlgIds.length === graph.srlgCount, "the graph numbers the same SRLGs");
  return {
    graph,
    srlgIds,
    cable,
    cableLinks,
    srlgLinks,
    isPrivate: Uint8Array.from(srlgLinks, (links) => (links.every((link) => cable[link] === cable[links[0] ?? -1]) ? 1 : 0)),
  };
}
