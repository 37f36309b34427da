/** The kernels of assembly/dense.ts in plain TypeScript, for tests and for where WebAssembly does not run. */
import type { DenseKernel, DenseShape } from "./dense-kernel.js";

/** Demands added to the complement between two looks at the clock. */
const blocksAtOnce = 2048;
/** As in assembly/dense.ts. */
const pivotMin = 1e-14;
const pivotOut = 1e128;

export function denseReference(shape: DenseShape): DenseKernel {
  const rows = shape.rowLink.length;
  const blocks = shape.slotStart.length - 1;
  const stride = rows + shape.chains.length / 2;
  const matrix = new Float64Array(stride * stride);
  const weights = new Float64Array(shape.slotStart[blocks] as number);
  const slacks = new Float64Array(blocks);
  const diagonal = new Float64Array(rows);
  return {
    weights,
    slacks,
    diagonal,
    form: (skip, isOver) => {
      matrix.fill(0);
      for (let k = 0; k < blocks; k++) {
        if (k % blocksAtOnce === 0 && isOver()) return false;
        addBlock(shape, k, { weights, slack: slacks[k] as number, skip }, matrix);
      }
      fold(shape, matrix, diagonal);
      return true;
    },
    addOuter: (vector, weight) => {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j <= i; j++) add(matrix, i * stride + j, weight * (vector[i] as number) * (vector[j] as number));
      }
    },
    factor: () => factor(matrix, stride, diagonal),
    solve: (rhs) => solve(matrix, stride, rhs),
    entry: (i, j) => matrix[i * stride + j] as number,
    release: () => undefined,
  };
}

interface BlockFigures {
  readonly weights: Float64Array;
  readonly slack: number;
  readonly skip: number;
}

/**
 * With w the weights of a demand's paths and of its slack, and H their sum, two sets of paths a and b have the product
 * W(a & b) - W(a) W(b) / H. A set and its complement have opposite products, so sets are taken without the heaviest path:
 * nothing cancels then.
 */
function addBlock(
  { slotStart, termStart, terms, ...shape }: DenseShape,
  k: number,
  { weights, slack, skip }: BlockFigures,
  matrix: Float64Array,
): void {
  const stride = shape.rowLink.length + shape.chains.length / 2;
  const w = [...weights.subarray(slotStart[k], slotStart[k + 1]), slack];
  const heaviest = w.reduce((best, weight, j) => (weight > (w[best] as number) ? j : best), w.length - 1);
  const rest = w.reduce((sum, weight, j) => (j === heaviest ? sum : sum + weight), 0);
  if (rest <= skip) return;
  const total = rest + (w[heaviest] as number);
  const every = (1 << w.length) - 1;
  const weigh = (set: number): number => w.reduce((sum, weight, j) => (((set >> j) & 1) === 1 ? sum + weight : sum), 0);
  let at = termStart[k] as number;
  const runCount = terms[at++] as number;
  let row = at + 2 * runCount;
  const runs = Array.from({ length: runCount }, () => {
    const set = terms[at++] as number;
    const count = terms[at++] as number;
    const flipped = ((set >> heaviest) & 1) === 1;
    const light = flipped ? set ^ every : set;
    const rows = terms.subarray(row, row + count);
    row += count;
    return { light, sign: flipped ? -1 : 1, weight: weigh(light), rows };
  });
  runs.forEach((a, i) => {
    for (const b of runs.slice(0, i)) {
      const product = weigh(a.light & b.light) - (a.weight * b.weight) / total;
      if (Math.abs(product) <= skip) continue;
      for (const r of a.rows) for (const c of b.rows) add(matrix, r * stride + c, a.sign * b.sign * product);
    }
    const square = a.weight - (a.weight * a.weight) / total;
    if (square <= skip) return;
    a.rows.forEach((r, j) => {
      for (const c of a.rows.subarray(0, j)) add(matrix, r * stride + c, square);
      add(matrix, r * stride + r, square / 2);
    });
  });
}

function add(into: Float64Array, at: number, amount: number): void {
  into[at] = (into[at] as number) + amount;
}

/** Chains onto their links, the matrix plus its transpose, and the diagonal on top: the lower triangle. */
function fold({ rowLink, chains }: DenseShape, matrix: Float64Array, diagonal: Float64Array): void {
  const rows = rowLink.length;
  const chainCount = chains.length / 2;
  const stride = rows + chainCount;
  const members = Array.from({ length: chainCount }, (_, c) =>
    Array.from({ length: chains[2 * c + 1] as number }, (_row, i) => (chains[2 * c] as number) + i),
  );
  members.forEach((links, c) => {
    for (const r of links) for (let j = 0; j < stride; j++) add(matrix, r * stride + j, matrix[(rows + c) * stride + j] as number);
  });
  for (let i = 0; i < rows; i++) {
    members.forEach((links, c) => {
      for (const r of links) add(matrix, i * stride + r, matrix[i * stride + rows + c] as number);
    });
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < i; j++) add(matrix, i * stride + j, matrix[j * stride + i] as number);
    matrix[i * stride + i] = 2 * (matrix[i * stride + i] as number) + (diagonal[i] as number);
  }
}

function factor(matrix: Float64Array, stride: number, diagonal: Float64Array): void {
  const n = diagonal.length;
  for (let i = 0; i < n; i++) diagonal[i] = matrix[i * stride + i] as number;
  for (let j = 0; j < n; j++) {
    const left = (i: number): number => {
      let value = matrix[i * stride + j] as number;
      for (let p = 0; p < j; p++) value -= (matrix[i * stride + p] as number) * (matrix[j * stride + p] as number);
      return value;
    };
    const square = left(j);
    const pivot = square > pivotMin * (diagonal[j] as number) ? Math.sqrt(square) : pivotOut;
    matrix[j * stride + j] = pivot;
    for (let i = j + 1; i < n; i++) matrix[i * stride + j] = left(i) / pivot;
  }
}

function solve(matrix: Float64Array, stride: number, rhs: Float64Array): void {
  const n = rhs.length;
  for (let i = 0; i < n; i++) {
    let value = rhs[i] as number;
    for (let j = 0; j < i; j++) value -= (matrix[i * stride + j] as number) * (rhs[j] as number);
    rhs[i] = value / (matrix[i * stride + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = (rhs[i] as number) / (matrix[i * stride + i] as number);
    rhs[i] = value;
    for (let j = 0; j < i; j++) rhs[j] = (rhs[j] as number) - (matrix[i * stride + j] as number) * value;
  }
}
