/**
 * The network: sites, nodes (switches) and directed links. Plain readonly data, held in a graphology graph for
 * traversal, built only by `buildTopology` / `parseTopology`, so whoever holds a `Topology` holds a valid one.
 */
import { MultiDirectedGraph } from "graphology";
import { z } from "zod";
import { fault, type Fault, type Result } from "./fault.js";
import { byId, compareText, toId, type LinkId, type NodeId, type SiteId, type SrlgId } from "./id.js";
import {
  admit,
  faultsListedMax,
  latencyMsSchema,
  linkIdSchema,
  metricSchema,
  nodeIdSchema,
  pointerOf,
  rateBpsSchema,
  siteIdSchema,
  srlgIdSchema,
} from "./gate.js";
import { assignPrefixes, prefixSchema } from "./prefix.js";

/** Most nodes and links that one topology may have: twenty times the largest public research network. */
export const nodesMax = 50_000;
export const linksMax = 500_000;

/** Most tunnels that a nearly full table names. */
const tableRoomMax = 1_000_000;

/** By an operator's wish: `active` carries traffic, `drained` is kept out of new plans, `soft-drained` is used by them only where nothing else carries the demand. */
export const drainStates = ["active", "drained", "soft-drained"] as const;
/** What the switches report. */
export const operationalStates = ["up", "down"] as const;

export interface Site {
  readonly id: SiteId;
  readonly name?: string | undefined;
  /** WGS 84, degrees. */
  readonly coordinates?: { readonly latitudeDeg: number; readonly longitudeDeg: number } | undefined;
}

export interface Node {
  readonly id: NodeId;
  readonly siteId: SiteId;
  /** The IPv4 prefix behind this node, e.g. `10.0.3.0/24`: what ingress rules match on. */
  readonly prefix: string;
  readonly drain: (typeof drainStates)[number];
  readonly operational: (typeof operationalStates)[number];
  /** Only where its rule table is too small for what was planned before. */
  readonly tableRoom?: TableRoom | undefined;
}

/** What a switch has room for, where its rule table is nearly full. Tunnels that begin at it cost it nothing but what their destination does. */
export interface TableRoom {
  /** Of all tunnels through it or to it, the paths of those that may be used: what is installed, and what fits besides. */
  readonly tunnels: readonly (readonly LinkId[])[];
  /** Where its own traffic may go. */
  readonly destinations: readonly NodeId[];
}

/** A directed link. A cable is two links, which usually share an SRLG. */
export interface Link {
  readonly id: LinkId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly capacityBps: number;
  /** One way. */
  readonly latencyMs: number;
  /** Routing metric: what shortest paths add up. */
  readonly metric: number;
  /** Shared-risk link groups, sorted: links that may fail together. */
  readonly srlgIds: readonly SrlgId[];
  readonly drain: (typeof drainStates)[number];
  readonly operational: (typeof operationalStates)[number];
}

export const siteSchema = z.strictObject({
  id: siteIdSchema,
  name: z.string().min(1).max(256).optional(),
  coordinates: z.strictObject({ latitudeDeg: z.number().min(-90).max(90), longitudeDeg: z.number().min(-180).max(180) }).optional(),
});

export const nodeSchema = z.strictObject({
  id: nodeIdSchema,
  /** Defaults to a site of the node's own name. */
  siteId: siteIdSchema.optional(),
  /** Defaults to the next free /24 of 10.0.0.0/8, in id order. */
  prefix: prefixSchema.optional(),
  drain: z.enum(drainStates).default("active"),
  operational: z.enum(operationalStates).default("up"),
  /** Found out by the controller when a plan does not fit the switch's table (`TableRoom`). */
  tableRoom: z
    .strictObject({
      tunnels: z.array(z.array(linkIdSchema).min(1).max(nodesMax).readonly()).max(tableRoomMax).readonly(),
      destinations: z.array(nodeIdSchema).max(nodesMax).readonly(),
    })
    .optional(),
});

export const linkSchema = z.strictObject({
  id: linkIdSchema,
  from: nodeIdSchema,
  to: nodeIdSchema,
  capacityBps: rateBpsSchema,
  latencyMs: latencyMsSchema,
  metric: metricSchema,
  srlgIds: z.array(srlgIdSchema).max(64).default([]),
  drain: z.enum(drainStates).default("active"),
  operational: z.enum(operationalStates).default("up"),
});

export const topologySchema = z.strictObject({
  kind: z.literal("topology").default("topology"),
  name: z.string().min(1).max(256),
  sites: z.array(siteSchema).max(nodesMax).default([]),
  nodes: z.array(nodeSchema).min(1).max(nodesMax),
  links: z.array(linkSchema).max(linksMax),
});

/** What a file, a request or a test may hand in: defaults not yet filled. */
export type TopologyInput = z.input<typeof topologySchema>;

/** A complete topology as plain JSON: what is stored, sent and written. */
export interface TopologyDocument {
  readonly kind: "topology";
  readonly name: string;
  /** Each sorted by id. */
  readonly sites: readonly Site[];
  readonly nodes: readonly Node[];
  readonly links: readonly Link[];
}

export type TopologyGraph = MultiDirectedGraph<Node, Link>;

export interface Topology extends TopologyDocument {
  readonly nodeById: ReadonlyMap<NodeId, Node>;
  readonly linkById: ReadonlyMap<LinkId, Link>;
  /** Nodes keyed by NodeId, edges keyed by LinkId; attributes are the `Node` and the `Link`. Do not mutate. */
  readonly graph: TopologyGraph;
}

/** Validates an unknown value (a parsed file or request body) and builds the topology. */
export function parseTopology(value: unknown): Result<Topology> {
  const admitted = admit(topologySchema, value);
  return admitted.ok ? buildTopology(admitted.value) : admitted;
}

/**
 * Builds a topology from a document of the right shape. Refuses duplicate ids, dangling ends, self-loops and
 * overlapping prefixes, each with a pointer; parallel links, disconnected parts and single nodes are legal. O(V + E) up to sorting.
 */
export function buildTopology(input: z.output<typeof topologySchema> | TopologyDocument): Result<Topology> {
  const faults: Fault[] = [];
  const sites = new Map<SiteId, Site>();
  input.sites.forEach((site, i) => {
    if (sites.has(site.id)) faults.push(duplicate("site", site.id, ["sites", i, "id"]));
    sites.set(site.id, site);
  });

  const nodeInputs = new Map<NodeId, (typeof input.nodes)[number]>();
  const declaredSites = sites.size > 0;
  input.nodes.forEach((node, i) => {
    if (nodeInputs.has(node.id)) faults.push(duplicate("node", node.id, ["nodes", i, "id"]));
    nodeInputs.set(node.id, node);
    if (node.siteId !== undefined && declaredSites && !sites.has(node.siteId)) {
      faults.push(dangling(`Node ${node.id} names site ${node.siteId}, which is not in sites.`, ["nodes", i, "siteId"]));
    }
  });

  const linkById = new Map<LinkId, Link>();
  input.links.forEach((link, i) => {
    if (linkById.has(link.id)) faults.push(duplicate("link", link.id, ["links", i, "id"]));
    for (const end of ["from", "to"] as const) {
      if (!nodeInputs.has(link[end])) {
        faults.push(dangling(`Link ${link.id} names node ${link[end]}, which is not in nodes.`, ["links", i, end]));
      }
    }
    if (link.from === link.to) {
      faults.push(fault("self-loop", `Link ${link.id} starts and ends at ${link.from}.`, { pointer: pointerOf(["links", i, "to"]) }));
    }
    linkById.set(link.id, { ...link, srlgIds: [...new Set(link.srlgIds)].sort(compareText) });
  });

  const prefixes = assignPrefixes(input.nodes);
  if (!prefixes.ok) faults.push(...prefixes.faults);
  const [first, ...rest] = faults.slice(0, faultsListedMax);
  if (first !== undefined) return { ok: false, faults: [first, ...rest] };
  if (!prefixes.ok) return prefixes;

  const nodes = [...nodeInputs.values()]
    .map((node): Node => {
      const siteId = node.siteId ?? toId<SiteId>(node.id);
      if (!sites.has(siteId)) sites.set(siteId, { id: siteId });
      const prefix = prefixes.value.get(node.id);
      const { id, drain, operational, tableRoom } = node;
      return { id, siteId, prefix: prefix ?? "", drain, operational, ...(tableRoom === undefined ? {} : { tableRoom }) };
    })
    .sort(byId);
  const links = [...linkById.values()].sort(byId);

  const graph: TopologyGraph = new MultiDirectedGraph<Node, Link>({ allowSelfLoops: false });
  for (const node of nodes) graph.addNode(node.id, node);
  for (const link of links) graph.addDirectedEdgeWithKey(link.id, link.from, link.to, link);

  return {
    ok: true,
    value: {
      kind: "topology",
      name: input.name,
      sites: [...sites.values()].sort(byId),
      nodes,
      links,
      nodeById: new Map(nodes.map((node) => [node.id, node])),
      linkById: new Map(links.map((link) => [link.id, link])),
      graph,
    },
  };
}

/** The plain JSON of a topology: `buildTopology(topologyDocument(t))` gives `t` back. */
export function topologyDocument(topology: TopologyDocument): TopologyDocument {
  const { kind, name, sites, nodes, links } = topology;
  return { kind, name, sites, nodes, links };
}

/** Whether some switch has room for some tunnels only. */
export function hasTableRooms({ nodes }: Pick<TopologyDocument, "nodes">): boolean {
  return nodes.some(({ tableRoom }) => tableRoom !== undefined);
}

/** Whether new plans may use this link: link and both ends are up and not drained; soft-drained ones may be used. */
export function isUsable(topology: Topology, link: Link): boolean {
  return [link, topology.nodeById.get(link.from), topology.nodeById.get(link.to)].every(
    (element) => element !== undefined && element.drain !== "drained" && element.operational === "up",
  );
}

/** Whether this link carries packets, as the switches report it: link and both ends are up. */
export function isUp(topology: Pick<Topology, "nodeById">, link: Link): boolean {
  return [link, topology.nodeById.get(link.from), topology.nodeById.get(link.to)].every((element) => element?.operational === "up");
}

function duplicate(what: string, id: string, path: readonly PropertyKey[]): Fault {
  return fault("duplicate-id", `There is more than one ${what} with the id ${id}.`, { pointer: pointerOf(path) });
}

function dangling(message: string, path: readonly PropertyKey[]): Fault {
  return fault("dangling-reference", message, { pointer: pointerOf(path) });
}
