/**
 * The price of a guarantee: what the cheapest reservations cost that let one bps survive every kill set.
 *
 *   minimize  sum y_t a_t    subject to  sum of a_t over t not in K >= 1 for each kill set K,  a >= 0
 *
 * Solved from its dual, the packing program
 *
 *   maximize  sum z_K        subject to  sum of z_K over K without t <= y_t for each tunnel t,  z >= 0
 *
 * by the primal simplex on a dense tableau with Bland's rule (Bland 1977), which ends. z = 0 is where it starts, since prices are >= 0; and every z on
 * the way gives a value that no reservations undercut, so that rounding cannot make a bound wrong by more than rounding.
 */

/** Entries of a tableau below this, relative to the largest of their column's, are rounding. */
const pivotMin = 1e-11;
/** Bland's rule ends by itself; this many pivots per row or column are far above what it takes. */
const pivotsPerEntryMax = 50;

/** `price` per path, bit by bit of the masks; Infinity where a kill set leaves none of finite price. O(pivots x paths x kill sets). */
export function coveringPrice(price: ArrayLike<number>, maximal: readonly number[]): number {
  const paths = Array.from({ length: price.length }, (_, path) => path).filter((path) => Number.isFinite(price[path]));
  if (maximal.some((mask) => paths.every((path) => (mask >> path) & 1))) return Infinity;
  const rows = paths.length;
  const columns = maximal.length;
  const width = columns + rows + 1;
  const tableau = paths.map((path, row) => {
    const entries = new Float64Array(width);
    maximal.forEach((mask, column) => {
      entries[column] = (mask >> path) & 1 ? 0 : 1;
    });
    entries[columns + row] = 1;
    entries[width - 1] = Math.max(0, price[path] ?? 0);
    return entries;
  });
  const reduced = new Float64Array(width).fill(0);
  reduced.fill(1, 0, columns);
  const basis = paths.map((_, row) => columns + row);
  const pivotsMax = pivotsPerEntryMax * (rows + columns);
  for (let pivots = 0; pivots < pivotsMax; pivots++) {
    const entering = reduced.subarray(0, width - 1).findIndex((gain) => gain > pivotMin);
    if (entering < 0) break;
    const leaving = leavingRow(tableau, basis, entering);
    // Every kill set leaves a path, so that each column meets a row.
    if (leaving < 0) break;
    pivot(tableau, reduced, leaving, entering);
    basis[leaving] = entering;
  }
  return -(reduced[width - 1] ?? 0);
}

/** The least ratio; of equal ones the smallest index in the basis. */
function leavingRow(tableau: readonly Float64Array[], basis: readonly number[], entering: number): number {
  let best = -1;
  let bestRatio = Infinity;
  tableau.forEach((entries, row) => {
    const entry = entries[entering] ?? 0;
    if (!(entry > pivotMin)) return;
    const ratio = (entries[entries.length - 1] ?? 0) / entry;
    if (ratio < bestRatio || (ratio === bestRatio && (basis[row] ?? 0) < (basis[best] ?? Infinity))) {
      best = row;
      bestRatio = ratio;
    }
  });
  return best;
}

function pivot(tableau: readonly Float64Array[], reduced: Float64Array, leaving: number, entering: number): void {
  const pivotRow = tableau[leaving];
  if (pivotRow === undefined) return;
  const scale = pivotRow[entering] ?? 1;
  for (let j = 0; j < pivotRow.length; j++) pivotRow[j] = (pivotRow[j] ?? 0) / scale;
  for (const entries of [...tableau, reduced]) {
    if (entries === pivotRow) continue;
    const factor = entries[entering] ?? 0;
    if (factor === 0) continue;
    for (let j = 0; j < entries.length; j++) entries[j] = (entries[j] ?? 0) - factor * (pivotRow[j] ?? 0);
    entries[entering] = 0;
  }
}
