/** The price of a guarantee: by hand, by the corners of the reservations' polytope, by HiGHS, and by the checker's own method. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProgramBuilder } from "@sluice/lp";
import { cheapestCover } from "../check-guarantee-price.js";
import { highs } from "../testing/planning.js";
import { coveringPrice } from "./covering-price.js";

const asSets = (masks: readonly number[], count: number): readonly ReadonlySet<number>[] =>
  masks.map((mask) => new Set(Array.from({ length: count }, (_, i) => i).filter((i) => (mask >> i) & 1)));

describe("the price of a guarantee", () => {
  it("is the sum of two tunnels where either may fail, and half of three where they cost alike", () => {
    expect(coveringPrice([3, 5], [0b01, 0b10])).toBeCloseTo(8, 12);
    expect(coveringPrice([2, 2, 2], [0b001, 0b010, 0b100])).toBeCloseTo(3, 12);
    // The third is dear: two of them in full are cheaper.
    expect(coveringPrice([1, 1, 10], [0b001, 0b010, 0b100])).toBeCloseTo(2, 12);
    expect(coveringPrice([4, 1, 7], [0])).toBeCloseTo(1, 12);
  });

  it("is infinite where a failure leaves nothing, or nothing that is open", () => {
    expect(coveringPrice([1, 1], [0b11])).toBe(Infinity);
    expect(coveringPrice([1, Infinity], [0b01])).toBe(Infinity);
    expect(coveringPrice([], [0])).toBe(Infinity);
  });

  it("is the same by the dual simplex of the checker and by HiGHS", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }).chain((count) =>
          fc.record({
            prices: fc.array(fc.oneof(fc.constantFrom(0, 1, 2), fc.double({ min: 0, max: 10, noNaN: true }), fc.constant(Infinity)), {
              minLength: count,
              maxLength: count,
            }),
            masks: fc.array(fc.integer({ min: 0, max: 2 ** count - 1 }), { minLength: 1, maxLength: 12 }),
          }),
        ),
        async ({ prices, masks }) => {
          const price = coveringPrice(prices, masks);
          const other = cheapestCover(prices, asSets(masks, prices.length));
          const truth = await byHighs(prices, masks);
          const far = (a: number, b: number): number => (a === b ? 0 : Math.abs(a - b) / Math.max(1, b));
          expect(far(price, truth ?? Infinity)).toBeLessThanOrEqual(1e-6);
          expect(far(price, other)).toBeLessThanOrEqual(1e-11);
        },
      ),
      { numRuns: 400, seed: 42 },
    );
  });
});

async function byHighs(prices: readonly number[], masks: readonly number[]): Promise<number | undefined> {
  const builder = new ProgramBuilder("minimize");
  const columns = prices.map((price) => builder.addColumn(Number.isFinite(price) ? { cost: price } : { upper: 0 }));
  for (const mask of masks) {
    const row = builder.addRow({ lower: 1 });
    columns.forEach((column, i) => {
      if (((mask >> i) & 1) === 0) builder.addEntry(row, column, 1);
    });
  }
  const solved = await highs.solve(builder.build(), { timeLimitSeconds: 10 });
  return solved.status === "optimal" ? solved.objective : undefined;
}
