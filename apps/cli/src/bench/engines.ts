/** Who solves an instance of the benchmark: the engines of @sluice/mcf, and HiGHS in their place. */
import { highsBackend } from "@sluice/lp";
import {
  firstOrder,
  firstOrderDefaults,
  generateTunnels,
  interiorPoint,
  solveFirstOrder,
  solveFlow,
  type FlowEngine,
  type FlowProgram,
  type Problem,
  type SolveLimits,
} from "@sluice/mcf";
import { fault, ok, refuse, unreachable, type Result } from "@sluice/model";
import type { BenchSolver, HighsMethod } from "./bench-message.js";
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
  /** Finds tunnels, whatever paths the program has, and the flow on them: at most `tunnelsMax` a demand. */
  solveOnOwnTunnels(program: FlowProgram, limits: SolveLimits): Promise<Result<FoundOnTunnels>>;
}

export interface FoundOnTunnels extends Found {
  /** The program's, with the tunnels as its paths. */
  readonly problem: Problem;
}

/** Own tunnels a demand: as many as the peers' path sets have. */
export const tunnelsMax = 4;

export const highsNames: Readonly<Record<HighsMethod, string>> = {
  "first-order": "PDLP",
  "interior-point": "IPM",
  simplex: "simplex",
};

/** Loads what the solver needs: none of that is in anybody's seconds. */
export async function openSolver(solver: BenchSolver): Promise<OpenSolver> {
  if (solver.kind === "highs") return openHighs(solver);
  const engine = engineOf(solver);
  return {
    name: solver.engine,
    solve: (program, limits) => Promise.resolve(ok(engine(program, limits))),
    solveOnOwnTunnels({ problem, limit }, limits) {
      const found = generateTunnels({ problem: withoutPaths(problem), limit, k: tunnelsMax }, limits, engine);
      return Promise.resolve(ok({ ...found.solution, problem: found.problem }));
    },
  };
}

function withoutPaths(problem: Problem): Problem {
  return {
    ...problem,
    pathCount: 0,
    pathStart: new Int32Array(problem.demandCount + 1),
    linkStart: new Int32Array(1),
    pathLinks: new Int32Array(0),
  };
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
    solveOnOwnTunnels: () => Promise.resolve(refuse(fault("not-allowed", "HiGHS finds no tunnels."))),
  };
}

/** `auto` is both: the first-order method, and where that crawls the interior point from its point. */
function engineOf({ engine, threads }: Extract<BenchSolver, { readonly kind: "engine" }>): FlowEngine {
  switch (engine) {
    case "auto":
      return solveFlow;
    case "interior-point":
      return interiorPoint;
    case "first-order":
      return threads === undefined ? firstOrder : onThreads(threads);
    default:
      return unreachable(engine);
  }
}

function onThreads(threads: number): FlowEngine {
  return (program, limits, start) => solveFirstOrder(program, limits, start, { ...firstOrderDefaults(), threads });
}
