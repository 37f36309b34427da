/** Input that is refused: each row names the code and the pointer that the refusal must carry. */
import { gzipSync } from "node:zlib";
import { parseTopology, type Result, type Topology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { fileBytesMax } from "./bytes.js";
import { readDemands, readTopology, readTopologyFiles, readTunnels, type ReadOptions } from "./index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const options: ReadOptions = { name: "test" };

function triangle(): Topology {
  const ends = [
    ["0", "1"],
    ["1", "2"],
    ["2", "0"],
    ["1", "0"],
  ];
  const parsed = parseTopology({
    name: "triangle",
    nodes: ["0", "1", "2"].map((id) => ({ id })),
    links: ends.map(([from, to]) => ({ id: `${from}-${to}`, from, to, capacityBps: 1e9, latencyMs: 1, metric: 1 })),
  });
  if (!parsed.ok) throw new Error("the triangle is valid");
  return parsed.value;
}

function refusals(result: Result<unknown>): readonly string[] {
  return result.ok ? ["accepted"] : result.faults.map(({ code, pointer }) => `${code} ${pointer ?? ""}`.trim());
}

const zoo = (body: string, keys = "") =>
  `<?xml version="1.0"?><graphml>${keys}<graph edgedefault="undirected"><node id="0"/><node id="1"/>${body}</graph></graphml>`;
const speedKey = '<key attr.name="LinkSpeedRaw" for="edge" id="d0"/>';
const nodeLink = (edge: string, nodes = '{"id":0},{"id":1}') => `{"directed":true,"nodes":[${nodes}],"links":[${edge}]}`;
const bench = (edges: string, n: unknown = 3) => `{"n":${JSON.stringify(n)},"edges":[${edges}]}`;
const table = (rows: string, counts = "Node_num: 2 Edge_num: 1") =>
  `${counts}\nLink_index\tSource\tDestination\tOSPF\tCapacity(kbps)\n${rows}\n`;
const repetita = (nodes: string, edges: string) => `NODES 2\nlabel x y\n${nodes}\n\nEDGES 1\nlabel src dest weight bw delay\n${edges}\n`;
const sndlib = (nodes: string, links: string, demands = "") =>
  `?SNDlib native format; type: network; version: 1.0\nNODES (\n${nodes}\n)\nLINKS (\n${links}\n)\nDEMANDS (\n${demands}\n)\n`;
const own = (fields: object) => JSON.stringify({ kind: "topology", name: "t", nodes: [{ id: "a" }, { id: "b" }], links: [], ...fields });
const link = { id: "l", from: "a", to: "b", capacityBps: 1, latencyMs: 1, metric: 1 };

describe("topologies", () => {
  it.each<[what: string, text: string, ...refused: string[]]>([
    ["an empty file", "", "unknown-format"],
    ["blanks", " \n\t ", "unknown-format"],
    ["broken JSON", '{"nodes": [', "malformed /line/1"],
    ["an array", "[]", "unknown-format"],
    ["a scalar", "42", "unknown-format"],
    ["some other object", '{"a": 1}', "unknown-format"],
    ["prose", "hello world", "unknown-format"],
    ["broken YAML", "name: x\nnodes: [\n", "malformed /line/3"],
    ["YAML with a key twice", "name: x\nname: y\nnodes: []\n", "malformed /line/2"],

    ["own: unknown field", own({ colour: 1 }), "unknown-field /colour"],
    [
      "own: __proto__ key",
      '{"kind":"topology","name":"t","nodes":[{"id":"a"}],"links":[],"__proto__":{"x":1}}',
      "unknown-field /__proto__",
    ],
    ["own: a later version", own({ version: 2 }), "not-allowed /version"],
    ["own: duplicate node", own({ nodes: [{ id: "a" }, { id: "a" }] }), "duplicate-id /nodes/1/id"],
    ["own: duplicate link", own({ links: [link, link] }), "duplicate-id /links/1/id"],
    ["own: dangling end", own({ links: [{ ...link, to: "c" }] }), "dangling-reference /links/0/to"],
    ["own: self-loop", own({ links: [{ ...link, to: "a" }] }), "self-loop /links/0/to"],
    ["own: negative", own({ links: [{ ...link, capacityBps: -1 }] }), "negative /links/0/capacityBps"],
    ["own: text for a number", own({ links: [{ ...link, capacityBps: "1" }] }), "wrong-type /links/0/capacityBps"],
    ["own: infinite", own({ links: [link] }).replace('"capacityBps":1', '"capacityBps":1e999'), "not-finite /links/0/capacityBps"],
    [
      "own YAML: .nan",
      "name: t\nnodes: [{id: a}, {id: b}]\nlinks:\n- {id: l, from: a, to: b, capacityBps: .nan, latencyMs: 1, metric: 1}\n",
      "not-finite /links/0/capacityBps",
    ],
    [
      "own YAML: 0x10",
      "name: t\nnodes: [{id: a}, {id: b}]\nlinks:\n- {id: l, from: a, to: b, capacityBps: 0x10, latencyMs: 1, metric: 1}\n",
      "wrong-type /links/0/capacityBps",
    ],

    ["node-link: dangling end", nodeLink('{"source":0,"target":7}'), "dangling-reference /links/0"],
    [
      "node-link: duplicate node",
      nodeLink('{"source":0,"target":1}', '{"id":0},{"id":"0"}'),
      "duplicate-id /nodes/1/id",
      "dangling-reference /links/0",
    ],
    ["node-link: missing target", nodeLink('{"source":0}'), "missing-field /links/0/target"],
    ["node-link: negative capacity", nodeLink('{"source":0,"target":1,"capacity":-5}'), "negative /links/0/capacity"],
    ["node-link: infinite capacity", nodeLink('{"source":0,"target":1,"capacity":1e400}'), "not-finite /links/0/capacity"],
    ["node-link: capacity beyond 2^53", nodeLink('{"source":0,"target":1,"capacity":1e16}'), "out-of-range /links/0/capacity"],
    ["node-link: null capacity", nodeLink('{"source":0,"target":1,"capacity":null}'), "wrong-type /links/0/capacity"],
    ["node-link: capacity of no unit", nodeLink('{"source":0,"target":1,"capacity":"wide"}'), "wrong-type /links/0/capacity"],
    ["node-link: edge is no object", '{"directed":true,"nodes":[{"id":0}],"links":[7]}', "wrong-type /links/0"],
    ["node-link: fractional id", nodeLink('{"source":0,"target":1}', '{"id":0.5},{"id":1}'), "wrong-type /nodes/0/id"],
    [
      "node-link: id with a line break",
      nodeLink('{"source":0,"target":1}', '{"id":"a\\nb"},{"id":1}'),
      "malformed /nodes/0/id",
      "dangling-reference /links/0",
    ],
    ["node-link: unknown drain state", nodeLink('{"source":0,"target":1,"drain":"half"}'), "not-allowed /links/0/drain"],
    [
      "node-link: demand of an unknown node",
      '{"directed":true,"graph":{"demands":{"0":{"9":1}}},"nodes":[{"id":0}],"links":[]}',
      "dangling-reference /graph/demands/0/9",
    ],
    [
      "node-link: __proto__ as a node of demands",
      '{"directed":true,"graph":{"demands":{"__proto__":{"0":1}}},"nodes":[{"id":0}],"links":[]}',
      "dangling-reference /graph/demands/__proto__/0",
    ],
    [
      "node-link: negative demand",
      '{"directed":true,"graph":{"demands":{"0":{"1":-1}}},"nodes":[{"id":0},{"id":1}],"links":[]}',
      "negative /graph/demands/0/1",
    ],

    ["peer-bench: no nodes", bench("", 0), "out-of-range /n"],
    ["peer-bench: too many nodes", bench("", 1e9), "out-of-range /n"],
    ["peer-bench: text for n", bench("", "3"), "wrong-type /n"],
    ["peer-bench: short edge", bench("[0,1]"), "wrong-type /edges/0"],
    ["peer-bench: dangling end", bench("[0,3,1]"), "dangling-reference /edges/0"],
    ["peer-bench: negative end", bench("[0,-1,1]"), "negative /edges/0/1"],
    ["peer-bench: negative capacity", bench("[0,1,-1]"), "negative /edges/0/2"],

    ["GraphML: not closed", "<graphml><graph>", "malformed /line/1"],
    ["GraphML: other XML", "<svg></svg>", "unknown-format /graphml"],
    ["GraphML: a document type", `<!DOCTYPE graphml [<!ENTITY a "b">]>${zoo("")}`, "not-allowed /"],
    ["GraphML: no graph", "<graphml></graphml>", "unknown-format /graphml"],
    ["GraphML: two graphs", "<graphml><graph/><graph/></graphml>", "not-allowed /graphml/graph"],
    ["GraphML: no nodes", '<graphml><graph edgedefault="directed"/></graphml>', "missing-field /nodes"],
    ["GraphML: duplicate node", zoo('<node id="1"/>'), "duplicate-id /graphml/graph/node/2/id"],
    ["GraphML: node without id", zoo("<node/>"), "malformed /graphml/graph/node/2/id"],
    ["GraphML: dangling end", zoo('<edge source="0" target="2"/>'), "dangling-reference /graphml/graph/edge/0"],
    [
      "GraphML: NaN speed",
      zoo('<edge source="0" target="1"><data key="d0">NaN</data></edge>', speedKey),
      "not-finite /graphml/graph/edge/0/LinkSpeedRaw",
    ],
    [
      "GraphML: negative speed",
      zoo('<edge source="0" target="1"><data key="d0">-1</data></edge>', speedKey),
      "negative /graphml/graph/edge/0/LinkSpeedRaw",
    ],
    [
      "GraphML: hexadecimal speed",
      zoo('<edge source="0" target="1"><data key="d0">0x10</data></edge>', speedKey),
      "wrong-type /graphml/graph/edge/0/LinkSpeedRaw",
    ],
    ["GraphML: a graph within a node", zoo('<node id="2"><graph/></node>'), "not-allowed /graphml/graph/node/2/graph"],
    ["GraphML: nested without end", `<graphml>${"<a>".repeat(5000)}${"</a>".repeat(5000)}</graphml>`, "malformed /"],

    ["capacity table: wrong count", table("0\t0\t1\t1\t10\n1\t1\t0\t1\t10"), "out-of-range /line/1/Edge_num"],
    ["capacity table: no unit", "Node_num: 2 Edge_num: 0\nSource Destination Capacity\n", "missing-field /line/2/Capacity"],
    ["capacity table: no source", "Node_num: 2 Edge_num: 0\nDestination Capacity(kbps)\n", "missing-field /line/2/Source"],
    ["capacity table: short row", table("0\t0\t1\t1"), "out-of-range /line/3"],
    ["capacity table: NaN", table("0\t0\t1\t1\tNaN"), "not-finite /line/3/Capacity"],
    ["capacity table: 1e999", table("0\t0\t1\t1\t1e999"), "not-finite /line/3/Capacity"],
    ["capacity table: dangling end", table("0\t0\t2\t1\t10"), "dangling-reference /line/3"],
    ["capacity table: infinite number of nodes", table("0\t0\t1\t1\t10", "Node_num: 1e9 Edge_num: 1"), "wrong-type /line/1/Node_num"],

    ["REPETITA: no edges", "NODES 1\nlabel x y\na 0 0\n", "missing-field /EDGES"],
    ["REPETITA: wrong count", repetita("a 0 0", "e 0 1 1 1 1"), "out-of-range /line/1"],
    ["REPETITA: negative bandwidth", repetita("a 0 0\nb 0 0", "e 0 1 1 -1 1"), "negative /line/8/bw"],
    ["REPETITA: dangling end", repetita("a 0 0\nb 0 0", "e 0 2 1 1 1"), "dangling-reference /line/8"],
    ["REPETITA: latency beyond a minute", repetita("a 0 0\nb 0 0", "e 0 1 1 1 60000001"), "out-of-range /line/8"],

    ["SNDlib: open section", "?SNDlib native format; type: network; version: 1.0\nNODES (\n a\n", "malformed /NODES"],
    ["SNDlib: unknown section", "?SNDlib native format; type: network; version: 1.0\nEDGES (\n)\n", "unknown-field /line/2"],
    ["SNDlib: duplicate node", sndlib("a ( 1 2 )\na ( 1 2 )", ""), "duplicate-id /line/4"],
    ["SNDlib: malformed link", sndlib("a ( 1 2 )", "L a b"), "malformed /line/6"],
    ["SNDlib: dangling end", sndlib("a ( 1 2 )", "L ( a b ) 0 0 0 0 ( )"), "dangling-reference /line/6"],
    ["SNDlib: negative capacity", sndlib("a ( 1 2 )\nb ( 1 2 )", "L ( a b ) -1 0 0 0 ( )"), "negative /line/7/pre_installed_capacity"],
    ["SNDlib: demand of an unknown node", sndlib("a ( 1 2 )", "", "D ( a c ) 1 5 UNLIMITED"), "dangling-reference /line/9/dst"],

    [
      "ARROW: a list that is none",
      "src\tdst\tindex\tcapacity\tfiberpath_index\twavelength\tfailure\n1\t2\t1\t6\t1,2\t[1]\t0",
      "malformed /line/2/fiberpath_index",
    ],
    ["ARROW: short row", "src\tdst\tindex\tcapacity\tfiberpath_index\twavelength\tfailure\n1\t2", "out-of-range /line/2"],
  ])("%s", (_what, text, ...refused) => {
    expect(refusals(readTopology(bytes(text), options))).toEqual(refused);
  });

  it("binary data, truncated gzip and gzip bombs", () => {
    expect(refusals(readTopology(Uint8Array.of(0, 1, 2, 3), options))).toEqual(["unknown-format"]);
    expect(refusals(readTopology(bytes("\u0000{}"), options))).toEqual(["unknown-format"]);
    expect(refusals(readTopology(Uint8Array.of(0xff, 0xfe, 0x41), options))).toEqual(["unknown-format"]);
    expect(refusals(readTopology(gzipSync(own({})).subarray(0, 30), options))).toEqual(["malformed"]);
    const bomb = gzipSync(Buffer.alloc(fileBytesMax + 1));
    expect(bomb.length).toBeLessThan(fileBytesMax / 500);
    expect(refusals(readTopology(bomb, options))).toEqual(["too-large"]);
  });

  it.each([
    ["name: 'x\n", "a character is missing"],
    ["name: x\nname: y\n", "a key is there twice"],
    ["a: x\n\tb: y\n", "tabs"],
    [`a: ${"[".repeat(100_000)}`, ""],
    ["<graphml><graph></graphml>", "a tag is not closed"],
    ["<graphml a=1></graphml>", "an attribute"],
    ["<graphml></graphml>tail", "one element"],
    ["<graphml>&</graphml>", "&amp;"],
  ])("%#: what is not well-formed, in words and not in a parser's codes", (text, words) => {
    const read = readTopology(bytes(text), options);
    const messages = read.ok ? [] : read.faults.map((each) => each.message);
    expect(messages).toEqual([expect.stringMatching(/^The file is not well-formed (?:YAML|XML): [^A-Z]/)]);
    expect(messages[0]).toContain(words);
    expect(messages[0]).not.toMatch(/[A-Z]+_[A-Z]+|Invalid[A-Z]|undefined/);
  });

  it("a YAML document that grows without bound", () => {
    const rings = Array.from(
      { length: 20 },
      (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}, *a${i}, *a${i}, *a${i}, *a${i}]`,
    );
    expect(refusals(readTopology(bytes(["a0: &a0 [x]", ...rings].join("\n")), options))).toEqual(["too-many"]);
  });

  it("a YAML document whose anchors expand a thousand times, and one that is too long", () => {
    const thousand = [
      "a0: &a0 [x]",
      "a1: &a1 [*a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0]",
      "a2: &a2 [*a1, *a1, *a1, *a1, *a1, *a1, *a1, *a1, *a1, *a1]",
      "a3: [*a2, *a2, *a2, *a2, *a2, *a2, *a2, *a2, *a2, *a2]",
    ];
    expect(refusals(readTopology(bytes(thousand.join("\n")), options))).toEqual(["too-many"]);
    expect(refusals(readTopology(bytes(`name: ${"x".repeat(2 ** 24)}`), options))).toEqual(["too-large"]);
  });

  it("lines that a careless pattern would never finish", () => {
    const long = 200_000;
    const hostile = [
      `${"-1 ".repeat(long)},`,
      `${"1".repeat(long)}x`,
      sndlib("(".repeat(long), "", "(".repeat(long)),
      `{${'"src":'.repeat(10_000)}`,
    ];
    for (const text of hostile) {
      expect(readTopology(bytes(text), options).ok).toBe(false);
      expect(readDemands(bytes(text), triangle(), options).ok).toBe(false);
      expect(readTunnels(bytes(text), triangle(), options).ok).toBe(false);
    }
    expect(refusals(readTopology(bytes(table(`0\t0\t1\t1\t${"1".repeat(long)}x`)), options))).toEqual(["wrong-type /line/3/Capacity"]);
  });

  it("lists at most a hundred faults", () => {
    const text = nodeLink(Array.from({ length: 500 }, () => '{"source":0,"target":9}').join(","));
    expect(refusals(readTopology(bytes(text), options))).toHaveLength(100);
  });

  it("a directory without links, and a link that rides no fibre", () => {
    expect(refusals(readTopologyFiles(new Map([["a.txt", bytes("x")]]), options))).toEqual(["unknown-format"]);
    const links = "src\tdst\tindex\tcapacity\tfiberpath_index\twavelength\tfailure\n1\t2\t1\t6\t[9]\t[1]\t0";
    const fibers = "to_node\tfrom_node\tmetric\tfailure_prob\n1\t2\t100\t0.1";
    const files = new Map(Object.entries({ "IP.txt": bytes(links), "optical.txt": bytes(fibers) }));
    expect(refusals(readTopologyFiles(files, options))).toEqual(["dangling-reference /IP.txt/line/2/fiberpath_index"]);
  });

  it("leaves Object.prototype alone", () => {
    readTopology(bytes(zoo("", '<key for="__proto__" id="__proto__" attr.name="polluted"/>')), options);
    readTopology(bytes('{"directed":true,"__proto__":{"polluted":1},"nodes":[{"id":"__proto__"}],"links":[]}'), options);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("demands", () => {
  const csv = (...rows: string[]) => ["src,dst,class,rate_bps", ...rows].join("\n");
  const matrix = (demand: object) => JSON.stringify({ kind: "demand-matrix", name: "m", demands: [demand] });
  const series = (fields: object) =>
    JSON.stringify({
      kind: "demand-series",
      name: "s",
      intervalSeconds: 60,
      flowGroups: [{ src: "0", dst: "1", trafficClass: "bulk" }],
      ratesBps: [[1]],
      ...fields,
    });

  it.each<[what: string, text: string, ...refused: string[]]>([
    ["an empty file", "", "unknown-format"],
    ["prose", "hello world", "unknown-format"],
    ["an object of no format", '{"a":1}', "unknown-format"],
    ["a topology", own({}), "unknown-format"],

    ["CSV: no rate", "src,dst\n0,1", "missing-field /line/1/rate_bps"],
    ["CSV: unknown column", "src,dst,rate_bps,colour\n0,1,1,red", "unknown-field /line/1/colour"],
    ["CSV: column twice", "src,dst,rate_bps,src\n0,1,1,0", "duplicate-id /line/1/src"],
    ["CSV: empty rate", csv("0,1,bulk,"), "missing-field /line/2/rate_bps"],
    ["CSV: hexadecimal", csv("0,1,bulk,0x10"), "wrong-type /line/2/rate_bps"],
    ["CSV: 1e999", csv("0,1,bulk,1e999"), "not-finite /line/2/rate_bps"],
    ["CSV: NaN", csv("0,1,bulk,1", "1,0,bulk,NaN"), "not-finite /line/3/rate_bps"],
    ["CSV: Infinity", csv("0,1,bulk,Infinity"), "not-finite /line/2/rate_bps"],
    ["CSV: negative", csv("0,1,bulk,-1"), "negative /line/2/rate_bps"],
    ["CSV: beyond 2^53", csv("0,1,bulk,9007199254740992"), "out-of-range /line/2/rate_bps"],
    ["CSV: thousands separators", csv('0,1,bulk,"1,000"'), "wrong-type /line/2/rate_bps"],
    ["CSV: unknown class", csv("0,1,best,1"), "not-allowed /line/2/class"],
    ["CSV: unknown node", csv("0,7,bulk,1"), "dangling-reference /line/2/dst"],
    ["CSV: __proto__ as a node", csv("__proto__,1,bulk,1"), "dangling-reference /line/2/src"],
    ["CSV: to itself", csv("0,0,bulk,1"), "self-loop /line/2/dst"],
    ["CSV: twice", csv("0,1,bulk,1", "", "0,1,bulk,2"), "duplicate-id /line/4"],
    ["CSV: short row", csv("0,1,bulk"), "out-of-range /line/2"],
    ["CSV: open quote", csv('"0,1,bulk,1'), "malformed /line/2"],
    ["CSV: several faults", csv("0,1,bulk,-1", "0,9,bulk,1"), "negative /line/2/rate_bps", "dangling-reference /line/3/dst"],
    ["CSV: uneven intervals", "start_seconds,src,dst,rate_bps\n0,0,1,1\n60,0,1,1\n90,0,1,1", "out-of-range"],
    [
      "CSV: bandwidth function that falls",
      "src,dst,rate_bps,bandwidth_function\n0,1,9,0:0;1:5;2:4",
      "out-of-range /demands/0/bandwidthFunction/points/2/rateBps",
    ],

    ["NDJSON: broken line", '{"src":"0","dst":"1","rateBps":1}\n{"src":', "malformed /line/2"],
    ["NDJSON: text for a rate", '{"src":"0","dst":"1","rateBps":"1"}', "wrong-type /line/1/rateBps"],
    ["NDJSON: 1e999", '{"src":"0","dst":"1","rateBps":1e999}', "not-finite /line/1/rateBps"],
    ["NDJSON: unknown field", '{"src":"0","dst":"1","rateBps":1,"x":1}', "unknown-field /line/1/x"],
    ["NDJSON: unknown node", '{"src":"0","dst":"5","rateBps":1}', "dangling-reference /line/1/dst"],

    ["own matrix: unknown node", matrix({ src: "0", dst: "8", trafficClass: "bulk", rateBps: 1 }), "dangling-reference /demands/0/dst"],
    ["own matrix: unknown class", matrix({ src: "0", dst: "1", trafficClass: "best", rateBps: 1 }), "not-allowed /demands/0/trafficClass"],
    ["own matrix: negative", matrix({ src: "0", dst: "1", trafficClass: "bulk", rateBps: -1 }), "negative /demands/0/rateBps"],
    ["own series: ragged", series({ ratesBps: [[1], [1, 2]] }), "out-of-range /ratesBps/1"],
    [
      "own series: unknown node",
      series({ flowGroups: [{ src: "0", dst: "8", trafficClass: "bulk" }] }),
      "dangling-reference /flowGroups/0/dst",
    ],
    ["own series: no interval", series({ intervalSeconds: 0 }), "out-of-range /intervalSeconds"],

    ["matrix: wrong width", "1 2 3 4\n", "out-of-range /line/1"],
    ["matrix: ragged", "0 1 1\n1 0\n1 1 0\n", "out-of-range /line/2"],
    ["matrix: too few rows", "0 1 1\n1 0 1\n", "out-of-range /line/3"],
    ["matrix: negative", "0 1 1\n1 0 -1\n1 1 0\n", "negative /line/2/3"],
    ["matrix: nan", "0 1 1\n1 0 nan\n1 1 0\n", "not-finite /line/2/3"],
    ["matrix: hexadecimal", "0 1 1\n1 0 0x10\n1 1 0\n", "wrong-type /line/2/3"],
    ["matrix: 1e999", "0 1 1\n1 0 1e999\n1 1 0\n", "not-finite /line/2/3"],

    ["SNDlib: negative", sndlib("0 ( 1 2 )", "", "D ( 0 1 ) 1 -5 UNLIMITED"), "negative /line/9/demand_value"],
    ["REPETITA: unknown node", "DEMANDS 1\nlabel src dest bw\nd 0 9 5\n", "dangling-reference /line/3/dst"],
    ["REPETITA: wrong count", "DEMANDS 2\nlabel src dest bw\nd 0 1 5\n", "out-of-range /line/1"],
    ["TopoHub: no demands", nodeLink('{"source":0,"target":1}'), "missing-field /graph/demands"],
  ])("%s", (_what, text, ...refused) => {
    expect(refusals(readDemands(bytes(text), triangle(), options))).toEqual(refused);
  });

  it("binary matrices of the wrong length or with numbers that are none", () => {
    const floats = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);
    expect(refusals(readDemands(new Uint8Array(35), triangle(), options))).toEqual(["out-of-range /length"]);
    expect(refusals(readDemands(floats([0, Number.NaN, 0, 0, 0, -1, Infinity, 1e30, 0]), triangle(), options))).toEqual([
      "not-finite /row/0/column/1",
      "negative /row/1/column/2",
      "not-finite /row/2/column/0",
      "out-of-range /row/2/column/1",
    ]);
    expect(refusals(readDemands(floats(Array.from({ length: 9 }, () => 0)), triangle(), { ...options, dtype: "f64" }))).toEqual([
      "out-of-range /length",
    ]);
  });

  it("a node order that is none", () => {
    const nodeOrder = ["0", "1", "1"] as unknown as NonNullable<ReadOptions["nodeOrder"]>;
    expect(refusals(readDemands(bytes("0 1 1\n1 0 1\n1 1 0"), triangle(), { ...options, nodeOrder }))).toEqual(["not-allowed /nodeOrder"]);
  });
});

describe("tunnels", () => {
  const list = (pair: object) => JSON.stringify({ kind: "tunnels", tunnels: [pair] });

  it.each<[what: string, text: string, ...refused: string[]]>([
    ["an empty file", "", "unknown-format"],
    ["prose", "hello", "unknown-format"],
    ["peer-bench: no colon", "0 1:0,1\n0 2", "malformed /line/2"],
    ["peer-bench: unknown source", "7 1:0,1", "dangling-reference /line/1/src"],
    ["peer-bench: unknown node on the way", "0 2:0,7,2", "dangling-reference /line/1/path/1"],
    ["peer-bench: no link", "0 2:0,1,2;0,2", "dangling-reference /line/1/path/2"],
    ["peer-bench: wrong start", "0 2:1,2", "not-allowed /line/1/path/1"],
    ["peer-bench: wrong end", "0 2:0,1", "not-allowed /line/1/path/1"],
    ["peer-bench: a loop", "0 2:0,1,0,1,2", "not-allowed /line/1/path/1"],
    ["peer-bench: a leading zero", "0 2:0,01,2", "dangling-reference /line/1/path/1"],
    ["peer-bench: an empty path", "0 2:0,1,2;;0,1,2", "dangling-reference /line/1/path/2"],
    ["peer-bench: a pair twice", "0 1:0,1\n0 1:0,1", "duplicate-id /line/2"],
    ["peer-bench: too many paths", `0 1:${Array.from({ length: 257 }, () => "0,1").join(";")}`, "too-many /line/1"],
    ["own: unknown link", list({ src: "0", dst: "1", paths: [["x"]] }), "dangling-reference /tunnels/0/paths/0/0"],
    ["own: links that do not join", list({ src: "0", dst: "2", paths: [["1-2"]] }), "not-allowed /tunnels/0/paths/0/0"],
    ["own: wrong end", list({ src: "0", dst: "2", paths: [["0-1"]] }), "not-allowed /tunnels/0/paths/0"],
    ["own: a loop", list({ src: "0", dst: "1", paths: [["0-1", "1-0", "0-1"]] }), "not-allowed /tunnels/0/paths/0/1"],
    ["own: empty path", list({ src: "0", dst: "1", paths: [[]] }), "out-of-range /tunnels/0/paths/0"],
    ["own: unknown field", list({ src: "0", dst: "1", paths: [], x: 1 }), "unknown-field /tunnels/0/x"],
  ])("%s", (_what, text, ...refused) => {
    const found = refusals(readTunnels(bytes(text), triangle(), options));
    expect(found.slice(0, refused.length)).toEqual(refused);
  });
});
