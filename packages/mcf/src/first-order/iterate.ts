/**
 * The primal-dual hybrid gradient method (Chambolle and Pock 2011) on flows and link prices, with reflected Halpern steps and
 * restarts (Lu and Yang 2024, "Restarted Halpern PDHG for linear programming", algorithm 1; PDLP, Applegate et al. 2021, section 3 and 4,
 * for restarts and the primal weight).
 *
 * Steps are measured in diagonal metrics (Pock and Chambolle 2011): a demand's flows by links of its longest path / rate, a
 * link's price by 1 / all that paths over it could bring. Flows are stepped, and projected onto their demand, in the kernel.
 */
import { addLoads, type Kernel } from "../kernel/kernel.js";
import { double } from "../kernel/layout.js";
import type { PriceStep } from "./price-step.js";

/** 1: fully reflected. */
const reflection = 1;

export interface Iterate {
  readonly kernel: Kernel;
  priceStep: PriceStep;
  /** Per link: the metric of prices, and 0 where nothing can load a link. */
  readonly priceMetric: Float64Array;
  readonly load: Float64Array;
  readonly loadAnchor: Float64Array;
  readonly priceAnchor: Float64Array;
  readonly loadNew: Float64Array;
  readonly priceNew: Float64Array;
  /** Product of the primal and the dual step size, and their ratio. */
  stepSize: number;
  primalWeight: number;
  /** Steps since the anchor was set. */
  age: number;
  /** Distance of the last step in the metric: the fixed-point residual. */
  residual: number;
  /** The largest step size at which the last step would have been a contraction. */
  stepSizeMax: number;
}

export function makeIterate(kernel: Kernel, priceStep: PriceStep, stepSize: number): Iterate {
  const links = kernel.layout.price.length;
  const array = (): Float64Array => new Float64Array(links);
  return {
    kernel,
    priceStep,
    priceMetric: priceMetricOf(kernel),
    load: array(),
    loadAnchor: array(),
    priceAnchor: array(),
    loadNew: array(),
    priceNew: array(),
    stepSize,
    primalWeight: 1,
    age: 0,
    residual: Infinity,
    stepSizeMax: Infinity,
  };
}

/** 1 / (what all demands with a path over a link could bring); 0 for links that are not in the tries. */
function priceMetricOf({ layout }: Kernel): Float64Array {
  const { contested, potentialBps } = layout.trie;
  return Float64Array.from(layout.price, (_, e) => (contested[e] === 1 ? 1 / (potentialBps[e] as number) : 0));
}

/** One step from the current point, and the move of the anchored average towards it. */
export function step(iterate: Iterate): void {
  const { kernel, priceStep, priceMetric, load, loadAnchor, priceAnchor, loadNew, priceNew, stepSize, primalWeight, age } = iterate;
  const { partitions, doubles, price } = kernel.layout;
  const share = (age + 1) / (age + 2);
  const anchorShare = 1 - share;
  for (const { record } of partitions) {
    const at = record / 8;
    doubles[at + double.stepSize] = stepSize / primalWeight;
    doubles[at + double.stepShare] = share;
    doubles[at + double.anchorShare] = anchorShare;
    doubles[at + double.reflection] = reflection;
  }
  kernel.sweep();
  addLoads(kernel.layout, loadNew);
  priceStep(price, { loadNew, load, priceMetric, size: stepSize * primalWeight }, priceNew);

  const movedFlow = partitions.reduce((sum, { record }) => sum + (doubles[record / 8 + double.movement] as number), 0);
  let movedPrice = 0;
  let coupling = 0;
  const newShare = share * (1 + reflection);
  const oldShare = -share * reflection;
  for (let e = 0; e < price.length; e++) {
    const metric = priceMetric[e] as number;
    if (metric === 0) continue;
    const y = price[e] as number;
    const d = (priceNew[e] as number) - y;
    movedPrice += (d * d) / metric;
    coupling += d * ((loadNew[e] as number) - (load[e] as number));
    price[e] = newShare * (priceNew[e] as number) + oldShare * y + anchorShare * (priceAnchor[e] as number);
    load[e] = newShare * (loadNew[e] as number) + oldShare * (load[e] as number) + anchorShare * (loadAnchor[e] as number);
  }
  iterate.residual = Math.sqrt(primalWeight * movedFlow + movedPrice / primalWeight);
  iterate.stepSizeMax = coupling === 0 ? Infinity : (iterate.residual * iterate.residual) / (2 * Math.abs(coupling));
  iterate.age = age + 1;
}

/** Makes the current point the anchor; `load` must be that of the flows. */
export function setAnchor(iterate: Iterate): void {
  const { kernel, load, loadAnchor, priceAnchor } = iterate;
  const { flow, anchor, price } = kernel.layout;
  anchor.set(flow);
  priceAnchor.set(price);
  loadAnchor.set(load);
  iterate.age = 0;
}

/** Takes the point back to where the last step went, off the average with the anchor: where a step moves nothing, that is the solution. */
export function undoAveraging({ kernel, priceNew, age }: Iterate): void {
  const { flow, anchor, price } = kernel.layout;
  const share = age / (age + 1);
  for (let s = 0; s < flow.length; s++) flow[s] = ((flow[s] as number) - (1 - share) * (anchor[s] as number)) / share;
  price.set(priceNew);
}

/** How far flows and prices have come from the anchor, each in its own metric. */
export function distanceFromAnchor({ kernel, priceMetric, priceAnchor }: Iterate): { readonly flow: number; readonly price: number } {
  const { partitions, doubles, price } = kernel.layout;
  kernel.distance();
  const flowSquare = partitions.reduce((sum, { record }) => sum + (doubles[record / 8 + double.movement] as number), 0);
  let priceSquare = 0;
  for (let e = 0; e < price.length; e++) {
    const metric = priceMetric[e] as number;
    const d = (price[e] as number) - (priceAnchor[e] as number);
    if (metric > 0) priceSquare += (d * d) / metric;
  }
  return { flow: Math.sqrt(flowSquare), price: Math.sqrt(priceSquare) };
}
