/** The LP with one row a kill set against the same with one row a failure; FFC's first example; and who gets what when time is short. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProgramBuilder } from "@sluice/lp";
import { protectionOf } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import { buildProblem } from "../build-problem.js";
import { highs } from "../testing/planning.js";
import { snapshotOf, triangle } from "../testing/snapshot.js";
import { candidateTunnels } from "../tunnels/candidate-tunnels.js";
import { guaranteeCandidates } from "../tunnels/guarantee-candidates.js";
import { canSurvive, killSets } from "./kill-sets.js";
import { arbitraryPromise, coveredFailures, fullCapacity, topologyOf } from "./promised-network.js";
import { greedyReservations } from "./reservations.js";
import { risksOf } from "./risks.js";
import { solveGuaranteed, type GuaranteedOptions } from "./solve-guaranteed.js";
import type { Snapshot } from "@sluice/model";

const options: GuaranteedOptions = { lp: highs, gapMax: 1e-6, timeLimitSeconds: 10, nowMs: () => 0, greedyOnly: false };

function questionOf(snapshot: Snapshot, failures: number) {
  const topology = topologyOf(snapshot);
  const demands = snapshot.demands.demands.filter(
    (demand, i, all) => all.findIndex((o) => o.src === demand.src && o.dst === demand.dst) === i,
  );
  const kinds = protectionOf(snapshot.settings).scenarios;
  const base = candidateTunnels(topology, demands, { kind: "k-shortest", k: 3 });
  const guarantee = { kind: "guaranteed" as const, failures };
  const candidates = guaranteeCandidates(topology, demands, base, { guarantee, kinds, latencyMsMax: undefined });
  const built = buildProblem(topology, demands, candidates, fullCapacity(topology));
  return { topology, built, survival: killSets(built.problem, risksOf(topology, kinds), failures) };
}

/** Rows for every failure of the network; what is not covered must survive as well as what is. Returns the most throughput, or the largest fraction. */
async function byEveryFailure(snapshot: Snapshot, failures: number, goal: "throughput" | "fraction"): Promise<number> {
  const { topology, built, survival } = questionOf(snapshot, failures);
  const { problem, paths, demands } = built;
  const builder = new ProgramBuilder("maximize");
  const reserve = paths.map((path) =>
    builder.addColumn(path.some((id) => topology.linkById.get(id)?.capacityBps === 0) ? { upper: 0 } : {}),
  );
  const fraction = goal === "fraction" ? builder.addColumn({ cost: 1, upper: 1 }) : -1;
  demands.forEach(({ src, dst, rateBps }, d) => {
    const survives = canSurvive(problem, d, survival[d] ?? { all: [], maximal: [] });
    if (goal === "fraction" && !survives) return;
    const admit = builder.addColumn({ cost: goal === "throughput" ? 1 : 0, upper: rateBps / 1e9 });
    if (goal === "fraction") {
      const row = builder.addRow({ lower: 0, upper: 0 });
      builder.addEntry(row, admit, 1);
      builder.addEntry(row, fraction, -rateBps / 1e9);
    }
    for (const { down, nodes } of coveredFailures(snapshot, failures)) {
      if (nodes.has(src) || nodes.has(dst)) continue;
      const row = builder.addRow({ lower: 0 });
      builder.addEntry(row, admit, -1);
      for (let path = problem.pathStart[d] ?? 0; path < (problem.pathStart[d + 1] ?? 0); path++) {
        if ((paths[path] ?? []).every((id) => !down.has(id))) builder.addEntry(row, reserve[path] ?? 0, 1);
      }
    }
  });
  topology.links.forEach(({ id, capacityBps }) => {
    const row = builder.addRow({ upper: capacityBps / 1e9 });
    paths.forEach((path, i) => {
      if (path.includes(id)) builder.addEntry(row, reserve[i] ?? 0, 1);
    });
  });
  const solved = await highs.solve(builder.build(), { timeLimitSeconds: 10 });
  expect(solved.status).toBe("optimal");
  return solved.objective ?? NaN;
}

const near = (a: number, b: number): void => expect(Math.abs(a - b)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(b)));

describe("the LP of a guarantee", () => {
  // The network of FFC's first example: s2 and s3 send to s4, each directly and by way of s1, 10 a link. Without a promise all three links into s4
  // are filled, 28 of 28. Each of the two sources has two ways out: whatever it sends is reserved twice, and 30 go into s4: 15 in all.
  //
  //    s2 --------- s4 -------- s3
  //      \          |          /
  //       --------- s1 --------
  it("shares the way around between the flows that may need it", async () => {
    const ends = [
      ["s1", "s2"],
      ["s1", "s3"],
      ["s1", "s4"],
      ["s2", "s4"],
      ["s3", "s4"],
    ] as const;
    const snapshot = snapshotOf(
      {
        name: "ffc",
        nodes: ["s1", "s2", "s3", "s4"].map((id) => ({ id })),
        links: ends.flatMap(([a, b]) =>
          [`${a}-${b}`, `${b}-${a}`].map((id, i) => ({
            id,
            from: i === 0 ? a : b,
            to: i === 0 ? b : a,
            capacityBps: 10e9,
            latencyMs: 1,
            metric: 1,
          })),
        ),
      },
      [
        ["s2", "s4", "interactive", 14e9],
        ["s3", "s4", "interactive", 14e9],
      ],
    );
    const most = async (failures: number): Promise<number> => {
      const { built, survival } = questionOf(snapshot, failures);
      const { certificate, rung } = await solveGuaranteed(built.problem, { survival }, "max-throughput", options);
      expect(rung).toBe("optimal");
      return certificate.value;
    };
    expect(await most(1)).toBeCloseTo(15e9, -3);
    expect(await most(2)).toBe(0);
  });

  it("finds what the LP with a row for every failure finds, and proves it", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryPromise(), fc.integer({ min: 1, max: 3 }), async (snapshot, failures) => {
        const { built, survival } = questionOf(snapshot, failures);
        const most = await solveGuaranteed(built.problem, { survival }, "max-throughput", options);
        expect(most.rung).toBe("optimal");
        near(most.certificate.value / 1e9, await byEveryFailure(snapshot, failures, "throughput"));
        const fair = await solveGuaranteed(built.problem, { survival }, "max-concurrent", options);
        expect(fair.rung).toBe("optimal");
        const isAsked = survival.some((kills, d) => canSurvive(built.problem, d, kills));
        if (isAsked) near(fair.certificate.value, await byEveryFailure(snapshot, failures, "fraction"));
        const least = await solveGuaranteed(built.problem, { survival }, "min-max-utilization", options);
        expect(least.rung).toBe("optimal");
        // What carries everything at utilization u is the common fraction 1 / u, where that is below 1.
        if (isAsked && least.certificate.value > 1) near(1 / least.certificate.value, fair.certificate.value);
      }),
      { numRuns: 80, seed: 43 },
    );
  });

  it("keeps every reservation within capacity, and survives, on the greedy rung too", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryPromise(), fc.integer({ min: 1, max: 3 }), async (snapshot, failures) => {
        const { built, survival } = questionOf(snapshot, failures);
        const { problem } = built;
        const best = await solveGuaranteed(problem, { survival }, "max-throughput", options);
        const greedy = greedyReservations(problem, survival);
        for (const { admittedBps, reservedBps } of [best, greedy]) {
          keeps(problem, reservedBps);
          survival.forEach(({ all }, d) => {
            expect(admittedBps[d]).toBeLessThanOrEqual(problem.demandBps[d] ?? 0);
            for (const mask of all)
              expect(surviving(problem, d, reservedBps, mask)).toBeGreaterThanOrEqual((admittedBps[d] ?? 0) * (1 - 1e-12));
          });
        }
        const sum = (rates: Float64Array): number => rates.reduce((total, rate) => total + rate, 0);
        expect(sum(greedy.admittedBps)).toBeLessThanOrEqual((best.certificate.bound ?? NaN) * (1 + 1e-9));
      }),
      { numRuns: 150, seed: 44 },
    );
  });

  it("falls to equal reservations where no time is left or the solver fails, and says so", async () => {
    const { built, survival } = questionOf(snapshotOf(triangle, [["a", "b", "interactive", 8e9]]), 1);
    const late = await solveGuaranteed(built.problem, { survival }, "max-throughput", { ...options, timeLimitSeconds: 0 });
    expect([late.rung, late.solver]).toEqual(["greedy", "greedy-fill"]);
    expect(late.notes.join()).toContain("No time was left");
    const lp = { name: "highs" as const, solve: () => Promise.reject(new Error("out of order")) };
    const failed = await solveGuaranteed(built.problem, { survival }, "max-throughput", { ...options, lp });
    expect(failed.rung).toBe("greedy");
    expect(failed.notes.join()).toContain("out of order");
    expect([...failed.admittedBps]).toEqual([8e9]);
  });
});

function keeps({ capacityBps, linkStart, pathLinks }: Problem, reservedBps: Float64Array): void {
  const load = new Float64Array(capacityBps.length);
  reservedBps.forEach((bps, path) => {
    for (const link of pathLinks.subarray(linkStart[path], linkStart[path + 1])) load[link] = (load[link] ?? 0) + bps;
  });
  load.forEach((bps, link) => expect(bps).toBeLessThanOrEqual((capacityBps[link] ?? 0) * (1 + 1e-12)));
}

function surviving({ pathStart }: Problem, demand: number, reservedBps: Float64Array, mask: number): number {
  return reservedBps
    .subarray(pathStart[demand], pathStart[demand + 1])
    .reduce((sum, bps, i) => (((mask >> i) & 1) === 0 ? sum + bps : sum), 0);
}
