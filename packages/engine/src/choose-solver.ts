/**
 * What `solver: auto` takes, from size, time and wanted gap. Measured (docs/decisions/0008): the structured simplex is exact, has the
 * leanest plans and, up to a few hundred nodes, the least time; its work grows with paths x links^2, that of the first-order method with
 * paths x iterations, which are few where a gap of 1e-6 is enough; the interior point is for less than that.
 */
import { purifySecondsOf, type Problem } from "@sluice/mcf";
import type { EngineName, ObjectiveName, SolverName } from "@sluice/model";

/** Share of the time that the simplex is expected to take at most, or it is not chosen. */
const timeShareMax = 0.25;
/** Share of the time that purification is expected to take at most, or what an engine found stays as it is. */
const purifyShareMax = 0.5;
/** Smaller gaps than this are the interior point's, relative. */
const firstOrderGapMin = 5e-7;

export interface SolverQuestion {
  readonly solver: SolverName;
  readonly objective: ObjectiveName;
  readonly gapMax: number;
  /** The class's share of the deadline, not what is left of it: the same snapshot gets the same choice, whatever the clock says. */
  readonly budgetSeconds: number;
  /** Flow is placed on links, which only the LP does. */
  readonly edgeBased: boolean;
}

export interface SolverChoice {
  /** Absent: the LP backend, or a scheme that needs no engine. */
  readonly engine?: EngineName;
  /** Whether what the engine finds is brought to a vertex. */
  readonly purifies?: boolean;
  /** What was chosen and why, a whole sentence; absent where nothing was to be chosen. */
  readonly note?: string;
}

/** Objectives that are linear programs over paths. */
const engineObjectives: ReadonlySet<ObjectiveName> = new Set(["max-throughput", "min-cost", "min-max-utilization", "max-concurrent"]);

export function chooseSolver(problem: Problem, { solver, objective, gapMax, budgetSeconds, edgeBased }: SolverQuestion): SolverChoice {
  if (solver === "highs" || solver === "javascript-lp-solver" || !engineObjectives.has(objective)) return {};
  if (edgeBased) return solver === "auto" ? {} : { note: `Flow over any path is an LP on links: HiGHS solved it, not ${solver}.` };
  const seconds = purifySecondsOf(problem);
  const purifies = seconds <= purifyShareMax * budgetSeconds;
  if (solver !== "auto") return { engine: solver, purifies };
  const size = `${problem.pathCount} tunnels over ${problem.linkCount} links`;
  if (seconds <= timeShareMax * budgetSeconds) {
    return {
      engine: "simplex",
      purifies,
      note: `auto chose simplex: ${size} are few enough for an exact answer on few tunnels in the time.`,
    };
  }
  const engine = gapMax >= firstOrderGapMin ? "first-order" : "interior-point";
  const after = purifies ? "what it finds is brought to few tunnels" : "too many to bring what it finds to few tunnels, too";
  const reason = `${size} are too many for simplex in ${Number(budgetSeconds.toPrecision(3))} s; the wanted gap is ${gapMax}; ${after}`;
  return { engine, purifies, note: `auto chose ${engine}: ${reason}.` };
}
