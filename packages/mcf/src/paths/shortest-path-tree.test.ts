import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allLooplessPaths } from "../testing/all-loopless-paths.js";
import { randomNetwork, type RandomNetwork } from "../testing/random-network.js";
import { directedGraph } from "./directed-graph.js";
import { checkLengths, ShortestPathTree } from "./shortest-path-tree.js";

/** All paths, the best first: by length, hops, first link. */
function ranked(
  network: RandomNetwork,
  src: number,
  dst: number,
): readonly { readonly length: number; readonly links: readonly number[] }[] {
  const { linkLength } = network;
  return allLooplessPaths(network, { src, dst, usable: (e) => linkLength[e] !== Infinity })
    .map((links) => ({ links, length: links.reduce((sum, e) => sum + (linkLength[e] as number), 0) }))
    .sort((a, b) => a.length - b.length || a.links.length - b.links.length || (a.links[0] as number) - (b.links[0] as number));
}

describe("shortest-path tree", () => {
  it("has the best of all loopless paths from every node, on one object used for all destinations", () => {
    fc.assert(
      fc.property(randomNetwork({ nodesMax: 6, linksMax: 14 }), (network) => {
        const tree = new ShortestPathTree(directedGraph(network));
        const links = new Int32Array(network.nodeCount);
        for (let dst = 0; dst < network.nodeCount; dst++) {
          tree.grow(dst, network.linkLength);
          for (let src = 0; src < network.nodeCount; src++) {
            if (src === dst) continue;
            const best = ranked(network, src, dst)[0];
            expect(tree.distance[src]).toBe(best?.length ?? Infinity);
            expect(tree.nextLink[src]).toBe(best?.links[0] ?? -1);
            const hops = tree.writePath(src, links, 0);
            expect(hops).toBe(best?.links.length ?? 0);
            expect(best === undefined ? 0 : tree.hops[src]).toBe(hops);
            const written = [...links.subarray(0, hops)];
            expect(written.reduce((sum, e) => sum + (network.linkLength[e] as number), 0)).toBe(best?.length ?? 0);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("prefers fewer hops among equal lengths, though the path of more is found first", () => {
    // Two paths of length 3 from 0 to 4: by 1 and 2, which are near the end, and by 3, which is farther from it.
    const network = { nodeCount: 5, linkFrom: Int32Array.of(0, 1, 2, 0, 3), linkTo: Int32Array.of(1, 2, 4, 3, 4) };
    const tree = new ShortestPathTree(directedGraph(network));
    tree.grow(4, Float64Array.of(2, 0.5, 0.5, 1, 2));
    expect([tree.distance[0], tree.hops[0], tree.nextLink[0]]).toEqual([3, 2, 3]);
  });

  it("refuses lengths below zero and lengths that are no numbers", () => {
    const graph = directedGraph({ nodeCount: 2, linkFrom: Int32Array.of(0), linkTo: Int32Array.of(1) });
    for (const length of [-1, Number.NaN]) expect(() => checkLengths(graph, Float64Array.of(length))).toThrow(/0 or more/);
    expect(() => checkLengths(graph, new Float64Array(2))).toThrow(/every link/);
  });
});
