/** Sums that shrink as well as grow: what nothing is left of is exactly zero, whatever rounding did before. */

/** One sum for each of some indices, with the number of its terms. */
export class Tally {
  readonly sums: Float64Array;
  readonly #terms: Int32Array;

  constructor(from: number | Tally) {
    this.sums = typeof from === "number" ? new Float64Array(from) : Float64Array.from(from.sums);
    this.#terms = typeof from === "number" ? new Int32Array(from) : Int32Array.from(from.#terms);
  }

  /** Adds an amount that is the sum of so many terms. */
  add(index: number, amount: number, terms: number): void {
    this.sums[index] = (this.sums[index] ?? 0) + amount;
    this.#terms[index] = (this.#terms[index] ?? 0) + terms;
  }

  /** Takes terms back that were added. */
  remove(index: number, amount: number, terms: number): void {
    const left = (this.#terms[index] ?? 0) - terms;
    this.#terms[index] = left;
    this.sums[index] = left <= 0 ? 0 : Math.max(0, (this.sums[index] ?? 0) - amount);
  }
}
