/** read(write(x)) = x, for random topologies and demands, in every format that is written. */
import {
  buildDemandMatrix,
  buildTopology,
  compareFlowGroups,
  idLengthMax,
  isId,
  rateBpsMax,
  toId,
  topologyDocument,
  trafficClasses,
  type BandwidthFunction,
  type DemandMatrix,
  type DemandSeries,
  type FlowGroup,
  type NodeId,
  type Result,
  type SiteId,
  type Topology,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDemands, readTopology, writeDemands, writeTopology } from "./index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

/** Ids as operators may choose them: formulas, separators, quotes, numbers, names that JavaScript knows. */
const idText = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
    fc.constantFrom(
      "__proto__",
      "constructor",
      "=1+1",
      "@SUM(A1)",
      "-x",
      "+1",
      "'quoted",
      "'=x",
      'a"b',
      "a,b",
      "a;b",
      "a|b",
      "1",
      "01",
      "1e3",
      "null",
      "true",
      "a>b",
      "a-b",
      "#x",
      "- y",
      "x: y",
      "~",
      "é",
      "\u{1F310}",
      "x".repeat(idLengthMax),
    ),
  )
  .filter(isId);

const number = (max: number) =>
  fc
    .oneof(
      fc.integer({ min: 0, max: Math.min(max, 2 ** 31) }),
      fc.double({ min: 0, max, noNaN: true }),
      fc.constantFrom(0, max, 1e9, 123_000_000_000, 0.1),
    )
    .map((x) => Math.min(x, max) + 0);

const state = { drain: fc.constantFrom("active", "drained"), operational: fc.constantFrom("up", "down") } as const;

const topology: fc.Arbitrary<Topology> = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name.trim() === name && name !== ""),
    siteIds: fc.uniqueArray(idText, { minLength: 1, maxLength: 4 }),
    nodeIds: fc.uniqueArray(idText, { minLength: 1, maxLength: 8 }),
    linkIds: fc.uniqueArray(idText, { maxLength: 12 }),
  })
  .chain(({ name, siteIds, nodeIds, linkIds }) =>
    fc
      .record({
        sites: fc.tuple(
          ...siteIds.map((id) =>
            fc.record(
              {
                id: fc.constant(toId<SiteId>(id)),
                name: fc.string({ minLength: 1, maxLength: 9 }),
                coordinates: fc.record({
                  latitudeDeg: fc.double({ min: -90, max: 90, noNaN: true }),
                  longitudeDeg: fc.double({ min: -180, max: 180, noNaN: true }),
                }),
              },
              { requiredKeys: ["id"] },
            ),
          ),
        ),
        nodes: fc.tuple(
          ...nodeIds.map((id) =>
            fc.record({
              id: fc.constant(toId<NodeId>(id)),
              siteId: fc.constantFrom(...siteIds.map((site) => toId<SiteId>(site))),
              ...state,
            }),
          ),
        ),
        links: fc.tuple(
          ...(nodeIds.length < 2 ? [] : linkIds).map((id) =>
            fc.record({
              id: fc.constant(toId<never>(id)),
              ends: fc.uniqueArray(fc.constantFrom(...nodeIds), { minLength: 2, maxLength: 2 }),
              capacityBps: number(rateBpsMax),
              latencyMs: number(60_000),
              metric: number(2 ** 32 - 1),
              srlgIds: fc.uniqueArray(idText, { maxLength: 3 }).map((ids) => ids.map((srlg) => toId<never>(srlg))),
              ...state,
            }),
          ),
        ),
      })
      .map(({ sites, nodes, links }) =>
        value(
          buildTopology({
            kind: "topology",
            name,
            sites,
            nodes: nodes.map((node, i) => ({ ...node, prefix: i % 2 === 0 ? `10.200.${i}.0/24` : `192.168.${i}.0/25` })),
            links: links.map(({ ends, ...link }) => ({ ...link, from: toId<NodeId>(ends[0] ?? ""), to: toId<NodeId>(ends[1] ?? "") })),
          } as never),
        ),
      ),
  );

/** Without negative zeros and fields that are undefined: what JSON can say. */
const plain = (document: unknown): unknown => JSON.parse(JSON.stringify(document)) as unknown;

interface Case {
  readonly topology: Topology;
  readonly matrix: DemandMatrix;
  readonly series: DemandSeries;
}

const points: fc.Arbitrary<BandwidthFunction> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 5 }),
    fc.array(number(1e12), { minLength: 5, maxLength: 5 }),
  )
  .map(([shares, rates]) => {
    const rising = [...rates].sort((a, b) => a - b);
    return { points: [...shares].sort((a, b) => a - b).map((fairShare, i) => ({ fairShare, rateBps: i === 0 ? 0 : (rising[i] ?? 0) })) };
  });

const demandCase: fc.Arbitrary<Case> = fc.uniqueArray(idText, { minLength: 2, maxLength: 5 }).chain((ids) => {
  const groups = ids.flatMap((src) =>
    ids
      .filter((dst) => dst !== src)
      .flatMap((dst) =>
        trafficClasses.map((trafficClass): FlowGroup => ({ src: toId<NodeId>(src), dst: toId<NodeId>(dst), trafficClass })),
      ),
  );
  const built = value(
    buildTopology({
      kind: "topology",
      name: "ends",
      sites: [],
      nodes: ids.map((id) => ({ id: toId<NodeId>(id), drain: "active", operational: "up" })),
      links: [],
    }),
  );
  return fc
    .record({
      chosen: fc.subarray(groups, { minLength: 1 }),
      rates: fc.array(fc.array(number(rateBpsMax), { minLength: groups.length, maxLength: groups.length }), { minLength: 2, maxLength: 4 }),
      shapes: fc.array(fc.option(points, { nil: undefined }), { minLength: groups.length, maxLength: groups.length }),
      intervalSeconds: fc.integer({ min: 1, max: 86_400 }),
    })
    .map(({ chosen, rates, shapes, intervalSeconds }) => {
      const flowGroups = [...chosen].sort(compareFlowGroups);
      const demands = flowGroups.map((group, i) => {
        const bandwidthFunction = shapes[i];
        return { ...group, rateBps: rates[0]?.[i] ?? 0, ...(bandwidthFunction === undefined ? {} : { bandwidthFunction }) };
      });
      return {
        topology: built,
        matrix: value(buildDemandMatrix("day", demands)),
        series: {
          kind: "demand-series" as const,
          name: "day",
          intervalSeconds,
          flowGroups,
          ratesBps: rates.map((row) => row.slice(0, flowGroups.length)),
        },
      };
    });
});

describe("read(write(x)) = x", () => {
  it.each(["sluice-json", "sluice-yaml", "node-link"] as const)("topologies as %s, without a note", (format) => {
    fc.assert(
      fc.property(topology, (original) => {
        const text = writeTopology(original, format);
        const read = value(readTopology(bytes(text), { name: "file" }));
        expect(plain(topologyDocument(read.topology))).toEqual(plain(topologyDocument(original)));
        expect(read.notes).toEqual([]);
        expect(writeTopology(read.topology, format)).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  it.each(["sluice-json", "csv", "ndjson"] as const)("matrices as %s", (format) => {
    fc.assert(
      fc.property(demandCase, ({ topology: ends, matrix }) => {
        const read = value(readDemands(bytes(writeDemands(matrix, format)), ends, { name: "day" }));
        expect(read.matrices).toEqual(matrix);
        expect(read.format).toBe(format);
        expect(read.notes).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it.each(["sluice-json", "csv", "ndjson"] as const)("series as %s", (format) => {
    fc.assert(
      fc.property(demandCase, ({ topology: ends, series }) => {
        const read = value(readDemands(bytes(writeDemands(series, format)), ends, { name: "day" }));
        expect(read.matrices).toEqual(series);
        expect(read.notes).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("writes no cell that a spreadsheet would run", () => {
    fc.assert(
      fc.property(demandCase, ({ matrix }) => {
        const cells = writeDemands(matrix, "csv")
          .split("\n")
          .flatMap((line) => line.split(","));
        expect(cells.filter((text) => /^"?[=+\-@\t\r]/.test(text))).toEqual([]);
      }),
    );
  });
});

describe("arbitrary bytes", () => {
  const network = value(
    buildTopology({
      kind: "topology",
      name: "pair",
      sites: [],
      nodes: ["0", "1"].map((id) => ({ id: toId<NodeId>(id), drain: "active", operational: "up" })),
      links: [],
    }),
  );
  const starts = [
    "",
    "{",
    "[",
    "<graphml>",
    "NODES 1\n",
    "DEMANDS 1\n",
    "Node_num: 1 Edge_num: 1\n",
    "?SNDlib native format\n",
    "src,dst,rate_bps\n",
    "0 1\n",
    "src\tdst\tindex\tcapacity\tfiberpath_index\n",
    "to_node\tfrom_node\tmetric\n",
    '{"nodes":[',
    "kind: topology\n",
  ];
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(fc.constantFrom(...starts), fc.string({ maxLength: 64 })).map(([start, rest]) => bytes(start + rest)),
  );

  it("are read or refused, never thrown upon", () => {
    const run = () =>
      fc.assert(
        fc.property(junk, (input) => {
          const results = [readTopology(input, { name: "x" }), readDemands(input, network, { name: "x" })];
          return results.every((result) => result.ok || result.faults.length > 0);
        }),
        { numRuns: 2000 },
      );
    expect(run).not.toThrow();
  });
});
