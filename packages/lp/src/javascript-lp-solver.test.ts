import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyProgram, describeLpBackend } from "./contract.js";
import { highsBackend } from "./highs.js";
import { javascriptLpSolverBackend, tableauEntriesMax } from "./javascript-lp-solver.js";
import { ProgramBuilder } from "./program-builder.js";

describeLpBackend("javascript-lp-solver", () => javascriptLpSolverBackend());

describe("javascript-lp-solver", () => {
  it("agrees with HiGHS on status and optimum of any program", async () => {
    const highs = await highsBackend();
    const javascript = javascriptLpSolverBackend();
    await fc.assert(
      fc.asyncProperty(anyProgram, async (program) => {
        const [a, b] = [await highs.solve(program, { timeLimitSeconds: 5 }), await javascript.solve(program, { timeLimitSeconds: 5 })];
        expect(b).toMatchObject({ status: a.status });
        expect(b.objective ?? 0).toBeCloseTo(a.objective ?? 0, 5);
      }),
      { numRuns: 300 },
    );
  });

  it("refuses a tableau that would not fit in memory", async () => {
    const builder = new ProgramBuilder("maximize");
    const side = Math.ceil(Math.sqrt(tableauEntriesMax));
    for (let i = 0; i < side; i++) builder.addEntry(builder.addRow({ upper: 1 }), builder.addColumn({ cost: 1 }), 1);
    const outcome = await javascriptLpSolverBackend().solve(builder.build(), { timeLimitSeconds: 5 });
    expect(outcome).toMatchObject({ status: "failed", message: expect.stringMatching(/dense tableau/) });
  });

  it("hands on a feasible point when time ends in the second phase", async () => {
    let now = 0;
    const backend = javascriptLpSolverBackend(() => now++);
    const builder = new ProgramBuilder("maximize");
    const budget = builder.addRow({ upper: 10 });
    for (let j = 0; j < 20; j++) {
      const column = builder.addColumn({ cost: 20 - j, upper: 1 });
      builder.addEntry(budget, column, 1);
    }
    const outcome = await backend.solve(builder.build(), { timeLimitSeconds: 5 });
    expect(outcome.status).toBe("time-limit");
    expect(outcome.objective).toBeGreaterThan(0);
    expect(outcome.objective).toBeLessThan(155);
  });
});
