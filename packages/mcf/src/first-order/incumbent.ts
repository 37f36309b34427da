/**
 * The best flow and the best bound so far. Iterates are neither feasible nor dual feasible: from time to time flows are repaired and
 * prices clamped, and what comes out is kept if it is better.
 */
import type { FlowProgram } from "../flow-program.js";
import { gapBetween } from "../gap.js";
import { addLoads, type Kernel } from "../kernel/kernel.js";
import { double } from "../kernel/layout.js";
import { raiseToWorth } from "../raise-to-worth.js";

export interface Incumbent {
  value: number;
  bound: number;
  /** Per slot: the flows that have `value`; per link: the prices that prove `bound`. */
  readonly flow: Float64Array;
  readonly price: Float64Array;
  hasFlow: boolean;
  hasPrice: boolean;
  /** Demands whose rate was taken down to what their paths can carry: prices must prove that on their own. */
  readonly clipped: readonly number[];
}

export function emptyIncumbent({ layout }: Kernel, { limit }: FlowProgram, clipped: readonly number[]): Incumbent {
  const maximize = limit === "capacity";
  return {
    value: maximize ? -Infinity : Infinity,
    bound: maximize ? Infinity : -Infinity,
    flow: new Float64Array(layout.flow.length),
    price: new Float64Array(layout.price.length),
    hasFlow: false,
    hasPrice: false,
    clipped,
  };
}

/** |bound - value| / the larger of the two; 1 while one is missing. */
export function gapOf({ value, bound, hasFlow, hasPrice }: Incumbent): number {
  if (!hasFlow || !hasPrice) return 1;
  return gapBetween(value, bound);
}

/** Tries the kernel's current point. */
export function improve(incumbent: Incumbent, kernel: Kernel, program: FlowProgram): void {
  improveBound(incumbent, kernel, program);
  improveFlow(incumbent, kernel, program);
}

/**
 * Weak duality, for any prices y >= 0 with m_k the least price (and cost) of a path of demand k:
 *   capacity      sum c_e y_e + sum D_k max(0, 1 - m_k)        is at least the optimum;
 *   utilization   sum D_k m_k / sum c_e y_e                    is at most the optimum.
 * Without costs the first may be taken at s y for any s > 0, and is convex in s: the best s is found along the way.
 */
function improveBound(incumbent: Incumbent, kernel: Kernel, program: FlowProgram): void {
  const { layout } = kernel;
  const { price, linkFigure } = layout;
  const { limit, problem, pathCost } = program;
  for (let e = 0; e < price.length; e++) linkFigure[e] = Math.max(0, price[e] as number);
  const spent = spentOn(linkFigure, problem.capacityBps);
  const overDemands = priceDemands(kernel);
  const keep = (bound: number, scale: number): void => {
    incumbent.bound = bound;
    incumbent.hasPrice = true;
    for (let e = 0; e < linkFigure.length; e++) incumbent.price[e] = scale * (linkFigure[e] as number);
    raiseToWorth(incumbent.price, problem, { demands: incumbent.clipped, worthOf: (p) => 1 - (pathCost?.[p] ?? 0) });
  };
  if (limit === "utilization") {
    // No utilization is below 0, whatever the prices.
    const bound = spent > 0 && overDemands > 0 ? overDemands / spent : 0;
    if (bound > incumbent.bound && Number.isFinite(bound)) keep(bound, spent > 0 ? 1 / spent : 0);
    return;
  }
  const unscaled = spent + overDemands;
  if (unscaled < incumbent.bound) keep(unscaled, 1);
  if (pathCost === undefined && spent > 0) {
    const scale = bestScale(kernel, spent);
    const scaled = scale * spent + kernel.worthBeyond(scale);
    if (scaled < incumbent.bound) keep(scaled, scale);
  }
}

function spentOn(price: Float64Array, capacityBps: Float64Array): number {
  let sum = 0;
  for (let e = 0; e < capacityBps.length; e++) sum += (price[e] as number) * (capacityBps[e] as number);
  return sum;
}

/** What the bound takes over demands at the prices in `linkFigure`. */
function priceDemands(kernel: Kernel): number {
  const { partitions, doubles } = kernel.layout;
  kernel.price();
  return partitions.reduce((sum, { record }) => sum + (doubles[record / 8 + double.dualSum] as number), 0);
}

const scaleRounds = 12;
const scaleRange = 1.5;
/** Demands that are looked at to find the scale; the bound is then taken over all. */
const sampleSize = 4096;

/** About the s at which s spent + sum D_k max(0, 1 - s m_k) is least, by bisection on its slope over a sample of the demands. */
function bestScale({ layout, worthFall }: Kernel, spent: number): number {
  const stride = Math.max(1, Math.floor(layout.positionCount / sampleSize));
  let low = 1 / scaleRange;
  let high = scaleRange;
  for (let i = 0; i < scaleRounds; i++) {
    const scale = Math.sqrt(low * high);
    if (spent > stride * worthFall(scale, stride)) high = scale;
    else low = scale;
  }
  return Math.sqrt(low * high);
}

/** Fits flows to demands, with limit "capacity" scales them down to fit links too, and gives away what is left. */
function improveFlow(incumbent: Incumbent, kernel: Kernel, { limit, problem }: FlowProgram): void {
  const { layout } = kernel;
  const { linkCount, capacityBps } = problem;
  const load = new Float64Array(linkCount + 1);
  kernel.fit();
  addLoads(layout, load);
  if (limit === "utilization") {
    let value = 0;
    for (let e = 0; e < linkCount; e++)
      if ((load[e] as number) > 0) value = Math.max(value, (load[e] as number) / (capacityBps[e] as number));
    if (value < incumbent.value && isFiniteFlow(layout.fitted)) keepFlow(incumbent, layout.fitted, value);
    return;
  }
  for (let e = 0; e < linkCount; e++) {
    const over = (load[e] as number) / (capacityBps[e] as number);
    layout.linkFigure[e] = over > 1 ? 1 / over : 1;
  }
  layout.linkFigure[linkCount] = 1;
  kernel.scale();
  addLoads(layout, load);
  for (let e = 0; e < linkCount; e++) layout.linkFigure[e] = Math.max(0, (capacityBps[e] as number) - (load[e] as number));
  kernel.fill();
  const value = kernel.worthOf();
  if (value > incumbent.value) keepFlow(incumbent, layout.fitted, value);
}

/** A step that ran away leaves no number; nor does what is made of it. */
function isFiniteFlow(flow: Float64Array): boolean {
  for (let s = 0; s < flow.length; s++) if (!Number.isFinite(flow[s] as number)) return false;
  return true;
}

function keepFlow(incumbent: Incumbent, flow: Float64Array, value: number): void {
  incumbent.value = value;
  incumbent.hasFlow = true;
  incumbent.flow.set(flow);
}
