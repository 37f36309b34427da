import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTopology, type LinkId, type NodeId, type Path, type Topology, type TunnelPolicy } from "@sluice/model";
import { germany50, hasGermany50 } from "../testing/germany50.js";
import { arbitraryTopology, everyPath, nodeName } from "../testing/small-network.js";
import { candidateTunnels } from "./candidate-tunnels.js";

function pathsBetween(topology: Topology, src: NodeId, dst: NodeId, policy: TunnelPolicy): readonly Path[] {
  return candidateTunnels(topology, [{ src, dst }], policy).pairs.get(`${src}>${dst}`) ?? [];
}

function indices(topology: Topology, path: Path): number[] {
  return path.map((id: LinkId) => topology.links.findIndex((link) => link.id === id));
}

function total(topology: Topology, path: readonly number[], field: "metric" | "latencyMs"): number {
  return path.reduce((sum, link) => sum + (topology.links[link]?.[field] ?? 0), 0);
}

function inOrder(topology: Topology, paths: readonly number[][]): number[][] {
  return [...paths].sort((a, b) => {
    const byMetric = total(topology, a, "metric") - total(topology, b, "metric");
    if (byMetric !== 0) return byMetric;
    if (a.length !== b.length) return a.length - b.length;
    const at = a.findIndex((link, i) => link !== b[i]);
    return (a[at] ?? 0) - (b[at] ?? 0);
  });
}

/** Most sets of pairwise compatible paths, by trying all. */
function bestSet(
  paths: readonly number[][],
  compatible: (a: number[], b: number[]) => boolean,
  weight: (path: number[]) => number,
  k: number,
) {
  let best = { count: 0, weight: 0 };
  const extend = (chosen: number[][], rest: readonly number[][]): void => {
    const sum = chosen.reduce((part, path) => part + weight(path), 0);
    if (chosen.length > best.count || (chosen.length === best.count && sum < best.weight)) best = { count: chosen.length, weight: sum };
    if (chosen.length === k) return;
    rest.forEach((path, i) => {
      if (chosen.every((other) => compatible(path, other))) extend([...chosen, path], rest.slice(i + 1));
    });
  };
  extend([], paths);
  return best;
}

const arbitraryCase = fc.record({
  topology: arbitraryTopology({ nodesMax: 6, linksMax: 13 }),
  dst: fc.integer({ min: 1, max: 5 }),
  k: fc.integer({ min: 1, max: 5 }),
});

function ends(topology: Topology, dst: number): [NodeId, NodeId] {
  return [nodeName(0), nodeName(Math.min(dst, topology.nodes.length - 1))];
}

function shareRisk(topology: Topology, a: readonly number[], b: readonly number[]): boolean {
  const srlgs = new Set(a.flatMap((link) => topology.links[link]?.srlgIds ?? []));
  return b.some((link) => (topology.links[link]?.srlgIds ?? []).some((id) => srlgs.has(id)));
}

describe("k-shortest", () => {
  it("is the first k of all loopless paths in the order of metric, hops, link ids", () => {
    fc.assert(
      fc.property(arbitraryCase, fc.integer({ min: 0, max: 8 }), ({ topology, dst }, k) => {
        const [from, to] = ends(topology, dst);
        const found = pathsBetween(topology, from, to, { kind: "k-shortest", k: k + 1 });
        expect(found.map((path) => indices(topology, path))).toEqual(inOrder(topology, everyPath(topology, from, to)).slice(0, k + 1));
      }),
      { numRuns: 600 },
    );
  });

  it("keeps the latency bound and still gives the first k of the paths within it", () => {
    fc.assert(
      fc.property(arbitraryCase, fc.integer({ min: 0, max: 25 }), ({ topology, dst, k }, latencyMsMax) => {
        const [from, to] = ends(topology, dst);
        const found = pathsBetween(topology, from, to, { kind: "k-shortest", k, latencyMsMax });
        const within = everyPath(topology, from, to).filter((path) => total(topology, path, "latencyMs") <= latencyMsMax);
        expect(found.map((path) => indices(topology, path))).toEqual(inOrder(topology, within).slice(0, k));
      }),
      { numRuns: 300 },
    );
  });

  it("gives as many paths within the bound as asked for, where hundreds of shorter ones break it", () => {
    // Ten diamonds in a row: 1,024 paths of metric 0 and 10 ms; a chain beside them of metric 1 and 1 ms each.
    //    /--\  /--\
    //  a      b      c ...     each diamond: two slow links of metric 0 in parallel, one fast link of metric 1
    //    \--/  \--/
    const links = Array.from({ length: 10 }, (_, i) => [
      { id: `slow-a${i}`, metric: 0, latencyMs: 10, i },
      { id: `slow-b${i}`, metric: 0, latencyMs: 10, i },
      { id: `fast${i}`, metric: 1, latencyMs: 1, i },
    ]).flat();
    const topology = parseTopology({
      name: "diamonds",
      nodes: Array.from({ length: 11 }, (_, i) => ({ id: `d${i}` })),
      links: links.map(({ id, metric, latencyMs, i }) => ({ id, from: `d${i}`, to: `d${i + 1}`, capacityBps: 1, metric, latencyMs })),
    });
    if (!topology.ok) throw new Error("unreachable");
    const found = candidateTunnels(topology.value, [{ src: "d0" as NodeId, dst: "d10" as NodeId }], {
      kind: "k-shortest",
      k: 3,
      latencyMsMax: 55,
    });
    const paths = found.pairs.get("d0>d10") ?? [];
    expect(paths).toHaveLength(3);
    for (const path of paths) expect(total(topology.value, indices(topology.value, path), "latencyMs")).toBeLessThanOrEqual(55);
  });
});

describe("edge-disjoint", () => {
  it("is the largest set of link-disjoint paths, of least total metric", () => {
    fc.assert(
      fc.property(arbitraryCase, ({ topology, dst, k }) => {
        const [from, to] = ends(topology, dst);
        const found = pathsBetween(topology, from, to, { kind: "edge-disjoint", k }).map((path) => indices(topology, path));
        const every = everyPath(topology, from, to);
        const asText = new Set(every.map((path) => path.join()));
        const best = bestSet(
          every,
          (a, b) => !a.some((link) => b.includes(link)),
          (path) => total(topology, path, "metric"),
          k,
        );
        expect(found.every((path) => asText.has(path.join()))).toBe(true);
        expect(new Set(found.flat()).size).toBe(found.flat().length);
        expect(found.length).toBe(best.count);
        expect(found.reduce((sum, path) => sum + total(topology, path, "metric"), 0)).toBe(best.weight);
      }),
      { numRuns: 400 },
    );
  });

  it("gives up the shortest path where it is a trap", () => {
    //  s - a - b - t is shortest, and blocks both s - a - t and s - b - t.
    const topology = parseTopology({
      name: "trap",
      nodes: ["a", "b", "s", "t"].map((id) => ({ id })),
      links: [
        ["s", "a", 1],
        ["a", "b", 1],
        ["b", "t", 1],
        ["s", "b", 5],
        ["a", "t", 5],
      ].map(([from, to, metric]) => ({
        id: `${from}${to}`,
        from: String(from),
        to: String(to),
        metric: Number(metric),
        capacityBps: 1,
        latencyMs: 1,
      })),
    });
    if (!topology.ok) throw new Error("unreachable");
    const paths = candidateTunnels(topology.value, [{ src: "s" as NodeId, dst: "t" as NodeId }], { kind: "edge-disjoint", k: 2 }).pairs.get(
      "s>t",
    );
    expect(paths).toEqual([
      ["sa", "at"],
      ["sb", "bt"],
    ]);
  });

  it("keeps the latency bound, with at least one path wherever there is one", () => {
    fc.assert(
      fc.property(arbitraryCase, fc.integer({ min: 0, max: 25 }), ({ topology, dst, k }, latencyMsMax) => {
        const [from, to] = ends(topology, dst);
        for (const kind of ["edge-disjoint", "srlg-disjoint"] as const) {
          const found = pathsBetween(topology, from, to, { kind, k, latencyMsMax }).map((path) => indices(topology, path));
          const within = everyPath(topology, from, to).filter((path) => total(topology, path, "latencyMs") <= latencyMsMax);
          expect(found.length > 0).toBe(within.length > 0);
          for (const path of found) expect(total(topology, path, "latencyMs")).toBeLessThanOrEqual(latencyMsMax);
          expect(new Set(found.flat()).size).toBe(found.flat().length);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("srlg-disjoint", () => {
  it("finds the way around where dozens of shorter paths share one risk", () => {
    // Forty parallel links in one duct, and one dear link of its own.
    const duct = Array.from({ length: 40 }, (_, i) => ({ id: `duct${String(i).padStart(2, "0")}`, metric: 1 + i, srlgIds: ["duct"] }));
    const topology = parseTopology({
      name: "duct",
      nodes: [{ id: "s" }, { id: "t" }],
      links: [...duct, { id: "own", metric: 1000, srlgIds: [] }].map((link) => ({
        ...link,
        from: "s",
        to: "t",
        capacityBps: 1,
        latencyMs: 1,
      })),
    });
    if (!topology.ok) throw new Error("unreachable");
    const paths = candidateTunnels(topology.value, [{ src: "s" as NodeId, dst: "t" as NodeId }], { kind: "srlg-disjoint", k: 3 }).pairs.get(
      "s>t",
    );
    expect(paths).toEqual([["duct00"], ["own"]]);
  });

  it("is the largest set of paths that share no link and no SRLG, of least total metric, on networks this small", () => {
    fc.assert(
      fc.property(arbitraryCase, ({ topology, dst, k }) => {
        const [from, to] = ends(topology, dst);
        const every = everyPath(topology, from, to);
        const compatible = (a: number[], b: number[]): boolean => !a.some((link) => b.includes(link)) && !shareRisk(topology, a, b);
        const found = pathsBetween(topology, from, to, { kind: "srlg-disjoint", k }).map((path) => indices(topology, path));
        found.forEach((path, i) => {
          for (const other of found.slice(0, i)) expect(compatible(path, other)).toBe(true);
        });
        // Up to 32 paths the pool holds them all, and the answer is exact.
        if (every.length > 32) return;
        const best = bestSet(every, compatible, (path) => total(topology, path, "metric"), k);
        expect(found.length).toBe(best.count);
        expect(found.reduce((sum, path) => sum + total(topology, path, "metric"), 0)).toBe(best.weight);
      }),
      { numRuns: 400 },
    );
  });
});

describe.skipIf(!hasGermany50)(`germany50${hasGermany50 ? "" : " (skipped: the shared data is not here)"}`, () => {
  const snapshot = hasGermany50 ? germany50({ capacityBps: 1e9, demandScale: 1 }) : undefined;

  it("has k = 4 paths for all 2,450 pairs, each one a path, none twice", () => {
    const topology = snapshot === undefined ? undefined : parseTopology(snapshot.topology);
    if (topology?.ok !== true) throw new Error("germany50 is a topology");
    for (const kind of ["k-shortest", "edge-disjoint", "srlg-disjoint"] as const) {
      const { pairs } = candidateTunnels(topology.value, snapshot?.demands.demands ?? [], { kind, k: 4 });
      expect(pairs.size).toBe(2450);
      for (const [pair, paths] of pairs) {
        const [src, dst] = pair.split(">");
        expect(new Set(paths.map((path) => path.join())).size).toBe(paths.length);
        expect(paths.length).toBeGreaterThanOrEqual(kind === "k-shortest" ? 4 : 2);
        for (const path of paths) {
          const links = path.map((id) => topology.value.linkById.get(id));
          expect([links[0]?.from, links.at(-1)?.to]).toEqual([src, dst]);
          links.slice(1).forEach((link, i) => expect(link?.from).toBe(links[i]?.to));
        }
      }
    }
  });
});
