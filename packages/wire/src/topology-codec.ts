/** Topologies between protobuf and the domain. */
import {
  parseTopology,
  type Link,
  type Node,
  type Result,
  type Site,
  type Topology,
  type TopologyDocument,
  type drainStates,
  type operationalStates,
} from "@sluice/model";
import * as wire from "../generated/sluice/v1/topology.js";
import { enumCodec, missingField, present, under } from "./field.js";

export const drainCodec = enumCodec<(typeof drainStates)[number]>(["active", "drained", "soft-drained"], {
  active: wire.DrainState.DRAIN_STATE_ACTIVE,
  drained: wire.DrainState.DRAIN_STATE_DRAINED,
  "soft-drained": wire.DrainState.DRAIN_STATE_SOFT_DRAINED,
});

export const operationalCodec = enumCodec<(typeof operationalStates)[number]>(["up", "down"], {
  up: wire.OperationalState.OPERATIONAL_STATE_UP,
  down: wire.OperationalState.OPERATIONAL_STATE_DOWN,
});

export function siteToWire(site: Site): wire.Site {
  return { id: site.id, name: site.name, coordinates: site.coordinates };
}

export function nodeToWire(node: { readonly id: string } & Partial<Node>): wire.Node {
  return {
    id: node.id,
    siteId: node.siteId,
    prefix: node.prefix,
    drain: node.drain === undefined ? 0 : drainCodec.toWire(node.drain),
    operational: node.operational === undefined ? 0 : operationalCodec.toWire(node.operational),
  };
}

export function linkToWire(link: Link): wire.Link {
  return {
    ...link,
    srlgIds: [...link.srlgIds],
    drain: drainCodec.toWire(link.drain),
    operational: operationalCodec.toWire(link.operational),
  };
}

export function topologyToWire({ name, sites, nodes, links }: TopologyDocument): wire.Topology {
  return { name, sites: sites.map(siteToWire), nodes: nodes.map(nodeToWire), links: links.map(linkToWire) };
}

/** Of the shape that the model's gate takes; nothing is judged here. */
export function siteInput(site: wire.Site): unknown {
  return { id: present(site.id), name: site.name, coordinates: site.coordinates };
}

export function nodeInput(node: wire.Node): unknown {
  return {
    id: present(node.id),
    siteId: node.siteId,
    prefix: node.prefix,
    drain: drainCodec.fromWire(node.drain),
    operational: operationalCodec.fromWire(node.operational),
  };
}

export function linkInput(link: wire.Link): unknown {
  return {
    id: present(link.id),
    from: present(link.from),
    to: present(link.to),
    capacityBps: link.capacityBps,
    latencyMs: link.latencyMs,
    metric: link.metric,
    srlgIds: link.srlgIds,
    drain: drainCodec.fromWire(link.drain),
    operational: operationalCodec.fromWire(link.operational),
  };
}

/** Refuses with pointers below `at`, e.g. `/topology/links/3/capacityBps`. */
export function topologyFromWire(message: wire.Topology | undefined, at: readonly PropertyKey[] = []): Result<Topology> {
  if (message === undefined) return missingField(at, "a topology is required");
  const input = {
    name: present(message.name),
    sites: message.sites.map(siteInput),
    nodes: message.nodes.map(nodeInput),
    links: message.links.map(linkInput),
  };
  return under(at, parseTopology(input));
}
