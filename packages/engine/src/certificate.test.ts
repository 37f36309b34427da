import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, type LpBackend } from "@sluice/lp";
import { objectiveNames } from "@sluice/model";
import { certify, edgeCertify } from "./certificate.js";
import { edgeBased, edgeObjectives, type EdgeObjectiveName } from "./edge-lp.js";
import { schemeOf } from "./schemes/index.js";
import { arbitraryProblem } from "./testing/small-problem.js";
import { problemOf } from "./testing/written-problem.js";

const bounded = Object.keys(edgeObjectives) as EdgeObjectiveName[];
const timeLimitSeconds = 10;

let highs: LpBackend;
beforeAll(async () => {
  highs = await highsBackend();
});

/** Prices of all sizes that matter, some zero. */
const priced = arbitraryProblem().chain((problem) =>
  fc.record({
    problem: fc.constant(problem),
    price: fc
      .array(
        fc.oneof(
          fc.constant(0),
          fc.double({ min: 0, max: 2, noNaN: true }),
          fc.double({ min: 0, max: 1e-9, noNaN: true }),
          fc.double({ min: 0, max: 100, noNaN: true }),
        ),
        {
          minLength: problem.linkCount,
          maxLength: problem.linkCount,
        },
      )
      .map((prices) => Float64Array.from(prices)),
  }),
);

describe.each(bounded)("weak duality of %s", (objective) => {
  it("bounds the optimum on the problem's paths whatever the prices", async () => {
    await fc.assert(
      fc.asyncProperty(priced, async ({ problem, price }) => {
        const { flowBps, objective: optimum } = await schemeOf(objective).solve(problem, { lp: highs, timeLimitSeconds });
        const { value, bound = Number.NaN, sense } = certify(problem, objective, flowBps, price);
        expect(value).toBe(optimum);
        const side = sense === "maximize" ? 1 : -1;
        expect(side * (bound - optimum)).toBeGreaterThanOrEqual(-1e-6 * Math.abs(optimum));
      }),
      { numRuns: 150 },
    );
  });

  it("bounds the optimum over all paths whatever the prices", async () => {
    await fc.assert(
      fc.asyncProperty(priced, async ({ problem, price }) => {
        const edge = await edgeBased(problem, objective, { lp: highs, timeLimitSeconds });
        const { bound = Number.NaN, sense } = edgeCertify({ ...problem, ...edge.paths }, objective, edge.flowBps, price);
        const side = sense === "maximize" ? 1 : -1;
        expect(side * (bound - edge.objective)).toBeGreaterThanOrEqual(-1e-6 * Math.abs(edge.objective));
      }),
      { numRuns: 100 },
    );
  });

  it("takes prices below zero for zero", () => {
    fc.assert(
      fc.property(priced, ({ problem, price }) => {
        const flow = new Float64Array(problem.pathCount);
        const signed = price.map((y, e) => (e % 2 === 0 ? y : -y));
        const clamped = price.map((y, e) => (e % 2 === 0 ? y : 0));
        expect(certify(problem, objective, flow, signed)).toEqual(certify(problem, objective, flow, clamped));
      }),
    );
  });

  it("tells a flow that was made worse, with the right prices, by its gap", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem({ allUsable: true }), async (problem) => {
        const { flowBps, linkPrice, objective: optimum } = await schemeOf(objective).solve(problem, { lp: highs, timeLimitSeconds });
        fc.pre(linkPrice !== undefined && optimum > 0 && flowBps.some((flow) => flow > 0));
        const worse = flowBps.map((flow) => flow * (objective === "min-max-utilization" ? 1.5 : 0.5));
        expect(certify(problem, objective, worse, linkPrice).gap).toBeGreaterThan(1e-3);
      }),
      { numRuns: 60 },
    );
  });
});

/** 0 ==> 1: two links in parallel, of 6 and 4, latencies 1 and 3 ms; a demand of 15. */
const parallel = problemOf({
  links: [
    { from: 0, to: 1, capacity: 6, latencyMs: 1 },
    { from: 0, to: 1, capacity: 4, latencyMs: 3 },
  ],
  demands: [{ src: 0, dst: 1, rate: 15, paths: [[0], [1]] }],
});

describe("certify by hand", () => {
  const full = Float64Array.of(6, 4);

  it.each([
    { objective: "max-throughput", flow: full, price: [1, 1], value: 10, bound: 10 },
    { objective: "max-throughput", flow: full, price: [0.5, 1], value: 10, bound: 3 + 4 + 15 * 0.5 },
    // M = 1 + 1 + 3 = 5 ms: 6 x 1 + 4 x 3 + 5 x 5; prices 4 and 2 make both paths cost 5.
    { objective: "min-cost", flow: full, price: [4, 2], value: 43, bound: 15 * 5 - 24 - 8 },
    { objective: "min-max-utilization", flow: Float64Array.of(9, 6), price: [7, 7], value: 1.5, bound: 1.5 },
    { objective: "min-max-utilization", flow: Float64Array.of(15, 0), price: [1, 1], value: 2.5, bound: 1.5 },
    { objective: "min-max-utilization", flow: full, price: [0, 0], value: 1, bound: 0 },
    { objective: "max-concurrent", flow: full, price: [3, 3], value: 10 / 15, bound: 10 / 15 },
    { objective: "max-concurrent", flow: full, price: [0, 0], value: 10 / 15, bound: 1 },
  ] as const)("$objective at $price", ({ objective, flow, price, value, bound }) => {
    const certificate = certify(parallel, objective, flow, Float64Array.from(price));
    expect(certificate.value).toBeCloseTo(value, 12);
    expect(certificate.bound).toBeCloseTo(bound, 12);
    expect(certificate.gap).toBeCloseTo(Math.abs(value - bound) / Math.max(value, bound), 12);
  });

  it.each(objectiveNames)("%s has no bound without prices", (objective) => {
    const certificate = certify(parallel, objective, full);
    expect(certificate).not.toHaveProperty("bound");
    expect(certificate).not.toHaveProperty("gap");
  });

  it.each(["max-min-fair", "shortest-path"] as const)("%s has no bound with prices either; its value is what is admitted", (objective) => {
    expect(certify(parallel, objective, full, Float64Array.of(1, 1))).toEqual({ value: 10, sense: "maximize", unit: "bps" });
  });

  it("has no bound where a price is no number", () => {
    expect(certify(parallel, "max-throughput", full, Float64Array.of(Number.NaN, 1))).not.toHaveProperty("bound");
  });
});
