/** Sums that shrink as well as grow: what nothing is left of is exactly zero, whatever rounding did before. */

/** One sum for each of some indices, with the number of its terms. */
export class Tally {
  readonly sums: Float64Array;
  readonly #terms: Int32Array;

  constructor(from: number | Tally) {
    this.sums = typeof from === "number" ? new Float64Array(from) : Float64Array.from(from.sums);
    this.#terms = typeof from === "number" ? new Int32Array(from) : Int32Array.from(from.#terms);
  }

  add(index: number, amount: number): void {
    this.sums[index] = (this.sums[index] ?? 0) + amount;
    this.#terms[index] = (this.#terms[index] ?? 0) + 1;
  }

  /** Takes back one `add` of that amount. */
  remove(index: number, amount: number): void {
    const terms = (this.#terms[index] ?? 0) - 1;
    this.#terms[index] = terms;
    this.sums[index] = terms <= 0 ? 0 : Math.max(0, (this.sums[index] ?? 0) - amount);
  }
}
