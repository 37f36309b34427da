/** Candidates that a guarantee stands on: as many disjoint ones as a cut allows, and nothing of the policy's lost. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathNodes, pathLatencyMs, type Path, type Topology } from "@sluice/model";
import { arbitraryPromise, topologyOf } from "../guarantees/promised-network.js";
import { nodeName } from "../testing/small-network.js";
import { candidateTunnels, pairKey } from "./candidate-tunnels.js";
import { guaranteeCandidates, pathsPerDemandMax } from "./guarantee-candidates.js";

const a = nodeName(0);
const b = nodeName(1);

/** Inner nodes of paths are each other's only where there is a cut of fewer nodes: the largest set of node-disjoint ones by trying all. */
function mostNodeDisjoint(topology: Topology, paths: readonly Path[]): number {
  const inner = paths.map((path) => new Set(pathNodes(topology, path).slice(1, -1)));
  const most = (from: number, taken: ReadonlySet<string>, links: ReadonlySet<string>): number => {
    let best = 0;
    for (let i = from; i < paths.length; i++) {
      const nodes = inner[i] ?? new Set();
      if ([...nodes].some((node) => taken.has(node)) || (paths[i] ?? []).some((link) => links.has(link))) continue;
      best = Math.max(best, 1 + most(i + 1, new Set([...taken, ...nodes]), new Set([...links, ...(paths[i] ?? [])])));
    }
    return best;
  };
  return most(0, new Set(), new Set());
}

describe("candidates for a guarantee", () => {
  it("are the policy's and disjoint ones, as many as there can be, within the bound on latency", () => {
    fc.assert(
      fc.property(arbitraryPromise(), fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }), (snapshot, latencyMsMax) => {
        const topology = topologyOf(snapshot);
        const pairs = [{ src: a, dst: b }];
        const key = pairKey({ src: a, dst: b });
        const bound = latencyMsMax === undefined ? {} : { latencyMsMax };
        const given = candidateTunnels(topology, pairs, { kind: "k-shortest", k: 2, ...bound });
        const guarantee = { kind: "guaranteed" as const, failures: 2 };
        const found =
          guaranteeCandidates(topology, pairs, given, { guarantee, kinds: ["node", "srlg"], latencyMsMax }).pairs.get(key) ?? [];
        expect(found.slice(0, 2)).toEqual(given.pairs.get(key));
        expect(new Set(found.map((path) => path.join())).size).toBe(found.length);
        expect(found.length).toBeLessThanOrEqual(pathsPerDemandMax);
        for (const path of found) expect(pathLatencyMs(topology, path)).toBeLessThanOrEqual(latencyMsMax ?? Infinity);
        const every = candidateTunnels(topology, pairs, { kind: "k-shortest", k: 16 }).pairs.get(key) ?? [];
        const most = latencyMsMax === undefined && every.length < 16 ? Math.min(4, mostNodeDisjoint(topology, every)) : 0;
        expect(mostNodeDisjoint(topology, found)).toBeGreaterThanOrEqual(most);
      }),
      { numRuns: 300, seed: 61 },
    );
  });

  it("leave a pair without a path as it is", () => {
    const [snapshot] = fc.sample(arbitraryPromise(), { numRuns: 1, seed: 1 });
    if (snapshot === undefined) throw new Error("unreachable");
    const none = { pairs: new Map([[pairKey({ src: a, dst: b }), []]]) };
    const asked = { guarantee: { kind: "availability" as const, target: 0.9 }, kinds: [], latencyMsMax: undefined };
    expect(guaranteeCandidates(topologyOf(snapshot), [{ src: a, dst: b }], none, asked).pairs.get(pairKey({ src: a, dst: b }))).toEqual([]);
  });
});
