/**
 * Switches with nearly full rule tables: a tunnel through one, or to it, takes a rule there (at its start it takes none), and each destination of its
 * own traffic takes some. Where a node says what it has room for (`TableRoom`), other paths are no candidates, and paths around it are.
 */
import { assert, buildTopology, topologyDocument, type NodeId, type Path, type TableRoom, type Topology } from "@sluice/model";
import type { CandidateTunnels, NodePair } from "./candidate-tunnels.js";

interface Room {
  readonly tunnels: ReadonlySet<string>;
  readonly destinations: ReadonlySet<NodeId>;
}

/** Candidates less those that some table has no room for, whoever gave them. The same where every table has room. O(links of all paths). */
export function withinTables(topology: Topology, candidates: CandidateTunnels): CandidateTunnels {
  const rooms = roomsOf(topology);
  if (rooms.size === 0) return candidates;
  return { pairs: new Map([...candidates.pairs].map(([pair, paths]) => [pair, paths.filter((path) => hasRoom(topology, rooms, path))])) };
}

/** The paths between these pairs that nearly full tables name: they may be used, whatever the policy would choose today. */
export function tunnelsThere(topology: Topology, pairs: readonly NodePair[], keyOf: (pair: NodePair) => string): CandidateTunnels {
  const found = new Map<string, Map<string, Path>>(pairs.map((pair) => [keyOf(pair), new Map<string, Path>()]));
  for (const { tableRoom } of topology.nodes) {
    for (const path of tableRoom?.tunnels ?? []) {
      const src = topology.linkById.get(path[0] ?? ("" as never))?.from;
      const dst = topology.linkById.get(path.at(-1) ?? ("" as never))?.to;
      if (src !== undefined && dst !== undefined) found.get(keyOf({ src, dst }))?.set(path.join("\n"), path);
    }
  }
  return { pairs: new Map([...found].map(([pair, paths]) => [pair, [...paths.values()]])) };
}

/** The network without the nodes that have room for some tunnels only, but for one at which traffic may begin. O(V + E). */
export function aroundTables(topology: Topology, start?: NodeId): Topology {
  const document = topologyDocument(topology);
  const nodes = document.nodes.map((node) =>
    node.tableRoom === undefined || node.id === start ? node : { ...node, drain: "drained" as const },
  );
  const built = buildTopology({ ...document, nodes });
  assert(built.ok, "a valid topology stays valid when nodes are drained");
  return built.value;
}

function roomsOf({ nodes }: Topology): ReadonlyMap<NodeId, Room> {
  return new Map(nodes.flatMap(({ id, tableRoom }) => (tableRoom === undefined ? [] : [[id, roomOf(tableRoom)] as const])));
}

function roomOf({ tunnels, destinations }: TableRoom): Room {
  return { tunnels: new Set(tunnels.map((path) => path.join("\n"))), destinations: new Set(destinations) };
}

function hasRoom({ linkById }: Topology, rooms: ReadonlyMap<NodeId, Room>, path: Path): boolean {
  const text = path.join("\n");
  const [first] = path;
  const src = first === undefined ? undefined : linkById.get(first)?.from;
  const dst = linkById.get(path.at(-1) ?? ("" as never))?.to;
  const start = src === undefined ? undefined : rooms.get(src);
  if (start !== undefined && (dst === undefined || !start.destinations.has(dst))) return false;
  return path.every((linkId) => {
    const room = rooms.get(linkById.get(linkId)?.to ?? ("" as never));
    return room === undefined || room.tunnels.has(text);
  });
}
