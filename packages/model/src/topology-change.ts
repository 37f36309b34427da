/** Incremental changes to a topology: applied all or none, by rebuilding (and so re-validating) the whole. */
import { z } from "zod";
import { fault, refuse, type Fault, type Result } from "./fault.js";
import { admit, linkIdSchema, nodeIdSchema, pointerOf, siteIdSchema } from "./gate.js";
import type { topologySchema } from "./topology.js";
import { buildTopology, drainStates, linkSchema, nodeSchema, operationalStates, siteSchema, type Topology } from "./topology.js";

/** Most changes in one request. */
export const changesMax = 100_000;

export const topologyChangeSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("put-site"), site: siteSchema }),
  z.strictObject({ kind: z.literal("remove-site"), siteId: siteIdSchema }),
  z.strictObject({ kind: z.literal("put-node"), node: nodeSchema }),
  z.strictObject({ kind: z.literal("remove-node"), nodeId: nodeIdSchema }),
  z.strictObject({ kind: z.literal("put-link"), link: linkSchema }),
  z.strictObject({ kind: z.literal("remove-link"), linkId: linkIdSchema }),
  z.strictObject({
    kind: z.literal("set-node-state"),
    nodeId: nodeIdSchema,
    drain: z.enum(drainStates).optional(),
    operational: z.enum(operationalStates).optional(),
  }),
  z.strictObject({
    kind: z.literal("set-link-state"),
    linkId: linkIdSchema,
    drain: z.enum(drainStates).optional(),
    operational: z.enum(operationalStates).optional(),
  }),
]);
export const topologyChangesSchema = z.array(topologyChangeSchema).max(changesMax);

export type TopologyChangeInput = z.input<typeof topologyChangeSchema>;
export type TopologyChange = z.output<typeof topologyChangeSchema>;

/** Applies changes in order; the first one that cannot be applied refuses all. O(V + E + changes). */
export function applyTopologyChanges(topology: Topology, input: readonly TopologyChangeInput[]): Result<Topology> {
  const admitted = admit(topologyChangesSchema, input, ["changes"]);
  if (!admitted.ok) return admitted;
  type Document = z.output<typeof topologySchema>;
  const sites = new Map<string, Document["sites"][number]>(topology.sites.map((site) => [site.id, site]));
  const nodes = new Map<string, Document["nodes"][number]>(topology.nodes.map((node) => [node.id, node]));
  const links = new Map<string, Document["links"][number]>(
    topology.links.map((link) => [link.id, { ...link, srlgIds: [...link.srlgIds] }]),
  );

  for (const [i, change] of admitted.value.entries()) {
    const refusal = applyOne(change, { sites, nodes, links }, i);
    if (refusal !== undefined) return refuse(refusal);
  }
  return buildTopology({
    kind: "topology",
    name: topology.name,
    sites: [...sites.values()],
    nodes: [...nodes.values()],
    links: [...links.values()],
  });
}

interface Elements {
  readonly sites: Map<string, z.output<typeof siteSchema>>;
  readonly nodes: Map<string, z.output<typeof nodeSchema>>;
  readonly links: Map<string, z.output<typeof linkSchema>>;
}

function applyOne(change: TopologyChange, { sites, nodes, links }: Elements, index: number): Fault | undefined {
  switch (change.kind) {
    case "put-site":
      sites.set(change.site.id, change.site);
      return undefined;
    case "put-node":
      nodes.set(change.node.id, withoutUndefined({ ...nodes.get(change.node.id) }, change.node));
      return undefined;
    case "put-link":
      links.set(change.link.id, change.link);
      return undefined;
    case "remove-site":
      return sites.delete(change.siteId) ? undefined : missing("site", change.siteId, [index, "siteId"]);
    case "remove-node":
      return nodes.delete(change.nodeId) ? undefined : missing("node", change.nodeId, [index, "nodeId"]);
    case "remove-link":
      return links.delete(change.linkId) ? undefined : missing("link", change.linkId, [index, "linkId"]);
    case "set-node-state": {
      const node = nodes.get(change.nodeId);
      if (node === undefined) return missing("node", change.nodeId, [index, "nodeId"]);
      nodes.set(node.id, { ...node, drain: change.drain ?? node.drain, operational: change.operational ?? node.operational });
      return undefined;
    }
    case "set-link-state": {
      const link = links.get(change.linkId);
      if (link === undefined) return missing("link", change.linkId, [index, "linkId"]);
      links.set(link.id, { ...link, drain: change.drain ?? link.drain, operational: change.operational ?? link.operational });
      return undefined;
    }
  }
}

/** A node that is put again keeps its site and prefix where the new one does not say. */
function withoutUndefined<T extends object>(before: Partial<T>, after: T): T {
  const given = Object.fromEntries(Object.entries(after).filter(([, value]) => value !== undefined));
  return { ...before, ...given } as T;
}

function missing(what: string, id: string, path: readonly PropertyKey[]): Fault {
  return fault("not-found", `The topology has no ${what} ${id}.`, { pointer: pointerOf(["changes", ...path]) });
}
