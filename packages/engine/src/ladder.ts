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
import { certify, edgeCertify, nearestOnLinks, nearestOnPaths, type FlowCertificate } from "./certificate.js";
import { chooseSolver, type SolverChoice } from "./choose-solver.js";
import { edgeBased, hasEdgeForm } from "./edge-lp.js";
import { fitToCapacity } from "./flow.js";
import { flowOfDemands, type Problem } from "@sluice/mcf";
import type { SchemeOptions, SchemeOutcome } from "./scheme.js";
import { greedyFill } from "./schemes/greedy-fill.js";
import { schemeOf } from "./schemes/index.js";

/** Largest relative excess over demand or capacity that passes for rounding in a solver's flow. */
const excessMax = 1e-6;
/** Prices below this share of the largest are a solver's dust. */
const priceShareMin = 1e-12;
/** With less time than this left, seconds, a solve is not begun. */
export const solveSecondsMin = 0.001;

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
  /** Bounds are over all paths, whatever paths the problem has. So they are where it is routed on links. */
  readonly boundsAllPaths?: boolean | undefined;
  /** Prices that are known before the solve, in the certificate's unit: they count where they prove more than the solver's. */
  readonly knownPrice?: Float64Array | undefined;
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
  const { gapMax, knownPrice } = options;
  const overAll = options.edgeBased || options.boundsAllPaths === true;
  const scope = overAll ? { certify: edgeCertify, nearest: nearestOnLinks } : { certify, nearest: nearestOnPaths };
  const question: Question = { problem, objective, gapMax, knownPrice, ...scope };
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
  readonly knownPrice: Float64Array | undefined;
  /** On the problem's paths, or over all. */
  readonly certify: typeof certify;
  readonly nearest: typeof nearestOnPaths;
}

type Proof = Pick<Answer, "certificate" | "linkPrice">;

/** The certificate by the solver's prices or by those known before, whichever prove more; without bound where none applies to the flow. */
function prove(question: Question, problem: Problem, flowBps: Float64Array, linkPrice?: Float64Array): Proof {
  const { objective, knownPrice, certify: judge } = question;
  if (!isJudgedWhole(question, problem, flowBps)) return { certificate: judge(problem, objective, flowBps) };
  const proofs = [linkPrice, soundPrices(problem, knownPrice)]
    .filter((price) => price !== undefined)
    .map((price) => ({ certificate: judge(problem, objective, flowBps, price), linkPrice: price }));
  const [first = { certificate: judge(problem, objective, flowBps) }, second] = proofs;
  return second !== undefined && (second.certificate.gap ?? Infinity) < (first.certificate.gap ?? Infinity) ? second : first;
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
  const proof = prove(question, problem, mayExceed ? outcome.flowBps : fitted.flowBps, linkPrice);
  const answer = { solver: outcome.solver, problem, flowBps: fitted.flowBps, ...proof };
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
  const { gap } = proof.certificate;
  if (outcome.status === "optimal" && (gap === undefined || gap <= question.gapMax)) return { ...answer, rung: "optimal", notes };
  const shortfall = outcome.status === "optimal" ? `${outcome.solver} said optimal` : `${outcome.solver} ended short of proof${reason}`;
  const note = `${shortfall}; the gap is ${gap === undefined ? "unknown" : gap.toExponential(1)}.`;
  const greedy = greedyAnswer(question, linkPrice, `${note} Greedy filling does better.`);
  // What greedy filling carries more, it carries unfairly; and a smaller utilization is no merit where demand is refused for it.
  const mayBeat =
    objective !== "max-min-fair" &&
    isJudgedWhole(question, greedy.problem, greedy.flowBps) &&
    isBetter(greedy.certificate, proof.certificate);
  return mayBeat ? greedy : { ...answer, rung: "feasible", notes: [...notes, note] };
}

export function isBetter(a: FlowCertificate, b: FlowCertificate): boolean {
  return a.sense === "maximize" ? a.value > b.value : a.value < b.value;
}

/** The least utilization is that of carrying everything: neither its value nor its bound says anything of flow that leaves some out. */
function isJudgedWhole({ objective, nearest }: Question, problem: Problem, flowBps: Float64Array): boolean {
  if (objective !== "min-max-utilization") return true;
  const carriedBps = flowOfDemands(problem, flowBps);
  const near = nearest(problem, problem.latencyMs);
  return problem.demandBps.every((bps, d) => near[d] === Infinity || (carriedBps[d] ?? 0) >= bps * (1 - excessMax));
}

/** Prices of a failed solve are kept: any prices >= 0 bound the optimum. */
function greedyAnswer(question: Question, linkPrice: Float64Array | undefined, note: string): Answer {
  const { problem, objective } = question;
  const flowBps = greedyFill(problem, objective === "shortest-path" ? 1 : problem.pathCount);
  const proof = prove(question, problem, flowBps, linkPrice);
  return { rung: "greedy", solver: "greedy-fill", problem, flowBps, ...proof, notes: [note] };
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
