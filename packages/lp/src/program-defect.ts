/** What makes an array bundle no linear program at all. Backends answer `failed` for these; they never reach a solver. */
import type { LinearProgram } from "./program.js";

/** A sentence that names the first defect, or undefined for a well-formed program. O(columns + rows + entries). */
export function programDefect(program: LinearProgram): string | undefined {
  const { columnCount, rowCount, cost, columnLower, columnUpper, rowLower, rowUpper } = program;
  if (cost.length !== columnCount || columnLower.length !== columnCount || columnUpper.length !== columnCount) {
    return `the column arrays do not have ${columnCount} entries`;
  }
  if (rowLower.length !== rowCount || rowUpper.length !== rowCount) return `the row arrays do not have ${rowCount} entries`;
  const column = cost.findIndex((value) => !Number.isFinite(value));
  if (column >= 0) return `the cost of column ${column} is ${cost[column]}`;
  return boundsDefect("column", columnLower, columnUpper) ?? boundsDefect("row", rowLower, rowUpper) ?? matrixDefect(program);
}

/** Whether some bounds cross, which makes the program infeasible without looking any further. */
export function boundsCross({ columnLower, columnUpper, rowLower, rowUpper }: LinearProgram): boolean {
  return columnLower.some((lower, j) => lower > (columnUpper[j] ?? 0)) || rowLower.some((lower, i) => lower > (rowUpper[i] ?? 0));
}

function boundsDefect(what: string, lower: Float64Array, upper: Float64Array): string | undefined {
  const bad = lower.findIndex((low, i) => {
    const high = upper[i] ?? Number.NaN;
    return Number.isNaN(low) || Number.isNaN(high) || low === Infinity || high === -Infinity;
  });
  return bad < 0 ? undefined : `the bounds of ${what} ${bad} are ${lower[bad]} and ${upper[bad]}`;
}

function matrixDefect({ columnCount, rowCount, columnStart, rowIndex, value }: LinearProgram): string | undefined {
  if (columnStart.length !== columnCount + 1 || columnStart[0] !== 0 || columnStart[columnCount] !== rowIndex.length) {
    return "columnStart does not span the entries";
  }
  if (value.length !== rowIndex.length) return "rowIndex and value differ in length";
  const lastSeen = new Int32Array(rowCount).fill(-1);
  for (let j = 0; j < columnCount; j++) {
    const end = columnStart[j + 1] ?? 0;
    if (end < (columnStart[j] ?? 0)) return `columnStart falls at column ${j}`;
    for (let k = columnStart[j] ?? 0; k < end; k++) {
      const row = rowIndex[k] ?? -1;
      if (row < 0 || row >= rowCount) return `column ${j} has an entry in row ${row} of ${rowCount}`;
      if (lastSeen[row] === j) return `column ${j} has two entries in row ${row}`;
      lastSeen[row] = j;
      if (!Number.isFinite(value[k])) return `the entry of column ${j} in row ${row} is ${value[k]}`;
    }
  }
  return undefined;
}
