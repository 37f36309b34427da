/**
 * Failures: what may fail together, as sets of links. A scenario is answered before it happens: by bypasses at the switches next
 * to it, by splits that ingresses hold ready, and at last by a new plan (docs/protection.md).
 */
import { assert } from "./fault.js";
import { compareText, type LinkId, type NodeId, type SrlgId } from "./id.js";
import type { Link, TopologyDocument } from "./topology.js";

/** Kinds of single failures that can be prepared for. `link` is a cable: both its directions. */
export const failureKinds = ["link", "node", "srlg"] as const;
export type FailureKind = (typeof failureKinds)[number];

/** Readable and unique within a topology: `link:a-b`, `node:a`, `srlg:fiber-7`, `drain:maintenance`, `link:a-b+link:c-d`. */
export type ScenarioId = string;

export interface FailureScenario {
  readonly id: ScenarioId;
  /** `drain`: a combination that an operator named; `pair`: two of the others at once. */
  readonly kind: FailureKind | "drain" | "pair";
  /** Directed links that are gone, sorted; those of nodes that are gone are among them. */
  readonly linkIds: readonly LinkId[];
  /** Nodes that are gone, sorted: traffic that starts or ends there has no way. */
  readonly nodeIds: readonly NodeId[];
}

/** One or two directed links that one cut takes down together. */
export interface Cable {
  /** The smallest id of its links. */
  readonly id: LinkId;
  /** Sorted. */
  readonly linkIds: readonly LinkId[];
}

/** A combination of elements that an operator means to take out of service together. */
export interface NamedDrain {
  readonly name: string;
  readonly nodeIds: readonly NodeId[];
  readonly linkIds: readonly LinkId[];
}

/**
 * Pairs directed links to cables: of two links the other way between the same nodes those most alike (same SRLGs, then same capacity, then same
 * latency; ties by their ids), each link in one cable; a link without an opposite is a cable of its own. Sorted by id. O(E log E).
 */
export function cablesOf({ links }: Pick<TopologyDocument, "links">): readonly Cable[] {
  const between = new Map<string, { readonly there: Link[]; readonly back: Link[] }>();
  for (const link of [...links].sort((a, b) => compareText(a.id, b.id))) {
    const isThere = link.from < link.to;
    const key = JSON.stringify(isThere ? [link.from, link.to] : [link.to, link.from]);
    const known = between.get(key) ?? { there: [], back: [] };
    (isThere ? known.there : known.back).push(link);
    between.set(key, known);
  }
  const cables: Cable[] = [];
  for (const { there, back } of between.values()) {
    const opposite = new Map(pairsAlike(there, back));
    for (const { id } of there) {
      const other = opposite.get(id);
      const linkIds = (other === undefined ? [id] : [id, other]).sort(compareText);
      cables.push({ id: linkIds[0] ?? id, linkIds });
    }
    const paired = new Set(opposite.values());
    for (const { id } of back) if (!paired.has(id)) cables.push({ id, linkIds: [id] });
  }
  return cables.sort((a, b) => compareText(a.id, b.id));
}

/** What two links of a cable are alike in, from all to nothing: SRLGs count for more than capacity, and that for more than latency. */
const likeness: readonly ((link: Link) => readonly unknown[])[] = [
  ({ srlgIds, capacityBps, latencyMs }) => [srlgIds, capacityBps, latencyMs],
  ({ srlgIds, capacityBps }) => [srlgIds, capacityBps],
  ({ srlgIds, latencyMs }) => [srlgIds, latencyMs],
  ({ srlgIds }) => [srlgIds],
  ({ capacityBps, latencyMs }) => [capacityBps, latencyMs],
  ({ capacityBps }) => [capacityBps],
  ({ latencyMs }) => [latencyMs],
  () => [],
];

/** Pairs of one link of each list, both sorted by id, the most alike first: as many as the shorter list has. O(links). */
function pairsAlike(there: readonly Link[], back: readonly Link[]): readonly (readonly [LinkId, LinkId])[] {
  const pairs: (readonly [LinkId, LinkId])[] = [];
  let [left, right] = [there, back];
  for (const likeIn of likeness) {
    if (left.length === 0 || right.length === 0) break;
    const waiting = new Map<string, Link[]>();
    for (const link of [...right].reverse()) {
      const key = JSON.stringify(likeIn(link));
      const known = waiting.get(key);
      if (known === undefined) waiting.set(key, [link]);
      else known.push(link);
    }
    left = left.filter((link) => {
      const other = waiting.get(JSON.stringify(likeIn(link)))?.pop();
      if (other !== undefined) pairs.push([link.id, other.id]);
      return other === undefined;
    });
    const paired = new Set(pairs.map(([, id]) => id));
    right = right.filter(({ id }) => !paired.has(id));
  }
  return pairs;
}

/**
 * All single failures of these kinds, by kind in the order of `failureKinds`, then by id; then the named drains as they are listed. A scenario whose
 * links and nodes are those of an earlier one is left out, and so is one that takes nothing down. O(E x SRLGs of a link) up to sorting.
 */
export function failureScenarios(
  topology: Pick<TopologyDocument, "nodes" | "links">,
  kinds: readonly FailureKind[],
  drains: readonly NamedDrain[] = [],
): readonly FailureScenario[] {
  const scenarios: FailureScenario[] = [];
  if (kinds.includes("link")) {
    for (const { id, linkIds } of cablesOf(topology)) scenarios.push({ id: `link:${id}`, kind: "link", linkIds, nodeIds: [] });
  }
  if (kinds.includes("node")) {
    const linksOf = linksByNode(topology);
    for (const { id } of [...topology.nodes].sort((a, b) => compareText(a.id, b.id))) {
      scenarios.push({ id: `node:${id}`, kind: "node", linkIds: linksOf.get(id) ?? [], nodeIds: [id] });
    }
  }
  if (kinds.includes("srlg")) {
    const linksOf = new Map<SrlgId, LinkId[]>();
    for (const link of topology.links) {
      for (const srlgId of link.srlgIds) {
        const there = linksOf.get(srlgId);
        if (there === undefined) linksOf.set(srlgId, [link.id]);
        else there.push(link.id);
      }
    }
    for (const [srlgId, linkIds] of [...linksOf].sort(([a], [b]) => compareText(a, b))) {
      scenarios.push({ id: `srlg:${srlgId}`, kind: "srlg", linkIds: linkIds.sort(compareText), nodeIds: [] });
    }
  }
  for (const drain of drains) scenarios.push(drainScenario(topology, drain));
  return distinct(scenarios);
}

/** Two scenarios at once. */
export function pairScenario(a: FailureScenario, b: FailureScenario): FailureScenario {
  return {
    id: `${a.id}+${b.id}`,
    kind: "pair",
    linkIds: [...new Set([...a.linkIds, ...b.linkIds])].sort(compareText),
    nodeIds: [...new Set([...a.nodeIds, ...b.nodeIds])].sort(compareText),
  };
}

/** The network with a scenario's links and nodes operationally down. */
export function topologyUnder<T extends TopologyDocument>(topology: T, { linkIds, nodeIds }: FailureScenario): TopologyDocument {
  const links = new Set(linkIds);
  const nodes = new Set(nodeIds);
  const { kind, name, sites } = topology;
  return {
    kind,
    name,
    sites,
    nodes: topology.nodes.map((node) => (nodes.has(node.id) ? { ...node, operational: "down" } : node)),
    links: topology.links.map((link) => (links.has(link.id) ? { ...link, operational: "down" } : link)),
  };
}

function drainScenario(topology: Pick<TopologyDocument, "nodes" | "links">, { name, nodeIds, linkIds }: NamedDrain): FailureScenario {
  const linksOf = linksByNode(topology);
  const known = new Set(topology.links.map(({ id }) => id));
  const gone = new Set([...linkIds.filter((id) => known.has(id)), ...nodeIds.flatMap((id) => linksOf.get(id) ?? [])]);
  return {
    id: `drain:${name}`,
    kind: "drain",
    linkIds: [...gone].sort(compareText),
    nodeIds: [...new Set(nodeIds)].filter((id) => linksOf.has(id)).sort(compareText),
  };
}

function linksByNode({ nodes, links }: Pick<TopologyDocument, "nodes" | "links">): ReadonlyMap<NodeId, readonly LinkId[]> {
  const byNode = new Map<NodeId, LinkId[]>(nodes.map(({ id }) => [id, []]));
  for (const { id, from, to } of links) {
    for (const end of [from, to]) {
      const there = byNode.get(end);
      assert(there !== undefined, `link ${id} joins nodes of the topology`);
      there.push(id);
    }
  }
  for (const ids of byNode.values()) ids.sort(compareText);
  return byNode;
}

function distinct(scenarios: readonly FailureScenario[]): readonly FailureScenario[] {
  const seen = new Set<string>();
  return scenarios.filter(({ linkIds, nodeIds }) => {
    const what = JSON.stringify([linkIds, nodeIds]);
    if (seen.has(what) || (linkIds.length === 0 && nodeIds.length === 0)) return false;
    seen.add(what);
    return true;
  });
}
