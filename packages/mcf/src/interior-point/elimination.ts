/**
 * Newton's equations of a point, with everything but the link rows eliminated in closed form. With Theta = x / r, h = u / z,
 * H = h + the sum of Theta over a demand's paths, and k the wanted changes of the products,
 *
 *   dx = q - Theta (A'dy + dz)        q = (k_x - x rho) / r          rho: the residual of a slot
 *   dz = (G - sum Theta A'dy) / H     G = sum q + k_u / z - the residual of the block
 *   M dy + b du = A (q - Theta G / H) + k_s / y - the residual of the row,     M = A (Theta - theta theta' / H) A' + S / Y
 *
 * and with limit "utilization" also b'dy = its residual: one more solve with b, and du from that. There M alone can be singular (what
 * all demands to a node put on the links into it is always the same), but M + t b b' is not, and has the same solution with t b
 * times the residual added on the right.
 */
import { blockSweeps, type Targets } from "./block-sweeps.js";
import type { DenseKernel } from "./dense-kernel.js";
import { stepWithin, type Point, type StepLengths } from "./point.js";
import type { ReducedProgram } from "./reduced-program.js";
import type { Residuals } from "./residuals.js";

export interface Elimination {
  /**
   * Forms and factors M at a point. O(sum over demands of the squared number of rows their paths cross + rows^3 / 3). False, and nothing is
   * of use, where `isOver`, asked now and then, said that time is up.
   */
  readonly factor: (point: Point, isOver: () => boolean) => boolean;
  /** Newton's direction at that point, and how far one may go along it. O(nodes + slots + rows^2). */
  readonly solve: (point: Point, residuals: Residuals, targets: Targets, direction: Point) => StepLengths;
}

/** What would add less than this times the least diagonal is left out of M. */
const skipShare = 1e-9;

export function eliminationOf(program: ReducedProgram, kernel: DenseKernel): Elimination {
  const { slotStart, rate, capacity, utilization } = program;
  const { weights, slacks, diagonal } = kernel;
  const sweeps = blockSweeps(program, weights);
  const rhs = new Float64Array(capacity.length);
  const border = new Float64Array(capacity.length);
  let borderSquare = 0;
  let borderWeight = 0;

  const factor: Elimination["factor"] = ({ flow, reducedCost, slack, demandPrice, room, linkPrice }, isOver) => {
    for (let k = 0; k < rate.length; k++) {
      let total = utilization ? 0 : (slack[k] as number) / (demandPrice[k] as number);
      slacks[k] = total;
      const end = slotStart[k + 1] as number;
      for (let slot = slotStart[k] as number; slot < end; slot++) {
        const inverse = 1 / (reducedCost[slot] as number);
        const theta = (flow[slot] as number) * inverse;
        sweeps.inverseCost[slot] = inverse;
        weights[slot] = theta;
        total += theta;
      }
      sweeps.inverseTotal[k] = 1 / total;
    }
    let least = Infinity;
    for (let row = 0; row < diagonal.length; row++) {
      diagonal[row] = (room[row] as number) / (linkPrice[row] as number);
      least = Math.min(least, diagonal[row] as number);
    }
    if (!kernel.form(skipShare * least, isOver)) return false;
    if (utilization) {
      borderWeight = meanDiagonal(kernel, capacity);
      kernel.addOuter(capacity, borderWeight);
    }
    kernel.factor();
    if (!utilization) return true;
    border.set(capacity);
    kernel.solve(border);
    borderSquare = dot(capacity, border);
    return true;
  };

  const solve: Elimination["solve"] = (point, residuals, targets, direction) => {
    const { room, linkPrice } = point;
    sweeps.reduce(point, residuals, targets, direction, rhs);
    for (let row = 0; row < rhs.length; row++) {
      rhs[row] = (rhs[row] as number) + (targets.row[row] as number) / (linkPrice[row] as number) - (residuals.row[row] as number);
    }
    if (utilization) {
      const weight = borderWeight * residuals.utilization;
      for (let row = 0; row < rhs.length; row++) rhs[row] = (rhs[row] as number) + weight * (capacity[row] as number);
    }
    kernel.solve(rhs);
    if (utilization) {
      direction.utilization = (dot(capacity, rhs) - residuals.utilization) / borderSquare;
      for (let row = 0; row < rhs.length; row++) rhs[row] = (rhs[row] as number) - (border[row] as number) * direction.utilization;
    }
    direction.linkPrice.set(rhs);
    for (let row = 0; row < rhs.length; row++) {
      direction.room[row] = ((targets.row[row] as number) - (room[row] as number) * (rhs[row] as number)) / (linkPrice[row] as number);
    }
    const { primal, dual } = sweeps.extend(point, residuals, targets, direction);
    return {
      primal: Math.min(primal, stepWithin(room, direction.room)),
      dual: Math.min(dual, stepWithin(linkPrice, direction.linkPrice)),
    };
  };
  return { factor, solve };
}

/** Geometric, of the diagonal over the squared capacities. */
function meanDiagonal({ entry }: DenseKernel, capacity: Float64Array): number {
  return Math.exp(capacity.reduce((sum, b, row) => sum + Math.log(entry(row, row) / b ** 2), 0) / capacity.length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
