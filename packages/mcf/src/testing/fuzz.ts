/**
 * An engine against HiGHS on small random programs, one a seed: odd seeds give tame figures, even ones any. Every answer is judged by
 * itself (judge-solution.ts) and then against what HiGHS finds; a seed gives the same program for good, so a failure can be replayed.
 */
import fc from "fast-check";
import type { FlowEngine, FlowProgram, FlowSolution, SolveLimits } from "../flow-program.js";
import { gapBetween, judgeSolution } from "../judge-solution.js";
import type { AsyncFlowEngine } from "./highs-engine.js";
import { randomProgram, type ProgramSize } from "./random-program.js";
import { written, type WrittenProblem } from "./written-problem.js";

export interface FuzzVerdict {
  readonly seed: number;
  readonly program: FlowProgram;
  /**
   * "agreed": solved, nothing wrong, and HiGHS finds the same. "unsolved": nothing wrong, but the asked gap was not reached. "wrong":
   * a defect, an exception, or HiGHS proves another value.
   */
  readonly outcome: "agreed" | "unsolved" | "wrong";
  readonly why: string;
  /** NaN where the engine threw. */
  readonly gap: number;
  readonly iterations: number;
  readonly ms: number;
}

export interface FuzzOptions {
  readonly engine: FlowEngine | AsyncFlowEngine;
  readonly highs: AsyncFlowEngine;
  readonly gap: number;
  readonly timeLimitSeconds: number;
  readonly nowMs: () => number;
  /** Default "small". */
  readonly size?: ProgramSize;
}

/** Relative: how exactly HiGHS is asked to know the optimum. */
const highsGap = 1e-7;

/** The program of a seed, small or medium. */
export function fuzzProgram(seed: number, size: ProgramSize = "small"): FlowProgram {
  const [program] = fc.sample(programsOf(seed, size), { seed, numRuns: 1, unbiased: true });
  if (program === undefined) throw new Error("fast-check drew no program");
  return program;
}

export async function fuzz(seed: number, options: FuzzOptions): Promise<FuzzVerdict> {
  return judge(seed, fuzzProgram(seed, options.size), options);
}

/** The smallest program near the seed's with the same outcome; fast-check searches for at most `searchMsMax`. */
export async function shrunk(verdict: FuzzVerdict, options: FuzzOptions, searchMsMax: number): Promise<FuzzVerdict> {
  const { seed, outcome } = verdict;
  let least = verdict;
  const property = fc.asyncProperty(programsOf(seed, options.size), async (program) => {
    const tried = await judge(seed, program, options);
    if (tried.outcome !== outcome) return true;
    least = tried;
    return false;
  });
  await fc.check(property, { seed, numRuns: 1, unbiased: true, interruptAfterTimeLimit: searchMsMax });
  return least;
}

/** A program to be pasted into a test. */
export function writtenProgram({ problem, limit, pathCost }: FlowProgram): WrittenProblem & {
  readonly limit: FlowProgram["limit"];
  readonly pathCost?: readonly number[];
} {
  return { limit, ...written(problem), ...(pathCost === undefined ? {} : { pathCost: [...pathCost] }) };
}

function programsOf(seed: number, size: ProgramSize = "small"): fc.Arbitrary<FlowProgram> {
  return randomProgram({ size, figures: seed % 2 === 1 ? "tame" : "any" });
}

async function judge(seed: number, program: FlowProgram, options: FuzzOptions): Promise<FuzzVerdict> {
  const { engine, gap, timeLimitSeconds, nowMs } = options;
  const limits: SolveLimits = { gap, timeLimitSeconds, nowMs };
  const began = nowMs();
  let solution: FlowSolution;
  try {
    solution = await engine(program, limits);
  } catch (cause) {
    const why = `It threw: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`;
    return { seed, program, outcome: "wrong", why, gap: Number.NaN, iterations: 0, ms: nowMs() - began };
  }
  const ms = nowMs() - began;
  return { seed, program, ...(await compare(program, solution, options)), gap: solution.gap, iterations: solution.iterations, ms };
}

async function compare(
  program: FlowProgram,
  solution: FlowSolution,
  { highs, gap, nowMs }: FuzzOptions,
): Promise<Pick<FuzzVerdict, "outcome" | "why">> {
  const { defects } = judgeSolution(program, solution, gap);
  if (defects.length > 0) return { outcome: "wrong", why: defects.map(({ code, message }) => `${code}: ${message}`).join(" ") };
  if (solution.status !== "optimal" && solution.status !== "gap") {
    return { outcome: "unsolved", why: `It ended ${solution.status} at a gap of ${solution.gap} after ${solution.iterations} iterations.` };
  }
  const oracle = await highs(program, { gap: highsGap, timeLimitSeconds: 10, nowMs });
  // Where HiGHS does not know, the prices' proof stands alone.
  const differ = oracle.status === "optimal" && gapBetween(solution.value, oracle.value) > gap + 2 * highsGap;
  return differ
    ? { outcome: "wrong", why: `The value is ${solution.value}, and HiGHS's ${oracle.value}.` }
    : { outcome: "agreed", why: "" };
}
