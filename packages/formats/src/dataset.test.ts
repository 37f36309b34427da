/**
 * Every file of the shared research data loads, with the counts that a second, dumb reading of the same file gives. The data is not part
 * of the repository: SLUICE_DATA or ../shared/data.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { matrixAt, type DemandMatrix, type DemandSeries, type NodeId, type Result, type Topology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { readDemands, readTopology, readTopologyFiles, readTunnels, type ReadTopology } from "./index.js";

const root = process.env["SLUICE_DATA"] ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const present = existsSync(join(root, "README.md"));
if (!present) console.warn("SKIPPED: no shared research data at SLUICE_DATA or ../shared/data; its files were not read.");
const files = present ? listed(root) : [];

function listed(directory: string): readonly string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) =>
      statSync(join(directory, name)).isDirectory() ? listed(join(directory, name)) : [relative(root, join(directory, name))],
    );
}

const bytesOf = (file: string): Buffer => readFileSync(join(root, file));
const unzippedOf = (file: string): Buffer => (file.endsWith(".gz") ? gunzipSync(bytesOf(file)) : bytesOf(file));
const textOf = (file: string): string => unzippedOf(file).toString("utf8");

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults.slice(0, 3)));
  return result.value;
}

const topologyAt = (file: string): ReadTopology => value(readTopology(bytesOf(file), { name: "test" }));
const noteCount = (notes: ReadTopology["notes"], what: RegExp): number =>
  notes.filter((note) => what.test(note.what)).reduce((sum, note) => sum + note.count, 0);

/** Nodes, links and, where the file has them, demands, as published. */
const topologies: Readonly<Record<string, readonly [format: string, nodes: number, links: number, demands?: number]>> = {
  "abilene/topology.txt": ["capacity-table", 12, 30],
  "arrow/B4/IP_topo_1.txt": ["arrow-links", 12, 110],
  "arrow/B4/optical_topo.txt": ["arrow-fibers", 12, 38],
  "arrow/IBM/IP_topo_1.txt": ["arrow-links", 17, 170],
  "arrow/IBM/optical_topo.txt": ["arrow-fibers", 17, 46],
  "geant/GEANT.json": ["node-link-json", 22, 72],
  "peer-bench/topologies/Cogentco.json": ["peer-bench-json", 197, 486],
  "peer-bench/topologies/Colt.json": ["peer-bench-json", 153, 354],
  "peer-bench/topologies/Deltacom.json": ["peer-bench-json", 113, 322],
  "peer-bench/topologies/DialtelecomCz.json": ["peer-bench-json", 138, 302],
  "peer-bench/topologies/GtsCe.json": ["peer-bench-json", 149, 386],
  "peer-bench/topologies/Interoute.json": ["peer-bench-json", 110, 292],
  "peer-bench/topologies/Kdl.json": ["peer-bench-json", 754, 1790],
  "peer-bench/topologies/TataNld.json": ["peer-bench-json", 145, 372],
  "peer-bench/topologies/Uninett2010.json": ["peer-bench-json", 74, 202],
  "peer-bench/topologies/UsCarrier.json": ["peer-bench-json", 158, 378],
  "teal/ASN2k.json": ["node-link-json", 1739, 8558],
  "teal/B4.json": ["node-link-json", 12, 38],
  "teal/Kdl.json": ["node-link-json", 754, 1790],
  "teal/UsCarrier.json": ["node-link-json", 158, 378],
  "topohub/abilene.json": ["node-link-json", 12, 30, 132],
  "topohub/geant.json": ["node-link-json", 22, 72, 462],
  "topohub/germany50.json": ["node-link-json", 50, 176, 662],
  "topohub/nobel-eu.json": ["node-link-json", 28, 82, 378],
  "topology-zoo/Abilene.graphml": ["graphml", 11, 28],
  "topology-zoo/AttMpls.graphml": ["graphml", 25, 114],
  "topology-zoo/Cogentco.graphml": ["graphml", 197, 490],
  "topology-zoo/Geant2012.graphml": ["graphml", 40, 124],
  "topology-zoo/GtsCe.graphml": ["graphml", 149, 386],
  "topology-zoo/Kdl.graphml": ["graphml", 754, 1798],
  "topology-zoo/TataNld.graphml": ["graphml", 145, 388],
  "topology-zoo/Uninett2010.graphml": ["graphml", 74, 202],
  "topology-zoo/UsCarrier.graphml": ["graphml", 158, 378],
};

/** Which topology each file of demands belongs to. */
const demandFiles: Readonly<Record<string, string>> = {
  "abilene/week1.txt.gz": "abilene/topology.txt",
  "geant/week7.hist.gz": "geant/GEANT.json",
  "arrow/B4/demand-first20.txt": "arrow/B4/IP_topo_1.txt",
  "arrow/IBM/demand-first20.txt": "arrow/IBM/IP_topo_1.txt",
};

const isNoData = (file: string) => /(?:LICENSE|README|_nodes\.txt|instances\.json)/.test(file);
const isMatrix = (file: string) => file.startsWith("peer-bench/tms/");
const isPaths = (file: string) => file.startsWith("peer-bench/paths/");

/** Nodes and links by the dumbest means that the format allows. */
function dumbCounts(file: string): readonly [nodes: number, links: number] {
  const text = textOf(file);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (file.endsWith(".graphml")) {
    const edges = text.match(/<edge /g)?.length ?? 0;
    return [text.match(/<node /g)?.length ?? 0, 2 * edges];
  }
  if (file === "abilene/topology.txt") return [Number(/Node_num:\s*(\d+)/.exec(text)?.[1]), lines.length - 2];
  if (file.startsWith("arrow/")) return [new Set(lines.slice(1).flatMap((line) => line.split("\t").slice(0, 2))).size, lines.length - 1];
  const json = JSON.parse(text) as { n?: number; nodes?: unknown[]; directed: boolean; edges?: unknown[]; links?: unknown[] };
  const edges = json.edges ?? json.links ?? [];
  const loops = edges.filter((edge) => Array.isArray(edge) && edge[0] === edge[1]).length;
  return [json.n ?? json.nodes?.length ?? 0, (edges.length - loops) * (json.directed ? 1 : 2)];
}

describe.skipIf(!present)(`shared research data${present ? "" : " (SKIPPED: no data at SLUICE_DATA or ../shared/data)"}`, () => {
  it("is covered file by file", () => {
    const covered = files.filter((file) => file in topologies || file in demandFiles || isMatrix(file) || isPaths(file) || isNoData(file));
    expect(covered).toEqual(files);
    expect(Object.keys(topologies).every((file) => files.includes(file))).toBe(true);
  });

  it.each(Object.keys(topologies))("topology %s", (file) => {
    const [format, nodes, links, demands] = topologies[file] ?? ["", 0, 0];
    const read = topologyAt(file);
    expect([read.format, read.topology.nodes.length, read.topology.links.length]).toEqual([format, nodes, links]);
    expect([nodes, links]).toEqual(dumbCounts(file));
    expect(read.demands?.kind === "demand-matrix" ? read.demands.demands.length : undefined).toBe(demands);
    expect([...read.nodeOrder].sort()).toEqual(read.topology.nodes.map((node) => node.id));
  });

  it("keeps what the files say: capacities, metrics, names, coordinates", () => {
    const abilene = topologyAt("abilene/topology.txt").topology;
    expect(abilene.linkById.get("1-5" as never)).toMatchObject({ capacityBps: 2_480_000_000, metric: 587 });
    expect(abilene.links.filter(({ capacityBps }) => capacityBps === 9_920_000_000)).toHaveLength(28);

    const uninett = topologyAt("topology-zoo/Uninett2010.graphml").topology;
    const byCapacity = (bps: number) => uninett.links.filter(({ capacityBps }) => capacityBps === bps).length / 2;
    expect([10e9, 2.5e9, 1e9, 100e6].map(byCapacity)).toEqual([15, 11, 72, 3]);

    const drawn = topologyAt("topology-zoo/Abilene.graphml");
    expect(drawn.topology.sites.map(({ name }) => name).sort()[0]).toBe("Atlanta");
    expect(drawn.topology.links.every(({ capacityBps }) => Math.abs(capacityBps - 9.95328e9) < 1)).toBe(true);
    expect(noteCount(drawn.notes, /without arrowheads/)).toBe(14);

    const geant = topologyAt("topology-zoo/Geant2012.graphml");
    expect(noteCount(geant.notes, /^capacity missing/)).toBe(23);

    const germany = topologyAt("topohub/germany50.json").topology;
    expect(germany.sites.find(({ id }) => (id as string) === "0")).toMatchObject({
      name: "Aachen",
      coordinates: { latitudeDeg: 50.76, longitudeDeg: 6.04 },
    });

    expect(noteCount(topologyAt("peer-bench/topologies/Interoute.json").notes, /self-loop/)).toBe(2);
    expect(topologyAt("peer-bench/topologies/Kdl.json").topology.links.every(({ capacityBps }) => capacityBps === 1e9)).toBe(true);
    expect(topologyAt("teal/B4.json").topology.links.every(({ capacityBps }) => capacityBps === 5e9)).toBe(true);
    expect(topologyAt("geant/GEANT.json").topology.linkById.get("0-2" as never)?.capacityBps).toBe(10e9);
  });

  it.each(["B4", "IBM"])("arrow/%s as a directory: fibres become SRLGs and lengths latencies", (name) => {
    const folder = `arrow/${name}`;
    const entries = files.filter((file) => file.startsWith(folder)).map((file) => [file.slice(folder.length + 1), bytesOf(file)] as const);
    const { topology, format, notes } = value(readTopologyFiles(new Map(entries), { name }));
    expect([format, topology.nodes.length, topology.links.length]).toEqual(["arrow", ...dumbCounts(`${folder}/IP_topo_1.txt`)]);
    const fibers = textOf(`${folder}/optical_topo.txt`)
      .trim()
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.split("\t"));
    expect(new Set(topology.links.flatMap(({ srlgIds }) => srlgIds)).size).toBe(fibers.length / 2);
    for (const line of textOf(`${folder}/IP_topo_1.txt`).trim().split("\n").slice(1, 40)) {
      const [src, dst, , capacity, path] = line.split("\t");
      const ridden = (JSON.parse(path ?? "") as number[]).map((index) => fibers[index - 1] ?? []);
      const link = topology.links.find(({ from, to }) => from === `s${src}` && to === `s${dst}`);
      const names = ridden.map(([a, b]) => `fiber:${[Number(a), Number(b)].sort((x, y) => x - y).join("-")}`);
      expect(link?.srlgIds).toEqual(names.sort());
      expect(link?.capacityBps).toBe(Number(capacity) * 100e9);
      expect(link?.latencyMs).toBeCloseTo(ridden.reduce((sum, [, , km]) => sum + Number(km), 0) / 199.8616, 2);
    }
    expect(notes.some(({ kind }) => kind === "defaulted")).toBe(true);
  });

  it.each(Object.entries(demandFiles))("demands %s", (file, topologyFile) => {
    const { topology } = topologyAt(topologyFile);
    const read = value(readDemands(bytesOf(file), topology, { name: "test", rateUnitBps: 2, intervalSeconds: 900 }));
    const series = read.matrices as DemandSeries;
    const rows = textOf(file)
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));
    const n = topology.nodes.length;
    // The one quirk of the data: IBM's matrices have a row and column that no node has.
    const width = Math.sqrt(rows[0]?.length ?? 0);
    expect(width).toBe(file.includes("IBM") ? n + 1 : n);
    const cells = Array.from({ length: n * n }, (_, k) => [Math.floor(k / n), k % n] as const).filter(
      ([i, j]) => i !== j && rows.some((row) => (row[i * width + j] ?? 0) > 0),
    );
    expect([read.format, series.kind, series.ratesBps.length, series.flowGroups.length]).toEqual([
      "matrix-text",
      "demand-series",
      rows.length,
      cells.length,
    ]);
    const first = Math.min(...topology.nodes.map(({ id }) => Number(id)));
    for (const [i, j] of cells.filter((_, k) => k % 7 === 0)) {
      const column = series.flowGroups.findIndex(({ src, dst }) => Number(src) - first === i && Number(dst) - first === j);
      expect(rows.every((row, t) => series.ratesBps[t]?.[column] === 2 * (row[i * width + j] ?? 0))).toBe(true);
    }
    expect(matrixAt(series, 0).demands.length).toBeGreaterThan(0);
  });

  it("demands of TopoHub files are read as demands too", () => {
    for (const name of ["abilene", "geant", "germany50", "nobel-eu"]) {
      const { topology, demands } = topologyAt(`topohub/${name}.json`);
      const read = value(readDemands(bytesOf(`topohub/${name}.json`), topology, { name: "test" }));
      expect(read.matrices).toEqual(demands);
      const table = (JSON.parse(textOf(`topohub/${name}.json`)) as { graph: { demands: Record<string, Record<string, number>> } }).graph
        .demands;
      const total = Object.values(table)
        .flatMap((row) => Object.values(row))
        .reduce((sum, rate) => sum + rate, 0);
      expect(totalBps(read.matrices as DemandMatrix)).toBeCloseTo(total * 1e6, -3);
    }
  });

  const instances = present
    ? (JSON.parse(textOf("peer-bench/instances.json")) as {
        topology: string;
        tm: string;
        commodities: number;
        totalDemand: number;
        n: number;
        m: number;
      }[])
    : [];
  const benchTopologies = new Map<string, Topology>();
  const benchTopology = (name: string): Topology => {
    const known = benchTopologies.get(name) ?? topologyAt(`peer-bench/topologies/${name}.json`).topology;
    benchTopologies.set(name, known);
    return known;
  };

  it("every binary matrix of the benchmark belongs to an instance", () => {
    expect(instances.map(({ tm }) => `peer-bench/${tm}`).sort()).toEqual(files.filter(isMatrix));
  });

  it.each(instances)("demands $tm: commodities and total as published", ({ topology: name, tm, commodities, totalDemand, n }) => {
    const topology = benchTopology(name);
    const read = value(readDemands(bytesOf(`peer-bench/${tm}`), topology, { name: "test", trafficClass: "bulk" }));
    const matrix = read.matrices as DemandMatrix;
    expect(read.format).toBe(tm.includes(".f64") ? "matrix-f64" : "matrix-f32");
    expect([matrix.demands.length, topology.nodes.length]).toEqual([commodities, n]);
    expect(Math.abs(totalBps(matrix) / (totalDemand * 1e6) - 1)).toBeLessThan(1e-6);
    const raw = unzippedOf(`peer-bench/${tm}`);
    for (let k = 0; k < matrix.demands.length; k += Math.ceil(matrix.demands.length / 50)) {
      const demand = matrix.demands[k];
      const cell = Number(demand?.src) * n + Number(demand?.dst);
      expect(demand?.rateBps).toBe((tm.includes(".f64") ? raw.readDoubleLE(cell * 8) : raw.readFloatLE(cell * 4)) * 1e6);
    }
  });

  it.each(files.filter(isPaths))("tunnels %s", (file) => {
    const topology = benchTopology(/paths\/(\w+)\./.exec(file)?.[1] ?? "");
    const read = value(readTunnels(bytesOf(file), topology, { name: "test" }));
    const raw = unzippedOf(file);
    expect(read.format).toBe("peer-bench-paths");
    expect(read.paths.size).toBe(count(raw, "\n") + (raw.at(-1) === 0x0a ? 0 : 1));
    const text = raw.subarray(0, 200_000).toString("latin1");
    for (const line of text
      .split("\n")
      .slice(0, -1)
      .filter((_, k) => k % 17 === 0)) {
      const [, src, dst, list] = /^(\d+) (\d+):(.*)$/.exec(line) ?? [];
      const paths = read.tunnelsOf(src as NodeId, dst as NodeId);
      const nodes = paths.map((path) => path.flatMap((id, hop) => (hop === 0 ? id.split("-") : id.split("-").slice(1))).join(","));
      expect(nodes.join(";")).toBe(list);
      expect(read.paths.get(`${src}>${dst}`)).toEqual(paths);
    }
    expect(read.tunnelsOf("0" as NodeId, "0" as NodeId)).toEqual([]);
  });
});

function totalBps({ demands }: DemandMatrix): number {
  return demands.reduce((sum, { rateBps }) => sum + rateBps, 0);
}

function count(bytes: Uint8Array, character: string): number {
  const code = character.charCodeAt(0);
  let found = 0;
  for (let at = bytes.indexOf(code); at >= 0; at = bytes.indexOf(code, at + 1)) found += 1;
  return found;
}
