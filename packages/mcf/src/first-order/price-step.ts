/** The dual step of the first-order method: prices go up where links are loaded above their limit, and down where below. */
import type { FlowProgram } from "../flow-program.js";
import { addLoads, type Kernel } from "../kernel/kernel.js";
import { linkDouble } from "../kernel/layout.js";

/** Writes `loadNew` and `priceNew` of the kernel's layout: a step of `size`, by the loads of the last sweep. */
export type PriceStep = (size: number) => void;

export function priceStepOf({ limit, problem }: FlowProgram, kernel: Kernel): PriceStep {
  kernel.layout.capacity.set(problem.capacityBps);
  return limit === "capacity" ? capacityStep(kernel) : utilizationStep(kernel);
}

/** Limit load(e) <= c_e: prices are free above 0. */
function capacityStep({ layout, stepPrices }: Kernel): PriceStep {
  return (size) => {
    layout.doubles[layout.linkRecord / 8 + linkDouble.size] = size;
    stepPrices();
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
function utilizationStep({ layout }: Kernel): PriceStep {
  const { price, priceNew, load, loadNew, priceMetric, capacity } = layout;
  let root = 0;
  return (size) => {
    addLoads(layout, loadNew);
    for (let e = 0; e < capacity.length; e++) {
      const step = size * (priceMetric[e] as number);
      priceNew[e] = step > 0 ? (price[e] as number) + step * (2 * (loadNew[e] as number) - (load[e] as number)) : 0;
    }
    root = projectionRoot(priceNew, priceMetric, capacity, root);
    for (let e = 0; e < capacity.length; e++) {
      const y = (priceNew[e] as number) - root * (priceMetric[e] as number) * (capacity[e] as number);
      priceNew[e] = (priceMetric[e] as number) > 0 && y > 0 ? y : 0;
    }
  };
}

function projectionRoot(y: Float64Array, metric: Float64Array, capacity: Float64Array, guess: number): number {
  let slope = 0;
  const surplusAt = (v: number): number => {
    let sum = -1;
    slope = 0;
    for (let e = 0; e < capacity.length; e++) {
      const c = capacity[e] as number;
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
