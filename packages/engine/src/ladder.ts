/**
 * The ladder: when a solve misses its deadline, fails or answers nonsense, the class takes the next rung, and says why.
 *
 *   optimal    the certificate's gap is at most the wanted one
 *   feasible   the solver's flow, fitted to capacity, short of proof (time limit, larger gap)
 *   greedy     filled first come, first served
 *
 * (`kept`, the last plan, is the controller's choice.)
 */
import { InvariantBroken, type ObjectiveName, type Rung, type SolverName } from "@sluice/model";
import type { LpBackend } from "@sluice/lp";
import { certify, edgeCertify, type FlowCertificate } from "./certificate.js";
import { chooseSolver, type SolverChoice } from "./choose-solver.js";
import { edgeBased, hasEdgeForm } from "./edge-lp.js";
import { fitToCapacity } from "./flow.js";
import type { Problem } from "@sluice/mcf";
import type { SchemeOptions, SchemeOutcome } from "./scheme.js";
import { greedyFill } from "./schemes/greedy-fill.js";
import { schemeOf } from "./schemes/index.js";

/** Largest relative excess over demand or capacity that passes for rounding in a solver's flow. */
const excessMax = 1e-6;
/** Prices below this share of the largest are a solver's dust. */
const priceShareMin = 1e-12;
/** With less time than this left, seconds, a solve is not begun. */
const solveSecondsMin = 0.001;

export interface LadderOptions {
  readonly lp: LpBackend;
  readonly solver: SolverName;
  /** Relative; answers proven to be this near the optimum are called optimal. */
  readonly gapMax: number;
  readonly timeLimitSeconds: number;
  /** The class's share of the whole deadline. */
  readonly budgetSeconds: number;
  readonly nowMs: () => number;
  readonly greedyOnly: boolean;
  /** Route on links, where the objective has such a form; bounds are then over all paths. */
  readonly edgeBased: boolean;
  readonly onProgress?: SchemeOptions["onProgress"] | undefined;
}

export interface Answer {
  readonly rung: Rung;
  readonly solver: string;
  /** The problem as asked; routed on links, with the paths that its flow takes. */
  readonly problem: Problem;
  /** Per path of `problem`, within capacity and demand. */
  readonly flowBps: Float64Array;
  readonly certificate: FlowCertificate;
  /** Per link, >= 0: the prices of the certificate's bound. Absent where it has none. */
  readonly linkPrice?: Float64Array;
  readonly notes: readonly string[];
}

/** The best answer that the problem gets within its time. Rejects only on broken invariants. */
export async function climb(problem: Problem, objective: ObjectiveName, options: LadderOptions): Promise<Answer> {
  const question: Question = { problem, objective, gapMax: options.gapMax, certify: options.edgeBased ? edgeCertify : certify };
  if (problem.demandCount === 0) return nothingToDo(question);
  if (options.greedyOnly) return greedyAnswer(question, undefined, "Greedy filling was asked for.");
  if (options.timeLimitSeconds < solveSecondsMin) return greedyAnswer(question, undefined, "No time was left to solve.");
  const choice = chooseSolver(problem, { ...options, objective });
  const solved = await solveGuarded(problem, objective, options, choice);
  const answer = answerOf(question, solved.problem, solved.outcome);
  return choice.note === undefined ? answer : { ...answer, notes: [...answer.notes, choice.note] };
}

interface Question {
  readonly problem: Problem;
  readonly objective: ObjectiveName;
  readonly gapMax: number;
  readonly certify: typeof certify;
}

interface Solved {
  readonly outcome: SchemeOutcome;
  /** The problem with the paths that the outcome's flow is on. */
  readonly problem: Problem;
}

/** A scheme's rejection is a failed solve; a broken invariant is a bug and ends the process. */
async function solveGuarded(
  problem: Problem,
  objective: ObjectiveName,
  { lp, timeLimitSeconds, nowMs, gapMax, onProgress, ...options }: LadderOptions,
  { engine, purifies }: SolverChoice,
): Promise<Solved> {
  const schemeOptions: SchemeOptions = {
    lp,
    timeLimitSeconds,
    nowMs,
    gapMax,
    ...(engine === undefined ? {} : { engine }),
    ...(purifies === undefined ? {} : { purifies }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
  try {
    if (options.edgeBased && hasEdgeForm(objective)) {
      const outcome = await edgeBased(problem, objective, schemeOptions);
      return { outcome, problem: { ...problem, ...outcome.paths } };
    }
    return { outcome: await schemeOf(objective).solve(problem, schemeOptions), problem };
  } catch (cause) {
    if (cause instanceof InvariantBroken) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    return {
      outcome: { status: "failed", flowBps: new Float64Array(problem.pathCount), objective: 0, solver: engine ?? lp.name, message },
      problem,
    };
  }
}

/** Judges an outcome, trusting nothing that it says of itself but its name. */
function answerOf(question: Question, problem: Problem, outcome: SchemeOutcome): Answer {
  const { objective } = question;
  const linkPrice = soundPrices(problem, outcome.linkPrice);
  const reason = outcome.message === undefined ? "" : ` (${outcome.message})`;
  if (outcome.status !== "optimal" && outcome.status !== "feasible") {
    return greedyAnswer(question, linkPrice, `${outcome.solver} ended with status ${outcome.status}${reason}.`);
  }
  if (outcome.flowBps.length !== problem.pathCount || !outcome.flowBps.every(Number.isFinite)) {
    return greedyAnswer(question, linkPrice, `${outcome.solver} gave a flow that is no flow.`);
  }
  const fitted = fitToCapacity(problem, outcome.flowBps);
  // The utilization above 1 is itself the answer to this one: it stays in the certificate, and the excess is refused.
  const mayExceed = objective === "min-max-utilization";
  const certificate = question.certify(problem, objective, mayExceed ? outcome.flowBps : fitted.flowBps, linkPrice);
  const answer = {
    solver: outcome.solver,
    problem,
    flowBps: fitted.flowBps,
    certificate,
    ...(linkPrice === undefined ? {} : { linkPrice }),
  };
  const remarks = outcome.note === undefined ? [] : [outcome.note];
  const percent = (fitted.excessMax * 100).toPrecision(3);
  if (fitted.excessMax > excessMax && !mayExceed) {
    return {
      ...answer,
      rung: "feasible",
      notes: [...remarks, `${outcome.solver} exceeded a limit by ${percent} %; its flow was cut down.`],
    };
  }
  const refused =
    fitted.excessMax > excessMax ? [`The demand exceeds a link by ${percent} %; the excess is refused where it is worst.`] : [];
  const notes = [...remarks, ...refused];
  if (objective === "shortest-path") return { ...answer, rung: "greedy", notes };
  const { gap } = certificate;
  if (outcome.status === "optimal" && (gap === undefined || gap <= question.gapMax)) return { ...answer, rung: "optimal", notes };
  const shortfall = outcome.status === "optimal" ? `${outcome.solver} said optimal` : `${outcome.solver} ended short of proof${reason}`;
  const note = `${shortfall}; the gap is ${gap === undefined ? "unknown" : gap.toExponential(1)}.`;
  const greedy = greedyAnswer(question, linkPrice, `${note} Greedy filling does better.`);
  // What greedy filling carries more, it carries unfairly.
  const mayBeat = objective !== "max-min-fair" && isBetter(greedy.certificate, certificate);
  return mayBeat ? greedy : { ...answer, rung: "feasible", notes: [...notes, note] };
}

function isBetter(a: FlowCertificate, b: FlowCertificate): boolean {
  return a.sense === "maximize" ? a.value > b.value : a.value < b.value;
}

/** Prices of a failed solve are kept: any prices >= 0 bound the optimum. */
function greedyAnswer(question: Question, linkPrice: Float64Array | undefined, note: string): Answer {
  const { problem, objective } = question;
  const flowBps = greedyFill(problem, objective === "shortest-path" ? 1 : problem.pathCount);
  const certificate = question.certify(problem, objective, flowBps, linkPrice);
  return {
    rung: "greedy",
    solver: "greedy-fill",
    problem,
    flowBps,
    certificate,
    ...(linkPrice === undefined ? {} : { linkPrice }),
    notes: [note],
  };
}

function nothingToDo(question: Question): Answer {
  const { problem, objective } = question;
  const flowBps = new Float64Array(problem.pathCount);
  const linkPrice = new Float64Array(problem.linkCount);
  const certificate = question.certify(problem, objective, flowBps, linkPrice);
  return { rung: "optimal", solver: "none", problem, flowBps, certificate, linkPrice, notes: [] };
}

function soundPrices(problem: Problem, linkPrice: Float64Array | undefined): Float64Array | undefined {
  if (linkPrice === undefined || linkPrice.length !== problem.linkCount || !linkPrice.every(Number.isFinite)) return undefined;
  const dust = priceShareMin * linkPrice.reduce((most, price) => Math.max(most, price), 0);
  return linkPrice.map((price) => (price > dust ? price : 0));
}
