import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allLooplessPaths } from "../testing/all-loopless-paths.js";
import { randomNetwork, type RandomNetwork } from "../testing/random-network.js";
import { directedGraph } from "./directed-graph.js";
import { LabelSearch } from "./label-search.js";

const lengthOf = ({ linkLength }: RandomNetwork, links: readonly number[]): number =>
  links.reduce((sum, e) => sum + (linkLength[e] as number), 0);

/** Lengths of all loopless paths, rising. */
function allLengths(network: RandomNetwork, src: number, dst: number): readonly number[] {
  return allLooplessPaths(network, { src, dst, usable: (e) => network.linkLength[e] !== Infinity })
    .map((links) => lengthOf(network, links))
    .sort((a, b) => a - b);
}

/** The paths that a search has for each source. */
function found(network: RandomNetwork, dst: number, labelsMax: number): readonly (readonly (readonly number[])[])[] {
  const search = new LabelSearch(directedGraph(network), labelsMax);
  search.run(dst, network.linkLength);
  const links = new Int32Array(network.nodeCount);
  return Array.from({ length: network.nodeCount }, (_, v) =>
    Array.from({ length: v === dst ? 0 : (search.labelCount[v] as number) }, (_unused, rank) => {
      const label = search.labels[v * labelsMax + rank] as number;
      const hops = search.writePath(label, links, 0);
      expect(hops).toBe(search.hops[label]);
      return [...links.subarray(0, hops)];
    }),
  );
}

const networks = randomNetwork({ nodesMax: 6, linksMax: 14 });

describe("label search", () => {
  it("gives loopless, distinct paths in rising order, and the shortest of each node first", () => {
    fc.assert(
      fc.property(networks, fc.integer({ min: 1, max: 5 }), (network, labelsMax) => {
        for (let dst = 0; dst < network.nodeCount; dst++) {
          found(network, dst, labelsMax).forEach((paths, src) => {
            if (src === dst) return;
            const all = allLooplessPaths(network, { src, dst, usable: (e) => network.linkLength[e] !== Infinity }).map(String);
            expect(paths.length).toBeLessThanOrEqual(labelsMax);
            expect(new Set(paths.map(String)).size).toBe(paths.length);
            for (const path of paths) expect(all).toContain(String(path));
            const lengths = paths.map((links) => lengthOf(network, links));
            expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
            expect(lengths[0]).toBe(allLengths(network, src, dst)[0]);
          });
        }
      }),
      { numRuns: 200 },
    );
  });

  it("gives all paths there are when labels do not run out", () => {
    fc.assert(
      fc.property(networks, (network) => {
        for (let dst = 0; dst < network.nodeCount; dst++) {
          const lengths = found(network, dst, 400).map((paths) => paths.map((links) => lengthOf(network, links)));
          expect(lengths).toEqual(lengths.map((_, src) => allLengths(network, src, dst)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("misses few of the four shortest with four labels, and next to none with eight", () => {
    const counts = { pairs: 0, four: 0, eight: 0 };
    fc.assert(
      fc.property(randomNetwork({ nodesMax: 7, linksMax: 20 }), (network) => {
        const [four, eight] = [found(network, 0, 4), found(network, 0, 8)];
        for (let src = 1; src < network.nodeCount; src++) {
          const best = allLengths(network, src, 0).slice(0, 4);
          if (best.length === 0) continue;
          const differs = (paths: readonly (readonly number[])[]): boolean =>
            String(paths.slice(0, 4).map((links) => lengthOf(network, links))) !== String(best);
          counts.pairs++;
          if (differs(four[src] ?? [])) counts.four++;
          if (differs(eight[src] ?? [])) counts.eight++;
        }
      }),
      { numRuns: 400, seed: 3 },
    );
    expect(counts.pairs).toBeGreaterThan(500);
    // What was measured: 5 of 545, and none.
    expect(counts.four).toBeGreaterThan(0);
    expect(counts.four).toBeLessThan(0.02 * counts.pairs);
    expect(counts.eight).toBe(0);
  });
});
