import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Problem } from "../problem.js";
import { randomProgram } from "../testing/random-program.js";
import { linksOf, openPathsOf, problemOf, type WrittenDemand, type WrittenProblem } from "../testing/written-problem.js";
import { buildTrie, type PathTrie } from "./path-trie.js";

/** All links that anything can load are in it, whatever they hold. */
const everything = { fillable: 0 };
const anyProblem = randomProgram().map(({ problem }) => problem);
const figures = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 40 });

/** Per path the sum of what its links have, by one sweep from the root on; 0 for closed paths. */
function pathSums(
  { problem, groupCount, nodeStart, parent, link, leaf, demandStart, demands }: PathTrie,
  ofLink: Float64Array,
): Float64Array {
  const sums = new Float64Array(problem.pathCount);
  for (let g = 0; g < groupCount; g++) {
    const begin = nodeStart[g] as number;
    const node = new Float64Array((nodeStart[g + 1] as number) - begin);
    for (let i = 1; i < node.length; i++) {
      node[i] = (node[parent[begin + i] as number] as number) + (ofLink[link[begin + i] as number] as number);
    }
    for (const d of demands.subarray(demandStart[g], demandStart[g + 1])) {
      for (const p of openPathsOf(problem, d)) sums[p] = node[leaf[p] as number] as number;
    }
  }
  return sums;
}

/** Per link the sum of what paths over it have, by one sweep towards the root. */
function linkSums(
  { problem, groupCount, nodeStart, parent, link, leaf, demandStart, demands }: PathTrie,
  ofPath: Float64Array,
): Float64Array {
  const sums = new Float64Array(problem.linkCount + 1);
  for (let g = 0; g < groupCount; g++) {
    const begin = nodeStart[g] as number;
    const node = new Float64Array((nodeStart[g + 1] as number) - begin);
    for (const d of demands.subarray(demandStart[g], demandStart[g + 1])) {
      for (const p of openPathsOf(problem, d)) node[leaf[p] as number] = (node[leaf[p] as number] as number) + (ofPath[p] as number);
    }
    for (let i = node.length - 1; i > 0; i--) {
      const [up, e] = [parent[begin + i] as number, link[begin + i] as number];
      node[up] = (node[up] as number) + (node[i] as number);
      sums[e] = (sums[e] as number) + (node[i] as number);
    }
  }
  return sums.subarray(0, problem.linkCount);
}

const repeated = (numbers: readonly number[], length: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => numbers[i % numbers.length] as number);

/** As one would write it down, path by path. */
function plainly(problem: Problem): { readonly pathSums: typeof pathSums; readonly linkSums: typeof linkSums } {
  const openPaths = Array.from({ length: problem.demandCount }, (_, d) => openPathsOf(problem, d)).flat();
  return {
    pathSums: (_, ofLink) => {
      const sums = new Float64Array(problem.pathCount);
      for (const p of openPaths) sums[p] = linksOf(problem, p).reduceRight((sum, e) => sum + (ofLink[e] as number), 0);
      return sums;
    },
    linkSums: (_, ofPath) => {
      const sums = new Float64Array(problem.linkCount);
      for (const p of openPaths) for (const e of linksOf(problem, p)) sums[e] = (sums[e] as number) + (ofPath[p] as number);
      return sums;
    },
  };
}

describe("path trie", () => {
  it("prices paths and loads links as the incidence of paths and links does", () => {
    fc.assert(
      fc.property(anyProblem, figures, figures, (problem, prices, flows) => {
        const trie = buildTrie(problem, everything);
        const plain = plainly(problem);
        const price = repeated(prices, problem.linkCount);
        const flow = repeated(flows, problem.pathCount);
        // Integers, so that the order of summation makes no difference.
        expect(pathSums(trie, price)).toEqual(plain.pathSums(trie, price));
        expect(linkSums(trie, flow)).toEqual(plain.linkSums(trie, flow));
      }),
      { numRuns: 300 },
    );
  });

  it("does so over the links that could fill, and leaves out the others", () => {
    fc.assert(
      fc.property(anyProblem, figures, figures, fc.constantFrom(0.01, 0.5, 1, 2), (problem, prices, flows, fillable) => {
        const trie = buildTrie(problem, { fillable });
        const plain = plainly(problem);
        const price = repeated(prices, problem.linkCount).map((y, e) => y * (trie.contested[e] as number));
        const flow = repeated(flows, problem.pathCount);
        const loads = plain.linkSums(trie, flow).map((load, e) => load * (trie.contested[e] as number));
        expect(pathSums(trie, price)).toEqual(plain.pathSums(trie, price));
        expect(linkSums(trie, flow)).toEqual(loads);
      }),
      { numRuns: 300 },
    );
  });

  it("knows what could cross each link, and which could fill", () => {
    fc.assert(
      fc.property(anyProblem, fc.constantFrom(0, 0.5, 1), (problem, fillable) => {
        const { potentialBps, contested } = buildTrie(problem, { fillable });
        problem.capacityBps.forEach((capacity, e) => {
          const over = problem.demandBps.filter((_, d) => openPathsOf(problem, d).some((p) => linksOf(problem, p).includes(e)));
          const sum = over.reduce((total, demand) => total + demand, 0);
          // Demands are summed by destination here and in their own order there.
          expect(Math.abs((potentialBps[e] as number) - sum)).toBeLessThanOrEqual(1e-12 * sum);
          expect(contested[e]).toBe((potentialBps[e] as number) > fillable * capacity ? 1 : 0);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("asks for the share that counts as filling with the demands that have an open path", () => {
    fc.assert(
      fc.property(anyProblem, (problem) => {
        let asked: readonly number[] = [];
        const trie = buildTrie(problem, {
          fillable: (routable) => {
            asked = [...routable];
            return 0.5;
          },
        });
        expect([...asked].sort((a, b) => a - b)).toEqual(
          Array.from(problem.demandBps.keys()).filter((d) => openPathsOf(problem, d).length > 0),
        );
        expect(trie).toEqual(buildTrie(problem, { fillable: 0.5 }));
      }),
    );
  });

  it("numbers nodes by level, a parent before its children, and gives a leaf to open paths alone", () => {
    fc.assert(
      fc.property(anyProblem, fc.constantFrom(0, 0.5, 1), (problem, fillable) => {
        expect(faultsOf(buildTrie(problem, { fillable }))).toEqual([]);
      }),
      {
        numRuns: 300,
      },
    );
  });

  it("shares the nodes of paths that end alike", () => {
    //  0 -> 1 -> 2 -> 3, and a way around 2: links 0-1, 1-2, 2-3, 1-3
    const trie = buildTrie(
      problemOf({
        links: [0, 1, 2, 1].map((from, e) => ({ from, to: [1, 2, 3, 3][e] as number, capacity: 1 })),
        demands: [
          {
            src: 0,
            dst: 3,
            rate: 5,
            paths: [
              [0, 1, 2],
              [0, 3],
            ],
          },
          { src: 1, dst: 3, rate: 5, paths: [[1, 2], [3]] },
          { src: 2, dst: 3, rate: 5, paths: [[2]] },
        ],
      }),
      everything,
    );
    // The root, 2-3 and 1-3, then 1-2 and 0-1 behind these, then 0-1 behind 1-2.
    expect({ groupCount: trie.groupCount, parent: [...trie.parent], nodes: trie.nodesMax }).toEqual({
      groupCount: 1,
      parent: [0, 0, 0, 1, 2, 3],
      nodes: 6,
    });
    expect([...trie.link]).toEqual([4, 2, 3, 1, 0, 0]);
    expect([...trie.leaf]).toEqual([5, 4, 3, 2, 1]);
  });

  it.each([
    { what: "no demand", problem: { links: [{ from: 0, to: 1, capacity: 1 }], demands: [] } },
    { what: "no link", problem: { links: [], demands: [{ src: 0, dst: 1, rate: 5, paths: [] }] } },
    {
      what: "closed paths alone",
      problem: { links: [{ from: 0, to: 1, capacity: 0 }], demands: [{ src: 0, dst: 1, rate: 5, paths: [[0]] }] },
    },
    {
      what: "demands of zero alone",
      problem: { links: [{ from: 0, to: 1, capacity: 1 }], demands: [{ src: 0, dst: 1, rate: 0, paths: [[0]] }] },
    },
  ] satisfies readonly { readonly what: string; readonly problem: WrittenProblem }[])("has no group for $what", ({ problem }) => {
    const trie = buildTrie(problemOf(problem), everything);
    expect({ groups: trie.groupCount, nodes: [...trie.nodeStart], demands: trie.demands.length }).toEqual({
      groups: 0,
      nodes: [0],
      demands: 0,
    });
    expect([...trie.leaf]).toEqual(problem.demands.flatMap(({ paths }) => paths.map(() => -1)));
  });

  it("begins a new group where a destination's trie would have more nodes than 16 bits number", () => {
    const trie = buildTrie(ladder({ hops: 120, demands: 60, pathsOfDemand: 16 }), everything);
    expect(trie.groupCount).toBeGreaterThan(1);
    expect(faultsOf(trie)).toEqual([]);
    const price = Float64Array.from({ length: trie.problem.linkCount }, (_, e) => e % 7);
    const flow = Float64Array.from({ length: trie.problem.pathCount }, (_, p) => p % 5);
    expect(pathSums(trie, price)).toEqual(plainly(trie.problem).pathSums(trie, price));
    expect(linkSums(trie, flow)).toEqual(plainly(trie.problem).linkSums(trie, flow));
  });

  it("refuses a demand whose paths alone are more", () => {
    expect(() => buildTrie(ladder({ hops: 600, demands: 1, pathsOfDemand: 120 }), everything)).toThrow(/links/);
  });
});

/** A chain of hops of two parallel links each; paths choose one of the two at each hop, hardly any two alike. */
function ladder({
  hops,
  demands,
  pathsOfDemand,
}: {
  readonly hops: number;
  readonly demands: number;
  readonly pathsOfDemand: number;
}): Problem {
  let state = 1;
  const bit = (): number => (state = (state * 48_271) % 2_147_483_647) % 2;
  const path = (): readonly number[] => Array.from({ length: hops }, (_, hop) => 2 * hop + bit());
  return problemOf({
    links: Array.from({ length: 2 * hops }, (_, e) => ({ from: e >> 1, to: (e >> 1) + 1, capacity: 1 })),
    demands: Array.from({ length: demands }, (): WrittenDemand => ({
      src: 0,
      dst: hops,
      rate: 1,
      paths: Array.from({ length: pathsOfDemand }, path),
    })),
  });
}

/** What is wrong with a trie, beside its sums; empty when nothing is. */
function faultsOf(trie: PathTrie): readonly string[] {
  const { problem, groupCount, nodeStart, parent, link, leaf, demandStart, demands, nodesMax } = trie;
  const faults: string[] = [];
  const hold = (what: string, holds: boolean): void => void (holds || faults.push(what));
  const sizes = Array.from({ length: groupCount }, (_, g) => (nodeStart[g + 1] as number) - (nodeStart[g] as number));
  hold(
    "starts",
    nodeStart.length === groupCount + 1 && demandStart.length === groupCount + 1 && nodeStart[0] === 0 && demandStart[0] === 0,
  );
  hold("lengths", parent.length === nodeStart[groupCount] && link.length === parent.length && demands.length === demandStart[groupCount]);
  hold("size of the largest group", nodesMax === Math.max(1, ...sizes) && nodesMax <= 65_535);
  for (let g = 0; g < groupCount; g++) {
    hold("order of nodes", areByLevel(trie, g));
    const own = [...demands.subarray(demandStart[g], demandStart[g + 1])];
    hold("one destination", new Set(own.map((d) => problem.demandDst[d])).size === 1);
    const leaves = own.flatMap((d) => openPathsOf(problem, d)).map((p) => leaf[p] as number);
    hold(
      "leaves within the group",
      leaves.every((node) => node >= 0 && node < (sizes[g] as number)),
    );
  }
  const routable = Array.from(problem.demandBps.keys()).filter((d) => openPathsOf(problem, d).length > 0);
  const placed = [...demands].sort((a, b) => a - b);
  hold("every routable demand once", placed.length === routable.length && placed.every((d, i) => d === routable[i]));
  const open = new Set(routable.flatMap((d) => openPathsOf(problem, d)));
  hold(
    "leaves of open paths alone",
    leaf.every((node, p) => node >= 0 === open.has(p)),
  );
  return faults;
}

function areByLevel({ problem, nodeStart, parent, link, contested }: PathTrie, g: number): boolean {
  const begin = nodeStart[g] as number;
  const level = [0];
  let sound = parent[begin] === 0 && link[begin] === problem.linkCount;
  for (let i = 1; begin + i < (nodeStart[g + 1] as number); i++) {
    const up = parent[begin + i] as number;
    level.push((level[up] as number) + 1);
    sound &&= up < i && (level[i] as number) >= (level[i - 1] as number) && contested[link[begin + i] as number] === 1;
  }
  return sound;
}
