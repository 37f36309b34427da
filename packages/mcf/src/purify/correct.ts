/** What rounding does to a walk, undone from time to time. */
import { invertAnew } from "./basis-inverse.js";
import { measureRoom, type VertexState } from "./vertex-state.js";
import type { StepSpace } from "./vertex-step.js";

/** Error of the inverse, in elements of the unit matrix, above which it is computed anew. */
const errorMax = 1e-11;

/** Computes the inverse of W anew where it is off by too much. False where W is singular, so that nothing can be trusted any more. */
export function correctInverse(state: VertexState, { alpha }: StepSpace): boolean {
  const { problem, inverse, rowOf, columnAt, keyOf, demandOf } = state;
  const add = (column: number, scale: number, figures: Float64Array): void => {
    if (column >= problem.pathCount) return;
    for (let k = problem.linkStart[column] as number; k < (problem.linkStart[column + 1] as number); k++) {
      const row = rowOf[problem.pathLinks[k] as number] as number;
      if (row >= 0) figures[row] = (figures[row] as number) + scale;
    }
  };
  const addColumn = (position: number, figures: Float64Array, scale = 1): void => {
    const column = columnAt[position] as number;
    add(column, scale, figures);
    add(keyOf[demandOf[column] as number] as number, -scale, figures);
  };
  // W times the inverse times a vector of no pattern is to be that vector.
  const { size, stride, values } = inverse;
  const vector = (row: number): number => 1 - (row % 7) / 3;
  alpha.fill(0, 0, size);
  for (let row = 0; row < size; row++) {
    for (let j = 0; j < size; j++) alpha[j] = (alpha[j] as number) + vector(row) * (values[row * stride + j] as number);
  }
  const product = new Float64Array(size);
  for (let j = 0; j < size; j++) if (alpha[j] !== 0) addColumn(j, product, alpha[j]);
  const error = product.reduce((most, figure, row) => Math.max(most, Math.abs(figure - vector(row))), 0);
  return error <= errorMax || invertAnew(inverse, addColumn);
}

/** Rates that follow from others, and room on links, are set right again: one round of iterative refinement. */
export function correctRates(state: VertexState, { change }: StepSpace): void {
  const { problem, rate, inverse, columnAt, linkAt, roomBps } = state;
  balanceKeys(state);
  measureRoom(state);
  change.fill(0, 0, inverse.size);
  for (let row = 0; row < inverse.size; row++) {
    const residual = roomBps[linkAt[row] as number] as number;
    if (residual === 0) continue;
    for (let j = 0; j < inverse.size; j++) {
      change[j] = (change[j] as number) + residual * (inverse.values[row * inverse.stride + j] as number);
    }
  }
  for (let j = 0; j < inverse.size; j++) {
    const column = columnAt[j] as number;
    rate[column] = Math.max(0, (rate[column] as number) + (change[j] as number));
  }
  balanceKeys(state);
  measureRoom(state);
  for (let e = 0; e < problem.linkCount; e++) roomBps[e] = Math.max(0, roomBps[e] as number);
  for (let row = 0; row < inverse.size; row++) roomBps[linkAt[row] as number] = 0;
}

/** Each key carries what the other columns leave of its demand. */
function balanceKeys({ problem, rate, keyOf, totalBps }: VertexState): void {
  const { demandCount, pathStart, pathCount } = problem;
  for (let d = 0; d < demandCount; d++) {
    const key = keyOf[d] as number;
    if (key < 0) continue;
    let sum = key === pathCount + d ? 0 : (rate[pathCount + d] as number);
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) if (p !== key) sum += rate[p] as number;
    rate[key] = Math.max(0, (totalBps[d] as number) - sum);
  }
}
