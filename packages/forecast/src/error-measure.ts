/** How far forecasts were from what came. Each measure leaves out what is missing, and says over how many values it is. */

/** Sums over any number of (actual, forecast) pairs; pairs with NaN on either side are left out. */
export class ErrorSum {
  count = 0;
  #actual = 0;
  #absolute = 0;
  #signed = 0;
  #relative = 0;
  #relativeCount = 0;

  add(actual: number, point: number): void {
    if (Number.isNaN(actual) || Number.isNaN(point)) return;
    const error = point - actual;
    this.count += 1;
    this.#actual += actual;
    this.#absolute += Math.abs(error);
    this.#signed += error;
    if (actual > 0) {
      this.#relative += Math.abs(error) / actual;
      this.#relativeCount += 1;
    }
  }

  /** Weighted absolute percentage error: the sum of absolute errors over the sum of what came. NaN where that is 0. */
  get wape(): number {
    return this.#actual === 0 ? Number.NaN : this.#absolute / this.#actual;
  }

  /** Forecasts too high (positive) or too low, over what came. */
  get bias(): number {
    return this.#actual === 0 ? Number.NaN : this.#signed / this.#actual;
  }

  /** Mean absolute percentage error, over values above 0 alone: it is not defined at 0. */
  get mape(): number {
    return this.#relativeCount === 0 ? Number.NaN : this.#relative / this.#relativeCount;
  }

  get mapeCount(): number {
    return this.#relativeCount;
  }
}

/** Pinball loss of one quantile forecast (Koenker, Bassett 1978): too low costs `level`, too high 1 - `level`, a unit of rate. */
export function pinballLoss(actual: number, forecast: number, level: number): number {
  return actual >= forecast ? level * (actual - forecast) : (1 - level) * (forecast - actual);
}

export class QuantileErrorSum {
  readonly #level: number;
  count = 0;
  #actual = 0;
  #loss = 0;
  #covered = 0;
  #short = 0;
  #spare = 0;

  constructor(level: number) {
    this.#level = level;
  }

  add(actual: number, forecast: number): void {
    if (Number.isNaN(actual) || Number.isNaN(forecast)) return;
    this.count += 1;
    this.#actual += actual;
    this.#loss += pinballLoss(actual, forecast, this.#level);
    if (actual <= forecast) this.#covered += 1;
    this.#short += Math.max(0, actual - forecast);
    this.#spare += Math.max(0, forecast - actual);
  }

  /** The sum of losses over the sum of what came: comparable between horizons and networks. */
  get pinball(): number {
    return this.#actual === 0 ? Number.NaN : this.#loss / this.#actual;
  }

  /** Share of values at or below the forecast: `level`, if the quantile is right. */
  get coverage(): number {
    return this.count === 0 ? Number.NaN : this.#covered / this.count;
  }

  /** Traffic above the forecast, over what came. */
  get short(): number {
    return this.#actual === 0 ? Number.NaN : this.#short / this.#actual;
  }

  /** Forecast above the traffic, over what came. */
  get spare(): number {
    return this.#actual === 0 ? Number.NaN : this.#spare / this.#actual;
  }
}
