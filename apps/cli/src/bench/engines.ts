/** Who solves an instance of the benchmark: the engines of @sluice/mcf, and HiGHS in their place. */
import { highsBackend } from "@sluice/lp";
import { firstOrder, firstOrderDefaults, solveFirstOrder, type FlowEngine, type FlowProgram, type SolveLimits } from "@sluice/mcf";
import { fault, ok, refuse, type Result } from "@sluice/model";
import type { BenchSolver, EngineName, HighsMethod } from "./bench-message.js";
import { solveByHighs } from "./highs-solve.js";
import type { Claim } from "./judge.js";

export interface Found extends Claim {
  readonly status: string;
  readonly iterations: number;
}

export interface OpenSolver {
  /** In words. */
  readonly name: string;
  solve(program: FlowProgram, limits: SolveLimits): Promise<Result<Found>>;
}

export const highsNames: Readonly<Record<HighsMethod, string>> = {
  "first-order": "PDLP",
  "interior-point": "IPM",
  simplex: "simplex",
};

/** Loads what the solver needs: none of that is in anybody's seconds. */
export async function openSolver(solver: BenchSolver, gap: number): Promise<OpenSolver> {
  if (solver.kind === "highs") return openHighs(solver);
  const { name, engine } = engineOf(solver, gap);
  return { name, solve: (program, limits) => Promise.resolve(ok(engine(program, limits))) };
}

async function openHighs({ method, accuracy }: Extract<BenchSolver, { readonly kind: "highs" }>): Promise<OpenSolver> {
  const lp = await highsBackend();
  return {
    name: `HiGHS ${highsNames[method]} at ${accuracy}`,
    async solve(program, { timeLimitSeconds }) {
      const answer = await solveByHighs(program, { lp, method, accuracy, timeLimitSeconds });
      if ("flowBps" in answer) return ok({ ...answer, iterations: 0 });
      return refuse(fault(answer.status === "time-limit" ? "deadline-exceeded" : "solver-failed", answer.message));
    },
  };
}

/** From this gap on the first-order method is the faster one; below, the interior point. */
const firstOrderGapMin = 1e-4;

function engineOf(
  { engine, threads }: Extract<BenchSolver, { readonly kind: "engine" }>,
  gap: number,
): { readonly name: Exclude<EngineName, "auto">; readonly engine: FlowEngine } {
  const name = engine !== "auto" ? engine : gap >= firstOrderGapMin ? "first-order" : "interior-point";
  const chosen =
    threads === undefined
      ? firstOrder
      : (program: FlowProgram, limits: SolveLimits) => solveFirstOrder(program, limits, undefined, { ...firstOrderDefaults(), threads });
  return { name, engine: chosen };
}
