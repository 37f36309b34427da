/** The dual step of the first-order method: prices go up where links are loaded above their limit, and down where below. */
import type { FlowProgram } from "../flow-program.js";

export interface PriceStepInput {
  /** Per link, bps: of the flows just stepped to, and of those before; they are extrapolated. */
  readonly loadNew: Float64Array;
  readonly load: Float64Array;
  readonly priceMetric: Float64Array;
  readonly size: number;
}

/** Writes the new prices to `into`. */
export type PriceStep = (price: Float64Array, input: PriceStepInput, into: Float64Array) => void;

export function priceStepOf({ limit, problem }: FlowProgram): PriceStep {
  return limit === "capacity" ? capacityStep(problem.capacityBps) : utilizationStep(problem.capacityBps);
}

/** Limit load(e) <= c_e: prices are free above 0. */
function capacityStep(capacityBps: Float64Array): PriceStep {
  return (price, { loadNew, load, priceMetric, size }, into) => {
    for (let e = 0; e < capacityBps.length; e++) {
      const excess = 2 * (loadNew[e] as number) - (load[e] as number) - (capacityBps[e] as number);
      const y = (price[e] as number) + size * (priceMetric[e] as number) * excess;
      into[e] = y > 0 ? y : 0;
    }
  };
}

/** Most doublings of the way back to where Newton's method may start: enough for any double. */
const backMax = 2100;
/** Most Newton steps of the projection; it ends sooner, as they rise to the root of a convex function. */
const newtonMax = 60;

/**
 * Limit load(e) <= u c_e: prices y >= 0 with sum c_e y_e = 1. The step is projected in its own metric: to y_e - v m_e c_e where that
 * is positive, with v the root of sum c_e max(0, y_e - v m_e c_e) = 1, found by Newton's method from the left.
 */
function utilizationStep(capacityBps: Float64Array): PriceStep {
  let root = 0;
  return (price, { loadNew, load, priceMetric, size }, into) => {
    for (let e = 0; e < capacityBps.length; e++) {
      const metric = priceMetric[e] as number;
      into[e] = metric > 0 ? (price[e] as number) + size * metric * (2 * (loadNew[e] as number) - (load[e] as number)) : 0;
    }
    root = projectionRoot(into, priceMetric, capacityBps, root);
    for (let e = 0; e < capacityBps.length; e++) {
      const y = (into[e] as number) - root * (priceMetric[e] as number) * (capacityBps[e] as number);
      into[e] = (priceMetric[e] as number) > 0 && y > 0 ? y : 0;
    }
  };
}

function projectionRoot(y: Float64Array, metric: Float64Array, capacityBps: Float64Array, guess: number): number {
  let slope = 0;
  const surplusAt = (v: number): number => {
    let sum = -1;
    slope = 0;
    for (let e = 0; e < capacityBps.length; e++) {
      const c = capacityBps[e] as number;
      const m = metric[e] as number;
      const left = (y[e] as number) - v * m * c;
      if (m === 0 || left <= 0) continue;
      sum += c * left;
      slope += c * c * m;
    }
    return sum;
  };
  let v = guess;
  let surplus = surplusAt(v);
  let back = 1e-12 + Math.abs(v);
  for (let i = 0; i < backMax && surplus < 0; i++) {
    v -= back;
    back *= 2;
    surplus = surplusAt(v);
  }
  for (let i = 0; i < newtonMax && surplus > 1e-13; i++) {
    v += surplus / slope;
    surplus = surplusAt(v);
  }
  return v;
}
