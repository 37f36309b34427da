/**
 * What every engine of this package must keep: call `describeEngine` from a test file. Answers are judged by arithmetic that shares
 * no code with engines (judge-solution.ts), and against an LP that states the program anew.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, type LpBackend } from "@sluice/lp";
import type { FlowEngine, FlowProgram, FlowSolution, FlowStart, SolveLimits } from "./flow-program.js";
import { gapBetween, judgeSolution, judgeTolerance } from "./judge-solution.js";
import { degeneratePrograms } from "./testing/degenerate-programs.js";
import { fuzz, type FuzzOptions } from "./testing/fuzz.js";
import { highsEngine, type AsyncFlowEngine } from "./testing/highs-engine.js";
import { isHostile } from "./testing/hostile.js";
import { perturbed, type Perturbation } from "./testing/perturbation.js";
import { programKinds, randomProgram, type ProgramKind } from "./testing/random-program.js";
import { textbookOptimum } from "./testing/textbook-optimum.js";
import { tickingClock } from "./testing/ticking-clock.js";

export interface EngineContract {
  /** That every answer is to reach. */
  readonly gap: number;
  /** Random programs a property. Default 100. */
  readonly numRuns?: number;
  /** Programs the engine takes. Default all. */
  readonly kinds?: readonly ProgramKind[];
  /**
   * What is expected where figures in one program are many orders of magnitude apart: "solved" (default), or "sound", an answer that may
   * have stopped before the gap was reached, and says so.
   */
  readonly hostile?: "solved" | "sound";
}

/** Of the fuzz that testing/fuzz-run.ts runs over thousands. */
const fuzzSeeds = 100;

/** How often an engine may look at the clock before its time is up. */
const ticksMax = 200_000;

export function describeEngine(
  name: string,
  engine: FlowEngine | AsyncFlowEngine,
  { gap, numRuns = 100, kinds = programKinds, hostile = "solved" }: EngineContract,
): void {
  const limits = (more: Partial<SolveLimits> = {}): SolveLimits => ({
    gap,
    timeLimitSeconds: ticksMax / 1000,
    nowMs: tickingClock(),
    ...more,
  });
  const solve = async (program: FlowProgram, more?: Partial<SolveLimits>, start?: FlowStart): Promise<FlowSolution> =>
    engine(program, limits(more), start);
  /** What is wrong with an answer, or unsolved; empty when nothing is. */
  const failuresOf = (program: FlowProgram, solution: FlowSolution): readonly string[] => {
    const solved = solution.status === "optimal" || solution.status === "gap" || (hostile === "sound" && isHostile(program));
    return [...defectsOf(program, solution, gap), ...(solved ? [] : [`It ended ${solution.status} at a gap of ${solution.gap}.`])];
  };
  /** For any program of these, whatever else is drawn with it. */
  const forAny = async (
    check: (program: FlowProgram, change: Perturbation) => Promise<void>,
    programs = fc.oneof(randomProgram({ kinds, figures: "tame" }), randomProgram({ kinds })),
  ): Promise<void> => {
    const change = fc.record<Perturbation>({
      factors: fc.array(fc.constantFrom(0.9, 0.95, 1, 1.05, 1.1), { minLength: 1, maxLength: 7 }),
      failedLink: fc.option(fc.nat(31), { freq: 2 }),
    });
    await fc.assert(fc.asyncProperty(programs, change, check), { numRuns });
  };

  describe(`engine ${name}`, () => {
    let lp: LpBackend;
    beforeAll(async () => {
      lp = await highsBackend();
    });

    it.each(degeneratePrograms(kinds))("solves $name", async ({ program }) => {
      expect(failuresOf(program, await solve(program))).toEqual([]);
    });

    it("solves any program: what it carries fits, its figures are right, and its prices prove the gap", async () => {
      await forAny(async (program) => {
        expect(failuresOf(program, await solve(program))).toEqual([]);
      });
    });

    it("agrees with an LP that states the program anew", async () => {
      await forAny(
        async (program) => {
          const { value } = await solve(program);
          expect(gapBetween(value, await textbookOptimum(program, lp))).toBeLessThanOrEqual(gap + oracleTolerance);
        },
        randomProgram({ kinds, figures: "tame" }),
      );
    });

    it("agrees with HiGHS on the first programs of the fuzz", async () => {
      const highs = await highsEngine();
      const options: FuzzOptions = { engine, highs, gap, timeLimitSeconds: ticksMax / 1000, nowMs: tickingClock() };
      for (let seed = 1; seed <= fuzzSeeds; seed++) {
        const { program, outcome, why } = await fuzz(seed, options);
        if (outcome === "unsolved" && hostile === "sound" && isHostile(program)) continue;
        expect({ seed, outcome, why }).toEqual({ seed, outcome: "agreed", why: "" });
      }
    });

    it("gives the same bytes for the same input", async () => {
      await forAny(async (program) => {
        expect(bytesOf(await solve(program))).toEqual(bytesOf(await solve(program)));
      });
    });

    it("leaves its input as it was", async () => {
      await forAny(async (program) => {
        const before = structuredClone(program);
        await solve(program);
        expect(program).toEqual(before);
      });
    });

    it("solves from the answer to a program that was a little different, or had a link more", async () => {
      await forAny(async (program, change) => {
        const start = await solve(perturbed(program, change));
        expect(failuresOf(program, await solve(program, {}, start))).toEqual([]);
        const without = perturbed(program, change);
        expect(failuresOf(without, await solve(without, {}, await solve(program)))).toEqual([]);
      });
    });

    it.each([
      { what: "nothing", flow: 0, price: 0 },
      { what: "far too much", flow: 1e18, price: 1e12 },
      { what: "next to nothing", flow: 1e-18, price: 1e-18 },
    ])("solves from a start that is wrong: $what", async ({ flow, price }) => {
      await forAny(async (program) => {
        const flowBps = new Float64Array(program.problem.pathCount).fill(flow);
        const linkPrice = new Float64Array(program.problem.linkCount).fill(price);
        expect(failuresOf(program, await solve(program, {}, { flowBps, linkPrice }))).toEqual([]);
      });
    });

    it.each([
      { what: "cancelled at once", more: { cancelled: () => true }, status: "cancelled" },
      { what: "given no time", more: { timeLimitSeconds: 0 }, status: "time-limit" },
    ])("answers with a flow that fits and a bound that holds when $what", async ({ more, status }) => {
      await forAny(async (program) => {
        const solution = await solve(program, more);
        expect(defectsOf(program, solution, gap)).toEqual([]);
        expect([status, "optimal", "gap", "stalled"]).toContain(solution.status);
      });
    });

    it("stops when it is told to while it works", async () => {
      await forAny(async (program) => {
        let asked = 0;
        const solution = await solve(program, { gap: 0, cancelled: () => ++asked > 3 });
        expect(defectsOf(program, solution, 0)).toEqual([]);
      });
    });

    it("reports progress that only gets better, and never passes the answer", async () => {
      await forAny(async (program) => {
        const seen: { readonly value: number; readonly bound: number; readonly gap: number }[] = [];
        const solution = await solve(program, { onProgress: (progress) => seen.push(progress) });
        const side = program.limit === "capacity" ? 1 : -1;
        [...seen, solution].forEach((progress, i, all) => {
          const before = all[i - 1];
          if (before === undefined) return;
          expect(side * (progress.value - before.value)).toBeGreaterThanOrEqual(-judgeTolerance * Math.abs(progress.value));
          expect(side * (before.bound - progress.bound)).toBeGreaterThanOrEqual(-judgeTolerance * Math.abs(progress.bound));
        });
      });
    });
  });
}

/** Relative: of the LP that answers are compared to. */
const oracleTolerance = 1e-6;

/** Empty when nothing is wrong. */
function defectsOf(program: FlowProgram, solution: FlowSolution, gap: number): readonly string[] {
  return judgeSolution(program, solution, gap).defects.map(({ code, message }) => `${code}: ${message}`);
}

/** All of an answer, with its numbers bit by bit. */
function bytesOf({ flowBps, linkPrice, status, value, bound, gap, iterations, primalWeight }: FlowSolution): unknown {
  const bits = (numbers: Float64Array): Uint8Array => new Uint8Array(numbers.slice().buffer);
  return {
    status,
    iterations,
    flow: bits(flowBps),
    price: bits(linkPrice),
    figures: bits(Float64Array.of(value, bound, gap, primalWeight ?? -1)),
  };
}
