import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProgramBuilder } from "./program-builder.js";
import { programDefect } from "./program-defect.js";

const entry = fc.record({ row: fc.nat(6), column: fc.nat(6), value: fc.integer({ min: -9, max: 9 }) });

describe("ProgramBuilder", () => {
  it("gives the dense matrix that the entries add up to, each column by rising row", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
        const builder = new ProgramBuilder("minimize");
        for (let i = 0; i < 7; i++) {
          builder.addRow({});
          builder.addColumn({});
        }
        const dense = Array.from({ length: 7 }, () => new Float64Array(7));
        for (const { row, column, value } of entries) {
          builder.addEntry(row, column, value);
          const target = dense[column] ?? new Float64Array();
          target[row] = (target[row] ?? 0) + value;
        }
        const program = builder.build();
        expect(programDefect(program)).toBeUndefined();
        dense.forEach((expected, j) => {
          const column = new Float64Array(7);
          const rows: number[] = [];
          for (let k = program.columnStart[j] ?? 0; k < (program.columnStart[j + 1] ?? 0); k++) {
            rows.push(program.rowIndex[k] ?? -1);
            column[program.rowIndex[k] ?? 0] = program.value[k] ?? 0;
          }
          expect(column).toEqual(expected);
          expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
        });
      }),
    );
  });

  it("has the defaults it says: cost 0, x >= 0, rows without bounds", () => {
    const builder = new ProgramBuilder("maximize");
    expect([builder.addColumn({}), builder.addColumn({ cost: 2, lower: -1, upper: 4 })]).toEqual([0, 1]);
    expect([builder.addRow({}), builder.addRow({ upper: 3 })]).toEqual([0, 1]);
    expect(builder.build()).toMatchObject({
      sense: "maximize",
      columnCount: 2,
      rowCount: 2,
      cost: Float64Array.of(0, 2),
      columnLower: Float64Array.of(0, -1),
      columnUpper: Float64Array.of(Infinity, 4),
      rowLower: Float64Array.of(-Infinity, -Infinity),
      rowUpper: Float64Array.of(Infinity, 3),
    });
  });

  it.each([
    [-1, 0],
    [1, 0],
    [0, 1],
    [Number.NaN, 0],
  ])("throws for an entry at row %d, column %d of a 1 x 1 program", (row, column) => {
    const builder = new ProgramBuilder("minimize");
    builder.addColumn({});
    builder.addRow({});
    expect(() => builder.addEntry(row, column, 1)).toThrow(RangeError);
  });
});
