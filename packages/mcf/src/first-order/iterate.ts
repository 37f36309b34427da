/**
 * The primal-dual hybrid gradient method (Chambolle and Pock 2011) on flows and link prices, with reflected Halpern steps and
 * restarts (Lu and Yang 2024, "Restarted Halpern PDHG for linear programming", algorithm 1; PDLP, Applegate et al. 2021, section 3 and 4,
 * for restarts and the primal weight).
 *
 * Steps are measured in diagonal metrics (Pock and Chambolle 2011): a demand's flows by links of its longest path / rate, a
 * link's price by 1 / all that paths over it could bring. Flows are stepped, and projected onto their demand, in the kernel.
 */
import type { Kernel } from "../kernel/kernel.js";
import { double, linkDouble } from "../kernel/layout.js";
import type { PriceStep } from "./price-step.js";

/** 1: fully reflected. */
const reflection = 1;

/** Prices, loads and flows, and those of the anchor, stand in the kernel's layout. */
export interface Iterate {
  readonly kernel: Kernel;
  priceStep: PriceStep;
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
  return { kernel, priceStep, stepSize, primalWeight: 1, age: 0, residual: Infinity, stepSizeMax: Infinity };
}

/** One step from the current point, and the move of the anchored average towards it. */
export function step(iterate: Iterate): void {
  const { kernel, priceStep, stepSize, primalWeight, age } = iterate;
  const { partitions, doubles, linkRecord } = kernel.layout;
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
  priceStep(stepSize * primalWeight);
  const at = linkRecord / 8;
  doubles[at + linkDouble.newShare] = share * (1 + reflection);
  doubles[at + linkDouble.oldShare] = -share * reflection;
  doubles[at + linkDouble.anchorShare] = anchorShare;
  kernel.averageLinks();

  let movedFlow = 0;
  for (const { record } of partitions) movedFlow += doubles[record / 8 + double.movement] as number;
  const movedPrice = doubles[at + linkDouble.movement] as number;
  const coupling = doubles[at + linkDouble.coupling] as number;
  iterate.residual = Math.sqrt(primalWeight * movedFlow + movedPrice / primalWeight);
  iterate.stepSizeMax = coupling === 0 ? Infinity : (iterate.residual * iterate.residual) / (2 * Math.abs(coupling));
  iterate.age = age + 1;
}

/** Makes the current point the anchor; `load` must be that of the flows. */
export function setAnchor(iterate: Iterate): void {
  const { flow, anchor, price, priceAnchor, load, loadAnchor } = iterate.kernel.layout;
  anchor.set(flow);
  priceAnchor.set(price);
  loadAnchor.set(load);
  iterate.age = 0;
}

/** Takes the point back to where the last step went, off the average with the anchor: where a step moves nothing, that is the solution. */
export function undoAveraging({ kernel, age }: Iterate): void {
  const { flow, anchor, price, priceNew, load, loadNew } = kernel.layout;
  const share = age / (age + 1);
  for (let s = 0; s < flow.length; s++) flow[s] = ((flow[s] as number) - (1 - share) * (anchor[s] as number)) / share;
  price.set(priceNew);
  load.set(loadNew);
}

/** How far flows and prices have come from the anchor, each in its own metric. */
export function distanceFromAnchor({ kernel }: Iterate): { readonly flow: number; readonly price: number } {
  const { partitions, doubles, price, priceAnchor, priceReach } = kernel.layout;
  kernel.distance();
  const flowSquare = partitions.reduce((sum, { record }) => sum + (doubles[record / 8 + double.movement] as number), 0);
  let priceSquare = 0;
  for (let e = 0; e < price.length; e++) {
    const d = (price[e] as number) - (priceAnchor[e] as number);
    priceSquare += d * d * (priceReach[e] as number);
  }
  return { flow: Math.sqrt(flowSquare), price: Math.sqrt(priceSquare) };
}
