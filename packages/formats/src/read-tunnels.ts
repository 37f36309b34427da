/**
 * Reads path sets: the peers' benchmark (`s t:node,node,...;node,...`, a line per pair) and Sluice's own list
 * (`kind: tunnels`, `tunnels: [{src, dst, paths: [[link id, ...], ...]}]`, JSON or YAML).
 */
import { admit, linkIdSchema, nodeIdSchema, ok, type NodeId, type Result, type Topology } from "@sluice/model";
import { z } from "zod";
import { decodeText, unpack } from "./bytes.js";
import { parseYaml } from "./document.js";
import { isObject, parseJson } from "./json-text.js";
import { Reading, type ReadOptions, type ReadTunnels } from "./reading.js";
import { isPeerBenchPaths, readPeerBenchPaths } from "./peer-bench-paths.js";
import { TopologyIndex, TunnelPaths, Visits, pathsPerPairMax } from "./tunnel-paths.js";

/**
 * Every path runs from the pair's source to its destination over links of the topology and visits no node twice, or the file is
 * refused. Between two nodes the benchmark's files name no link: of parallel links the one with the lowest id is taken, and noted.
 * Linear in the file.
 */
export function readTunnels(bytes: Uint8Array, topology: Topology, options: ReadOptions): Result<ReadTunnels> {
  const unpacked = unpack(bytes);
  if (!unpacked.ok) return unpacked;
  const reading = new Reading(options);
  const found = reading.result(readBytes(unpacked.value, topology, reading));
  if (!found.ok) return found;
  const { format, paths } = found.value;
  return ok({ format, paths, tunnelsOf: (src: NodeId, dst: NodeId) => paths.of(src, dst), notes: reading.notes() });
}

interface Found {
  readonly format: string;
  readonly paths: TunnelPaths;
}

function readBytes(bytes: Uint8Array, topology: Topology, reading: Reading): Found | undefined {
  const text = decodeText(bytes);
  if (text === undefined) return reading.refuse("unknown-format", "The file is not UTF-8 text.");
  const start = text.slice(0, 4096).trimStart();
  if (start === "") return reading.refuse("unknown-format", "The file is empty.");
  if (isPeerBenchPaths(start)) {
    const paths = readPeerBenchPaths(text, new TopologyIndex(topology), reading);
    return paths && { format: "peer-bench-paths", paths };
  }
  const json = start.startsWith("{");
  const document = json ? parseJson(text, reading) : parseYaml(text, reading);
  if (reading.refused) return undefined;
  if (!isObject(document) || !Array.isArray(document["tunnels"])) {
    return reading.refuse("unknown-format", "The file holds no path set of a known format: docs/formats.md lists them.");
  }
  const paths = readOwn(document, new TopologyIndex(topology), reading);
  return paths && { format: json ? "sluice-json" : "sluice-yaml", paths };
}

const tunnelsSchema = z.strictObject({
  kind: z.literal("tunnels").default("tunnels"),
  version: z.literal(1).optional(),
  name: z.string().max(256).optional(),
  tunnels: z.array(
    z.strictObject({ src: nodeIdSchema, dst: nodeIdSchema, paths: z.array(z.array(linkIdSchema).min(1)).max(pathsPerPairMax) }),
  ),
});

function readOwn(document: unknown, index: TopologyIndex, reading: Reading): TunnelPaths | undefined {
  const admitted = reading.admit(admit(tunnelsSchema, document));
  if (admitted === undefined) return undefined;
  const paths = new TunnelPaths(index);
  const visits = new Visits(index.topology.nodes.length);
  const numbers = new Map(index.topology.links.map((link, i) => [link.id, i]));
  admitted.tunnels.forEach((pair, i) => {
    const at = `/tunnels/${i}`;
    const [src, dst] = [nodeAt(pair.src, index, `${at}/src`, reading), nodeAt(pair.dst, index, `${at}/dst`, reading)];
    if (src === undefined || dst === undefined) return;
    if (!paths.openPair(src, dst)) return reading.refuse("duplicate-id", `${at}: the pair ${pair.src} ${pair.dst} is there twice.`, at);
    pair.paths.forEach((path, k) => {
      const pathAt = `${at}/paths/${k}`;
      paths.openPath();
      visits.clear();
      visits.enter(src);
      let node: NodeId = pair.src;
      path.forEach((id, hop) => {
        const link = index.topology.linkById.get(id);
        const pointer = `${pathAt}/${hop}`;
        if (link === undefined) return reading.refuse("dangling-reference", `${pointer}: the topology has no link ${id}.`, pointer);
        if (link.from !== node) return reading.refuse("not-allowed", `${pointer}: link ${id} does not start at ${node}.`, pointer);
        if (!visits.enter(index.node(link.to) ?? 0))
          return reading.refuse("not-allowed", `${pointer}: the path visits ${link.to} twice.`, pointer);
        paths.pushLink(numbers.get(id) ?? 0);
        node = link.to;
        return undefined;
      });
      if (node !== pair.dst && !reading.refused) reading.refuse("not-allowed", `${pathAt}: the path does not end at ${pair.dst}.`, pathAt);
    });
    return undefined;
  });
  return reading.refused ? undefined : paths;
}

function nodeAt(id: string, index: TopologyIndex, at: string, reading: Reading): number | undefined {
  return index.node(id) ?? reading.refuse("dangling-reference", `${at}: the topology has no node ${JSON.stringify(id.slice(0, 40))}.`, at);
}
