/** The tables of a benchmark on a terminal. Rows come one by one, so columns have their widths from the start. */
import type { Colors } from "../terminal.js";
import type { BenchColumn } from "./bench-columns.js";
import type { BenchRow } from "./bench-report.js";

const gutter = "  ";

export function headLine(columns: readonly BenchColumn[], colors: Colors): string {
  return colors.bold(lineOf(columns, ({ head }) => head));
}

export function rowLine(columns: readonly BenchColumn[], row: BenchRow, colors: Colors): string {
  const line = lineOf(columns, ({ text }) => text(row));
  return row.answer?.verdict === "pass" ? line : colors.red(line);
}

function lineOf(columns: readonly BenchColumn[], cell: (column: BenchColumn) => string): string {
  return columns
    .map((column) => {
      const width = Math.max(column.width, column.head.length);
      return column.align === "left" ? cell(column).padEnd(width) : cell(column).padStart(width);
    })
    .join(gutter)
    .trimEnd();
}
