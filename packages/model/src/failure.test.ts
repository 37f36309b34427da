import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  admit,
  bypassId,
  cablesOf,
  failureKinds,
  failureScenarios,
  guaranteeOf,
  isProtecting,
  isUsable,
  pairScenario,
  parseTopology,
  planSettingsSchema,
  planSettingsDefault,
  buildTopology,
  protectionDefault,
  protectionOf,
  protectionSettingsSchema,
  topologyDocument,
  topologyUnder,
  tunnelId,
  unprotected,
  type FailureScenario,
  type Path,
  type Topology,
} from "./index.js";

type LinkText = readonly [id: string, ends: string, srlgs?: string, gbps?: number, latencyMs?: number];

/** Links as id, `a>b`, SRLGs with commas between them, Gb/s, ms. */
function network(links: readonly LinkText[], nodes = "a b c d"): Topology {
  const topology = parseTopology({
    name: "failures",
    nodes: nodes.split(" ").map((id) => ({ id })),
    links: links.map(([id, ends, srlgs = "", gbps = 10, latencyMs = 1]) => {
      const [from = "", to = ""] = ends.split(">");
      return { id, from, to, capacityBps: gbps * 1e9, latencyMs, metric: 1, srlgIds: srlgs.split(",").filter((srlg) => srlg !== "") };
    }),
  });
  if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
  return topology.value;
}

const cablesBy = (links: readonly LinkText[]): readonly string[] => cablesOf(network(links)).map(({ linkIds }) => linkIds.join("+"));

const arbitraryNetwork: fc.Arbitrary<Topology> = fc
  .array(
    fc.record({
      from: fc.integer({ min: 0, max: 3 }),
      step: fc.integer({ min: 1, max: 3 }),
      srlgs: fc.uniqueArray(fc.constantFrom("x", "y", "z"), { maxLength: 2 }),
      gbps: fc.integer({ min: 1, max: 2 }),
      latencyMs: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 14 },
  )
  .map((links) =>
    network(
      links.map(({ from, step, srlgs, gbps, latencyMs }, i) => [
        `l${String(i).padStart(2, "0")}`,
        `${"abcd"[from] ?? ""}>${"abcd"[(from + step) % 4] ?? ""}`,
        srlgs.join(","),
        gbps,
        latencyMs,
      ]),
    ),
  );

describe("cablesOf", () => {
  it("pairs links with their opposites, and leaves links without one alone", () => {
    expect(
      cablesBy([
        ["1", "a>b"],
        ["2", "b>a"],
        ["3", "b>c"],
        ["4", "c>a"],
        ["5", "a>b"],
      ]),
    ).toEqual(["1+2", "3", "4", "5"]);
  });

  it("pairs parallel links by their SRLGs, then capacity, then latency, then id", () => {
    expect(
      cablesBy([
        ["1", "a>b", "x"],
        ["2", "a>b", "y"],
        ["3", "b>a", "y"],
        ["4", "b>a", "x"],
      ]),
    ).toEqual(["1+4", "2+3"]);
    expect(
      cablesBy([
        ["1", "a>b", "", 10, 1],
        ["2", "a>b", "", 40, 2],
        ["3", "b>a", "", 40, 1],
        ["4", "b>a", "", 10, 2],
      ]),
    ).toEqual(["1+4", "2+3"]);
    expect(
      cablesBy([
        ["1", "a>b"],
        ["2", "a>b"],
        ["3", "b>a"],
        ["4", "b>a"],
      ]),
    ).toEqual(["1+3", "2+4"]);
  });

  it("does not take a link's own counterpart from it for one that comes first", () => {
    expect(
      cablesBy([
        ["1", "a>b"],
        ["2", "a>b", "x"],
        ["3", "b>a", "x"],
      ]),
    ).toEqual(["1", "2+3"]);
  });

  it("has each link once, whatever the order of the links, and pairs as many as it can, the most alike first", () => {
    fc.assert(
      fc.property(arbitraryNetwork, fc.infiniteStream(fc.nat()), (topology, numbers) => {
        const cables = cablesOf(topology);
        expect(cables.flatMap(({ linkIds }) => linkIds).sort()).toEqual(topology.links.map(({ id }) => id));
        expect(cables.map(({ id }) => id)).toEqual(cables.map(({ linkIds }) => linkIds[0]).sort());
        const shuffled = topology.links.map((link) => ({ link, at: numbers.next().value ?? 0 })).sort((a, b) => a.at - b.at);
        expect(cablesOf({ links: shuffled.map(({ link }) => link) })).toEqual(cables);

        const unlike = (a: string, b: string): number => {
          const [one, other] = [a, b].map((id) => topology.links.find((link) => link.id === id));
          if (one === undefined || other === undefined) return Infinity;
          if (one.from !== other.to || one.to !== other.from) return Infinity;
          const isSame = [
            one.srlgIds.join() === other.srlgIds.join(),
            one.capacityBps === other.capacityBps,
            one.latencyMs === other.latencyMs,
          ];
          return isSame.reduce((sum, same, i) => sum + (same ? 0 : 2 ** (2 - i)), 0);
        };
        const of = new Map(cables.flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds])));
        const worth = (id: string): number => {
          const [a = "", b = ""] = of.get(id as never) ?? [];
          return b === "" ? Infinity : unlike(a, b);
        };
        for (const { linkIds } of cables) expect(linkIds.length === 1 || worth(linkIds[0] ?? "") < Infinity).toBe(true);
        // Nobody would rather have each other than what they have.
        for (const one of topology.links) {
          for (const other of topology.links) {
            const both = unlike(one.id, other.id);
            expect(both < worth(one.id) && both < worth(other.id)).toBe(false);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("takes a hundred thousand parallel links", () => {
    const links = Array.from({ length: 100_000 }, (_, i) => ({
      ...one,
      id: `l${i}` as never,
      ...(i % 2 === 0 ? {} : { from: one.to, to: one.from }),
    }));
    expect(cablesOf({ links })).toHaveLength(50_000);
  });
});

const [one] = network([["1", "a>b"]]).links as [Topology["links"][number]];

// a ==x== b ==x,y== c, and d alone
const chain = network([
  ["ab", "a>b", "x"],
  ["ba", "b>a", "x"],
  ["bc", "b>c", "x,y"],
  ["cb", "c>b", "x,y"],
]);

const drain = (name: string, nodeIds: readonly string[], linkIds: readonly string[] = []) => ({
  name,
  nodeIds: nodeIds as never[],
  linkIds: linkIds as never[],
});

describe("failureScenarios", () => {
  it("lists cables, nodes, SRLGs and drains in this order, each by id, whatever order was asked for", () => {
    const all = failureScenarios(chain, ["srlg", "node", "link"], [drain("z", ["a", "a", "c"]), drain("m", [], ["ab", "ab"])]);
    expect(all.map(({ id, linkIds, nodeIds }) => `${id} ${linkIds.join(",")} ${nodeIds.join(",")}`)).toEqual([
      "link:ab ab,ba ",
      "link:bc bc,cb ",
      "node:a ab,ba a",
      "node:b ab,ba,bc,cb b",
      "node:c bc,cb c",
      "node:d  d",
      "srlg:x ab,ba,bc,cb ",
      "drain:z ab,ba,bc,cb a,c",
      "drain:m ab ",
    ]);
  });

  it("leaves out what takes nothing down, and what an earlier one takes down as well", () => {
    expect(failureScenarios(chain, [], [drain("none", []), drain("unknown", ["q"], ["q"])])).toEqual([]);
    const same = failureScenarios(chain, ["link", "srlg"], [drain("cut", [], ["ba", "ab"])]).map(({ id }) => id);
    expect(same).toEqual(["link:ab", "link:bc", "srlg:x"]);
    expect(failureScenarios(network([], "a"), failureKinds).map(({ id }) => id)).toEqual(["node:a"]);
  });

  it("is sorted, without doubles and of known elements, for every network", () => {
    fc.assert(
      fc.property(
        arbitraryNetwork,
        fc.subarray([...failureKinds]),
        fc.array(fc.subarray(["a", "b", "l00", "l03", "q"]), { maxLength: 3 }),
        (topology, kinds, drains) => {
          const named = drains.map((ids, i) => drain(`d${i}`, ids, ids));
          const scenarios = failureScenarios(topology, kinds, named);
          expect(new Set(scenarios.map(({ id }) => id)).size).toBe(scenarios.length);
          expect(new Set(scenarios.map(({ linkIds, nodeIds }) => JSON.stringify([linkIds, nodeIds]))).size).toBe(scenarios.length);
          for (const { linkIds, nodeIds } of scenarios) {
            expect(linkIds).toEqual([...new Set(linkIds)].sort());
            expect(nodeIds).toEqual([...new Set(nodeIds)].sort());
            expect(linkIds.every((id) => topology.linkById.has(id)) && nodeIds.every((id) => topology.nodeById.has(id))).toBe(true);
            for (const { id, from, to } of topology.links) {
              expect(linkIds.includes(id) || !(nodeIds.includes(from) || nodeIds.includes(to))).toBe(true);
            }
          }
          const unsorted = { nodes: [...topology.nodes].reverse(), links: [...topology.links].reverse() };
          expect(failureScenarios(unsorted, kinds, named)).toEqual(scenarios);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("scenarios", () => {
  const scenarios = failureScenarios(chain, failureKinds);
  const named = (id: string): FailureScenario =>
    scenarios.find((scenario) => scenario.id === id) ?? pairScenario(scenarios[0] as never, scenarios[0] as never);

  it("add up in pairs", () => {
    expect(pairScenario(named("link:bc"), named("node:a"))).toEqual({
      id: "link:bc+node:a",
      kind: "pair",
      linkIds: ["ab", "ba", "bc", "cb"],
      nodeIds: ["a"],
    });
  });

  it("take down what they name and nothing else, and leave the topology as it was", () => {
    for (const scenario of scenarios) {
      const before = topologyDocument(chain);
      const under = buildTopology(topologyUnder(chain, scenario));
      if (!under.ok) throw new Error(JSON.stringify(under.faults));
      expect(under.value.links.filter((link) => !isUsable(under.value, link)).map(({ id }) => id)).toEqual(scenario.linkIds);
      expect(under.value.nodes.filter(({ operational }) => operational === "down").map(({ id }) => id)).toEqual(scenario.nodeIds);
      expect(topologyDocument(chain)).toEqual(before);
    }
  });
});

describe("protection settings", () => {
  const codesOf = (settings: unknown): readonly string[] => {
    const admitted = admit(protectionSettingsSchema, settings);
    return admitted.ok ? [] : admitted.faults.map(({ code, pointer }) => `${code} ${pointer ?? ""}`);
  };
  const least = { guarantee: { kind: "none" }, localRepair: "none", scenarios: [] };

  it("have defaults that promise nothing, and are left out where a plan's settings leave them out", () => {
    expect(admit(protectionSettingsSchema, least)).toEqual({ ok: true, value: unprotected });
    expect(admit(planSettingsSchema, planSettingsDefault)).toEqual({ ok: true, value: planSettingsDefault });
    expect(protectionOf(planSettingsDefault)).toBe(unprotected);
    expect(admit(planSettingsSchema, { ...planSettingsDefault, protection: protectionDefault })).toMatchObject({
      ok: true,
      value: { protection: protectionDefault },
    });
  });

  it("promise one thing to all classes, or one to each", () => {
    const each = {
      interactive: { kind: "guaranteed", failures: 2 },
      elastic: { kind: "availability", target: 0.999 },
      bulk: { kind: "none" },
    } as const;
    expect(codesOf({ ...least, guarantee: each })).toEqual([]);
    expect(guaranteeOf({ ...unprotected, guarantee: each }, "elastic")).toEqual(each.elastic);
    expect(guaranteeOf(protectionDefault, "bulk")).toEqual({ kind: "protected" });
    expect([unprotected, protectionDefault, { ...unprotected, guarantee: each }].map(isProtecting)).toEqual([false, true, true]);
  });

  it.each<readonly [string, unknown]>([
    ["missing-field /guarantee", { ...least, guarantee: undefined }],
    ["wrong-type /guarantee", { ...least, guarantee: { interactive: { kind: "none" } } }],
    ["out-of-range /guarantee/failures", { ...least, guarantee: { kind: "guaranteed", failures: 4 } }],
    ["out-of-range /guarantee/target", { ...least, guarantee: { kind: "availability", target: 1 } }],
    ["not-allowed /localRepair", { ...least, localRepair: "path" }],
    ["not-allowed /scenarios/0", { ...least, scenarios: ["pair"] }],
    ["out-of-range /scenarios", { ...least, scenarios: ["link", "link", "link", "link"] }],
    ["out-of-range /failureProbability", { ...least, failureProbability: 0.6 }],
    ["unknown-field /bypass", { ...least, bypass: true }],
    ["malformed /drains", { ...least, drains: [drain("d", ["a"]), drain("d", ["b"])] }],
    ["malformed /drains/0/nodeIds/0", { ...least, drains: [drain("d", ["__proto__"])] }],
    ["out-of-range /drains", { ...least, drains: Array.from({ length: 257 }, (_, i) => drain(`d${i}`, [])) }],
  ])("are refused with %s", (code, settings) => {
    expect(codesOf(settings)).toContain(code);
  });
});

describe("bypassId", () => {
  it("depends on the protected link and the path, and is no tunnel's", () => {
    const path = ["b", "c"] as unknown as Path;
    const ids = [
      bypassId("a" as never, path),
      bypassId("b" as never, path),
      bypassId("a" as never, ["c", "b"] as unknown as Path),
      tunnelId(path),
    ];
    expect(new Set(ids).size).toBe(4);
    expect(bypassId("a" as never, path)).toBe(ids[0]);
    expect(ids.map((id) => id[0])).toEqual(["b", "b", "b", "t"]);
  });
});
