/** How far a point is from satisfying the equations, and from the optimum. */
import type { Incidence } from "./incidence.js";
import { pairsOf, type Point } from "./point.js";
import type { ReducedProgram } from "./reduced-program.js";

export interface Residuals {
  /** Per row: b - A x - s, with b u for b where utilization is limited. */
  readonly row: Float64Array;
  /** Per block: D - sum x - u. */
  readonly block: Float64Array;
  /** Per slot: c + y(p) + z - r. */
  readonly slot: Float64Array;
  /** w - b'y where utilization is limited. */
  utilization: number;
}

export interface Standing {
  /** The mean product of primal and dual variables. */
  readonly mu: number;
  /** The sum of products relative to the objective: the gap, were the residuals 0. */
  readonly gap: number;
  /** Largest residual relative to its row's capacity or block's rate; largest of a slot relative to the worth of admitting, 1. */
  readonly primalInfeasibility: number;
  readonly dualInfeasibility: number;
}

export function emptyResiduals({ slotPath, rate, capacity }: ReducedProgram): Residuals {
  return {
    row: new Float64Array(capacity.length),
    block: new Float64Array(rate.length),
    slot: new Float64Array(slotPath.length),
    utilization: 0,
  };
}

/** `worth`: w of limit "utilization". */
export function measure(program: ReducedProgram, incidence: Incidence, point: Point, worth: number, out: Residuals): Standing {
  const { slotStart, rate, cost, capacity, utilization: limited } = program;
  const { flow, reducedCost, slack, demandPrice, room, linkPrice, utilization } = point;
  incidence.across(flow, out.row);
  let primalInfeasibility = 0;
  let spent = 0;
  for (let row = 0; row < capacity.length; row++) {
    const b = (capacity[row] as number) * (limited ? utilization : 1);
    const residual = b - (out.row[row] as number) - (room[row] as number);
    out.row[row] = residual;
    primalInfeasibility = Math.max(primalInfeasibility, Math.abs(residual) / b);
    spent += (capacity[row] as number) * (linkPrice[row] as number);
  }
  incidence.along(linkPrice, out.slot);
  let dualInfeasibility = 0;
  let value = limited ? worth * utilization : 0;
  for (let k = 0; k < rate.length; k++) {
    const z = demandPrice[k] as number;
    let left = (rate[k] as number) - (slack[k] as number);
    const end = slotStart[k + 1] as number;
    for (let slot = slotStart[k] as number; slot < end; slot++) {
      const x = flow[slot] as number;
      const c = cost[slot] as number;
      const residual = c + (out.slot[slot] as number) + z - (reducedCost[slot] as number);
      out.slot[slot] = residual;
      left -= x;
      value += c * x;
      const size = residual < 0 ? -residual : residual;
      if (size > dualInfeasibility) dualInfeasibility = size;
    }
    out.block[k] = left;
    const size = Math.abs(left) / (rate[k] as number);
    if (size > primalInfeasibility) primalInfeasibility = size;
  }
  out.utilization = limited ? worth - spent : 0;
  if (limited) dualInfeasibility = Math.max(dualInfeasibility, Math.abs(worth - spent) / worth);
  const { sum, count } = products(program, point);
  return { mu: sum / count, gap: sum / Math.max(Math.abs(value), Number.MIN_VALUE), primalInfeasibility, dualInfeasibility };
}

function products(program: ReducedProgram, point: Point): { readonly sum: number; readonly count: number } {
  let sum = 0;
  let count = 0;
  for (const [primal, dual] of pairsOf(point, program)) {
    count += primal.length;
    for (let i = 0; i < primal.length; i++) sum += (primal[i] as number) * (dual[i] as number);
  }
  return { sum, count };
}
