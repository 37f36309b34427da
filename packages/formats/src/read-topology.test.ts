/** What each topology format gives, what is inferred and that every inference is noted. */
import { gzipSync } from "node:zlib";
import { topologyDocument, type Result } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { readTopology, readTopologyFiles, type ReadOptions, type ReadTopology } from "./index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

const read = (text: string, more: Partial<ReadOptions> = {}): ReadTopology => value(readTopology(bytes(text), { name: "file", ...more }));
const notesOf = ({ notes }: ReadTopology) => notes.map(({ kind, what, count }) => `${kind}: ${what} (${count})`);
const linksOf = ({ topology }: ReadTopology) =>
  topology.links.map(({ id, capacityBps, latencyMs, metric }) => [id, capacityBps, latencyMs, metric]);

describe("node-link JSON", () => {
  it("splits undirected edges in two, with one SRLG, and numbers parallels", () => {
    const found = read(
      '{"directed":false,"multigraph":true,"nodes":[{"id":"a"},{"id":"b"}],"edges":[{"source":"a","target":"b"},{"source":"b","target":"a","capacity":2e9}]}',
    );
    expect(found.topology.links.map(({ id, capacityBps, srlgIds }) => [id, capacityBps, ...srlgIds])).toEqual([
      ["a-b", 100e9, "cable:a-b"],
      ["a-b#2", 2e9, "cable:b-a"],
      ["b-a", 100e9, "cable:a-b"],
      ["b-a#2", 2e9, "cable:b-a"],
    ]);
    expect(notesOf(found)).toEqual([
      "defaulted: capacity unit not stated: read as bps (1)",
      "defaulted: latency missing: 1 ms (2)",
      "defaulted: metric missing: 1 for every link (2)",
      "defaulted: capacity missing: 100000000000 bps (1)",
      "inferred: undirected edge split into two links that share an SRLG (2)",
    ]);
  });

  it("takes capacities below 1e6 for Mb/s unless the file or the options say otherwise", () => {
    const file = (graph: string) =>
      `{"directed":true,"graph":${graph},"nodes":[{"id":0},{"id":1}],"links":[{"source":0,"target":1,"capacity":400}]}`;
    expect(read(file("{}")).topology.links[0]?.capacityBps).toBe(400e6);
    expect(read(file('{"capacityUnit":"Gbps"}')).topology.links[0]?.capacityBps).toBe(400e9);
    expect(read(file('{"capacityUnit":"Gbps"}'), { capacityUnitBps: 1 }).topology.links[0]?.capacityBps).toBe(400);
  });

  it("keeps the keys of edges as link ids and makes no other id like them", () => {
    const found = read(
      '{"directed":true,"nodes":[{"id":0},{"id":1}],"links":[{"source":0,"target":1},{"source":0,"target":1,"key":"0-1"},{"source":0,"target":1,"key":3}]}',
    );
    expect(found.topology.links.map(({ id }) => id)).toEqual(["0-1", "0-1#2", "0-1#3"]);
  });

  it("says how a file that does not state directedness is read", () => {
    const found = read('{"nodes":[{"id":0},{"id":1}],"links":[{"source":0,"target":1}]}');
    expect(found.topology.links).toHaveLength(2);
    expect(notesOf(found)[0]).toBe("defaulted: directed not stated: edges are undirected (1)");
  });

  it("drops self-loops and repeated edges become parallels, both noted", () => {
    const found = read(
      '{"directed":true,"multigraph":false,"nodes":[{"id":0},{"id":1}],"links":[{"source":0,"target":0},{"source":0,"target":1},{"source":0,"target":1}]}',
    );
    expect(found.topology.links.map(({ id }) => id)).toEqual(["0-1", "0-1#2"]);
    expect(notesOf(found)).toContain("ignored: self-loop dropped (1)");
    expect(notesOf(found)).toContain("inferred: repeated edge of a graph that is no multigraph: read as a parallel link (1)");
  });

  it("derives latency from `dist`, else from coordinates, and then the metric from latency", () => {
    const oslo = '{"id":"o","pos":[10.75,59.91]}';
    const bergen = '{"id":"b","Longitude":5.32,"Latitude":60.39}';
    const found = read(
      `{"directed":true,"nodes":[${oslo},${bergen}],"links":[{"source":"o","target":"b"},{"source":"b","target":"o","dist":400}]}`,
    );
    const [back, forth] = found.topology.links;
    // Oslo to Bergen is 305 km as the crow flies; light in fibre takes 5 us per km.
    expect(forth?.latencyMs).toBeCloseTo(305 / 199.86, 1);
    expect(back?.latencyMs).toBeCloseTo(400 / 199.86, 3);
    expect(back?.metric).toBe(200);
  });

  it("keeps graph name, node names and files with a byte order mark", () => {
    const found = read('\uFEFF{"directed":true,"graph":{"name":"net"},"nodes":[{"id":0,"name":"Oslo"}],"links":[]}');
    expect(found.topology.name).toBe("net");
    expect(found.topology.sites).toEqual([{ id: "0", name: "Oslo" }]);
  });
});

describe("GraphML", () => {
  const zoo = `<?xml version="1.0"?><graphml>
    <key attr.name="Latitude" for="node" id="d1"/><key attr.name="Longitude" for="node" id="d2"/><key attr.name="label" for="node" id="d3"/>
    <key attr.name="LinkSpeedRaw" for="edge" id="d4"/><key attr.name="LinkLabel" for="edge" id="d5"/><key attr.name="Network" for="graph" id="d6"/>
    <graph edgedefault="undirected"><data key="d6">R&amp;D</data>
      <node id="0"><data key="d1">59.91</data><data key="d2">10.75</data><data key="d3">Oslo</data></node>
      <node id="1"><data key="d1">60.39</data><data key="d2">5.32</data></node>
      <node id="2"/>
      <edge source="0" target="1"><data key="d4">1e10</data></edge>
      <edge source="1" target="0"><data key="d5">&lt;2.5 Gbps</data></edge>
      <edge source="1" target="2"><data key="d5">lit</data></edge>
      <edge source="2" target="2"/>
      <edge source="2" target="0" directed="true"/>
    </graph></graphml>`;

  it("reads the Topology Zoo's attributes; parallels, missing values and self-loops are noted", () => {
    const found = read(zoo);
    expect(found.format).toBe("graphml");
    expect(found.topology.name).toBe("R&D");
    expect(linksOf(found).map(([id, capacity]) => [id, capacity])).toEqual([
      ["0-1", 10e9],
      ["0-1#2", 2.5e9],
      ["1-0", 10e9],
      ["1-0#2", 2.5e9],
      ["1-2", 100e9],
      ["2-0", 100e9],
      ["2-1", 100e9],
    ]);
    expect(notesOf(found)).toEqual([
      "ignored: node without coordinates (1)",
      "inferred: capacity from text (1)",
      "ignored: self-loop dropped (1)",
      "inferred: latency from coordinates: great circle at two thirds of the speed of light (2)",
      "defaulted: latency missing: 1 ms (2)",
      "defaulted: metric missing: 1 for every link (4)",
      "inferred: undirected edge split into two links that share an SRLG (3)",
      "defaulted: capacity missing: 100000000000 bps (2)",
    ]);
  });

  it("takes yEd's edges without arrowheads for undirected, and those with one for directed", () => {
    const edge = (id: number, target: string) =>
      `<edge source="a" target="b"><data key="d0"><y:PolyLineEdge><y:Arrows source="none" target="${target}"/></y:PolyLineEdge></data></edge><!-- ${id} -->`;
    const found = read(
      `<graphml><key for="edge" id="d0" yfiles.type="edgegraphics"/><graph edgedefault="directed"><node id="a"><data key="d9"><y:ShapeNode><y:NodeLabel x="1">Oslo</y:NodeLabel></y:ShapeNode></data></node><node id="b"/>${edge(1, "none")}${edge(2, "standard")}</graph></graphml>`,
    );
    expect(found.topology.links.map(({ id }) => id)).toEqual(["a-b", "a-b#2", "b-a"]);
    expect(found.topology.sites[0]).toEqual({ id: "a", name: "Oslo" });
  });
});

describe("other formats", () => {
  it("peer-bench JSON: directed, capacity in the unit that the file states", () => {
    const found = read('{"name":"N","n":3,"capacityUnit":"Gbps","edges":[[0,1,40],[1,2,40]]}');
    expect(found.format).toBe("peer-bench-json");
    expect(found.topology.nodes).toHaveLength(3);
    expect(linksOf(found)).toEqual([
      ["0-1", 40e9, 1, 1],
      ["1-2", 40e9, 1, 1],
    ]);
  });

  it("Abilene's table: kb/s and OSPF metrics", () => {
    const found = read(
      "Node_num: 2\tEdge_num: 2\r\nLink_index\tSource\tDestination\tOSPF\tCapacity(kbps)\r\n0\t0\t1\t587\t2480000\r\n1\t1\t0\t3\t9920000\r\n",
    );
    expect(linksOf(found)).toEqual([
      ["0-1", 2.48e9, 1, 587],
      ["1-0", 9.92e9, 1, 3],
    ]);
  });

  it("REPETITA: kb/s, microseconds, nodes by their place", () => {
    const found = read(
      "NODES 2\nlabel x y\n0_Oslo 10.75 59.91\n1_Bergen 5.32 60.39\n\nEDGES 1\nlabel src dest weight bw delay\nedge_0 0 1 7 9953280 1526\n",
    );
    expect(found.format).toBe("repetita");
    expect(found.topology.sites[1]).toEqual({ id: "1", name: "1_Bergen", coordinates: { latitudeDeg: 60.39, longitudeDeg: 5.32 } });
    expect(linksOf(found)).toEqual([["0-1", 9.95328e9, 1.526, 7]]);
    expect(found.notes).toEqual([]);
  });

  it("SNDlib: installed capacity, else the largest module; the unit in META; demands", () => {
    const found = read(
      [
        "?SNDlib native format; type: network; version: 1.0",
        "# a comment",
        "META (",
        "  unit = GBITPERSEC",
        ")",
        "NODES (",
        "  Oslo ( 10.75 59.91 )",
        "  Bergen ( 5.32 60.39 )",
        ")",
        "LINKS (",
        "  L1 ( Oslo Bergen ) 0.00 0.00 0.00 156.00 ( 10.00 1.00 40.00 2.00 )",
        "  L2 ( Oslo Bergen ) 2.5 0.00 0.00 0.00 ( )",
        ")",
        "DEMANDS (",
        "  D1 ( Oslo Bergen ) 1 3.5 UNLIMITED # and here",
        ")",
      ].join("\n"),
    );
    expect(found.topology.links.map(({ id, capacityBps }) => [id, capacityBps])).toEqual([
      ["Bergen-Oslo", 40e9],
      ["Bergen-Oslo#2", 2.5e9],
      ["Oslo-Bergen", 40e9],
      ["Oslo-Bergen#2", 2.5e9],
    ]);
    expect(found.demands).toMatchObject({ demands: [{ src: "Oslo", dst: "Bergen", rateBps: 3.5e9, trafficClass: "elastic" }] });
    expect(notesOf(found)).toContain("inferred: no capacity installed: the largest module (1)");
    expect(found.nodeOrder).toEqual(["Oslo", "Bergen"]);
  });

  it("ARROW: the fibres that a link rides are its SRLGs, both ways the same", () => {
    const links =
      "src\tdst\tindex\tcapacity\tfiberpath_index\twavelength\tfailure\n1\t2\t1\t4\t[1,3]\t[1,2,3,4]\t0.1\n2\t1\t1\t4\t[4,2]\t[1,2,3,4]\t0.1\n1\t2\t2\t1\t[1,3]\t[5]\t0.1\n";
    const fibers = "to_node\tfrom_node\tmetric\tfailure_prob\n1\t3\t100\t0.1\n3\t1\t100\t0.1\n3\t2\t300\t0.1\n2\t3\t300\t0.1";
    const files = {
      "IP_topo.txt": links,
      "optical.txt": fibers,
      "IP_nodes.txt": "String_node_names\nOslo\nBergen\nVoss",
      "other.txt": "x",
    };
    const found = value(readTopologyFiles(new Map(Object.entries(files).map(([name, text]) => [name, bytes(text)])), { name: "net" }));
    expect(found.topology.links.map(({ id, capacityBps, srlgIds }) => [id, capacityBps, ...srlgIds])).toEqual([
      ["Bergen-Oslo", 400e9, "fiber:1-3", "fiber:2-3"],
      ["Oslo-Bergen", 400e9, "fiber:1-3", "fiber:2-3"],
      ["Oslo-Bergen#2", 100e9, "fiber:1-3", "fiber:2-3"],
    ]);
    expect(found.topology.links[0]?.latencyMs).toBeCloseTo(400 / 199.86, 3);
    expect(found.topology.nodes).toHaveLength(3);
  });

  it("own YAML, with version and $schema, and gzipped", () => {
    const text = "version: 1\n$schema: https://example.org/topology\nname: t\nnodes:\n- id: b\n- id: a\nlinks: []\n";
    const found = value(readTopology(gzipSync(text), { name: "x" }));
    expect(found.format).toBe("sluice-yaml");
    expect(topologyDocument(found.topology)).toMatchObject({ kind: "topology", name: "t", links: [] });
    expect(found.nodeOrder).toEqual(["b", "a"]);
    expect(found.notes).toEqual([]);
  });
});
