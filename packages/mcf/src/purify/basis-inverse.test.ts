/** After any run of changes the inverse is that of the matrix that was changed alike. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addBorder,
  addColumnOf,
  changeOrigin,
  emptyInverse,
  invertAnew,
  leftProduct,
  removeBorder,
  replaceColumn,
  replaceRow,
} from "./basis-inverse.js";
import type { BasisInverse } from "./basis-inverse.js";

const sizeMax = 8;
/** Changes whose pivot is smaller are left out: they would make the matrix all but singular. */
const pivotMin = 0.05;

interface Pair {
  /** By row. */
  readonly matrix: number[][];
  readonly inverse: BasisInverse;
}

interface Change {
  readonly kind: "border" | "column" | "row" | "remove" | "origin";
  readonly at: number;
  readonly other: number;
  readonly figures: readonly number[];
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("border", "border", "column", "row", "remove", "origin"),
  at: fc.nat(sizeMax - 1),
  other: fc.nat(sizeMax - 1),
  figures: fc.array(fc.constantFrom(-1, 0, 1, 1), { minLength: 2 * sizeMax + 1, maxLength: 2 * sizeMax + 1 }),
});

function alphaOf(inverse: BasisInverse, column: readonly number[]): Float64Array {
  const alpha = new Float64Array(sizeMax);
  for (let row = 0; row < inverse.size; row++) addColumnOf(inverse, row, column[row] ?? 0, alpha);
  return alpha;
}

function productOf(inverse: BasisInverse, row: readonly number[]): Float64Array {
  const product = new Float64Array(sizeMax);
  leftProduct(
    inverse,
    Float64Array.from({ length: sizeMax }, (_, j) => row[j] ?? 0),
    product,
  );
  return product;
}

function apply({ matrix, inverse }: Pair, { kind, at, other, figures }: Change): void {
  const { size } = inverse;
  const first = figures.slice(0, size);
  const second = figures.slice(sizeMax, sizeMax + size);
  if (kind === "border") {
    const [alpha, product] = [alphaOf(inverse, first), productOf(inverse, second)];
    const corner = figures[2 * sizeMax] ?? 0;
    const pivot = corner - second.reduce((sum, figure, j) => sum + figure * (alpha[j] ?? 0), 0);
    if (size === sizeMax || Math.abs(pivot) < pivotMin) return;
    addBorder(inverse, { alpha, product, pivot });
    matrix.forEach((row, i) => row.push(first[i] ?? 0));
    matrix.push([...second, corner]);
    return;
  }
  if (at >= size || other >= size) return;
  if (kind === "column") {
    const alpha = alphaOf(inverse, first);
    if (Math.abs(alpha[at] ?? 0) < pivotMin) return;
    replaceColumn(inverse, at, alpha);
    matrix.forEach((row, i) => (row[at] = first[i] ?? 0));
  } else if (kind === "row") {
    const product = productOf(inverse, first);
    if (Math.abs(product[at] ?? 0) < pivotMin) return;
    replaceRow(inverse, at, product);
    matrix[at] = [...first];
  } else if (kind === "remove") {
    if (Math.abs(inverse.values[at * inverse.stride + other] ?? 0) < pivotMin) return;
    removeBorder(inverse, at, other);
    const last = matrix.pop() ?? [];
    if (at < size - 1) matrix[at] = last;
    for (const row of matrix) {
      const end = row.pop() ?? 0;
      if (other < size - 1) row[other] = end;
    }
  } else {
    const others = at === other ? [] : [other];
    changeOrigin(inverse, at, others);
    for (const row of matrix) {
      const origin = row[at] ?? 0;
      for (const j of others) row[j] = (row[j] ?? 0) - origin;
      row[at] = -origin;
    }
  }
}

function errorOf({ matrix, inverse }: Pair): number {
  let error = 0;
  for (let i = 0; i < inverse.size; i++) {
    for (let row = 0; row < inverse.size; row++) {
      const sum = (matrix[i] ?? []).reduce((total, figure, j) => total + figure * (inverse.values[row * inverse.stride + j] ?? 0), 0);
      error = Math.max(error, Math.abs(sum - (i === row ? 1 : 0)));
    }
  }
  return error;
}

describe("the inverse", () => {
  it("follows every change of the matrix, and is the same when computed anew", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), (changes) => {
        const pair: Pair = { matrix: [], inverse: emptyInverse(sizeMax) };
        for (const each of changes) apply(pair, each);
        expect(errorOf(pair)).toBeLessThanOrEqual(1e-6);
        const found = invertAnew(pair.inverse, (position, column) => {
          pair.matrix.forEach((row, i) => (column[i] = (column[i] ?? 0) + (row[position] ?? 0)));
        });
        expect(found).toBe(true);
        expect(errorOf(pair)).toBeLessThanOrEqual(1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it("is left as it was where the matrix is singular", () => {
    const inverse = emptyInverse(2);
    const alpha = new Float64Array(2);
    addBorder(inverse, { alpha, product: alpha, pivot: 2 });
    expect(invertAnew(inverse, () => undefined)).toBe(false);
    expect(inverse.values[0]).toBe(0.5);
  });
});
