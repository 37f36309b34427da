/** Quantiles by name, and of samples. */

export const quantileNames = ["p50", "p75", "p90", "p95", "p99"] as const;
export type QuantileName = (typeof quantileNames)[number];

export const quantileLevel: Readonly<Record<QuantileName, number>> = { p50: 0.5, p75: 0.75, p90: 0.9, p95: 0.95, p99: 0.99 };

/** Of a sorted sample, linear between its values (Hyndman, Fan 1996, type 7, as R and NumPy have it). NaN where it is empty. */
export function quantileOfSorted(sorted: ArrayLike<number>, count: number, level: number): number {
  if (count === 0) return Number.NaN;
  const at = level * (count - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(count - 1, below + 1)] ?? low;
  return low + (at - below) * (high - low);
}

/** A sample kept in order while values come in. `add` is O(n) moves of memory, `quantile` O(1). NaN is left out. */
export class SortedSample {
  #values = new Float64Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (Number.isNaN(value)) return;
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(2 * this.#count);
      grown.set(this.#values);
      this.#values = grown;
    }
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#values[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    this.#values.copyWithin(low + 1, low, this.#count);
    this.#values[low] = value;
    this.#count += 1;
  }

  quantile(level: number): number {
    return quantileOfSorted(this.#values, this.#count, level);
  }
}
