/** Where the first-order method begins, and what it knows of the program before the first step. */
import { addLoads, type Kernel } from "../kernel/kernel.js";
import type { FlowProgram, FlowStart } from "../flow-program.js";

/** For throughput, where prices are about 1 and flows are measured by their demands. */
const primalWeightDefault = 1;
/** Sharpness of the first prices for the utilization: links at the top of it are priced e^12 times those without load. */
const sharpness = 12;

/** A point to start from, in the order of the layout: cheaper to keep and to return to than flows by path. */
export interface SessionPoint {
  /** Per slot and per link. */
  readonly flow: Float64Array;
  readonly price: Float64Array;
  readonly primalWeight: number;
}

/** A primal weight from a start stays within this factor of the usual one: a solve that ended badly must not spoil the next. */
const primalWeightRange = 64;

export interface PrimalWeights {
  /** What is usual for the program. */
  readonly usual: number;
  readonly first: number;
}

/**
 * Sets flows and prices. Without a start: for throughput nothing flows and nothing has a price; for the utilization each demand spreads over
 * its paths, and links are priced by how much these load them. `usual`, where it is known from before, saves finding it.
 */
export function begin(kernel: Kernel, program: FlowProgram, start: FlowStart | SessionPoint | undefined, usual?: number): PrimalWeights {
  const { layout } = kernel;
  // A point without prices is from a program in which nothing was open.
  const isPoint = start !== undefined && "flow" in start && (program.limit === "capacity" || start.price.some((y) => y > 0));
  const known = isPoint && usual !== undefined ? usual : beginCold(kernel, program);
  if (start === undefined) return { usual: known, first: known };
  if (isPoint) {
    layout.flow.set(start.flow);
    layout.price.set(start.price);
  } else if (!("flow" in start)) beginAt(kernel, program, start);
  const wanted = start.primalWeight ?? known;
  return { usual: known, first: Math.min(Math.max(wanted, known / primalWeightRange), known * primalWeightRange) };
}

function beginCold(kernel: Kernel, { limit, problem }: FlowProgram): number {
  const { layout } = kernel;
  layout.price.fill(0);
  if (limit === "capacity") {
    layout.flow.fill(0);
    return primalWeightDefault;
  }
  // Flows of 1 on every path: fitting makes them shares of the demand.
  layout.pathAt.forEach((path, slot) => {
    layout.flow[slot] = path < 0 ? 0 : 1;
  });
  kernel.fit();
  layout.flow.set(layout.fitted);
  priceByLoad(kernel, problem.capacityBps);
  return weightOf(kernel);
}

/** Flows are fitted to their demands. Only prices of contested links count; where these are all zero, there are none. */
function beginAt(kernel: Kernel, { limit, problem }: FlowProgram, { flowBps, linkPrice }: FlowStart): void {
  const { layout } = kernel;
  layout.pathAt.forEach((path, slot) => {
    layout.flow[slot] = path < 0 ? 0 : (flowBps[path] as number);
  });
  kernel.fit();
  layout.flow.set(layout.fitted);
  const { contested } = layout.trie;
  if (!linkPrice.some((y, e) => y > 0 && contested[e] === 1)) return;
  // With limit "capacity" no price above 1, what admitting is worth, says more than 1 does.
  const most = limit === "capacity" ? 1 : Infinity;
  for (let e = 0; e < problem.linkCount; e++) {
    layout.price[e] = contested[e] === 1 ? Math.min(Math.max(0, linkPrice[e] as number), most) : 0;
  }
  if (limit === "utilization") normalize(layout.price, problem.capacityBps);
}

function priceByLoad({ layout }: Kernel, capacityBps: Float64Array): void {
  const load = new Float64Array(layout.price.length);
  addLoads(layout, load);
  // A link that was cut carries nothing for long: paths over it are about to be closed.
  const isLoaded = (e: number): boolean => (load[e] as number) > 0 && (capacityBps[e] as number) > 0;
  const top = capacityBps.reduce((most, c, e) => (isLoaded(e) ? Math.max(most, (load[e] as number) / c) : most), 0);
  for (let e = 0; e < capacityBps.length; e++) {
    const c = capacityBps[e] as number;
    layout.price[e] = isLoaded(e) ? Math.exp(sharpness * ((load[e] as number) / c / top - 1)) / c : 0;
  }
  normalize(layout.price, capacityBps);
}

/** Scales prices so that the sum of c_e y_e is 1. */
function normalize(price: Float64Array, capacityBps: Float64Array): void {
  const spent = capacityBps.reduce((sum, c, e) => sum + c * (price[e] as number), 0);
  if (spent > 0) for (let e = 0; e < capacityBps.length; e++) price[e] = (price[e] as number) / spent;
}

/** The length of the prices over the length of the flows, each in its own metric. */
function weightOf({ layout }: Kernel): number {
  const { price, demand, weight, demandAt, trie } = layout;
  let prices = 0;
  for (let e = 0; e < price.length - 1; e++) prices += (price[e] as number) ** 2 * (trie.potentialBps[e] as number);
  let flows = 0;
  for (let k = 0; k < demand.length; k++)
    if ((demandAt[k] as number) >= 0) flows += 0.5 * (demand[k] as number) ** 2 * (weight[k] as number);
  return prices > 0 && flows > 0 ? Math.sqrt(prices / flows) : 1;
}

/** With limit "capacity" no more of a demand counts than its paths could carry alone: a demand of 1e15 does no harm. */
export function carriableBps({ problem, limit }: FlowProgram): Float64Array {
  const { demandBps, demandCount, pathStart, linkStart, pathLinks, capacityBps } = problem;
  if (limit === "utilization") return demandBps;
  const rates = demandBps.slice();
  // What fits through every link fits through any path.
  const everyLinkBps = capacityBps.reduce((least, capacity) => Math.min(least, capacity), Infinity);
  for (let d = 0; d < demandCount; d++) {
    const demand = demandBps[d] as number;
    if (demand <= everyLinkBps && (pathStart[d] as number) < (pathStart[d + 1] as number)) continue;
    let carriable = 0;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number) && carriable < demand; p++) {
      let bottleneck = Infinity;
      for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
        bottleneck = Math.min(bottleneck, capacityBps[pathLinks[k] as number] as number);
      }
      carriable += bottleneck;
    }
    rates[d] = Math.min(demand, carriable);
  }
  return rates;
}
