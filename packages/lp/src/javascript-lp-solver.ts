/**
 * javascript-lp-solver: a dense-tableau simplex in plain JavaScript. Good for small programs and where WASM cannot run.
 *
 * The library knows x >= 0 and a'x <= b, looks at everything with one absolute precision, gives no duals and may call a
 * stalled tableau optimal or a cycle infeasible. So this file hands it a standard form of its own making, scaled to about
 * one; keeps the library's cycle detector off (it has Bland's rule as well); reads primal and dual from the final
 * tableau (the dual of a row is minus the reduced cost of its slack); and says "optimal" only where `certifyLp` agrees. A tableau
 * that does not certify is tried again at a finer precision, and is `failed` after that.
 */
import solver from "javascript-lp-solver";
import type { LpBackend, LpOptions, LpOutcome } from "./backend.js";
import { certifyLp } from "./certify.js";
import type { LinearProgram } from "./program.js";
import { boundsCross, programDefect } from "./program-defect.js";
import { standardForm, type StandardForm } from "./standard-form.js";

/** Largest dense tableau, entries of 8 bytes each. */
export const tableauEntriesMax = 32_000_000;

/** What the library takes for zero, tried in turn. */
const precisions = [1e-9, 1e-11, 1e-7];

type Tableau = InstanceType<typeof solver.Model>["tableau"];

export function javascriptLpSolverBackend(nowSeconds: () => number = () => performance.now() / 1000): LpBackend {
  return {
    name: "javascript-lp-solver",
    async solve(program, options) {
      const defect = programDefect(program);
      if (defect !== undefined) return { status: "failed", message: `Malformed program: ${defect}.` };
      if (boundsCross(program)) return { status: "infeasible", message: "A lower bound is above its upper bound." };
      try {
        return solveStandard(program, standardForm(program), options, nowSeconds);
      } catch (cause) {
        return { status: "failed", message: `javascript-lp-solver stopped: ${cause instanceof Error ? cause.message : String(cause)}.` };
      }
    },
  };
}

function solveStandard(program: LinearProgram, form: StandardForm, options: LpOptions, nowSeconds: () => number): LpOutcome {
  const entries = (form.variableCount + 1) * (form.constraints.length + 1);
  if (entries > tableauEntriesMax) {
    return { status: "failed", message: `A dense tableau of ${entries} entries is above the limit of ${tableauEntriesMax}; use HiGHS.` };
  }
  const deadline = nowSeconds() + options.timeLimitSeconds;
  let last: LpOutcome = { status: "failed" };
  for (const precision of precisions) {
    last = solveTableau(program, form, precision, () => nowSeconds() > deadline);
    if (last.status !== "failed") return last;
  }
  return last;
}

/** Thrown out of the library's pivot loop, which knows no time limit of its own for linear programs. */
class TimeIsUp extends Error {}

function solveTableau(program: LinearProgram, form: StandardForm, precision: number, isTimeUp: () => boolean): LpOutcome {
  const model = new solver.Model(precision).maximize();
  model.usePresolve = false;
  model.checkForCycles = false;
  const variables = form.cost.map((cost, v) => model.addVariable(cost, `x${v}`));
  const slackIndex = form.constraints.map(({ terms, limit }) => {
    const constraint = model.smallerThan(limit);
    for (const { variable, coefficient } of terms) {
      const target = variables[variable];
      if (target !== undefined) constraint.addTerm(coefficient, target);
    }
    return constraint.slack.index;
  });
  const { tableau } = model;
  const pivot = tableau.pivot.bind(tableau);
  tableau.pivot = (row, column) => {
    if (isTimeUp()) throw new TimeIsUp();
    pivot(row, column);
  };
  const read = (): Required<Pick<LpOutcome, "objective" | "primal" | "dual">> =>
    pointOf(program, form, tableau, { variableIndex: variables.map(({ index }) => index), slackIndex });
  try {
    if (isTimeUp()) throw new TimeIsUp();
    model.solve();
  } catch (cause) {
    if (cause instanceof TimeIsUp) return timeLimitOutcome(program, tableau.feasible && tableau.width > 0 ? read() : undefined);
    throw cause;
  }
  if (!tableau.feasible) return { status: "infeasible" };
  if (!tableau.bounded) return { status: "unbounded" };
  const outcome: LpOutcome = { status: "optimal", ...read() };
  const { valid, primalInfeasibility, dualInfeasibility, gap } = certifyLp(program, outcome);
  if (valid) return outcome;
  return {
    status: "failed",
    message: `The final tableau does not certify: primal ${primalInfeasibility}, dual ${dualInfeasibility}, gap ${gap}.`,
  };
}

/** Stopped in the second phase, the tableau's point is feasible; stopped in the first, it is not and is not handed on. */
function timeLimitOutcome(
  program: LinearProgram,
  point: Required<Pick<LpOutcome, "objective" | "primal" | "dual">> | undefined,
): LpOutcome {
  const status = "time-limit";
  if (point === undefined || certifyLp(program, { status, ...point }).primalInfeasibility > 1e-6) return { status };
  return { status, ...point };
}

function pointOf(
  program: LinearProgram,
  form: StandardForm,
  { matrix, width, rhsColumn, rowByVarIndex, colByVarIndex }: Tableau,
  { variableIndex, slackIndex }: { readonly variableIndex: readonly number[]; readonly slackIndex: readonly number[] },
): Required<Pick<LpOutcome, "objective" | "primal" | "dual">> {
  const values = variableIndex.map((index) => {
    const row = rowByVarIndex[index] ?? -1;
    return row < 0 ? 0 : (matrix[row * width + rhsColumn] ?? 0);
  });
  const multipliers = slackIndex.map((index) => {
    const column = colByVarIndex[index] ?? -1;
    return column < 0 ? 0 : Math.max(0, -(matrix[column] ?? 0));
  });
  const primal = form.primalOf(values);
  const objective = program.cost.reduce((sum, cost, j) => sum + cost * (primal[j] ?? 0), 0);
  return { objective, primal, dual: form.dualOf(multipliers) };
}
