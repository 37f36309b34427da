/**
 * A linear program in sparse column form; knows nothing of networks.
 *
 *   minimize (or maximize)  c'x
 *   subject to              rowLower <= A x <= rowUpper,   columnLower <= x <= columnUpper
 *
 * A is stored by column: the entries of column j are `rowIndex[columnStart[j] .. columnStart[j+1])` with values `value[..]`.
 * Infinite bounds are +-Infinity.
 */
export interface LinearProgram {
  readonly sense: "minimize" | "maximize";
  readonly columnCount: number;
  readonly rowCount: number;
  readonly cost: Float64Array;
  readonly columnLower: Float64Array;
  readonly columnUpper: Float64Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  readonly columnStart: Int32Array;
  readonly rowIndex: Int32Array;
  readonly value: Float64Array;
}
