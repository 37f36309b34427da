import fc from "fast-check";
import { expect, it } from "vitest";
import type { FlowProgram } from "../flow-program.js";
import { randomProgram } from "../testing/random-program.js";
import { dualBound } from "./dual-bound.js";
import { incidenceOf } from "./incidence.js";
import { reduceProgram, type ReducedProgram } from "./reduced-program.js";

/** g(t), summed over paths' links. */
function statedBound(
  { problem, pathCost }: FlowProgram,
  { rowLink, capacity, slotStart, slotPath, rate }: ReducedProgram,
  price: Float64Array,
): number {
  const ofLink = new Map([...rowLink].map((e, row) => [e, price[row] ?? 0]));
  let sum = price.reduce((total, y, row) => total + y * (capacity[row] ?? 0), 0);
  rate.forEach((wanted, k) => {
    const margins = Array.from(slotPath.subarray(slotStart[k], slotStart[k + 1]), (p) => {
      const links = problem.pathLinks.subarray(problem.linkStart[p], problem.linkStart[p + 1]);
      return 1 - (pathCost?.[p] ?? 0) - links.reduce((total, e) => total + (ofLink.get(e) ?? 0), 0);
    });
    sum += wanted * Math.max(0, ...margins);
  });
  return sum;
}

const prices = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 3, noNaN: true })), { minLength: 1, maxLength: 9 });
const kinds = ["throughput", "cost"] as const;

it("is what the prices prove at the multiple it names, and no multiple proves more", () => {
  fc.assert(
    fc.property(randomProgram({ kinds, figures: "tame" }), prices, (program, draws) => {
      const reduced = reduceProgram(program);
      const price = Float64Array.from(reduced.capacity, (_, row) => draws[row % draws.length] ?? 0);
      const { bound, scale } = dualBound(reduced, incidenceOf(reduced), reduced.rate, price);
      const at = (multiple: number): number =>
        statedBound(
          program,
          reduced,
          price.map((y) => y * multiple),
        );
      const tolerance = 1e-9 * Math.max(1, at(1));
      expect(Math.abs(bound - at(scale))).toBeLessThanOrEqual(tolerance);
      for (const multiple of [0, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99 * scale, scale, 1, 1.01 * scale, 1.1, 2, 3, 10, 100]) {
        expect(bound).toBeLessThanOrEqual(at(multiple) + tolerance);
      }
    }),
    { numRuns: 500 },
  );
});
