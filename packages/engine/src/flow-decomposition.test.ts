import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cancelCycles, decomposeFlow, type PathFlow } from "./flow-decomposition.js";

/** Six nodes, a link each way between all of them: link index = from x 6 + to. */
const nodeCount = 6;
const pairs = Array.from({ length: nodeCount ** 2 }, (_, i) => ({ from: Math.floor(i / nodeCount), to: i % nodeCount }));
const network = { nodeCount, linkFrom: Int32Array.from(pairs, ({ from }) => from), linkTo: Int32Array.from(pairs, ({ to }) => to) };
const link = (from: number, to: number): number => from * nodeCount + to;

const node = fc.nat(nodeCount - 1);
/** Walks are random sums of paths out of node 0 (each a list of distinct further nodes) and of closed walks. */
const walks = fc.array(
  fc.record({ via: fc.uniqueArray(fc.integer({ min: 1, max: nodeCount - 1 }), { minLength: 1 }), bps: fc.integer({ min: 1, max: 1000 }) }),
  {
    minLength: 1,
    maxLength: 8,
  },
);
const cycles = fc.array(fc.record({ round: fc.uniqueArray(node, { minLength: 2 }), bps: fc.integer({ min: 1, max: 1000 }) }), {
  maxLength: 4,
});

function flowOf(
  paths: readonly { readonly via: readonly number[]; readonly bps: number }[],
  closed: readonly { readonly round: readonly number[]; readonly bps: number }[],
) {
  const linkBps = new Float64Array(nodeCount ** 2);
  const add = (from: number, to: number, bps: number): void => {
    linkBps[link(from, to)] = (linkBps[link(from, to)] ?? 0) + bps;
  };
  const sinkBps = new Float64Array(nodeCount);
  for (const { via, bps } of paths) {
    via.forEach((to, i) => add(via[i - 1] ?? 0, to, bps));
    const end = via.at(-1) ?? 0;
    sinkBps[end] = (sinkBps[end] ?? 0) + bps;
  }
  for (const { round, bps } of closed) round.forEach((from, i) => add(from, round[(i + 1) % round.length] ?? 0, bps));
  const sinks = [...sinkBps].flatMap((bps, at) => (bps > 0 ? [{ node: at, bps }] : []));
  return { linkBps, sinks };
}

function nodesOf({ links }: PathFlow): readonly number[] {
  return [pairs[links[0] ?? 0]?.from ?? -1, ...links.map((e) => pairs[e]?.to ?? -1)];
}

describe("decomposeFlow", () => {
  it("serves every sink in full, by loopless paths from the source, within the flow on links, cycles or not", () => {
    fc.assert(
      fc.property(walks, cycles, (paths, closed) => {
        const { linkBps, sinks } = flowOf(paths, closed);
        const given = linkBps.slice();
        const found = decomposeFlow(network, { source: 0, linkBps, sinks });
        const used = new Float64Array(given.length);
        found.forEach((flows, i) => {
          for (const flow of flows) {
            const nodes = nodesOf(flow);
            expect(nodes[0]).toBe(0);
            expect(nodes.at(-1)).toBe(sinks[i]?.node);
            expect(new Set(nodes).size).toBe(nodes.length);
            flow.links.forEach((e, k) => expect(pairs[e]?.from).toBe(nodes[k]));
            for (const e of flow.links) used[e] = (used[e] ?? 0) + flow.bps;
          }
          expect(flows.reduce((sum, { bps }) => sum + bps, 0)).toBeCloseTo(sinks[i]?.bps ?? 0, 6);
        });
        used.forEach((bps, e) => expect(bps).toBeLessThanOrEqual((given[e] ?? 0) + 1e-6));
        expect(found.flat().length).toBeLessThanOrEqual(given.length + sinks.length);
      }),
    );
  });

  it("gives a sink no more than arrives", () => {
    const linkBps = new Float64Array(nodeCount ** 2);
    linkBps[link(0, 1)] = 5;
    expect(
      decomposeFlow(network, {
        source: 0,
        linkBps,
        sinks: [
          { node: 1, bps: 8 },
          { node: 2, bps: 1 },
        ],
      }),
    ).toEqual([[{ links: [link(0, 1)], bps: 5 }], []]);
  });
});

describe("cancelCycles", () => {
  it("leaves no cycle, changes no node's balance and adds to no link", () => {
    fc.assert(
      fc.property(walks, cycles, (paths, closed) => {
        const { linkBps } = flowOf(paths, closed);
        const before = linkBps.slice();
        cancelCycles(network, linkBps);
        expect(hasCycle(linkBps)).toBe(false);
        expect(balances(linkBps)).toEqual(balances(before));
        linkBps.forEach((bps, e) => expect(bps).toBeLessThanOrEqual(before[e] ?? 0));
      }),
    );
  });
});

function balances(linkBps: Float64Array): readonly number[] {
  return Array.from({ length: nodeCount }, (_, v) =>
    pairs.reduce((sum, { from, to }, e) => sum + (linkBps[e] ?? 0) * (Number(to === v) - Number(from === v)), 0),
  );
}

/** By stripping nodes without incoming flow until none is left, or only cycles are. */
function hasCycle(linkBps: Float64Array): boolean {
  const left = new Set(Array.from({ length: nodeCount }, (_, v) => v));
  for (;;) {
    const bare = [...left].filter((v) => !pairs.some(({ from, to }, e) => to === v && left.has(from) && (linkBps[e] ?? 0) > 0));
    if (bare.length === 0) return left.size > 0;
    for (const v of bare) left.delete(v);
  }
}
