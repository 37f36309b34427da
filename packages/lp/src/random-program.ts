/** Random linear programs for the contract of backends: small integers, so that degenerate ties and redundant rows are common. */
import fc from "fast-check";
import type { LinearProgram } from "./program.js";
import { ProgramBuilder } from "./program-builder.js";

interface Shape {
  readonly columnCount: number;
  readonly rowCount: number;
}

const shape: fc.Arbitrary<Shape> = fc.record({ columnCount: fc.integer({ min: 1, max: 8 }), rowCount: fc.integer({ min: 0, max: 8 }) });
const small = fc.integer({ min: -5, max: 5 });
const sense = fc.constantFrom<LinearProgram["sense"][]>("minimize", "maximize");

/** Has a feasible point by construction and is bounded by its boxes, so a backend must call it optimal. */
export const solvableProgram: fc.Arbitrary<LinearProgram> = shape.chain(({ columnCount, rowCount }) =>
  fc
    .record({
      sense,
      columns: fc.array(
        fc.record({ cost: small, at: small, below: fc.integer({ min: 0, max: 6 }), above: fc.integer({ min: 0, max: 6 }) }),
        {
          minLength: columnCount,
          maxLength: columnCount,
        },
      ),
      rows: fc.array(
        fc.record({
          coefficients: fc.array(fc.oneof({ weight: 2, arbitrary: small }, { weight: 1, arbitrary: fc.constant(0) }), {
            minLength: columnCount,
            maxLength: columnCount,
          }),
          below: fc.option(fc.integer({ min: 0, max: 4 })),
          above: fc.option(fc.integer({ min: 0, max: 4 })),
        }),
        { minLength: rowCount, maxLength: rowCount },
      ),
    })
    .map(({ sense: direction, columns, rows }) => {
      const builder = new ProgramBuilder(direction);
      for (const { cost, at, below, above } of columns) builder.addColumn({ cost, lower: at - below, upper: at + above });
      for (const { coefficients, below, above } of rows) {
        const activity = coefficients.reduce((sum, coefficient, j) => sum + coefficient * (columns[j]?.at ?? 0), 0);
        const row = builder.addRow({
          lower: below === null ? -Infinity : activity - below,
          upper: above === null ? Infinity : activity + above,
        });
        coefficients.forEach((coefficient, j) => builder.addEntry(row, j, coefficient));
      }
      return builder.build();
    }),
);

/** Two sides, each possibly absent, seldom crossed: crossed bounds settle a program without solving it. */
const bounds = fc.tuple(fc.option(small), fc.option(small), fc.integer({ min: 0, max: 30 })).map(([a, b, cross]) => {
  const lower = a ?? -Infinity;
  const upper = b ?? Infinity;
  return lower > upper && cross > 0 ? { lower: upper, upper: lower } : { lower, upper };
});

/** Any status may come out: free columns, contradicting rows, nothing that bounds the objective. */
export const anyProgram: fc.Arbitrary<LinearProgram> = shape.chain(({ columnCount, rowCount }) =>
  fc
    .record({
      sense,
      columns: fc.array(fc.record({ cost: small, bounds }), { minLength: columnCount, maxLength: columnCount }),
      rows: fc.array(fc.record({ coefficients: fc.array(small, { minLength: columnCount, maxLength: columnCount }), bounds }), {
        minLength: rowCount,
        maxLength: rowCount,
      }),
    })
    .map(({ sense: direction, columns, rows }) => {
      const builder = new ProgramBuilder(direction);
      for (const { cost, bounds: sides } of columns) builder.addColumn({ cost, ...sides });
      for (const { coefficients, bounds: sides } of rows) {
        const row = builder.addRow(sides);
        coefficients.forEach((coefficient, j) => builder.addEntry(row, j, coefficient));
      }
      return builder.build();
    }),
);
