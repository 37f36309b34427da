import { buildTopology, parseTopology, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scenarioSet } from "./scenario-set.js";

function ring(count: number): Topology {
  const ids = Array.from({ length: count }, (_, i) => `n${i}`);
  const built = parseTopology({
    name: "ring",
    nodes: ids.map((id) => ({ id })),
    links: ids.flatMap((from, i) => {
      const to = ids[(i + 1) % count] ?? "";
      const cable = { capacityBps: 1e9, latencyMs: 1, metric: 1, srlgIds: [`cable-${i}`] };
      return [
        { id: `${from}-${to}`, from, to, ...cable },
        { id: `${to}-${from}`, from: to, to: from, ...cable },
      ];
    }),
  });
  if (!built.ok) throw new Error(built.faults[0].message);
  return built.value;
}

describe("the scenarios of a choice", () => {
  it("are every single failure once: an SRLG that is one cable is that cable", () => {
    const { scenarios } = scenarioSet(ring(4), { kinds: ["link", "node", "srlg"] });
    expect(scenarios.map(({ id }) => id)).toEqual([
      "link:n0-n1",
      "link:n0-n3",
      "link:n1-n2",
      "link:n2-n3",
      "node:n0",
      "node:n1",
      "node:n2",
      "node:n3",
    ]);
  });

  it("hold all pairs of cables where they fit, and say so", () => {
    const set = scenarioSet(ring(5), { kinds: [], pairs: { countMax: 10, seed: 1 } });
    expect(set.pairs).toEqual({ possible: 10, taken: 10, sampled: false, seed: 1 });
    expect(new Set(set.scenarios.map(({ id }) => id)).size).toBe(10);
    for (const { linkIds } of set.scenarios) expect(linkIds).toHaveLength(4);
  });

  it("are drawn without repetition, the same for the same seed, and evenly", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 30 }), fc.integer({ min: 1, max: 40 }), fc.nat(), (count, countMax, seed) => {
        const draw = () => scenarioSet(ring(count), { kinds: [], pairs: { countMax, seed } });
        const { scenarios, pairs } = draw();
        expect(scenarios).toHaveLength(Math.min(countMax, (count * (count - 1)) / 2));
        expect(new Set(scenarios.map(({ id }) => id)).size).toBe(scenarios.length);
        expect(pairs?.sampled).toBe(countMax < (count * (count - 1)) / 2);
        expect(draw().scenarios).toEqual(scenarios);
      }),
    );
    const hits = new Map<string, number>();
    for (let seed = 0; seed < 4_000; seed++) {
      for (const { id } of scenarioSet(ring(6), { kinds: [], pairs: { countMax: 3, seed } }).scenarios)
        hits.set(id, (hits.get(id) ?? 0) + 1);
    }
    // 15 pairs, 3 of them each time: 800 on average, with a standard deviation of 25.
    expect(hits.size).toBe(15);
    for (const count of hits.values()) expect(Math.abs(count - 800)).toBeLessThan(150);
  });

  it("name what an operator means to drain", () => {
    const topology = ring(4);
    const [first, second] = topology.nodes;
    const built = buildTopology(topology);
    if (!built.ok || first === undefined || second === undefined) throw new Error("a ring is a topology");
    const { scenarios } = scenarioSet(built.value, { kinds: [], drains: [{ name: "works", nodeIds: [first.id, second.id], linkIds: [] }] });
    expect(scenarios).toHaveLength(1);
    expect(scenarios[0]).toMatchObject({ id: "drain:works", kind: "drain", nodeIds: ["n0", "n1"] });
    expect(scenarios[0]?.linkIds).toHaveLength(6);
  });
});
