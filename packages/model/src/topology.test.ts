import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyTopologyChanges,
  canonicalJson,
  isId,
  isUsable,
  parseTopology,
  topologyDocument,
  type FaultCode,
  type Result,
  type Topology,
  type TopologyInput,
} from "./index.js";

/** a -- b -- c, each cable two links; d stands alone. */
const line: TopologyInput = {
  name: "line",
  nodes: [{ id: "a" }, { id: "b" }, { id: "c" }, { id: "d" }],
  links: [
    ["a", "b"],
    ["b", "a"],
    ["b", "c"],
    ["c", "b"],
  ].map(([from = "", to = ""]) => ({ id: `${from}->${to}`, from, to, capacityBps: 1e9, latencyMs: 1, metric: 1 })),
};

function built(result: Result<Topology>): Topology {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

/** A random multigraph with names of every printable kind. */
const topologyInput: fc.Arbitrary<TopologyInput> = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 12, unit: "binary" }).filter(isId), { minLength: 1, maxLength: 8 })
  .chain((ids) =>
    fc.record({
      name: fc.constant("random"),
      nodes: fc.constant(ids.map((id) => ({ id }))),
      links: fc
        .array(
          fc.record({
            ends: fc.tuple(fc.nat(ids.length - 1), fc.nat(ids.length - 1)),
            capacityBps: fc.double({ min: 0, max: 1e12, noNaN: true }),
            latencyMs: fc.double({ min: 0, max: 100, noNaN: true }),
            metric: fc.nat(1000),
            srlgIds: fc.array(fc.constantFrom("s1", "s2", "s3"), { maxLength: 3 }),
          }),
          { maxLength: 20 },
        )
        .map((links) =>
          links
            .filter(({ ends: [from, to] }) => from !== to)
            .map(({ ends: [from, to], ...rest }, i) => ({ id: `l${i}`, from: ids[from] ?? "", to: ids[to] ?? "", ...rest })),
        ),
    }),
  );

describe("topology", () => {
  it("is the same whatever the order of its parts, and survives its own document", () => {
    fc.assert(
      fc.property(topologyInput, (input) => {
        const topology = built(parseTopology(input));
        const reversed = built(parseTopology({ ...input, nodes: [...input.nodes].reverse(), links: [...input.links].reverse() }));
        expect(canonicalJson(topologyDocument(reversed))).toBe(canonicalJson(topologyDocument(topology)));
        const again = built(parseTopology(JSON.parse(JSON.stringify(topologyDocument(topology)))));
        expect(topologyDocument(again)).toEqual(topologyDocument(topology));
        expect(topology.graph.order).toBe(input.nodes.length);
        expect(topology.graph.size).toBe(input.links.length);
      }),
    );
  });

  it("accepts parallel links, disconnected parts and one node", () => {
    const parallel = built(
      parseTopology({ ...line, links: [...line.links, { ...line.links[0], id: "again" } as (typeof line.links)[number]] }),
    );
    expect(parallel.links).toHaveLength(5);
    expect(built(parseTopology(line)).graph.degree("d")).toBe(0);
    expect(built(parseTopology({ name: "one", nodes: [{ id: "only" }], links: [] })).nodes).toHaveLength(1);
  });

  const ab = line.links[0];
  const refused: readonly [string, unknown, FaultCode, string][] = [
    ["not an object", 3, "wrong-type", ""],
    ["no nodes", { name: "x", nodes: [], links: [] }, "out-of-range", "/nodes"],
    ["a missing list", { name: "x", nodes: [{ id: "a" }] }, "missing-field", "/links"],
    ["an unknown field", { ...line, colour: "red" }, "unknown-field", "/colour"],
    ["a duplicate node", { ...line, nodes: [...line.nodes, { id: "a" }] }, "duplicate-id", "/nodes/4/id"],
    ["a duplicate link", { ...line, links: [...line.links, ab] }, "duplicate-id", "/links/4/id"],
    ["a duplicate site", { ...line, sites: [{ id: "s" }, { id: "s" }] }, "duplicate-id", "/sites/1/id"],
    ["a dangling end", { ...line, links: [{ ...ab, to: "z" }] }, "dangling-reference", "/links/0/to"],
    [
      "a dangling site",
      { ...line, sites: [{ id: "s" }], nodes: [{ id: "a", siteId: "t" }], links: [] },
      "dangling-reference",
      "/nodes/0/siteId",
    ],
    ["a self-loop", { ...line, links: [{ ...ab, to: "a" }] }, "self-loop", "/links/0/to"],
    ["NaN capacity", { ...line, links: [{ ...ab, capacityBps: Number.NaN }] }, "not-finite", "/links/0/capacityBps"],
    ["infinite capacity", { ...line, links: [{ ...ab, capacityBps: Infinity }] }, "not-finite", "/links/0/capacityBps"],
    ["negative capacity", { ...line, links: [{ ...ab, capacityBps: -1 }] }, "negative", "/links/0/capacityBps"],
    ["capacity over 2^53", { ...line, links: [{ ...ab, capacityBps: 2 ** 53 + 2 }] }, "out-of-range", "/links/0/capacityBps"],
    ["null for a number", { ...line, links: [{ ...ab, metric: null }] }, "wrong-type", "/links/0/metric"],
    ["a number in a text", { ...line, links: [{ ...ab, metric: "1" }] }, "wrong-type", "/links/0/metric"],
    ["negative latency", { ...line, links: [{ ...ab, latencyMs: -0.1 }] }, "negative", "/links/0/latencyMs"],
    ["an unknown state", { ...line, links: [{ ...ab, drain: "maybe" }] }, "not-allowed", "/links/0/drain"],
    ["a control character in an id", { ...line, nodes: [{ id: "a\nb" }] }, "malformed", "/nodes/0/id"],
    [
      "a latitude out of range",
      { ...line, sites: [{ id: "s", coordinates: { latitudeDeg: 91, longitudeDeg: 0 } }] },
      "out-of-range",
      "/sites/0/coordinates/latitudeDeg",
    ],
    ["a prefix with host bits", { ...line, nodes: [{ id: "a", prefix: "10.0.0.1/24" }], links: [] }, "malformed", "/nodes/0/prefix"],
    [
      "overlapping prefixes",
      {
        ...line,
        nodes: [
          { id: "a", prefix: "10.0.0.0/16" },
          { id: "b", prefix: "10.0.3.0/24" },
        ],
        links: [],
      },
      "not-allowed",
      "/nodes/1/prefix",
    ],
  ];
  it.each(refused)("refuses %s", (_name, value, code, pointer) => {
    const result = parseTopology(value);
    expect(result.ok ? [] : result.faults).toContainEqual(expect.objectContaining({ code, pointer }));
  });

  it.each(Object.getOwnPropertyNames(Object.prototype))("refuses the name %s, which every object has, and touches no prototype", (name) => {
    const link = { capacityBps: 1, latencyMs: 1, metric: 1 };
    const links = [
      { id: "1", from: "b", to: name, ...link },
      { id: "2", from: name, to: "b", ...link },
      { id: "3", from: "b", to: name, ...link },
    ];
    const before = Object.getOwnPropertyNames(Object.prototype);
    const result = parseTopology({ name: "p", nodes: [{ id: name }, { id: "b" }], links });
    expect(result.ok ? [] : result.faults).toContainEqual(expect.objectContaining({ code: "malformed", pointer: "/nodes/0/id" }));
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  it("gives default prefixes around given ones, and never overlapping", () => {
    const given = fc.uniqueArray(fc.nat(40), { maxLength: 10 });
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 40 }), (taken, more) => {
        const nodes = [
          ...taken.map((n) => ({ id: `g${n}`, prefix: `10.0.${n}.0/24` })),
          ...Array.from({ length: more }, (_, i) => ({ id: `n${i}` })),
        ];
        const topology = built(parseTopology({ name: "p", nodes, links: [] }));
        expect(new Set(topology.nodes.map((node) => node.prefix)).size).toBe(nodes.length);
        for (const n of taken) expect(topology.nodeById.get(`g${n}` as never)?.prefix).toBe(`10.0.${n}.0/24`);
      }),
    );
  });
});

describe("topology changes", () => {
  const topology = built(parseTopology(line));

  it("apply all or none", () => {
    const changed = built(
      applyTopologyChanges(topology, [
        { kind: "put-node", node: { id: "e" } },
        { kind: "put-link", link: { id: "d->e", from: "d", to: "e", capacityBps: 5, latencyMs: 1, metric: 1 } },
        { kind: "set-link-state", linkId: "a->b", operational: "down" },
        { kind: "set-node-state", nodeId: "c", drain: "drained" },
      ]),
    );
    const usable = changed.links.filter((each) => isUsable(changed, each)).map((each) => each.id);
    expect(usable).toEqual(["b->a", "d->e"]);

    const refusedAll = applyTopologyChanges(topology, [
      { kind: "put-node", node: { id: "e" } },
      { kind: "remove-link", linkId: "nowhere" },
    ]);
    expect(refusedAll.ok ? [] : refusedAll.faults).toEqual([expect.objectContaining({ code: "not-found", pointer: "/changes/1/linkId" })]);
    expect(topology.nodes).toHaveLength(4);
  });

  it("never move another node's prefix", () => {
    const before = topology.nodeById.get("d" as never)?.prefix;
    const changed = built(
      applyTopologyChanges(topology, [
        { kind: "remove-node", nodeId: "d" },
        { kind: "put-node", node: { id: "0" } },
      ]),
    );
    expect(changed.nodeById.get("b" as never)?.prefix).toBe(topology.nodeById.get("b" as never)?.prefix);
    expect(changed.nodeById.get("0" as never)?.prefix).toBe(before);
  });

  it("refuse to leave links without ends", () => {
    const result = applyTopologyChanges(topology, [{ kind: "remove-node", nodeId: "b" }]);
    expect(result.ok ? "" : result.faults[0].code).toBe("dangling-reference");
  });

  it("point into the list of changes when a field is bad", () => {
    const result = applyTopologyChanges(topology, [
      { kind: "put-link", link: { id: "x", from: "a", to: "c", capacityBps: Number.NaN, latencyMs: 0, metric: 0 } },
    ]);
    expect(result.ok ? [] : result.faults).toEqual([
      expect.objectContaining({ code: "not-finite", pointer: "/changes/0/link/capacityBps" }),
    ]);
  });
});
