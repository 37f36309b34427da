/**
 * HiGHS (Huangfu and Hall 2018) as WebAssembly. The program's arrays are handed over as they are: no LP text is written
 * or parsed. Calls are synchronous and hold the thread: run them off the main thread.
 *
 * Three findings shape this file. The interior-point method without crossover is the fastest dependable way to solve path
 * programs of ten thousand columns and more; the point it gives is optimal to tolerance but no vertex. Without crossover
 * the postsolve of a maximization loses the duals (HiGHS 1.15.1 then reports "unknown"), that of a minimization keeps
 * them: so everything is handed over as a minimization. And a WASM module that trapped (out of memory, abort) answers
 * nothing sensible ever after: it is thrown away and loaded anew.
 */
import loadHighs, { type Highs, type InitOptions, type ModelStatusCode, type Model } from "highs";
import type { LpBackend, LpOptions, LpOutcome } from "./backend.js";
import type { LinearProgram } from "./program.js";
import { boundsCross, programDefect } from "./program-defect.js";

/**
 * Programs with fewer matrix entries than this go to simplex when the method is left open. There it takes about as long as the
 * interior point (50 nodes, all pairs: 0.2 to 1.6 s against 0.3 to 1.8 s), and a vertex is worth more: it is exact, and uses
 * few columns, so that a plan needs few tunnels.
 */
const simplexEntriesMax = 80_000;

/** WASM memory never shrinks: above this many bytes the module is thrown away after a solve, so that one large solve does not hold memory for good. */
const memoryBytesKept = 1 << 29;

export interface HighsBackendOptions {
  /** How the WASM module is found; the default suits Node with highs installed as a package. */
  readonly init?: InitOptions;
  /** How it is loaded. */
  readonly load?: (init?: InitOptions) => Promise<Highs>;
}

/** Loads the module once; rejects where that is impossible. `solve` never rejects. */
export async function highsBackend({ init, load = loadHighs }: HighsBackendOptions = {}): Promise<LpBackend> {
  let highs: Highs | undefined = await load(init);
  return {
    name: "highs",
    async solve(program, options) {
      const defect = programDefect(program);
      if (defect !== undefined) return { status: "failed", message: `Malformed program: ${defect}.` };
      if (boundsCross(program)) return { status: "infeasible", message: "A lower bound is above its upper bound." };
      if (program.columnCount === 0) return solveWithoutColumns(program);
      try {
        highs ??= await load(init);
        const outcome = solveInModule(highs, program, options);
        if (highs.memoryBytes > memoryBytesKept) highs = undefined;
        return outcome;
      } catch (cause) {
        highs = undefined;
        return { status: "failed", message: `HiGHS stopped: ${cause instanceof Error ? cause.message : String(cause)}.` };
      }
    },
  };
}

/** Nothing to choose: the row activities are all zero. HiGHS itself calls such programs empty and checks no row. */
function solveWithoutColumns({ rowCount, rowLower, rowUpper }: LinearProgram): LpOutcome {
  const feasible = rowLower.every((lower, i) => lower <= 0 && (rowUpper[i] ?? 0) >= 0);
  if (!feasible) return { status: "infeasible" };
  return { status: "optimal", objective: 0, primal: new Float64Array(0), dual: new Float64Array(rowCount) };
}

function solveInModule(highs: Highs, program: LinearProgram, options: LpOptions): LpOutcome {
  return highs.withModel(
    {
      numCols: program.columnCount,
      numRows: program.rowCount,
      sense: highs.constants.objectiveSense.minimize,
      colCost: program.sense === "minimize" ? program.cost : program.cost.map((cost) => -cost),
      colLower: program.columnLower,
      colUpper: program.columnUpper,
      rowLower: program.rowLower,
      rowUpper: program.rowUpper,
      matrix: {
        format: "csc",
        numRows: program.rowCount,
        numCols: program.columnCount,
        starts: program.columnStart,
        indices: program.rowIndex,
        values: program.value,
      },
    },
    (model) => solveModel(highs, model, program, options),
  );
}

function solveModel(highs: Highs, model: Model, program: LinearProgram, options: LpOptions): LpOutcome {
  model.options.set({ output_flag: false, time_limit: options.timeLimitSeconds });
  if (options.accuracy !== undefined) model.options.set({ kkt_tolerance: options.accuracy });
  for (const attempt of attempts[methodFor(program, options)]) {
    model.options.set(attempt);
    const status = run(highs, model);
    if (status === statusCode.infeasible) return outcomeOf(model, program, secondOpinion(highs, model));
    if (status !== undefined && isSettled(status)) return outcomeOf(model, program, status);
    // Else the next attempt would start from the basis that this one was stuck at.
    model.clearSolver();
  }
  return { status: "failed", message: "HiGHS settled the program with none of its methods." };
}

/**
 * HiGHS's presolve calls some unbounded programs infeasible (highs.test.ts has one): only what is found infeasible without it, too,
 * is. Where nothing is settled without presolve, its word stands.
 */
function secondOpinion(highs: Highs, model: Model): ModelStatusCode {
  model.clearSolver();
  model.options.set({ presolve: "off", ...primalSimplex, solver: "simplex" });
  const status = run(highs, model);
  return status !== undefined && isSettled(status) ? status : statusCode.infeasible;
}

/** HiGHS's number for it; its default is the dual simplex. */
const primalSimplex = { simplex_strategy: 4 };

/**
 * Tried in turn until one settles the program; the time limit counts for all together. The interior point without
 * crossover may end undecided on degenerate programs, and with an error of its own on unbounded ones: then a vertex decides.
 * The dual simplex in turn may end undecided on unbounded ones, where the primal simplex sees the ray. Examples of each are in highs.test.ts.
 */
const attempts = {
  simplex: [{ solver: "simplex" }, primalSimplex],
  "interior-point": [{ solver: "ipm", run_crossover: "off" }, { run_crossover: "on" }, { solver: "simplex" }, primalSimplex],
  // Programs that need it are too large for the others to come to its help.
  "first-order": [{ solver: "pdlp" }],
} as const;

/** Undefined where HiGHS reports an error; a trap of the module is none of its errors and is thrown on. */
function run(highs: Highs, model: Model): ModelStatusCode | undefined {
  try {
    return model.run().modelStatus;
  } catch (cause) {
    if (cause instanceof highs.errors.HighsError) return undefined;
    throw cause;
  }
}

function methodFor(program: LinearProgram, { method = "choose" }: LpOptions): keyof typeof attempts {
  if (method !== "choose") return method;
  return program.value.length < simplexEntriesMax ? "simplex" : "interior-point";
}

const statusCode = { optimal: 7, infeasible: 8, unbounded: 10, timeLimit: 13 } as const;

function isSettled(status: ModelStatusCode): boolean {
  return Object.values<number>(statusCode).includes(status);
}

function outcomeOf(model: Model, program: LinearProgram, status: ModelStatusCode): LpOutcome {
  switch (status) {
    case statusCode.optimal:
      return { status: "optimal", ...pointOf(model, program) };
    case statusCode.infeasible:
      return { status: "infeasible" };
    case statusCode.unbounded:
      return { status: "unbounded" };
    case statusCode.timeLimit:
      return timeLimitOutcome(model, program);
    default:
      return { status: "failed", message: `HiGHS ended with model status ${status}.` };
  }
}

/** At the time limit the point is handed on only where HiGHS calls it feasible; its own objective value is not trusted. */
function timeLimitOutcome(model: Model, program: LinearProgram): LpOutcome {
  const feasible = 2;
  if (model.info.get("primal_solution_status") !== feasible) return { status: "time-limit" };
  return { status: "time-limit", ...pointOf(model, program) };
}

/** The duals come back in the program's own sense. */
function pointOf(model: Model, { sense, cost }: LinearProgram): Pick<Required<LpOutcome>, "objective" | "primal" | "dual"> {
  const { colValue, rowDual } = model.getSolution();
  return {
    objective: cost.reduce((sum, coefficient, j) => sum + coefficient * (colValue[j] ?? 0), 0),
    primal: colValue,
    dual: sense === "minimize" ? rowDual : rowDual.map((dual) => -dual),
  };
}
