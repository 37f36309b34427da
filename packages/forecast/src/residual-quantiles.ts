/**
 * From point forecasts to quantiles: what the forecaster missed by, so far ahead and at this time of day, is what it will miss by (empirical
 * residuals; Hyndman, Athanasopoulos, section 5.5). Nothing is assumed about their distribution, and the median corrects the point's bias.
 */
import { SortedSample } from "./quantile.js";

/** Residuals are kept apart by time of day in so many parts of the period. */
export const dayParts = 4;
/** A part with fewer residuals answers from all parts. */
export const residualsMin = 30;

/** Of one flow group and one horizon. Residuals come in as they become known. */
export class ResidualQuantiles {
  readonly #periodWindows: number;
  readonly #parts: readonly SortedSample[];
  readonly #all = new SortedSample();

  /** `periodWindows`: windows of a day; 0 where there is none: all residuals are one part. */
  constructor(periodWindows: number) {
    this.#periodWindows = periodWindows;
    this.#parts = Array.from({ length: periodWindows >= dayParts ? dayParts : 0 }, () => new SortedSample());
  }

  /** `window`: the one forecast, counted from the history's start. NaN on either side is left out. */
  add(window: number, actual: number, point: number): void {
    const residual = actual - point;
    this.#all.add(residual);
    this.#partOf(window)?.add(residual);
  }

  get count(): number {
    return this.#all.count;
  }

  /** bps, at least 0; NaN while no residual is known. Rises with `level`. */
  quantile(window: number, point: number, level: number): number {
    const part = this.#partOf(window);
    const sample = part === undefined || part.count < residualsMin ? this.#all : part;
    return Math.max(0, point + sample.quantile(level));
  }

  #partOf(window: number): SortedSample | undefined {
    if (this.#parts.length === 0) return undefined;
    return this.#parts[Math.floor(((window % this.#periodWindows) * dayParts) / this.#periodWindows)];
  }
}
