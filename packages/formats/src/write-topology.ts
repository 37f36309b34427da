/** Writes topologies: Sluice's own document as JSON or YAML, and node-link JSON for networkx and its kin. */
import { unreachable, type Link, type Node, type Site, type Topology, type TopologyDocument } from "@sluice/model";
import { stringify } from "yaml";

export type TopologyFormat = "sluice-json" | "sluice-yaml" | "node-link";

/** `readTopology` gives the same topology back. The same topology gives the same bytes; elements stand one a line. */
export function writeTopology(topology: Topology | TopologyDocument, format: TopologyFormat): string {
  const document = ordered(topology);
  switch (format) {
    case "sluice-json":
      return linewise(
        { kind: document.kind, name: document.name },
        { sites: document.sites, nodes: document.nodes, links: document.links },
      );
    case "sluice-yaml":
      return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, schema: "core" });
    case "node-link":
      return nodeLink(document);
    default:
      return unreachable(format);
  }
}

/** The document with its fields in one order, whatever order they were built in: equal topologies give equal bytes. */
function ordered({ kind, name, sites, nodes, links }: TopologyDocument): TopologyDocument {
  return {
    kind,
    name,
    sites: sites.map(({ id, name: siteName, coordinates }): Site => {
      const at = coordinates && { latitudeDeg: coordinates.latitudeDeg, longitudeDeg: coordinates.longitudeDeg };
      return { id, ...(siteName === undefined ? {} : { name: siteName }), ...(at === undefined ? {} : { coordinates: at }) };
    }),
    nodes: nodes.map(({ id, siteId, prefix, drain, operational }): Node => ({ id, siteId, prefix, drain, operational })),
    links: links.map(({ id, from, to, capacityBps, latencyMs, metric, srlgIds, drain, operational }): Link => ({
      id,
      from,
      to,
      capacityBps,
      latencyMs,
      metric,
      srlgIds,
      drain,
      operational,
    })),
  };
}

/** Links are named by `key`, as networkx names the edges of a multigraph; capacities are bps and say so. */
function nodeLink({ name, sites, nodes, links }: TopologyDocument): string {
  return linewise(
    { directed: true, multigraph: true, graph: { name, capacityUnit: "bps", sites } },
    {
      nodes,
      links: links.map(({ id, from, to, capacityBps, ...rest }) => ({ source: from, target: to, key: id, capacity: capacityBps, ...rest })),
    },
  );
}

/** JSON with small fields first, then lists with one element a line: it diffs and greps well. */
function linewise(fields: Readonly<Record<string, unknown>>, lists: Readonly<Record<string, readonly unknown[]>>): string {
  const parts = [
    ...Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`),
    ...Object.entries(lists).map(
      ([key, list]) =>
        `${JSON.stringify(key)}: [${list.map((item) => `\n  ${JSON.stringify(item)}`).join(",")}${list.length > 0 ? "\n" : ""}]`,
    ),
  ];
  return `{\n${parts.join(",\n")}\n}\n`;
}
