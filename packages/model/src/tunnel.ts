/** Tunnels: paths with an identity. A tunnel's path never changes; a new path is a new tunnel with a new label. */
import { hash } from "node:crypto";
import { assert } from "./fault.js";
import { toId, type LinkId, type NodeId, type TunnelId } from "./id.js";
import type { Topology } from "./topology.js";

/** Links in order of travel, at least one; loopless: no node is visited twice. */
export type Path = readonly LinkId[];

export interface Tunnel {
  readonly id: TunnelId;
  readonly src: NodeId;
  readonly dst: NodeId;
  readonly path: Path;
}

/** The id is derived from the path, so that equal paths are the same tunnel in every run. 80 bits of SHA-256. */
export function tunnelId(path: Path): TunnelId {
  return toId<TunnelId>(`t-${shortHash(path)}`);
}

/** The id of a bypass: of the link that it protects and of its path, apart from every tunnel's. 80 bits of SHA-256. */
export function bypassId(protects: LinkId, path: Path): TunnelId {
  return toId<TunnelId>(`b-${shortHash([protects, path])}`);
}

/** Plans have thousands of tunnels, and whoever reads one makes sure of their ids: the one-shot function costs a third of a hash object. */
function shortHash(value: unknown): string {
  return hash("sha256", JSON.stringify(value), "hex").slice(0, 20);
}

export function tunnelOf(topology: Topology, path: Path): Tunnel {
  const nodes = pathNodes(topology, path);
  const [src] = nodes;
  const dst = nodes.at(-1);
  assert(src !== undefined && dst !== undefined && nodes.length >= 2, "a tunnel has at least one link");
  assert(new Set(nodes).size === nodes.length, "a tunnel visits no node twice");
  return { id: tunnelId(path), src, dst, path };
}

/** The nodes along a path, one more than its links. Throws where links do not join or are not in the topology. */
export function pathNodes(topology: Topology, path: Path): readonly NodeId[] {
  const nodes: NodeId[] = [];
  for (const id of path) {
    const link = topology.linkById.get(id);
    assert(link !== undefined, `link ${id} is in the topology`);
    if (nodes.length === 0) nodes.push(link.from);
    assert(nodes.at(-1) === link.from, `link ${id} starts where the path stands`);
    nodes.push(link.to);
  }
  return nodes;
}

export function pathLatencyMs(topology: Topology, path: Path): number {
  return path.reduce((sum, id) => sum + (topology.linkById.get(id)?.latencyMs ?? 0), 0);
}
