import fc from "fast-check";
import { expect, it } from "vitest";
import type { FlowProgram } from "../flow-program.js";
import { randomProgram } from "../testing/random-program.js";
import { incidenceOf } from "./incidence.js";
import { reduceProgram, type ReducedProgram } from "./reduced-program.js";
import { repairOf } from "./repair.js";

/** Flows no engine would come up with: negative, of nothing, of far too much. */
const wild = fc.array(fc.oneof(fc.constantFrom(0, -1, 1, 1e12), fc.double({ min: -2, max: 2, noNaN: true })), {
  minLength: 1,
  maxLength: 20,
  size: "max",
});

const capacityKinds = ["throughput", "cost"] as const;

interface Repaired {
  readonly program: FlowProgram;
  readonly reduced: ReducedProgram;
  readonly flow: Float64Array;
  /** Per link, in units of the reduced program. */
  readonly left: Float64Array;
}

function repaired(program: FlowProgram, draws: readonly number[]): Repaired {
  const reduced = reduceProgram(program);
  const { problem } = program;
  const flow = Float64Array.from(reduced.slotPath, (_, slot) => draws[slot % draws.length] ?? 0);
  repairOf(reduced, incidenceOf(reduced)).repair(flow);
  const left = problem.capacityBps.map((capacity) => capacity / reduced.unitBps);
  flow.forEach((rate, slot) => {
    for (const e of linksOf(program, reduced.slotPath[slot] ?? 0)) left[e] = (left[e] ?? 0) - rate;
  });
  return { program, reduced, flow, left };
}

function linksOf({ problem }: FlowProgram, path: number): Int32Array {
  return problem.pathLinks.subarray(problem.linkStart[path], problem.linkStart[path + 1]);
}

function restOf({ reduced, flow }: Repaired, block: number): number {
  const slots = flow.subarray(reduced.slotStart[block], reduced.slotStart[block + 1]);
  return (reduced.rate[block] ?? 0) - slots.reduce((sum, rate) => sum + rate, 0);
}

it("makes any flows fit demands and links", () => {
  fc.assert(
    fc.property(randomProgram({ kinds: capacityKinds }), wild, (program, draws) => {
      const answer = repaired(program, draws);
      answer.flow.forEach((rate) => expect(rate).toBeGreaterThanOrEqual(0));
      answer.reduced.rate.forEach((rate, k) => expect(restOf(answer, k)).toBeGreaterThanOrEqual(-1e-12 * rate));
      answer.left.forEach((left, e) =>
        expect(left).toBeGreaterThanOrEqual((-1e-12 * (program.problem.capacityBps[e] ?? 0)) / answer.reduced.unitBps),
      );
    }),
    { numRuns: 300 },
  );
});

it("leaves no demand wanting beside a path that has room", () => {
  fc.assert(
    fc.property(randomProgram({ kinds: capacityKinds }), wild, (program, draws) => {
      const answer = repaired(program, draws);
      const { slotStart, slotPath, rate, unitBps } = answer.reduced;
      const shareLeft = answer.left.map((left, e) => (left * unitBps) / (program.problem.capacityBps[e] ?? 1));
      rate.forEach((wanted, k) => {
        if (restOf(answer, k) <= 1e-9 * wanted) return;
        for (const path of slotPath.subarray(slotStart[k], slotStart[k + 1])) {
          const fullest = Math.min(...Array.from(linksOf(program, path), (e) => shareLeft[e] ?? 0));
          expect(fullest).toBeLessThanOrEqual(1e-9);
        }
      });
    }),
    { numRuns: 300 },
  );
});

it("carries all where utilization is limited", () => {
  fc.assert(
    fc.property(randomProgram({ kinds: ["utilization"] }), wild, (program, draws) => {
      const answer = repaired(program, draws);
      answer.flow.forEach((rate) => expect(rate).toBeGreaterThanOrEqual(0));
      answer.reduced.rate.forEach((rate, k) => expect(Math.abs(restOf(answer, k))).toBeLessThanOrEqual(1e-12 * rate));
    }),
    { numRuns: 100 },
  );
});
