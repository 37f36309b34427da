import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Problem } from "../problem.js";
import { buildMergedTrie, buildTrie, hasMerged, type MergedTrie } from "./path-trie.js";

interface DemandShape {
  readonly dst: number;
  readonly bps: number;
  readonly paths: readonly (readonly number[])[];
}

/** Tries ask nothing of how links hang together: any lists of links are paths. */
function problemOf(demands: readonly DemandShape[], nodeCount: number, capacityBps: readonly number[]): Problem {
  const paths = demands.flatMap((demand) => demand.paths);
  const linkCount = capacityBps.length;
  return {
    nodeCount,
    linkCount,
    linkFrom: new Int32Array(linkCount),
    linkTo: new Int32Array(linkCount),
    capacityBps: Float64Array.from(capacityBps),
    latencyMs: new Float64Array(linkCount),
    metric: new Float64Array(linkCount),
    demandCount: demands.length,
    demandBps: Float64Array.from(demands, ({ bps }) => bps),
    demandSrc: new Int32Array(demands.length),
    demandDst: Int32Array.from(demands, ({ dst }) => dst),
    bandwidthFunctions: [],
    pathCount: paths.length,
    pathStart: startsOf(demands.map((demand) => demand.paths.length)),
    linkStart: startsOf(paths.map((path) => path.length)),
    pathLinks: Int32Array.from(paths.flat()),
  };
}

function startsOf(counts: readonly number[]): Int32Array {
  const starts = new Int32Array(counts.length + 1);
  counts.forEach((count, i) => {
    starts[i + 1] = (starts[i] as number) + count;
  });
  return starts;
}

const linkCount = 6;
const nodeCount = 3;
/** Links from few, so that paths end alike and demands' paths share links. */
const path = fc.uniqueArray(fc.nat(linkCount - 1), { maxLength: linkCount });
const demand = fc.record({
  dst: fc.nat(nodeCount - 1),
  bps: fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 6, arbitrary: fc.double({ min: 0.1, max: 10, noNaN: true }) }),
  paths: fc.array(path, { maxLength: 4 }),
});
const capacity = fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 5, arbitrary: fc.double({ min: 1, max: 30, noNaN: true }) });
const problem = fc
  .tuple(fc.array(demand, { maxLength: 20 }), fc.array(capacity, { minLength: linkCount, maxLength: linkCount }))
  .map(([demands, capacityBps]) => problemOf(demands, nodeCount, capacityBps));

/** The links of every open path, as its trie has them. */
function linksOfPaths({ problem: { pathStart, pathCount }, groupCount, demandStart, demands, nodeStart, parent, link, leaf }: Trie) {
  const links: number[][] = Array.from({ length: pathCount }, () => []);
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    for (const d of demands.subarray(demandStart[g], demandStart[g + 1])) {
      for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
        for (let i = leaf[p] as number; i > 0; i = parent[base + i] as number) links[p]?.push(link[base + i] as number);
      }
    }
  }
  return links;
}

type Trie = ReturnType<typeof buildTrie>;

/**
 * Demands of 100 links without a pattern: a trie with more than 65 000 nodes, streams longer than a block, and what a block needs in
 * pieces far from each other.
 */
function largeProblem(): Problem {
  let state = 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const demands = Array.from({ length: 3000 }, (_, i) => ({
    dst: Math.max(0, (i % 8) - 3),
    bps: 1 + next(1000),
    paths: [0, 1].map(() => Array.from({ length: 50 }, () => next(5000))),
  }));
  return problemOf(
    demands,
    5,
    Array.from({ length: 5000 }, () => 1 + next(30_000)),
  );
}

/** Arrays of tries that are not the same to the bit. */
function different(a: Trie, b: Trie): readonly string[] {
  const names = ["nodeStart", "parent", "link", "demandStart", "demands", "leaf", "potentialBps", "contested"] as const;
  return names.filter((name) => !Buffer.from(a[name].buffer).equals(Buffer.from(b[name].buffer)));
}

describe("tries built by the compiled kernels", () => {
  it("are the plain ones to the bit", () => {
    fc.assert(
      fc.property(problem, fc.constantFrom(0, 1, 2), (drawn, fillable) => {
        expect(different(buildTrie(drawn, { fillable, kind: "wasm" }), buildTrie(drawn, { fillable, kind: "reference" }))).toEqual([]);
      }),
    );
  });

  it("are the plain ones for problems of several blocks, and groups of one destination", () => {
    const large = largeProblem();
    const tries = buildTrie(large, { fillable: 1, kind: "wasm" });
    expect(different(tries, buildTrie(large, { fillable: 1, kind: "reference" }))).toEqual([]);
    expect(tries.groupCount).toBeGreaterThan(5);
    const { pathLinks, linkStart } = large;
    const contested = Array.from({ length: large.pathCount }, (_, p) =>
      [...pathLinks.subarray(linkStart[p], linkStart[p + 1])].filter((e) => tries.contested[e] === 1),
    );
    expect(linksOfPaths(tries).flat().join()).toBe(contested.flat().join());
  });

  it("have the contested links of each open path, one node for those that end alike", () => {
    fc.assert(
      fc.property(problem, (drawn) => {
        const tries = buildTrie(drawn, { fillable: 1, kind: "wasm" });
        const links = linksOfPaths(tries);
        const suffixes = Array.from({ length: nodeCount }, () => new Set<string>());
        for (let d = 0; d < drawn.demandCount; d++) {
          for (let p = drawn.pathStart[d] as number; p < (drawn.pathStart[d + 1] as number); p++) {
            const whole = [...drawn.pathLinks.subarray(drawn.linkStart[p], drawn.linkStart[p + 1])];
            const isOpen = (drawn.demandBps[d] as number) > 0 && whole.every((e) => (drawn.capacityBps[e] as number) > 0);
            expect((tries.leaf[p] as number) >= 0).toBe(isOpen);
            if (!isOpen) continue;
            expect(links[p]).toEqual(whole.filter((e) => tries.contested[e] === 1));
            whole.forEach((e, k) => {
              if (tries.contested[e] === 1) suffixes[drawn.demandDst[d] as number]?.add(whole.slice(k).join());
            });
          }
        }
        const nodes = suffixes.reduce((sum, { size }) => sum + size, tries.groupCount);
        expect(tries.parent.length).toBe(nodes);
      }),
    );
  });
});

/** Arrays of merged tries that are not the same to the bit. */
function differentMerged(a: MergedTrie, b: MergedTrie): readonly string[] {
  const names = ["demandOf", "pathOf", "rateBps"] as const;
  const pathStarts = Buffer.from(a.pathStart.buffer).equals(Buffer.from(b.pathStart.buffer)) ? [] : ["pathStart"];
  const maps = names.filter((name) => !Buffer.from(a.merged[name].buffer).equals(Buffer.from(b.merged[name].buffer)));
  return [...different(a, b), ...pathStarts, ...maps];
}

/** Nodes from a leaf to the root, as links. */
function linksFrom({ nodeStart, parent, link }: Trie, group: number, leaf: number): readonly number[] {
  const base = nodeStart[group] as number;
  const links: number[] = [];
  for (let i = leaf; i > 0; i = parent[base + i] as number) links.push(link[base + i] as number);
  return links;
}

describe("merged tries", () => {
  const mergedOf = (drawn: Problem, fillable: number, kind: "wasm" | "reference"): MergedTrie | undefined => {
    const trie = buildMergedTrie(drawn, { fillable, kind });
    return hasMerged(trie) ? trie : undefined;
  };

  it("are the plain ones to the bit when compiled", () => {
    let count = 0;
    fc.assert(
      fc.property(problem, fc.constantFrom(1, 2, 4), (drawn, fillable) => {
        const compiled = mergedOf(drawn, fillable, "wasm");
        const plain = mergedOf(drawn, fillable, "reference");
        expect(compiled === undefined).toBe(plain === undefined);
        if (compiled === undefined || plain === undefined) return;
        if (compiled.demands.length < compiled.merged.demandOf.filter((k) => k >= 0).length) count++;
        expect(differentMerged(compiled, plain)).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(count).toBeGreaterThan(50);
    const large = largeProblem();
    const compiled = mergedOf(large, 40, "wasm");
    const plain = mergedOf(large, 40, "reference");
    expect(compiled !== undefined && plain !== undefined && differentMerged(compiled, plain)).toEqual([]);
  });

  it("have for every demand what its open paths cross of contested links, and the sum of the rates", () => {
    fc.assert(
      fc.property(problem, fc.constantFrom(1, 2, 4), (drawn, fillable) => {
        const trie = mergedOf(drawn, fillable, "wasm");
        if (trie === undefined) return;
        const { merged, contested, demandStart, pathStart, leaf } = trie;
        const groupOf = Array.from(trie.demands, (k) => demandStart.findIndex((start) => start > k) - 1);
        const rates = new Float64Array(trie.demands.length);
        const ordered = buildTrie(drawn, { fillable, kind: "reference" }).demands;
        for (const d of ordered) {
          const k = merged.demandOf[d] as number;
          rates[k] = (rates[k] as number) + (drawn.demandBps[d] as number);
          const crossed = new Set<string>();
          for (let p = drawn.pathStart[d] as number; p < (drawn.pathStart[d + 1] as number); p++) {
            const links = [...drawn.pathLinks.subarray(drawn.linkStart[p], drawn.linkStart[p + 1])];
            if (links.some((e) => !((drawn.capacityBps[e] as number) > 0))) continue;
            const watched = links.filter((e) => contested[e] === 1);
            crossed.add(watched.join());
            const to = merged.pathOf[p] as number;
            if (to < 0) continue;
            expect(to >= (pathStart[k] as number) && to < (pathStart[k + 1] as number)).toBe(true);
            expect(linksFrom(trie, groupOf[k] as number, leaf[to] as number)).toEqual(watched);
          }
          const wanted = crossed.has("") ? [""] : [...crossed];
          const here = [...leaf.subarray(pathStart[k], pathStart[k + 1])].map((node) => linksFrom(trie, groupOf[k] as number, node).join());
          expect(here.toSorted()).toEqual(wanted.toSorted());
          const taken = [...merged.pathOf.subarray(drawn.pathStart[d], drawn.pathStart[d + 1])].filter((to) => to >= 0);
          expect(taken.toSorted((a, b) => a - b)).toEqual([...Array(wanted.length).keys()].map((j) => (pathStart[k] as number) + j));
        }
        expect(merged.demandOf.filter((k) => k >= 0).length).toBe(ordered.length);
        expect(merged.rateBps).toEqual(rates);
      }),
      { numRuns: 300 },
    );
  });
});
