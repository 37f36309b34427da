/** What the checker's looks at bypasses and backups stand on: the topology with its cables and SRLGs looked up. */
import { cablesOf, isUsable, type LinkId, type NodeId, type Path, type SrlgId, type Topology } from "@sluice/model";
import { Reach } from "./check-reach.js";

export interface Ground {
  readonly topology: Topology;
  readonly reach: Reach;
  readonly cableOf: ReadonlyMap<LinkId, readonly LinkId[]>;
  readonly linksOfSrlg: ReadonlyMap<SrlgId, readonly LinkId[]>;
}

export function groundOf(topology: Topology): Ground {
  const linksOfSrlg = new Map<SrlgId, LinkId[]>();
  for (const link of topology.links) {
    for (const srlgId of link.srlgIds) linksOfSrlg.set(srlgId, [...(linksOfSrlg.get(srlgId) ?? []), link.id]);
  }
  return {
    topology,
    reach: new Reach(topology),
    cableOf: new Map(cablesOf(topology).flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds]))),
    linksOfSrlg,
  };
}

/** What is wrong with a path over usable links, and the nodes that it visits. */
export function walkOf({ topology }: Ground, path: Path): { readonly defect?: string; readonly nodes: readonly NodeId[] } {
  const nodes: NodeId[] = [];
  for (const id of path) {
    const link = topology.linkById.get(id);
    if (link === undefined) return { defect: `link ${id} is not in the topology`, nodes };
    if (!isUsable(topology, link)) return { defect: `link ${id} is down or drained, or ends at a node that is`, nodes };
    if (nodes.length === 0) nodes.push(link.from);
    if (nodes.at(-1) !== link.from) return { defect: `link ${id} does not start where the path stands`, nodes };
    if (nodes.includes(link.to)) return { defect: `it visits ${link.to} twice`, nodes };
    nodes.push(link.to);
  }
  return path.length === 0 ? { defect: "it has no links", nodes } : { nodes };
}

export function srlgsOf(topology: Topology, path: Path): ReadonlySet<SrlgId> {
  return new Set(path.flatMap((id) => topology.linkById.get(id)?.srlgIds ?? []));
}

export function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
