/**
 * Judges an answer to a linear program from the program alone: no backend's word is taken for anything. By weak duality
 * any row multipliers bound the optimum; where the bound meets the objective of a feasible point, both are optimal.
 */
import type { LpOutcome } from "./backend.js";
import type { LinearProgram } from "./program.js";

/**
 * All measures are relative. Written for a minimization; a maximization is judged as the minimization of -c'x.
 *
 *   primalInfeasibility  largest violation of a bound b by a value v:  violation / max(1, |b|, scale of v), where the scale
 *                        of a row's activity is its largest term |a_ij x_j|
 *   dualInfeasibility    largest multiplier of a bound that does not exist (y_i > 0 without rowLower, y_i < 0 without
 *                        rowUpper, and the same for reduced costs d = c - A'y and column bounds):
 *                        |multiplier| / max(1, |c_j|, largest term |a_ij y_i|)
 *   dualObjective        sum of y+ rowLower - y- rowUpper + d+ columnLower - d- columnUpper over the finite bounds
 *   gap                  |c'x - dualObjective| / max(1, |c'x|, |dualObjective|)
 */
export interface LpCertificate {
  readonly primalInfeasibility: number;
  readonly dualInfeasibility: number;
  readonly dualObjective: number;
  readonly gap: number;
  /** All three measures are within the tolerance and the reported objective is that of the point. */
  readonly valid: boolean;
}

/** Relative; an order of magnitude above the tolerance that the backends work to. */
export const certificateToleranceDefault = 1e-6;

const uncertified: LpCertificate = {
  primalInfeasibility: Infinity,
  dualInfeasibility: Infinity,
  dualObjective: Number.NaN,
  gap: Infinity,
  valid: false,
};

/** O(columns + rows + entries). An outcome without a point, or with one that is not finite, is not valid. */
export function certifyLp(program: LinearProgram, outcome: LpOutcome, tolerance: number = certificateToleranceDefault): LpCertificate {
  const { primal, dual, objective } = outcome;
  if (primal === undefined || dual === undefined || objective === undefined) return uncertified;
  if (primal.length !== program.columnCount || dual.length !== program.rowCount) return uncertified;
  if (!primal.every(Number.isFinite) || !dual.every(Number.isFinite)) return uncertified;

  const { cost } = program;
  const primalObjective = cost.reduce((sum, coefficient, j) => sum + coefficient * (primal[j] ?? 0), 0);
  const primalInfeasibility = Math.max(columnInfeasibility(program, primal), rowInfeasibility(program, primal));
  const { dualInfeasibility, dualObjective } = dualBound(program, dual);
  const gap = relative(primalObjective, dualObjective);
  const valid =
    primalInfeasibility <= tolerance &&
    dualInfeasibility <= tolerance &&
    gap <= tolerance &&
    relative(primalObjective, objective) <= tolerance;
  return { primalInfeasibility, dualInfeasibility, dualObjective, gap, valid };
}

function relative(a: number, b: number): number {
  return Math.abs(a - b) / Math.max(1, Math.abs(a), Math.abs(b));
}

function violation(value: number, lower: number, upper: number, scale: number): number {
  if (value < lower) return (lower - value) / Math.max(1, Math.abs(lower), scale);
  if (value > upper) return (value - upper) / Math.max(1, Math.abs(upper), scale);
  return 0;
}

function columnInfeasibility({ columnLower, columnUpper }: LinearProgram, primal: Float64Array): number {
  return primal.reduce((worst, x, j) => Math.max(worst, violation(x, columnLower[j] ?? 0, columnUpper[j] ?? 0, 0)), 0);
}

function rowInfeasibility(program: LinearProgram, primal: Float64Array): number {
  const activity = new Float64Array(program.rowCount);
  const scale = new Float64Array(program.rowCount);
  primal.forEach((x, j) => {
    for (let k = program.columnStart[j] ?? 0; k < (program.columnStart[j + 1] ?? 0); k++) {
      const i = program.rowIndex[k] ?? 0;
      const term = (program.value[k] ?? 0) * x;
      activity[i] = (activity[i] ?? 0) + term;
      scale[i] = Math.max(scale[i] ?? 0, Math.abs(term));
    }
  });
  return activity.reduce(
    (worst, value, i) => Math.max(worst, violation(value, program.rowLower[i] ?? 0, program.rowUpper[i] ?? 0, scale[i] ?? 0)),
    0,
  );
}

function dualBound(program: LinearProgram, dual: Float64Array): { readonly dualInfeasibility: number; readonly dualObjective: number } {
  const sign = program.sense === "minimize" ? 1 : -1;
  let dualInfeasibility = 0;
  let dualObjective = 0;
  const take = (multiplier: number, lower: number, upper: number, scale: number): void => {
    if (multiplier === 0) return;
    const bound = multiplier > 0 ? lower : upper;
    if (Number.isFinite(bound)) dualObjective += multiplier * bound;
    else dualInfeasibility = Math.max(dualInfeasibility, Math.abs(multiplier) / Math.max(1, scale));
  };
  dual.forEach((y, i) => take(sign * y, program.rowLower[i] ?? 0, program.rowUpper[i] ?? 0, 0));
  program.cost.forEach((cost, j) => {
    let reduced = sign * cost;
    let scale = Math.abs(cost);
    for (let k = program.columnStart[j] ?? 0; k < (program.columnStart[j + 1] ?? 0); k++) {
      const term = (program.value[k] ?? 0) * sign * (dual[program.rowIndex[k] ?? 0] ?? 0);
      reduced -= term;
      scale = Math.max(scale, Math.abs(term));
    }
    take(reduced, program.columnLower[j] ?? 0, program.columnUpper[j] ?? 0, scale);
  });
  return { dualInfeasibility, dualObjective: sign * dualObjective };
}
