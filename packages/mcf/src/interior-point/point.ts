/**
 * A point of the interior point, strictly inside: each primal variable and its dual are positive and meet in one product, which
 * the iterations drive to 0.
 *
 *   flow x of a slot            reduced cost r = c + y(p) + z
 *   slack u of a block          price z of the demand             (not with limit "utilization": z is free there)
 *   room s of a row             price y of the link
 */
import type { ReducedProgram } from "./reduced-program.js";

export interface Point {
  /** Per slot. */
  readonly flow: Float64Array;
  readonly reducedCost: Float64Array;
  /** Per block. */
  readonly slack: Float64Array;
  readonly demandPrice: Float64Array;
  /** Per row. */
  readonly room: Float64Array;
  readonly linkPrice: Float64Array;
  /** u of limit "utilization". */
  utilization: number;
}

/** Variables that meet in products: primal, and the dual of each. */
export type Pair = readonly [primal: Float64Array, dual: Float64Array];

export function emptyPoint({ slotPath, rate, capacity }: ReducedProgram): Point {
  return {
    flow: new Float64Array(slotPath.length),
    reducedCost: new Float64Array(slotPath.length),
    slack: new Float64Array(rate.length),
    demandPrice: new Float64Array(rate.length),
    room: new Float64Array(capacity.length),
    linkPrice: new Float64Array(capacity.length),
    utilization: 0,
  };
}

/** The same order for every point of a program. */
export function pairsOf(
  { flow, reducedCost, slack, demandPrice, room, linkPrice }: Point,
  { utilization }: ReducedProgram,
): readonly Pair[] {
  const always: readonly Pair[] = [
    [flow, reducedCost],
    [room, linkPrice],
  ];
  return utilization ? always : [...always, [slack, demandPrice]];
}

export interface StepLengths {
  readonly primal: number;
  readonly dual: number;
}

/** Moves a point along a direction. */
export function advance(point: Point, direction: Point, { primal, dual }: StepLengths): void {
  addScaled(point.flow, direction.flow, primal);
  addScaled(point.slack, direction.slack, primal);
  addScaled(point.room, direction.room, primal);
  addScaled(point.reducedCost, direction.reducedCost, dual);
  addScaled(point.demandPrice, direction.demandPrice, dual);
  addScaled(point.linkPrice, direction.linkPrice, dual);
  point.utilization += primal * direction.utilization;
}

function addScaled(into: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + factor * (from[i] as number);
}

/** The largest step at most 1 that keeps `values` from going negative. */
export function stepWithin(values: Float64Array, direction: Float64Array): number {
  let worst = 1;
  for (let i = 0; i < values.length; i++) {
    const fall = -(direction[i] as number);
    if (fall > worst * (values[i] as number)) worst = fall / (values[i] as number);
  }
  return 1 / worst;
}
