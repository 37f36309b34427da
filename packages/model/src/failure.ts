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
 * Pairs directed links to cables: of the links the other way between the same nodes the one most alike (same SRLGs, then same capacity,
 * then same latency), each link in one cable; a link without an opposite is a cable of its own. Sorted by id. O(E log E) but for
 * parallel links, which are compared with each other.
 */
export function cablesOf({ links }: Pick<TopologyDocument, "links">): readonly Cable[] {
  const waiting = new Map<string, Link[]>();
  const keyOf = (from: NodeId, to: NodeId): string => JSON.stringify([from, to]);
  for (const link of links) {
    const key = keyOf(link.from, link.to);
    const there = waiting.get(key);
    if (there === undefined) waiting.set(key, [link]);
    else there.push(link);
  }
  const cables: Cable[] = [];
  const paired = new Set<LinkId>();
  for (const link of [...links].sort((a, b) => compareText(a.id, b.id))) {
    if (paired.has(link.id)) continue;
    paired.add(link.id);
    const opposite = mostAlike(
      link,
      (waiting.get(keyOf(link.to, link.from)) ?? []).filter(({ id }) => !paired.has(id)),
    );
    if (opposite !== undefined) paired.add(opposite.id);
    cables.push({ id: link.id, linkIds: opposite === undefined ? [link.id] : [link.id, opposite.id].sort(compareText) });
  }
  return cables;
}

function mostAlike(link: Link, others: readonly Link[]): Link | undefined {
  const srlgs = JSON.stringify(link.srlgIds);
  const unlike = (other: Link): number =>
    (JSON.stringify(other.srlgIds) === srlgs ? 0 : 4) +
    (other.capacityBps === link.capacityBps ? 0 : 2) +
    (other.latencyMs === link.latencyMs ? 0 : 1);
  return [...others].sort((a, b) => unlike(a) - unlike(b) || compareText(a.id, b.id))[0];
}

/**
 * All single failures of these kinds, then the named drains: by kind in the order of `failureKinds`, then by id. A scenario whose links
 * and nodes are those of an earlier one is left out, and so is one that takes nothing down. O(E x SRLGs of a link) up to sorting.
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
    for (const { id } of topology.nodes) {
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
    nodeIds: nodeIds.filter((id) => linksOf.has(id)).sort(compareText),
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
