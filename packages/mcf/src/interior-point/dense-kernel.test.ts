/** The kernels, in WebAssembly and in plain TypeScript, against sums written out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { denseKernel, type DenseKind, type DenseShape } from "./dense-kernel.js";

const never = (): boolean => false;

interface Drawn {
  readonly shape: DenseShape;
  /** Per block, per path: the rows it crosses, chains spelled out. */
  readonly paths: readonly (readonly (readonly number[])[])[];
  readonly weights: readonly number[];
  readonly slacks: readonly number[];
  readonly diagonal: readonly number[];
}

/** Weights as they come: of paths in use and of paths that are not, many orders of magnitude apart. */
const weight = fc.integer({ min: -20, max: 20 }).map((exponent) => 2 ** exponent);

/** `rows` links of which the first ones lie on chains of three, and blocks of up to five paths over them. */
const drawn: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 70 }).chain((rows) => {
  const chainCount = Math.floor(rows / 6);
  const path = fc.uniqueArray(fc.nat(rows + chainCount - 1), { maxLength: 6 });
  return fc
    .record({
      blocks: fc.array(fc.array(path, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 }),
      figures: fc.array(weight, { minLength: 200, maxLength: 200 }),
      diagonal: fc.array(weight, { minLength: rows, maxLength: rows }),
    })
    .map(({ blocks: unsorted, figures, diagonal }) => {
      const blocks = unsorted.map((paths) => withoutMembers(paths, rows));
      const slots = blocks.reduce((sum, paths) => sum + paths.length, 0);
      return {
        shape: shapeOf(rows, chainCount, blocks),
        paths: blocks.map((paths) => paths.map((links) => links.flatMap((row) => spelledOut(row, rows)))),
        weights: figures.slice(0, slots),
        slacks: figures.slice(slots, slots + blocks.length),
        diagonal,
      };
    });
});

/** A demand that crosses a chain crosses none of its links besides (schur-terms.ts). */
function withoutMembers(paths: readonly (readonly number[])[], rows: number): readonly (readonly number[])[] {
  const members = new Set(paths.flat().flatMap((row) => (row < rows ? [] : spelledOut(row, rows))));
  return paths.map((links) => links.filter((row) => !members.has(row)));
}

function spelledOut(row: number, rows: number): readonly number[] {
  const first = 3 * (row - rows);
  return row < rows ? [row] : [first, first + 1, first + 2];
}

function shapeOf(rows: number, chainCount: number, blocks: readonly (readonly (readonly number[])[])[]): DenseShape {
  const terms: number[] = [];
  const termStart = [0];
  const slotStart = [0];
  let runsMax = 0;
  for (const paths of blocks) {
    const sets = new Map<number, number>();
    paths.forEach((links, j) => links.forEach((row) => sets.set(row, (sets.get(row) ?? 0) | (1 << j))));
    const runs = new Map<number, number[]>();
    for (const [row, set] of sets) runs.set(set, [...(runs.get(set) ?? []), row]);
    terms.push(runs.size, ...[...runs].flatMap(([set, members]) => [set, members.length]), ...[...runs.values()].flat());
    termStart.push(terms.length);
    slotStart.push((slotStart.at(-1) ?? 0) + paths.length);
    runsMax = Math.max(runsMax, runs.size);
  }
  return {
    rowLink: Int32Array.from({ length: rows }, (_, row) => row),
    chains: Int32Array.from(Array.from({ length: chainCount }, (_, c) => [3 * c, 3]).flat()),
    slotStart: Int32Array.from(slotStart),
    termStart: Int32Array.from(termStart),
    terms: Uint16Array.from(terms),
    runsMax,
  };
}

/** A (Theta - theta theta' / H) A' + diagonal, as the Laplacian of pairs of paths: only sums of positive numbers before A. */
function writtenOut({ shape, paths, weights, slacks, diagonal }: Drawn): readonly Float64Array[] {
  const rows = shape.rowLink.length;
  const matrix = Array.from({ length: rows }, (_, i) =>
    Float64Array.from({ length: rows }, (_column, j) => (i === j ? (diagonal[i] ?? 0) : 0)),
  );
  paths.forEach((block, k) => {
    const w = [...weights.slice(shape.slotStart[k], shape.slotStart[k + 1]), slacks[k] ?? 0];
    const total = w.reduce((sum, x) => sum + x, 0);
    const columns = [...block, []].map((links) => {
      const column = new Float64Array(rows);
      for (const row of links) column[row] = (column[row] ?? 0) + 1;
      return column;
    });
    columns.forEach((a, i) => {
      columns.slice(0, i).forEach((b, j) => {
        const factor = ((w[i] ?? 0) * (w[j] ?? 0)) / total;
        const difference = a.map((x, row) => x - (b[row] ?? 0));
        matrix.forEach((line, r) =>
          line.forEach((_, c) => (line[c] = (line[c] ?? 0) + factor * (difference[r] ?? 0) * (difference[c] ?? 0))),
        );
      });
    });
  });
  return matrix;
}

const kinds: readonly DenseKind[] = ["wasm", "reference"];

function prepared({ shape, weights, slacks, diagonal }: Drawn, kind: DenseKind) {
  const kernel = denseKernel(shape, kind);
  kernel.weights.set(weights);
  kernel.slacks.set(slacks);
  kernel.diagonal.set(diagonal);
  kernel.form(0, never);
  return kernel;
}

describe.each(kinds)("dense kernel in %s", (kind) => {
  it("forms the Schur complement", () => {
    fc.assert(
      fc.property(drawn, (program) => {
        const kernel = prepared(program, kind);
        const expected = writtenOut(program);
        expected.forEach((line, i) => {
          for (let j = 0; j <= i; j++) {
            const size = Math.sqrt((line[i] ?? 0) * (expected[j]?.[j] ?? 0));
            expect(Math.abs(kernel.entry(i, j) - (line[j] ?? 0))).toBeLessThanOrEqual(1e-13 * size);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  it("leaves out no more than it is told to", () => {
    fc.assert(
      fc.property(drawn, weight, (program, skip) => {
        const exact = prepared(program, kind);
        const kernel = prepared(program, kind);
        kernel.diagonal.set(program.diagonal);
        kernel.form(skip, never);
        const blocks = program.paths.length;
        for (let i = 0; i < program.diagonal.length; i++) {
          // A row of F may carry each skipped entry as a link and as part of its chain.
          expect(Math.abs(kernel.entry(i, i) - exact.entry(i, i))).toBeLessThanOrEqual(8 * blocks * skip + 1e-12 * exact.entry(i, i));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("solves with the factors, with a rank one more", () => {
    fc.assert(
      fc.property(drawn, weight, (program, outer) => {
        const kernel = prepared(program, kind);
        const rows = program.diagonal.length;
        const vector = Float64Array.from({ length: rows }, (_, i) => 1 + (i % 7));
        kernel.addOuter(vector, outer);
        const full = writtenOut(program).map((line, i) => line.map((x, j) => x + outer * (vector[i] ?? 0) * (vector[j] ?? 0)));
        // The right-hand side of x = 1: its residual is small whatever the condition.
        const rhs = Float64Array.from(full, (line) => line.reduce((sum, x) => sum + x, 0));
        const solution = rhs.slice();
        kernel.factor();
        kernel.solve(solution);
        const largest = full.reduce((most, line, i) => Math.max(most, line[i] ?? 0), 0);
        const norm = solution.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
        full.forEach((line, i) => {
          const residual = line.reduce((sum, x, j) => sum + x * (solution[j] ?? 0), 0) - (rhs[i] ?? 0);
          expect(Math.abs(residual)).toBeLessThanOrEqual(1e-11 * rows * largest * norm);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("puts the unknown of a row that says nothing new at 0", () => {
    const shape = shapeOf(2, 0, [[[0, 1]]]);
    const kernel = denseKernel(shape, kind);
    kernel.weights.set([1]);
    kernel.slacks.set([1]);
    kernel.diagonal.set([0, 0]);
    kernel.form(0, never);
    kernel.factor();
    const rhs = Float64Array.of(1, 1);
    kernel.solve(rhs);
    expect(rhs[0]).toBeCloseTo(2, 12);
    expect(rhs[1]).toBeCloseTo(0, 12);
  });
});
