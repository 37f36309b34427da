/** Kill sets against every failure of the network, one by one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protectionOf } from "@sluice/model";
import { buildProblem } from "../build-problem.js";
import { candidateTunnels } from "../tunnels/candidate-tunnels.js";
import { guaranteeCandidates } from "../tunnels/guarantee-candidates.js";
import { allPaths, canSurvive, killSets, unionsOf } from "./kill-sets.js";
import { arbitraryPromise, coveredFailures, fullCapacity, topologyOf } from "./promised-network.js";
import { risksOf } from "./risks.js";

describe("kill sets", () => {
  it("are those of every covered failure, neither more nor fewer", () => {
    fc.assert(
      fc.property(arbitraryPromise(), fc.integer({ min: 1, max: 3 }), (snapshot, failures) => {
        const topology = topologyOf(snapshot);
        const { demands } = snapshot.demands;
        const kinds = protectionOf(snapshot.settings).scenarios;
        const guarantee = { kind: "guaranteed" as const, failures };
        const base = candidateTunnels(topology, demands, { kind: "k-shortest", k: 3 });
        const candidates = guaranteeCandidates(topology, demands, base, { guarantee, kinds, latencyMsMax: undefined });
        const { problem, demands: routable, paths } = buildProblem(topology, demands, candidates, fullCapacity(topology));
        const survival = killSets(problem, risksOf(topology, kinds), failures);
        routable.forEach(({ src, dst }, d) => {
          const first = problem.pathStart[d] ?? 0;
          const own = paths.slice(first, problem.pathStart[d + 1]);
          const closed = own.map((path) => path.some((id) => (topology.linkById.get(id)?.capacityBps ?? 0) === 0));
          const truth = new Set<number>();
          for (const { down, nodes } of coveredFailures(snapshot, failures)) {
            if (nodes.has(src) || nodes.has(dst)) continue;
            truth.add(own.reduce((mask, path, i) => (closed[i] === true || path.some((id) => down.has(id)) ? mask | (1 << i) : mask), 0));
          }
          expect(new Set(survival[d]?.all)).toEqual(truth);
          const widest = [...truth].filter((mask) => ![...truth].some((other) => other !== mask && (other & mask) === mask));
          expect(new Set(survival[d]?.maximal)).toEqual(new Set(widest));
          expect(canSurvive(problem, d, survival[d] ?? { all: [], maximal: [] })).toBe(!truth.has(allPaths(problem, d)));
        });
      }),
      { numRuns: 300, seed: 41 },
    );
  });

  it("of two cables are unions of those of one", () => {
    expect([...unionsOf([0b001, 0b010, 0b110], 2)].sort((a, b) => a - b)).toEqual([0b001, 0b010, 0b011, 0b110, 0b111]);
    expect(unionsOf([], 2).size).toBe(0);
    expect([...unionsOf([0b1], 3)]).toEqual([0b1]);
  });
});
