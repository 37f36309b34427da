/** The choice of failures that an availability covers, against the program of the conditional value at risk written out in full. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProgramBuilder } from "@sluice/lp";
import { buildProblem } from "../build-problem.js";
import { highs } from "../testing/planning.js";
import { candidateTunnels } from "../tunnels/candidate-tunnels.js";
import { coverAvailability, mandatoryKillSets } from "./availability.js";
import { lossesByFailure } from "./availability-lp.js";
import { allPaths, masksOf } from "./kill-sets.js";
import { likelyFailures } from "./likely-failures.js";
import { arbitraryPromise, fullCapacity, topologyOf } from "./promised-network.js";
import { risksOf } from "./risks.js";
import type { Snapshot } from "@sluice/model";
import type { Problem } from "@sluice/mcf";

const options = { lp: highs, timeLimitSeconds: 10 };

function questionOf(snapshot: Snapshot) {
  const topology = topologyOf(snapshot);
  const demands = snapshot.demands.demands.filter(
    (demand, i, all) => all.findIndex((o) => o.src === demand.src && o.dst === demand.dst) === i,
  );
  const candidates = candidateTunnels(topology, demands, { kind: "edge-disjoint", k: 3 });
  // Closed paths are another test's.
  const { problem } = buildProblem(
    topology,
    demands,
    candidates,
    fullCapacity(topology).map((bps) => Math.max(bps, 1e9)),
  );
  const { cableOfLink, cableCount } = risksOf(topology, []);
  return { problem, cableOfLink, cables: Array.from({ length: cableCount }, (_, i) => i) };
}

function masksUnder(problem: Problem, cableOfLink: Int32Array, cables: readonly number[]): readonly number[] {
  return Array.from({ length: problem.demandCount }, (_, d) => {
    const masks = masksOf(problem, d, (link) => [cableOfLink[link] ?? -1]);
    return cables.reduce((mask, cable) => mask | (masks.get(cable) ?? 0), 0);
  });
}

describe("likely failures", () => {
  it("come by falling probability, each once, and add up", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.constantFrom(0, 0.001, 0.1, 0.5),
        fc.constantFrom(0.5, 0.9, 0.999),
        (count, p, target) => {
          const { failures, probability } = likelyFailures(
            Array.from({ length: count }, (_, i) => i),
            p,
            target,
          );
          failures
            .slice(1)
            .forEach((each, i) => expect(each.probability).toBeLessThanOrEqual((failures[i]?.probability ?? 0) * (1 + 1e-12)));
          expect(new Set(failures.map(({ cables }) => cables.join())).size).toBe(failures.length);
          expect(failures.reduce((sum, each) => sum + each.probability, 0)).toBeCloseTo(probability, 12);
          expect(probability).toBeGreaterThan(target);
          expect(failures[0]?.cables).toEqual([]);
        },
      ),
      { seed: 51 },
    );
  });
});

describe("the conditional value at risk", () => {
  it("is as small as that of the program with a row for every failure and demand", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryPromise({ cablesMax: 6 }),
        fc.constantFrom(0.02, 0.2),
        fc.constantFrom(0.8, 0.95),
        async (snapshot, p, beta) => {
          const { problem, cableOfLink, cables } = questionOf(snapshot);
          if (problem.demandCount === 0) return;
          const likely = likelyFailures(cables, p, beta);
          const masks = likely.failures.map((each) => masksUnder(problem, cableOfLink, each.cables));
          const touched = masks.map((each) => new Map(each.flatMap((mask, demand) => (mask === 0 ? [] : [[demand, mask] as const]))));
          const demands = Array.from({ length: problem.demandCount }, (_, d) => d);
          const losses = await lossesByFailure({ problem, likely, touched, demands, beta }, options);
          if (typeof losses === "string") throw new Error(losses);
          const all = [
            ...likely.failures.map(({ probability }, q) => ({ probability, loss: losses[q] ?? NaN })),
            { probability: 1 - likely.probability, loss: 1 },
          ];
          const riskAt = (alpha: number): number =>
            alpha + all.reduce((sum, { probability, loss }) => sum + probability * Math.max(0, loss - alpha), 0) / (1 - beta);
          const risk = Math.min(...all.map(({ loss }) => riskAt(loss)), riskAt(0));
          expect(Math.abs(risk - (await inFull(problem, likely, masks, beta)))).toBeLessThanOrEqual(1e-6);
        },
      ),
      { numRuns: 60, seed: 52 },
    );
  });
});

/** minimize alpha + 1 / (1 - beta) sum p_q s_q, by one row for each failure and demand, and one failure for all that were not looked at. */
async function inFull(
  problem: Problem,
  { failures, probability }: ReturnType<typeof likelyFailures>,
  masks: readonly (readonly number[])[],
  beta: number,
) {
  const builder = new ProgramBuilder("minimize");
  const alpha = builder.addColumn({ cost: 1, upper: 1 });
  const reserve = Array.from({ length: problem.pathCount }, () => builder.addColumn({}));
  const tail = [...failures, { probability: 1 - probability }].map((each) => builder.addColumn({ cost: each.probability / (1 - beta) }));
  tail.forEach((excess, q) => {
    for (let d = 0; d < problem.demandCount; d++) {
      const row = builder.addRow({ lower: 1 });
      builder.addEntry(row, excess, 1);
      builder.addEntry(row, alpha, 1);
      const first = problem.pathStart[d] ?? 0;
      const mask = masks[q]?.[d] ?? allPaths(problem, d);
      for (let path = first; path < (problem.pathStart[d + 1] ?? 0); path++) {
        if (((mask >> (path - first)) & 1) === 0) builder.addEntry(row, reserve[path] ?? 0, 1e9 / (problem.demandBps[d] ?? 0));
      }
    }
  });
  problem.capacityBps.forEach((bps, link) => {
    const row = builder.addRow({ upper: bps / 1e9 });
    reserve.forEach((column, path) => {
      if (problem.pathLinks.subarray(problem.linkStart[path], problem.linkStart[path + 1]).includes(link)) builder.addEntry(row, column, 1);
    });
  });
  const solved = await highs.solve(builder.build(), { timeLimitSeconds: 10 });
  expect(solved.status).toBe("optimal");
  return solved.objective ?? NaN;
}

describe("covered failures", () => {
  it("are likely enough for every flow that is promised something, which survives them or is exempt; and include what is mandatory", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryPromise({ cablesMax: 6 }),
        fc.constantFrom(0, 0.02, 0.2),
        fc.constantFrom(0.5, 0.9, 0.99),
        async (snapshot, p, target) => {
          const { problem, cableOfLink, cables } = questionOf(snapshot);
          const likely = likelyFailures(cables, p, target);
          const { survival, covered } = await coverAvailability({ problem, cableOfLink, likely, target }, options);
          const mandatory = mandatoryKillSets(problem, { cableOfLink, probability: p, target });
          survival.forEach(({ all, maximal }, d) => {
            if (maximal.includes(allPaths(problem, d))) return;
            let carried = 0;
            for (const q of covered) {
              const mask = masksUnder(problem, cableOfLink, likely.failures[q]?.cables ?? [])[d] ?? 0;
              if (mask === allPaths(problem, d)) continue;
              expect(all).toContain(mask);
              carried += likely.failures[q]?.probability ?? 0;
            }
            expect(carried).toBeGreaterThanOrEqual(target - 1e-12);
            for (const mask of mandatory[d]?.maximal ?? []) expect(maximal.some((wider) => (wider & mask) === mask)).toBe(true);
          });
        },
      ),
      { numRuns: 150, seed: 53 },
    );
  });

  it("are the likeliest where the program would be too large, and the notes say so", async () => {
    const [snapshot] = fc.sample(arbitraryPromise({ cablesMax: 6 }), { numRuns: 1, seed: 3 });
    if (snapshot === undefined) throw new Error("unreachable");
    const { problem, cableOfLink, cables } = questionOf(snapshot);
    const likely = likelyFailures(cables, 0.1, 0.5);
    const failing = { name: "highs" as const, solve: () => Promise.resolve({ status: "time-limit" as const }) };
    const { covered, notes } = await coverAvailability({ problem, cableOfLink, likely, target: 0.5 }, { lp: failing, timeLimitSeconds: 1 });
    expect(covered).toEqual([...covered.keys()]);
    expect(covered.length).toBeGreaterThan(0);
    expect(notes.join()).toContain("The likeliest failures are covered");
  });
});
