/**
 * The inverse of a square matrix W that changes by a row or a column at a time: the working basis of the walk to a vertex.
 * Rows of W are tight links, columns are paths. Dense, since W is small; stored so that what belongs to one row of W, the
 * column of the inverse, is contiguous: `values[row * stride + position]`. Each change is O(size^2), and less where the inverse is sparse.
 */
export interface BasisInverse {
  size: number;
  readonly stride: number;
  readonly values: Float64Array;
}

export function emptyInverse(sizeMax: number): BasisInverse {
  return { size: 0, stride: sizeMax, values: new Float64Array(sizeMax * sizeMax) };
}

/** Adds `scale` times the column of the inverse that belongs to `row` to `sum`, which is by position. */
export function addColumnOf({ size, stride, values }: BasisInverse, row: number, scale: number, sum: Float64Array): void {
  const from = row * stride;
  for (let j = 0; j < size; j++) sum[j] = (sum[j] as number) + scale * (values[from + j] as number);
}

/** product[row] = the sum over positions of figure[position] x inverse[position][row]. */
export function leftProduct({ size, stride, values }: BasisInverse, figure: Float64Array, product: Float64Array): void {
  for (let row = 0; row < size; row++) {
    const from = row * stride;
    let sum = 0;
    for (let j = 0; j < size; j++) sum += (figure[j] as number) * (values[from + j] as number);
    product[row] = sum;
  }
}

/** The column at `position` becomes another one, whose product with the inverse is `alpha`; alpha[position] is not 0. */
export function replaceColumn({ size, stride, values }: BasisInverse, position: number, alpha: Float64Array): void {
  const pivot = alpha[position] as number;
  for (let row = 0; row < size; row++) {
    const from = row * stride;
    const share = (values[from + position] as number) / pivot;
    if (share === 0) continue;
    for (let j = 0; j < size; j++) values[from + j] = (values[from + j] as number) - (alpha[j] as number) * share;
    values[from + position] = share;
  }
}

/** The row `row` becomes another one, whose product with the inverse, from the left, is `product`; product[row] is not 0. */
export function replaceRow({ size, stride, values }: BasisInverse, row: number, product: Float64Array): void {
  const at = row * stride;
  const pivot = product[row] as number;
  for (let j = 0; j < size; j++) values[at + j] = (values[at + j] as number) / pivot;
  for (let other = 0; other < size; other++) {
    const scale = product[other] as number;
    if (other === row || scale === 0) continue;
    const from = other * stride;
    for (let j = 0; j < size; j++) values[from + j] = (values[from + j] as number) - scale * (values[at + j] as number);
  }
}

/**
 * One row and one column more: `alpha` is the inverse's product with the new column, `product` that of the new row with the inverse, and
 * `pivot` the corner of W less row x inverse x column, not 0.
 */
export function addBorder(
  inverse: BasisInverse,
  { alpha, product, pivot }: { readonly alpha: Float64Array; readonly product: Float64Array; readonly pivot: number },
): void {
  const { size, stride, values } = inverse;
  const last = size * stride;
  for (let row = 0; row < size; row++) {
    const from = row * stride;
    const share = (product[row] as number) / pivot;
    values[from + size] = -share;
    if (share === 0) continue;
    for (let j = 0; j < size; j++) values[from + j] = (values[from + j] as number) + (alpha[j] as number) * share;
  }
  for (let j = 0; j < size; j++) values[last + j] = -(alpha[j] as number) / pivot;
  values[last + size] = 1 / pivot;
  inverse.size = size + 1;
}

/** Takes out a row and a column whose element of the inverse is not 0; the last row and the last column take their places. */
export function removeBorder(inverse: BasisInverse, row: number, position: number): void {
  const { size, stride, values } = inverse;
  const at = row * stride;
  const pivot = values[at + position] as number;
  for (let other = 0; other < size; other++) {
    if (other === row) continue;
    const from = other * stride;
    const share = (values[from + position] as number) / pivot;
    if (share === 0) continue;
    for (let j = 0; j < size; j++) values[from + j] = (values[from + j] as number) - share * (values[at + j] as number);
  }
  const last = size - 1;
  values.copyWithin(at, last * stride, last * stride + size);
  for (let other = 0; other < last; other++) values[other * stride + position] = values[other * stride + last] as number;
  inverse.size = last;
}

/** The column at `position` is negated and taken off the columns at `others`: they are differences to another path now. */
export function changeOrigin({ size, stride, values }: BasisInverse, position: number, others: readonly number[]): void {
  for (let row = 0; row < size; row++) {
    const from = row * stride;
    let sum = values[from + position] as number;
    for (const other of others) sum += values[from + other] as number;
    values[from + position] = -sum;
  }
}

/**
 * Computes the inverse anew from W, which `addRow(position, sum)` gives column by column, each added to a zeroed row of figures. By
 * Gauss and Jordan with partial pivoting, O(size^3) and less where W is sparse. Returns false, and leaves the inverse, where W is singular.
 */
export function invertAnew(inverse: BasisInverse, addColumn: (position: number, column: Float64Array) => void): boolean {
  const { size, stride, values } = inverse;
  const width = 2 * size;
  // A row for each position: the column of W there, then the unit vector. What is left at the end is the transposed inverse's rows.
  const rows: Float64Array[] = Array.from({ length: size }, (_, j) => {
    const row = new Float64Array(width);
    addColumn(j, row);
    row[size + j] = 1;
    return row;
  });
  for (let i = 0; i < size; i++) {
    let best = i;
    for (let r = i + 1; r < size; r++) if (Math.abs(rows[r]?.[i] ?? 0) > Math.abs(rows[best]?.[i] ?? 0)) best = r;
    const pivotRow = rows[best] as Float64Array;
    rows[best] = rows[i] as Float64Array;
    rows[i] = pivotRow;
    const pivot = pivotRow[i] as number;
    if (Math.abs(pivot) < pivotMin) return false;
    for (let k = i; k < width; k++) pivotRow[k] = (pivotRow[k] as number) / pivot;
    for (let r = 0; r < size; r++) {
      const row = rows[r] as Float64Array;
      const scale = row[i] as number;
      if (r === i || scale === 0) continue;
      for (let k = i; k < width; k++) row[k] = (row[k] as number) - scale * (pivotRow[k] as number);
    }
  }
  rows.forEach((row, i) => values.set(row.subarray(size, width), i * stride));
  return true;
}

/** A pivot below this is rounding: elements of W are 0, 1 and -1. */
const pivotMin = 1e-10;
