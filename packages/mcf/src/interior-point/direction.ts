/**
 * One step's direction: Mehrotra's predictor and corrector (SIAM J. Optim. 1992), then Gondzio's centrality correctors (Comput. Optim.
 * Appl. 1996), which pull single products back to within a band around the target as long as that lengthens the step.
 */
import type { Targets } from "./block-sweeps.js";
import type { Elimination } from "./elimination.js";
import { emptyPoint, pairsOf, type Pair, type Point, type StepLengths } from "./point.js";
import type { ReducedProgram } from "./reduced-program.js";
import type { Residuals } from "./residuals.js";

export interface Directions {
  /** At the point that was factored; `mu` is the mean of its products. The direction is valid until the next call. */
  readonly next: (point: Point, residuals: Residuals, mu: number) => StepLengths & { readonly direction: Point };
}

const correctorsMax = 4;
/** The target of products, relative to their mean: sigma = (mean after the predictor / mean)^3, within these. */
const centeringMin = 1e-6;
const centeringMax = 0.4;
/** Predictors that get no further than this want centering of at least `centeringShort`. */
const shortStep = 0.1;
const centeringShort = 0.3;
/** A corrector aims at a step this much longer than the one at hand. */
const longerFactor = 1.08;
const longerShare = 0.2;
/** Products within this factor of the target, up and down, are left alone. */
const band = 3;
/** Steps this long want no corrector; a corrector that lengthens the step by less is the last, and by less than `gainMin` of what it aimed at is not used. */
const longStep = 0.95;
const worthwhile = 1.01;
const gainMin = 0.01;

export function directionsOf(program: ReducedProgram, elimination: Elimination): Directions {
  const targets: Targets = {
    slot: new Float64Array(program.slotPath.length),
    row: new Float64Array(program.capacity.length),
    block: new Float64Array(program.rate.length),
  };
  const targetsInOrder = program.utilization ? [targets.slot, targets.row] : [targets.slot, targets.row, targets.block];
  let best = emptyPoint(program);
  let trial = emptyPoint(program);

  const next: Directions["next"] = (point, residuals, mu) => {
    const pairs = pairsOf(point, program);
    const each = (direction: Point, visit: (target: Float64Array, pair: Pair, change: Pair) => void): void => {
      const changes = pairsOf(direction, program);
      targetsInOrder.forEach((target, i) => visit(target, pairs[i] as Pair, changes[i] as Pair));
    };
    each(best, (target, pair) => aimAtZero(target, pair));
    const affine = elimination.solve(point, residuals, targets, best);
    const centering = centeringOf(meanAfter(pairs, pairsOf(best, program), affine) / mu, affine);
    const aim = centering * mu;
    each(best, (target, pair, change) => aimAtCenter(target, pair, change, aim));
    let step = elimination.solve(point, residuals, targets, best);
    for (let corrector = 0; corrector < correctorsMax; corrector++) {
      if (step.primal > longStep && step.dual > longStep) break;
      const longer = { primal: longerThan(step.primal), dual: longerThan(step.dual) };
      each(best, (target, pair, change) => pullIntoBand(target, pair, change, longer, aim));
      const corrected = elimination.solve(point, residuals, targets, trial);
      if (!lengthens(step, corrected, longer)) break;
      [best, trial] = [trial, best];
      const gain = Math.max(corrected.primal / step.primal, corrected.dual / step.dual);
      step = corrected;
      if (gain < worthwhile) break;
    }
    return { ...step, direction: best };
  };
  return { next };
}

function longerThan(step: number): number {
  return Math.min(1, longerFactor * step + longerShare);
}

function lengthens(step: StepLengths, corrected: StepLengths, longer: StepLengths): boolean {
  const primalGains = corrected.primal >= step.primal + gainMin * (longer.primal - step.primal);
  const dualGains = corrected.dual >= step.dual + gainMin * (longer.dual - step.dual);
  const primalHolds = corrected.primal >= (1 - gainMin) * step.primal;
  const dualHolds = corrected.dual >= (1 - gainMin) * step.dual;
  return (primalGains && dualHolds) || (dualGains && primalHolds);
}

function centeringOf(ratio: number, { primal, dual }: StepLengths): number {
  const centering = Math.min(centeringMax, Math.max(centeringMin, ratio ** 3));
  return Math.min(primal, dual) < shortStep ? Math.max(centering, centeringShort) : centering;
}

function meanAfter(pairs: readonly Pair[], changes: readonly Pair[], step: StepLengths): number {
  let sum = 0;
  let count = 0;
  pairs.forEach(([primal, dual], i) => {
    const [dPrimal, dDual] = changes[i] as Pair;
    count += primal.length;
    for (let j = 0; j < primal.length; j++) {
      sum += ((primal[j] as number) + step.primal * (dPrimal[j] as number)) * ((dual[j] as number) + step.dual * (dDual[j] as number));
    }
  });
  return sum / count;
}

function aimAtZero(target: Float64Array, [primal, dual]: Pair): void {
  for (let i = 0; i < target.length; i++) target[i] = -(primal[i] as number) * (dual[i] as number);
}

function aimAtCenter(target: Float64Array, [primal, dual]: Pair, [dPrimal, dDual]: Pair, aim: number): void {
  for (let i = 0; i < target.length; i++) {
    target[i] = aim - (primal[i] as number) * (dual[i] as number) - (dPrimal[i] as number) * (dDual[i] as number);
  }
}

function pullIntoBand(target: Float64Array, [primal, dual]: Pair, [dPrimal, dDual]: Pair, step: StepLengths, aim: number): void {
  const low = aim / band;
  const high = aim * band;
  for (let i = 0; i < target.length; i++) {
    const product =
      ((primal[i] as number) + step.primal * (dPrimal[i] as number)) * ((dual[i] as number) + step.dual * (dDual[i] as number));
    if (product < low) target[i] = (target[i] as number) + low - product;
    else if (product > high) target[i] = (target[i] as number) + Math.max(-high, high - product);
  }
}
