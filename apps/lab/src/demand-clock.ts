/** Where in the day the lab is. Pure. */
import { matrixAt, type DemandMatrix, type DemandSeries } from "@sluice/model";

export interface Moment {
  /** Of the series; it wraps around, so the day repeats. */
  readonly index: number;
  readonly matrix: DemandMatrix;
}

/** How many different moments there are, and how long each lasts in the measured network. A single matrix is a day of one moment. */
export function dayOf(matrices: DemandMatrix | DemandSeries): { readonly count: number; readonly seconds: number } {
  return matrices.kind === "demand-matrix"
    ? { count: 1, seconds: 0 }
    : { count: matrices.ratesBps.length, seconds: matrices.intervalSeconds };
}

export function momentAt(matrices: DemandMatrix | DemandSeries, step: number): Moment {
  const { count } = dayOf(matrices);
  return { index: step % count, matrix: matrices.kind === "demand-matrix" ? matrices : matrixAt(matrices, step) };
}
