/** What every LP backend must do, as a vitest suite: statuses, shapes, signs of duals, certified optima. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { LpBackend, LpOptions, LpOutcome } from "./backend.js";
import { certifyLp } from "./certify.js";
import { ProgramBuilder } from "./program-builder.js";
import type { LinearProgram } from "./program.js";
import { anyProgram, solvableProgram } from "./random-program.js";

export { anyProgram, solvableProgram } from "./random-program.js";

const inf = Infinity;

interface Written {
  readonly sense?: LinearProgram["sense"];
  /** Per column: cost, lower, upper. */
  readonly columns: readonly (readonly [number, number, number])[];
  /** Per row: lower, coefficients, upper. */
  readonly rows: readonly (readonly [number, readonly number[], number])[];
}

/** A small dense program as one would write it down. */
export function programOf({ sense = "minimize", columns, rows }: Written): LinearProgram {
  const builder = new ProgramBuilder(sense);
  for (const [cost, lower, upper] of columns) builder.addColumn({ cost, lower, upper });
  for (const [lower, coefficients, upper] of rows) {
    const row = builder.addRow({ lower, upper });
    coefficients.forEach((value, column) => builder.addEntry(row, column, value));
  }
  return builder.build();
}

interface Example extends Written {
  readonly name: string;
  readonly objective: number;
  readonly dual?: readonly number[];
}

const optimalExamples: readonly Example[] = [
  {
    name: "two products, two resources (maximize: binding <= rows have duals >= 0)",
    sense: "maximize",
    columns: [
      [30, 0, inf],
      [50, 0, inf],
    ],
    rows: [
      [-inf, [1, 2], 40],
      [-inf, [2, 1], 50],
    ],
    objective: 1100,
    dual: [70 / 3, 10 / 3],
  },
  {
    name: "the same as a minimization (binding <= rows have duals <= 0)",
    columns: [
      [-30, 0, inf],
      [-50, 0, inf],
    ],
    rows: [
      [-inf, [1, 2], 40],
      [-inf, [2, 1], 50],
    ],
    objective: -1100,
    dual: [-70 / 3, -10 / 3],
  },
  {
    name: "a binding >= row in a minimization has a dual >= 0",
    columns: [
      [2, 0, inf],
      [3, 0, inf],
    ],
    rows: [[4, [1, 1], inf]],
    objective: 8,
    dual: [2],
  },
  {
    name: "a binding >= row in a maximization has a dual <= 0",
    sense: "maximize",
    columns: [[-1, 0, inf]],
    rows: [[3, [1], inf]],
    objective: -3,
    dual: [-1],
  },
  { name: "no columns, satisfied rows", columns: [], rows: [[-1, [], 2]], objective: 0, dual: [0] },
  {
    name: "no rows",
    columns: [
      [1, -3, inf],
      [-2, -inf, 5],
    ],
    rows: [],
    objective: -13,
  },
  { name: "nothing at all", columns: [], rows: [], objective: 0 },
  {
    name: "an empty row and an empty column",
    columns: [
      [1, 1, 9],
      [0, 0, inf],
    ],
    rows: [[-inf, [0, 0], 0]],
    objective: 1,
    dual: [0],
  },
  {
    name: "a free column held by an equality",
    columns: [
      [1, -inf, inf],
      [0, 0, 2],
    ],
    rows: [[-7, [1, 1], -7]],
    objective: -9,
    dual: [1],
  },
  { name: "a column bounded only above", sense: "maximize", columns: [[1, -inf, -4]], rows: [[-10, [1], inf]], objective: -4, dual: [0] },
  {
    name: "fixed and boxed columns",
    columns: [
      [5, 2, 2],
      [-1, 1, 3],
    ],
    rows: [[-inf, [1, 1], 4.5]],
    objective: 7.5,
    dual: [-1],
  },
  {
    name: "a ranged row that binds below",
    columns: [
      [1, 0, inf],
      [1, 0, inf],
    ],
    rows: [[2, [1, 1], 6]],
    objective: 2,
    dual: [1],
  },
  {
    name: "a ranged row that binds above",
    columns: [
      [-1, 0, inf],
      [-1, 0, inf],
    ],
    rows: [[2, [1, 1], 6]],
    objective: -6,
    dual: [-1],
  },
  { name: "a row without bounds", columns: [[1, 1, inf]], rows: [[-inf, [1], inf]], objective: 1, dual: [0] },
  {
    name: "degenerate: many rows through one vertex",
    sense: "maximize",
    columns: [
      [1, 0, inf],
      [1, 0, inf],
    ],
    rows: [
      [-inf, [1, 0], 1],
      [-inf, [0, 1], 1],
      [-inf, [1, 1], 2],
      [-inf, [2, 1], 3],
      [-inf, [1, 2], 3],
      [-inf, [1, 1], 2],
    ],
    objective: 2,
  },
  {
    name: "Beale's cycling example",
    columns: [
      [-0.75, 0, inf],
      [150, 0, inf],
      [-0.02, 0, inf],
      [6, 0, inf],
    ],
    rows: [
      [-inf, [0.25, -60, -0.04, 9], 0],
      [-inf, [0.5, -90, -0.02, 3], 0],
      [-inf, [0, 0, 1, 0], 1],
    ],
    objective: -0.05,
  },
  {
    name: "badly scaled: capacities of 1e6 to 1e12 beside a share in 0..1",
    sense: "maximize",
    columns: [
      [1, 0, inf],
      [1, 0, inf],
      [1e6, 0, 1],
    ],
    rows: [
      [-inf, [1, 1, 0], 1e12],
      [-inf, [1, 0, 0], 4e11],
      [-inf, [0, 1, 1e6], 1e6],
    ],
    objective: 4.00001e11,
  },
];

const otherExamples: readonly (Written & { readonly name: string; readonly status: LpOutcome["status"] })[] = [
  {
    name: "rows that contradict each other",
    columns: [[0, 0, inf]],
    rows: [
      [2, [1], inf],
      [-inf, [1], 1],
    ],
    status: "infeasible",
  },
  { name: "column bounds that cross", columns: [[1, 2, 1]], rows: [], status: "infeasible" },
  { name: "row bounds that cross", columns: [[1, 0, 1]], rows: [[2, [1], 1]], status: "infeasible" },
  { name: "no columns, a row that asks for something", columns: [], rows: [[1, [], 2]], status: "infeasible" },
  {
    name: "an equality out of the boxes' reach",
    columns: [
      [0, 0, 1],
      [0, 0, 1],
    ],
    rows: [[3, [1, 1], 3]],
    status: "infeasible",
  },
  {
    name: "infeasible and, but for that, unbounded",
    columns: [
      [-1, 0, inf],
      [0, 0, inf],
    ],
    rows: [[1, [0, 1], 0.5]],
    status: "infeasible",
  },
  { name: "nothing bounds the objective", sense: "maximize", columns: [[1, 0, inf]], rows: [[-inf, [-1], 0]], status: "unbounded" },
  { name: "a free column without rows", columns: [[1, -inf, inf]], rows: [], status: "unbounded" },
  {
    name: "an unbounded ray along an equality",
    columns: [
      [-1, 0, inf],
      [0, 0, inf],
    ],
    rows: [[0, [1, -1], 0]],
    status: "unbounded",
  },
];

const limits: LpOptions = { timeLimitSeconds: 20 };

/** Runs the contract; `make` is called once. */
export function describeLpBackend(name: string, make: () => LpBackend | Promise<LpBackend>): void {
  describe(`LP backend ${name}`, () => {
    let backend: LpBackend;
    beforeAll(async () => {
      backend = await make();
    });

    const solveCertified = async (program: LinearProgram, options: LpOptions = limits): Promise<LpOutcome> => {
      const outcome = await backend.solve(program, options);
      expect(outcome).toMatchObject({ status: "optimal" });
      expect(certifyLp(program, outcome)).toMatchObject({ valid: true });
      return outcome;
    };

    describe.each(["choose", "simplex", "interior-point"] as const)("method %s", (method) => {
      const options = { ...limits, method };

      it.each(optimalExamples)("optimal: $name", async (example) => {
        const outcome = await solveCertified(programOf(example), options);
        const scale = Math.max(1, Math.abs(example.objective));
        expect((outcome.objective ?? Number.NaN) / scale).toBeCloseTo(example.objective / scale, 6);
        example.dual?.forEach((dual, row) => expect(outcome.dual?.[row]).toBeCloseTo(dual, 5));
      });

      it.each(otherExamples)("$status: $name", async (example) => {
        const outcome = await backend.solve(programOf(example), options);
        expect(outcome).toMatchObject({ status: example.status });
      });

      it("certifies the optimum of any program that has one", async () => {
        await fc.assert(
          fc.asyncProperty(solvableProgram, async (program) => {
            expect(await solveCertified(program, options)).toMatchObject({ status: "optimal" });
          }),
          { numRuns: 100 },
        );
      });

      it("gives every program a status, and every optimum a certificate", async () => {
        await fc.assert(
          fc.asyncProperty(anyProgram, async (program) => {
            const outcome = await backend.solve(program, options);
            expect(["optimal", "infeasible", "unbounded"]).toContain(outcome.status);
            expect(certifyLp(program, outcome).valid).toBe(outcome.status === "optimal");
          }),
          { numRuns: 500 },
        );
      });
    });

    it("gives the same answer again, to the last bit", async () => {
      await fc.assert(
        fc.asyncProperty(solvableProgram, async (program) => {
          expect(await backend.solve(program, limits)).toEqual(await backend.solve(program, limits));
        }),
        { numRuns: 20 },
      );
    });

    it.each([
      ["a cost that is no number", (p: LinearProgram) => ({ ...p, cost: p.cost.map(() => Number.NaN) })],
      ["an infinite entry", (p: LinearProgram) => ({ ...p, value: p.value.map(() => Infinity) })],
      ["a lower bound of +Infinity", (p: LinearProgram) => ({ ...p, columnLower: p.columnLower.map(() => Infinity) })],
      ["a row out of range", (p: LinearProgram) => ({ ...p, rowIndex: p.rowIndex.map(() => 7) })],
      ["arrays of the wrong length", (p: LinearProgram) => ({ ...p, rowUpper: new Float64Array(5) })],
      ["a column start that falls", (p: LinearProgram) => ({ ...p, columnStart: Int32Array.from([0, 3, 2]) })],
      [
        "the same entry twice",
        (p: LinearProgram) => ({ ...p, rowIndex: Int32Array.from([0, 0]), columnStart: Int32Array.from([0, 2, 2]) }),
      ],
    ])("refuses %s as failed, and works on", async (_, spoil) => {
      const good = programOf({
        columns: [
          [1, 1, inf],
          [1, 0, inf],
        ],
        rows: [[2, [1, 1], inf]],
      });
      const outcome = await backend.solve(spoil(good), limits);
      expect(outcome).toMatchObject({ status: "failed" });
      expect(outcome.message).toMatch(/Malformed/);
      await solveCertified(good);
    });

    it("stops at the time limit", async () => {
      const program = assignmentProgram(60);
      const outcome = await backend.solve(program, { timeLimitSeconds: 0, method: "simplex" });
      expect(outcome.status).toBe("time-limit");
      const isFeasible = certifyLp(program, outcome).primalInfeasibility < 1e-6;
      expect(outcome.primal === undefined || isFeasible).toBe(true);
    });
  });
}

/** Assigns n people to n jobs at least cost: n^2 columns, degenerate, too much for no time at all. */
function assignmentProgram(n: number): LinearProgram {
  const builder = new ProgramBuilder("minimize");
  for (let i = 0; i < 2 * n; i++) builder.addRow({ lower: 1, upper: 1 });
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const column = builder.addColumn({ cost: ((i * 31 + j * 17) % 23) + 1 });
      builder.addEntry(i, column, 1);
      builder.addEntry(n + j, column, 1);
    }
  }
  return builder.build();
}
