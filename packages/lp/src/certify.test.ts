import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { LpBackend, LpOutcome } from "./backend.js";
import { certifyLp } from "./certify.js";
import { programOf, solvableProgram } from "./contract.js";
import { highsBackend } from "./highs.js";

const program = programOf({
  sense: "maximize",
  columns: [
    [30, 0, Infinity],
    [50, 0, Infinity],
  ],
  rows: [
    [-Infinity, [1, 2], 40],
    [-Infinity, [2, 1], 50],
  ],
});
const answer = {
  status: "optimal",
  objective: 1100,
  primal: Float64Array.of(20, 10),
  dual: Float64Array.of(70 / 3, 10 / 3),
} satisfies LpOutcome;

describe("certifyLp", () => {
  it("accepts the right answer, whoever gives it", () => {
    expect(certifyLp(program, answer)).toMatchObject({ valid: true, primalInfeasibility: 0 });
    expect(certifyLp(program, answer).dualObjective).toBeCloseTo(1100, 9);
  });

  it.each<[string, Partial<LpOutcome>]>([
    ["a point outside a row", { primal: Float64Array.of(20.001, 10), objective: 1100.03 }],
    ["a point below a column bound", { primal: Float64Array.of(-1, 20), objective: 970 }],
    ["a feasible point that is not optimal", { primal: Float64Array.of(19, 10), objective: 1070 }],
    ["duals of the wrong sign", { dual: Float64Array.of(-70 / 3, -10 / 3) }],
    ["duals that do not cover a cost", { dual: Float64Array.of(20, 10 / 3) }],
    ["duals that prove a worse bound", { dual: Float64Array.of(25, 10 / 3) }],
    ["an objective that is not the point's", { objective: 1101 }],
    ["a number that is none", { primal: Float64Array.of(Number.NaN, 10) }],
    ["a point of the wrong length", { primal: Float64Array.of(20) }],
    ["duals of the wrong length", { dual: Float64Array.of(1, 2, 3) }],
  ])("refuses %s", (_, corrupt) => {
    expect(certifyLp(program, { ...answer, ...corrupt }).valid).toBe(false);
  });

  it("refuses an outcome without a point", () => {
    expect(certifyLp(program, { status: "infeasible" }).valid).toBe(false);
  });
});

describe("certifyLp on random programs", () => {
  let highs: LpBackend;
  beforeAll(async () => {
    highs = await highsBackend();
  });

  it("catches a dual with one entry changed enough to matter, and an optimum claimed for another value", async () => {
    await fc.assert(
      fc.asyncProperty(solvableProgram, fc.nat(), fc.constantFrom(-1, 1), async (random, at, direction) => {
        const outcome = await highs.solve(random, { timeLimitSeconds: 5 });
        const { primal, dual, objective } = outcome;
        fc.pre(primal !== undefined && dual !== undefined && objective !== undefined && dual.length > 0);
        expect(certifyLp(random, { ...outcome, objective: objective + direction }).valid).toBe(false);
        const changed = dual.slice();
        const row = at % dual.length;
        changed[row] = (changed[row] ?? 0) + direction * 100;
        const certificate = certifyLp(random, { ...outcome, dual: changed });
        // Any multipliers give a valid bound: it may only move away from the optimum, never across it.
        const side = random.sense === "minimize" ? 1 : -1;
        const bounds =
          certificate.dualInfeasibility > 0 || side * (objective - certificate.dualObjective) >= -1e-6 * Math.max(1, Math.abs(objective));
        expect(bounds).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("catches a point pushed out of its bounds or rows", async () => {
    await fc.assert(
      fc.asyncProperty(solvableProgram, fc.nat(), async (random, at) => {
        const outcome = await highs.solve(random, { timeLimitSeconds: 5 });
        const { primal } = outcome;
        fc.pre(primal !== undefined);
        const changed = primal.slice();
        const column = at % primal.length;
        changed[column] = (random.columnUpper[column] ?? 0) + 1;
        expect(certifyLp(random, { ...outcome, primal: changed }).valid).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
