/** What each demand format gives, and what is inferred. */
import { gzipSync } from "node:zlib";
import { parseTopology, type DemandMatrix, type DemandSeries, type NodeId, type Result, type Topology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { matrixNodeOrder, readDemands, readTunnels, writeDemands, type ReadDemands, type ReadOptions } from "./index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

function network(ids: readonly string[], ends: readonly (readonly [id: string, from: string, to: string])[] = []): Topology {
  const links = ends.map(([id, from, to]) => ({ id, from, to, capacityBps: 1, latencyMs: 1, metric: 1 }));
  return value(parseTopology({ name: "net", nodes: ids.map((id) => ({ id })), links }));
}

const read = (input: string | Uint8Array, topology: Topology, more: Partial<ReadOptions> = {}): ReadDemands =>
  value(readDemands(typeof input === "string" ? bytes(input) : input, topology, { name: "file", ...more }));
const rowsOf = ({ matrices }: ReadDemands) =>
  (matrices as DemandMatrix).demands.map(({ src, dst, trafficClass, rateBps }) => [src, dst, trafficClass, rateBps]);
const notesOf = ({ notes }: ReadDemands) => notes.map(({ kind, what, count }) => `${kind}: ${what} (${count})`);

const pair = network(["a", "b"]);

describe("CSV", () => {
  it.each([
    ["commas", "src,dst,class,rate_bps\na,b,bulk,1.5e9\n"],
    ["semicolons", "src;dst;class;rate_bps\na;b;bulk;1500000000"],
    ["tabs and carriage returns", "src\tdst\tclass\trate_bps\r\na\tb\tbulk\t1500000000\r\n"],
    ["bars, blanks and blank lines", "\nsrc | dst | class | rate_bps\n\n a | b | bulk | +1500000000.0 \n\n"],
    ["quotes, upper case and another order", '\uFEFF"RATE_BPS","Class","dst","src"\n"1.5e9","bulk","b","a"\n'],
  ])("with %s", (_what, text) => {
    const found = read(text, pair);
    expect(found.format).toBe("csv");
    expect(rowsOf(found)).toEqual([["a", "b", "bulk", 1.5e9]]);
    expect(found.notes).toEqual([]);
  });

  it("without a class takes the options', or elastic, noted", () => {
    expect(rowsOf(read("src,dst,rate_bps\na,b,1", pair, { trafficClass: "bulk" }))).toEqual([["a", "b", "bulk", 1]]);
    const found = read("src,dst,rate_bps\na,b,1\nb,a,2", pair);
    expect(rowsOf(found)[0]?.[2]).toBe("elastic");
    expect(notesOf(found)).toEqual(["defaulted: traffic class not stated: elastic (2)"]);
  });

  it("with start_seconds is a series; what an interval does not name is 0", () => {
    const found = read("start_seconds,src,dst,class,rate_bps\n900,a,b,bulk,2\n0,a,b,bulk,1\n0,b,a,bulk,3\n", pair).matrices as DemandSeries;
    expect(found).toMatchObject({
      kind: "demand-series",
      intervalSeconds: 900,
      ratesBps: [
        [1, 3],
        [2, 0],
      ],
    });
  });

  it("shields ids from spreadsheets and takes the shield off", () => {
    const odd = network(["=cmd", "'=x"]);
    const text = writeDemands(
      { kind: "demand-matrix", name: "m", demands: [{ src: "=cmd" as NodeId, dst: "'=x" as NodeId, trafficClass: "bulk", rateBps: 1 }] },
      "csv",
    );
    expect(text.split("\n")[1]).toBe("'=cmd,''=x,bulk,1");
    expect(rowsOf(read(text, odd))).toEqual([["=cmd", "'=x", "bulk", 1]]);
  });
});

describe("matrices", () => {
  it("n lines of n numbers are one matrix; the diagonal is noted and dropped; zeros are no demands", () => {
    const found = read("5 1\n0 7\n", pair, { rateUnitBps: 1e3 });
    expect(found.format).toBe("matrix-text");
    expect(rowsOf(found)).toEqual([["a", "b", "elastic", 1e3]]);
    expect(notesOf(found)).toContain("ignored: demand of a node to itself (2)");
  });

  it("a line of n x n numbers is a matrix, more are a series, and so are more than n lines of n", () => {
    expect(read("0 1 2 0\n", pair).matrices.kind).toBe("demand-matrix");
    const week = read("0 1 2 0\n0 3 4 0\n", pair, { intervalSeconds: 300 }).matrices;
    const stacked = read("0 1\n2 0\n0 3\n4 0\n", pair, { intervalSeconds: 300 }).matrices;
    expect(week).toMatchObject({
      kind: "demand-series",
      intervalSeconds: 300,
      ratesBps: [
        [1, 2],
        [3, 4],
      ],
    });
    expect(stacked).toEqual(week);
  });

  it("rows follow the numbers in the ids, else the ids, else the order that the options give", () => {
    const order = (...ids: string[]) => matrixNodeOrder(network(ids));
    expect(order("10", "9", "2")).toEqual({ order: ["2", "9", "10"], numbered: true });
    expect(order("s10", "s9", "s2")).toEqual({ order: ["s2", "s9", "s10"], numbered: true });
    expect(order("s10", "t9")).toEqual({ order: ["s10", "t9"], numbered: false });
    expect(order("Oslo", "Bergen")).toEqual({ order: ["Bergen", "Oslo"], numbered: false });
    const found = read("0 1\n2 0", pair, { nodeOrder: ["b", "a"] as never });
    expect(rowsOf(found)).toEqual([
      ["a", "b", "elastic", 2],
      ["b", "a", "elastic", 1],
    ]);
  });

  it("binary ones are told by their length, gzipped or not, at any place in memory", () => {
    const wide = network(["0", "1", "2"]);
    const f32 = new Uint8Array(Float32Array.from([0, 0.5, 0, 0, 0, 2, 0, 0, 0]).buffer);
    const f64 = new Uint8Array(Float64Array.from([0, 0.1, 0, 0, 0, 2, 0, 0, 0]).buffer);
    const shifted = new Uint8Array(f32.length + 3);
    shifted.set(f32, 3);
    const expected = [
      ["0", "1", "elastic", 0.5e6],
      ["1", "2", "elastic", 2e6],
    ];
    expect(rowsOf(read(f32, wide))).toEqual(expected);
    expect(rowsOf(read(shifted.subarray(3), wide))).toEqual(expected);
    expect(rowsOf(read(gzipSync(f32), wide))).toEqual(expected);
    expect(read(f64, wide).format).toBe("matrix-f64");
    expect(rowsOf(read(f64, wide, { rateUnitBps: 10 }))[0]).toEqual(["0", "1", "elastic", 1]);
  });
});

describe("other formats", () => {
  it("NDJSON with a bandwidth function", () => {
    const found = read(
      '{"src":"a","dst":"b","trafficClass":"bulk","rateBps":5,"bandwidthFunction":{"points":[{"fairShare":0,"rateBps":0},{"fairShare":1,"rateBps":5}]}}\n\n{"src":"b","dst":"a","rateBps":1}\n',
      pair,
    );
    expect(found.format).toBe("ndjson");
    expect((found.matrices as DemandMatrix).demands[0]?.bandwidthFunction?.points).toHaveLength(2);
    expect(notesOf(found)).toEqual(["defaulted: traffic class not stated: elastic (1)"]);
  });

  it("REPETITA adds up several demands of a pair and says so", () => {
    const found = read("DEMANDS 2\nlabel src dest bw\nd0 0 1 5\nd1 0 1 7\n", network(["0", "1"]));
    expect(rowsOf(found)).toEqual([["0", "1", "elastic", 12e3]]);
    expect(notesOf(found)).toContain("inferred: several demands of a flow group added up (1)");
  });

  it("own matrix as YAML, own series as JSON", () => {
    expect(rowsOf(read("kind: demand-matrix\nname: m\ndemands:\n- {src: a, dst: b, trafficClass: bulk, rateBps: 1000}\n", pair))).toEqual([
      ["a", "b", "bulk", 1000],
    ]);
    const series =
      '{"name":"s","intervalSeconds":900,"flowGroups":[{"src":"a","dst":"b","trafficClass":"bulk"}],"ratesBps":[[1e6],[25e8]]}';
    expect(read(series, pair).matrices).toMatchObject({ kind: "demand-series", ratesBps: [[1e6], [2.5e9]] });
  });
});

describe("tunnels", () => {
  const square = network(
    ["a", "b", "c"],
    [
      ["a-b", "a", "b"],
      ["a-b#2", "a", "b"],
      ["b-c", "b", "c"],
    ],
  );

  it("peer-bench path sets take the lowest id of parallel links, and pairs without paths are kept", () => {
    const found = value(readTunnels(bytes("a c:a,b,c\r\na b:\n"), square, { name: "p" }));
    expect(found.tunnelsOf("a" as NodeId, "c" as NodeId)).toEqual([["a-b", "b-c"]]);
    expect([...found.paths]).toEqual([
      ["a>c", [["a-b", "b-c"]]],
      ["a>b", []],
    ]);
    expect(found.notes.map(({ kind }) => kind)).toEqual(["inferred"]);
    expect(found.tunnelsOf("c" as NodeId, "a" as NodeId)).toEqual([]);
  });

  it("own lists name links, as JSON or YAML", () => {
    const json = '{"kind":"tunnels","tunnels":[{"src":"a","dst":"b","paths":[["a-b#2"],["a-b"]]}]}';
    const yaml = "kind: tunnels\ntunnels:\n- src: a\n  dst: b\n  paths: [[a-b#2], [a-b]]\n";
    for (const text of [json, yaml]) {
      expect(value(readTunnels(bytes(text), square, { name: "p" })).paths.get("a>b")).toEqual([["a-b#2"], ["a-b"]]);
    }
  });

  it("finds pairs whose ids hold the character that parts them", () => {
    const odd = network(
      ["a", "a>b", "b", "b>b"],
      [
        ["x", "a>b", "b"],
        ["y", "a", "b"],
      ],
    );
    const text = '{"kind":"tunnels","tunnels":[{"src":"a>b","dst":"b","paths":[["x"]]}]}';
    const { paths } = value(readTunnels(bytes(text), odd, { name: "p" }));
    expect([paths.get("a>b>b"), paths.has("a>b"), paths.size]).toEqual([[["x"]], false, 1]);
  });
});
