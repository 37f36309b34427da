/** What may fail, in index form: cables of which so many may fail at once, and nodes and SRLGs that fail one at a time. */
import { cablesOf, failureScenarios, type FailureKind, type Topology } from "@sluice/model";

export interface Risks {
  /** Per link: the index of its cable; cables in the order of `cablesOf`. */
  readonly cableOfLink: Int32Array;
  readonly cableCount: number;
  /** Single failures besides cables. */
  readonly singles: readonly SingleRisk[];
}

export interface SingleRisk {
  /** Indices of links. */
  readonly links: readonly number[];
  /** The index of the node that fails, -1 where none does: flows that start or end there are exempt. */
  readonly node: number;
}

/** `kinds` as in the settings' `scenarios`; links are cables and covered anyway. O(links x SRLGs of a link). */
export function risksOf(topology: Topology, kinds: readonly FailureKind[]): Risks {
  const linkIndex = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const nodeIndex = new Map<string, number>(topology.nodes.map((node, i) => [node.id, i]));
  const cables = cablesOf(topology);
  const cableOfLink = new Int32Array(topology.links.length);
  cables.forEach(({ linkIds }, cable) => {
    for (const id of linkIds) cableOfLink[linkIndex.get(id) ?? 0] = cable;
  });
  const singles = failureScenarios(
    topology,
    kinds.filter((kind) => kind !== "link"),
  ).map(({ linkIds, nodeIds }): SingleRisk => ({
    links: linkIds.map((id) => linkIndex.get(id) ?? 0),
    node: nodeIndex.get(nodeIds[0] ?? "") ?? -1,
  }));
  return { cableOfLink, cableCount: cables.length, singles };
}
