/**
 * What link prices prove (formulas in ../flow-program.ts and docs/certificates.md). With limit "capacity" the bound may be taken at
 * any multiple t >= 0 of the prices,
 *
 *   g(t) = t sum c_e y_e + sum D_d m_d(t),     m_d(t) = the most of 0 and of 1 - k_p - t y(p) over its paths
 *
 * which is convex and piecewise linear in t. Its least value is found where the tangents of a falling and a rising piece meet.
 */
import type { Incidence } from "./incidence.js";
import type { ReducedProgram } from "./reduced-program.js";

export interface DualBound {
  readonly bound: number;
  /** The factor on the prices that proves it; with limit "utilization" that at which sum c_e y_e is 1. */
  readonly scale: number;
}

const tangentsMax = 40;
/** Prices are not raised by more than this. */
const factorMax = 2 ** 32;
/**
 * The factor is taken this much larger, relative: at the least value, paths of huge demands are worth 0 but for rounding, and others who add
 * up the prices round otherwise.
 */
const scaleMargin = 1e-12;
const marginCost = 1e-11;

/** `rate`: per block, as the problem states it (not clipped). O(nodes + slots), and slots a tangent. */
export function dualBound(program: ReducedProgram, incidence: Incidence, rate: Float64Array, linkPrice: Float64Array): DualBound {
  const along = new Float64Array(program.slotPath.length);
  incidence.along(linkPrice, along);
  const spent = linkPrice.reduce((sum, price, row) => sum + price * (program.capacity[row] as number), 0);
  if (program.utilization) {
    return spent > 0 ? { bound: nearest(program, rate, along) / spent, scale: 1 / spent } : { bound: 0, scale: 1 };
  }
  const at = (scale: number): Tangent => tangentAt(program, { rate, along, spent }, scale);
  return leastOf(at);
}

/** sum D_d min y(p). */
function nearest({ slotStart }: ReducedProgram, rate: Float64Array, along: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < rate.length; k++) {
    let least = Infinity;
    for (let slot = slotStart[k] as number; slot < (slotStart[k + 1] as number); slot++) least = Math.min(least, along[slot] as number);
    sum += (rate[k] as number) * least;
  }
  return sum;
}

interface Tangent {
  readonly scale: number;
  readonly value: number;
  /** Of the piece to the right where two meet. */
  readonly slope: number;
}

interface Priced {
  readonly rate: Float64Array;
  readonly along: Float64Array;
  readonly spent: number;
}

function tangentAt({ slotStart, cost }: ReducedProgram, { rate, along, spent }: Priced, scale: number): Tangent {
  let value = scale * spent;
  let slope = spent;
  for (let k = 0; k < rate.length; k++) {
    let most = 0;
    let fall = 0;
    for (let slot = slotStart[k] as number; slot < (slotStart[k + 1] as number); slot++) {
      const margin = -(cost[slot] as number) - scale * (along[slot] as number);
      if (margin < most) continue;
      if (margin === most) fall = Math.min(fall, along[slot] as number);
      else {
        most = margin;
        fall = along[slot] as number;
      }
    }
    value += (rate[k] as number) * most;
    slope -= (rate[k] as number) * fall;
  }
  return { scale, value, slope };
}

function leastOf(at: (scale: number) => Tangent): DualBound {
  let best = at(1);
  const keep = (tangent: Tangent): Tangent => {
    if (tangent.value < best.value) best = tangent;
    return tangent;
  };
  let falling = best.slope < 0 ? best : keep(at(0));
  let rising = best;
  for (let factor = 2; rising.slope < 0 && factor <= factorMax; factor *= factor) {
    falling = rising;
    rising = keep(at(factor));
  }
  if (rising.slope >= 0 && falling.slope < 0) {
    for (let i = 0; i < tangentsMax; i++) {
      const scale =
        (rising.value - falling.value + falling.slope * falling.scale - rising.slope * rising.scale) / (falling.slope - rising.slope);
      if (!(scale > falling.scale && scale < rising.scale)) break;
      const met = falling.value + falling.slope * (scale - falling.scale);
      const tangent = keep(at(scale));
      if (tangent.value <= met + Number.EPSILON * Math.abs(met)) break;
      if (tangent.slope < 0) falling = tangent;
      else rising = tangent;
    }
  }
  const safe = at(best.scale * (1 + scaleMargin));
  const { value, scale } = safe.value <= best.value + marginCost * Math.abs(best.value) ? safe : best;
  return { bound: value, scale };
}
