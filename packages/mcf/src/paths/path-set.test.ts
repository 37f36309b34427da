import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allLooplessPaths } from "../testing/all-loopless-paths.js";
import { randomNetwork } from "../testing/random-network.js";
import { candidatePaths, type PathSet } from "./path-set.js";

const pathsOf = ({ pathStart, linkStart, pathLinks }: PathSet, pair: number): readonly (readonly number[])[] =>
  Array.from({ length: (pathStart[pair + 1] as number) - (pathStart[pair] as number) }, (_, i) => {
    const path = (pathStart[pair] as number) + i;
    return [...pathLinks.subarray(linkStart[path], linkStart[path + 1])];
  });

/**
 *    0 ==> 1 --> 2      two links from 0 to 1, the second longer; and 0 --> 2
 *    └───────────┘
 */
const ends = { nodeCount: 4, linkFrom: Int32Array.of(0, 0, 1, 0), linkTo: Int32Array.of(1, 1, 2, 2) };

describe("candidate paths", () => {
  it("come in the order of pairs, the shortest first; none where there is none", () => {
    const pairs = { src: Int32Array.of(0, 3, 1, 0, 0, 2), dst: Int32Array.of(2, 2, 1, 1, 2, 0) };
    const set = candidatePaths(ends, pairs, Float64Array.of(1, 2, 1, 2.5), { k: 3, labelsMax: 3 });
    const toTwo = [[0, 2], [3], [1, 2]];
    expect(pairs.src.length).toBe(6);
    expect([0, 1, 2, 3, 4, 5].map((pair) => pathsOf(set, pair))).toEqual([toTwo, [], [], [[0], [1]], toTwo, []]);
    expect(set.pathCount).toBe(8);
    expect(set.linkStart[8]).toBe(set.pathLinks.length);
  });

  it("break ties by hops, then by the first link", () => {
    const pairs = { src: Int32Array.of(0), dst: Int32Array.of(2) };
    const set = candidatePaths(ends, pairs, Float64Array.of(1, 1, 1, 2), { k: 4, labelsMax: 4 });
    expect(pathsOf(set, 0)).toEqual([[3], [0, 2], [1, 2]]);
  });

  it("keep to links that may be used", () => {
    const pairs = { src: Int32Array.of(0), dst: Int32Array.of(2) };
    expect(pathsOf(candidatePaths(ends, pairs, Float64Array.of(1, Infinity, 1, Infinity), { k: 4, labelsMax: 4 }), 0)).toEqual([[0, 2]]);
  });

  it("are, with labels enough, as many and as short as the best of all loopless paths", () => {
    fc.assert(
      fc.property(randomNetwork({ nodesMax: 5, linksMax: 12 }), fc.integer({ min: 1, max: 4 }), (network, k) => {
        const all = Array.from({ length: network.nodeCount ** 2 }, (_, i) => i);
        const pairs = {
          src: Int32Array.from(all, (i) => Math.floor(i / network.nodeCount)),
          dst: Int32Array.from(all, (i) => i % network.nodeCount),
        };
        const set = candidatePaths(network, pairs, network.linkLength, { k, labelsMax: 200 });
        const lengthOf = (links: readonly number[]): number => links.reduce((sum, e) => sum + (network.linkLength[e] as number), 0);
        for (const pair of all) {
          const query = { src: pairs.src[pair] as number, dst: pairs.dst[pair] as number };
          const best = allLooplessPaths(network, { ...query, usable: (e) => network.linkLength[e] !== Infinity })
            .map(lengthOf)
            .sort((a, b) => a - b);
          expect(pathsOf(set, pair).map(lengthOf)).toEqual(best.slice(0, k));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("refuse a k of zero, fewer labels than paths, and links to nowhere", () => {
    const pairs = { src: Int32Array.of(0), dst: Int32Array.of(2) };
    const lengths = new Float64Array(4);
    expect(() => candidatePaths(ends, pairs, lengths, { k: 0, labelsMax: 4 })).toThrow(/paths a pair/);
    expect(() => candidatePaths(ends, pairs, lengths, { k: 4, labelsMax: 3 })).toThrow(/as many labels/);
    expect(() => candidatePaths({ ...ends, nodeCount: 2 }, pairs, lengths, { k: 1, labelsMax: 1 })).toThrow(/nodes of the graph/);
  });
});
