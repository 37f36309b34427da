/**
 * The common end of all foreign topology formats: nodes and edges as a file gives them, possibly undirected, without ids, capacities or
 * latencies, become a `Topology`, and every value that the file did not give becomes a note.
 */
import {
  buildTopology,
  idLengthMax,
  isId,
  latencyMsMax,
  linksMax,
  metricMax,
  nodesMax,
  toId,
  type Link,
  type LinkId,
  type Node,
  type NodeId,
  type Site,
  type SiteId,
  type SrlgId,
  type Topology,
} from "@sluice/model";
import { fiberLatencyMs, greatCircleKm, type Coordinates } from "./great-circle.js";
import type { Reading } from "./reading.js";

/** Where the file gives no capacity: one wavelength of a present-day WAN. */
export const capacityBpsDefault = 100e9;
/** Where the file gives no latency, length or coordinates: 200 km of fibre. */
export const latencyMsDefault = 1;

export interface NodeDraft {
  readonly id: string;
  /** Pointer into the file. */
  readonly at: string;
  readonly name?: string | undefined;
  readonly coordinates?: Coordinates | undefined;
  readonly siteId?: string | undefined;
  readonly prefix?: string | undefined;
  readonly drain?: Node["drain"] | undefined;
  readonly operational?: Node["operational"] | undefined;
}

export interface EdgeDraft {
  readonly from: string;
  readonly to: string;
  /** An undirected edge becomes two links that share an SRLG. */
  readonly directed: boolean;
  readonly at: string;
  readonly id?: string | undefined;
  readonly capacityBps?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly lengthKm?: number | undefined;
  readonly metric?: number | undefined;
  readonly srlgIds?: readonly string[] | undefined;
  readonly drain?: Link["drain"] | undefined;
  readonly operational?: Link["operational"] | undefined;
}

export interface TopologyDraft {
  readonly name: string;
  readonly nodes: readonly NodeDraft[];
  readonly edges: readonly EdgeDraft[];
  /** Where the file lists sites of its own; else each node is a site. */
  readonly sites?: readonly Site[] | undefined;
}

export interface FinishedTopology {
  readonly topology: Topology;
  readonly nodeOrder: readonly NodeId[];
}

/** Faults: `duplicate-id`, `dangling-reference`, `malformed` ids, `too-many`, `out-of-range`, each with the draft's pointer. O(V + E) up to sorting. */
export function finishTopology(draft: TopologyDraft, reading: Reading): FinishedTopology | undefined {
  if (draft.nodes.length === 0) return reading.refuse("missing-field", "The file has no nodes.", "/nodes");
  if (draft.nodes.length > nodesMax) return reading.refuse("too-many", `The file has more than ${nodesMax} nodes.`, "/nodes");
  if (draft.edges.length > linksMax / 2) return reading.refuse("too-many", `The file has more than ${linksMax / 2} edges.`, "/links");

  const nodes = gateNodes(draft, reading);
  const edges = gateEdges(draft, nodes, reading);
  if (reading.refused) return undefined;

  const latencies = edges.map((edge) => latencyOf(edge, nodes, reading));
  const metrics = metricsOf(edges, latencies, reading);
  const ids = new LinkIds(edges);
  const links: Link[] = [];
  edges.forEach((edge, i) => {
    const capacityBps = edge.capacityBps ?? defaultCapacityBps(edge, reading);
    const cable = edge.directed ? undefined : toId<SrlgId>(ids.cable(edge));
    if (cable !== undefined) reading.note("inferred", "undirected edge split into two links that share an SRLG", cable);
    const common = {
      capacityBps,
      latencyMs: latencies[i]?.latencyMs ?? latencyMsDefault,
      metric: metrics[i] ?? 1,
      srlgIds: [...(edge.srlgIds ?? []), ...(cable === undefined ? [] : [cable])].map((id) => toId<SrlgId>(id)),
      drain: edge.drain ?? "active",
      operational: edge.operational ?? "up",
    } as const;
    const from = toId<NodeId>(edge.from);
    const to = toId<NodeId>(edge.to);
    links.push({ id: ids.link(edge.id, from, to), from, to, ...common });
    if (!edge.directed) links.push({ id: ids.link(undefined, to, from), from: to, to: from, ...common });
  });

  const topology = reading.admit(
    buildTopology({ kind: "topology", name: nameOf(draft.name, reading), ...sitesAndNodes(draft, nodes), links }),
  );
  return topology === undefined ? undefined : { topology, nodeOrder: [...nodes.keys()].map((id) => toId<NodeId>(id)) };
}

/** The name that the file gives, else the file's own; cut to the length that the model takes. */
function nameOf(name: string, reading: Reading): string {
  return (name.trim() || reading.options.name.trim() || "unnamed").slice(0, 256);
}

function gateNodes(draft: TopologyDraft, reading: Reading): ReadonlyMap<string, NodeDraft> {
  const nodes = new Map<string, NodeDraft>();
  for (const node of draft.nodes) {
    if (!isId(node.id)) {
      reading.refuse(
        "malformed",
        `${node.at}: a node id has 1 to ${idLengthMax} printable characters, not ${JSON.stringify(node.id.slice(0, 40))}.`,
        node.at,
      );
    } else if (nodes.has(node.id)) {
      reading.refuse("duplicate-id", `There is more than one node with the id ${node.id}.`, node.at);
    }
    nodes.set(node.id, node);
  }
  return nodes;
}

/** Edges whose ends exist. A self-loop carries nothing between nodes: it is dropped and noted. */
function gateEdges(draft: TopologyDraft, nodes: ReadonlyMap<string, NodeDraft>, reading: Reading): readonly EdgeDraft[] {
  const seen = new Set<string>();
  return draft.edges.filter((edge) => {
    for (const end of [edge.from, edge.to]) {
      if (!nodes.has(end))
        reading.refuse("dangling-reference", `The edge names node ${JSON.stringify(end.slice(0, 40))}, which is not in the file.`, edge.at);
    }
    if (edge.id !== undefined) {
      if (!isId(edge.id)) reading.refuse("malformed", `A link id has 1 to ${idLengthMax} printable characters.`, edge.at);
      if (seen.has(edge.id)) reading.refuse("duplicate-id", `There is more than one link with the id ${edge.id}.`, edge.at);
      seen.add(edge.id);
    }
    if (edge.from !== edge.to) return true;
    reading.note("ignored", "self-loop dropped", edge.from);
    return false;
  });
}

interface Latency {
  readonly latencyMs: number;
  /** Whether anything in the file yields it. */
  readonly known: boolean;
}

function latencyOf(edge: EdgeDraft, nodes: ReadonlyMap<string, NodeDraft>, reading: Reading): Latency {
  const example = `${edge.from}-${edge.to}`;
  if (edge.latencyMs !== undefined) return boundedLatency(edge.latencyMs, edge, reading);
  if (edge.lengthKm !== undefined) {
    reading.note("inferred", "latency from length at two thirds of the speed of light", example);
    return boundedLatency(fiberLatencyMs(edge.lengthKm), edge, reading);
  }
  const [a, b] = [nodes.get(edge.from)?.coordinates, nodes.get(edge.to)?.coordinates];
  if (a !== undefined && b !== undefined) {
    reading.note("inferred", "latency from coordinates: great circle at two thirds of the speed of light", example);
    return { latencyMs: fiberLatencyMs(greatCircleKm(a, b)), known: true };
  }
  const latencyMs = reading.options.latencyMsDefault ?? latencyMsDefault;
  reading.note("defaulted", `latency missing: ${latencyMs} ms`, example);
  return { latencyMs, known: false };
}

function boundedLatency(latencyMs: number, edge: EdgeDraft, reading: Reading): Latency {
  if (latencyMs > latencyMsMax) reading.refuse("out-of-range", `A latency of ${latencyMs} ms is above ${latencyMsMax} ms.`, edge.at);
  return { latencyMs, known: true };
}

/**
 * The file's metrics; where it has none at all, latency in units of 10 us when every latency is known, else 1 for each link (hop count).
 * Derived and missing metrics are never mixed: a path's sum would compare unlike things.
 */
function metricsOf(edges: readonly EdgeDraft[], latencies: readonly Latency[], reading: Reading): readonly number[] {
  const [first] = edges;
  if (first === undefined) return [];
  if (edges.some((edge) => edge.metric !== undefined)) {
    return edges.map((edge) => {
      if (edge.metric === undefined) reading.note("defaulted", "metric missing: 1", `${edge.from}-${edge.to}`);
      else if (edge.metric > metricMax) reading.refuse("out-of-range", `A metric of ${edge.metric} is above ${metricMax}.`, edge.at);
      return edge.metric ?? 1;
    });
  }
  const example = `${first.from}-${first.to}`;
  if (latencies.every(({ known }) => known)) {
    reading.note("inferred", "metric from latency: one per 10 us, at least 1", example, edges.length);
    return latencies.map(({ latencyMs }) => Math.max(1, Math.round(latencyMs * 100)));
  }
  reading.note("defaulted", "metric missing: 1 for every link", example, edges.length);
  return edges.map(() => 1);
}

function defaultCapacityBps(edge: EdgeDraft, reading: Reading): number {
  const capacityBps = reading.options.capacityBpsDefault ?? capacityBpsDefault;
  reading.note("defaulted", `capacity missing: ${capacityBps} bps`, `${edge.from}-${edge.to}`);
  return capacityBps;
}

function sitesAndNodes(draft: TopologyDraft, drafts: ReadonlyMap<string, NodeDraft>) {
  const sites =
    draft.sites ??
    draft.nodes.map(({ id, name, coordinates }): Site => {
      const siteName = name?.trim().slice(0, 256);
      return {
        id: toId<SiteId>(id),
        ...(siteName === undefined || siteName === "" ? {} : { name: siteName }),
        ...(coordinates === undefined ? {} : { coordinates }),
      };
    });
  const nodes = [...drafts.values()].map((node) => ({
    id: toId<NodeId>(node.id),
    siteId: toId<SiteId>(node.siteId ?? node.id),
    prefix: node.prefix as string, // Absent is legal here: the model gives the next free one.
    drain: node.drain ?? ("active" as const),
    operational: node.operational ?? ("up" as const),
  }));
  return { sites: [...sites], nodes };
}

/** Ids for links and cables without one: `a-b`, then `a-b#2` for parallels, in file order. */
class LinkIds {
  readonly #taken: Set<string>;

  constructor(edges: readonly EdgeDraft[]) {
    this.#taken = new Set(edges.flatMap(({ id }) => id ?? []));
  }

  link(given: string | undefined, from: string, to: string): LinkId {
    return toId<LinkId>(given ?? this.#next(`${from}-${to}`));
  }

  cable(edge: EdgeDraft): string {
    return this.#next(`cable:${edge.from}-${edge.to}`);
  }

  #next(wanted: string): string {
    // Room for the number of a parallel; two long ids that are cut alike are told apart by it.
    const stem = wanted.slice(0, idLengthMax - 8).trimEnd();
    let id = stem;
    for (let i = 2; this.#taken.has(id); i += 1) id = `${stem}#${i}`;
    this.#taken.add(id);
    return id;
  }
}
