/** The ladder of a class with a guarantee: the LP, judged by its certificate; equal reservations where it fails; never an answer without the guarantee. */
import { InvariantBroken, type ObjectiveName, type Rung } from "@sluice/model";
import type { LpBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import type { FlowCertificate } from "../certificate.js";
import { certifyGuaranteed, guaranteedObjective, type GuaranteedObjective, type Reservation } from "./guarantee-certificate.js";
import { solveGuarantee, type GuaranteeSolved } from "./guarantee-lp.js";
import type { Survival } from "./kill-sets.js";
import { fitReservations, greedyReservations, wholeReservations } from "./reservations.js";

/** Largest relative excess over capacity that passes for rounding in a solver's reservations. */
const excessMax = 1e-6;
/** Prices below this share of the largest are a solver's dust. */
const priceShareMin = 1e-12;
/** With less time than this left, seconds, a solve is not begun. */
const solveSecondsMin = 0.001;

export interface GuaranteedOptions {
  readonly lp: LpBackend;
  readonly gapMax: number;
  readonly timeLimitSeconds: number;
  readonly nowMs: () => number;
  readonly greedyOnly: boolean;
}

export interface GuaranteedAnswer extends Reservation {
  readonly rung: Rung;
  readonly solver: string;
  /** What the certificate is of: where the class's objective has no form with guarantees, the notes say so. */
  readonly objective: GuaranteedObjective;
  readonly certificate: FlowCertificate;
  readonly linkPrice?: Float64Array;
  readonly notes: readonly string[];
}

/**
 * Reservations on the problem's paths such that what is admitted survives every kill set. `bounding` are the kill sets that any plan must
 * survive, where they are fewer than those that this one does (an availability chooses): bounds range over these. Rejects only on broken invariants.
 */
export async function solveGuaranteed(
  problem: Problem,
  { survival, bounding = survival }: { readonly survival: Survival; readonly bounding?: Survival },
  asked: ObjectiveName,
  options: GuaranteedOptions,
): Promise<GuaranteedAnswer> {
  const objective = guaranteedObjective(asked);
  const substitute = objective === asked ? [] : [`${asked} has no form with a guarantee; ${objective} was sought in its place.`];
  const judge = (reservation: Reservation, linkPrice?: Float64Array): FlowCertificate =>
    certifyGuaranteed(problem, bounding, objective, { reservation, linkPrice });
  const greedy = (why: string, linkPrice?: Float64Array): GuaranteedAnswer => {
    const reservation = greedyReservations(problem, survival);
    // The least utilization is that of carrying everything, which greedy reservations need not do.
    const price = objective === "min-max-utilization" ? undefined : linkPrice;
    const certificate = judge(reservation, price);
    const notes = [...substitute, `${why} Equal reservations on disjoint tunnels, shrunk until they fit, keep the guarantee.`];
    return { ...reservation, rung: "greedy", solver: "greedy-fill", objective, certificate, ...priced(price), notes };
  };
  if (problem.demandCount === 0) {
    const reservation = { admittedBps: new Float64Array(0), reservedBps: new Float64Array(0) };
    const linkPrice = new Float64Array(problem.linkCount);
    return { ...reservation, rung: "optimal", solver: "none", objective, certificate: judge(reservation, linkPrice), linkPrice, notes: [] };
  }
  if (options.greedyOnly) return greedy("Greedy filling was asked for.");
  if (options.timeLimitSeconds < solveSecondsMin) return greedy("No time was left to solve.");
  const solved = await solveGuarded(problem, survival, objective, options);
  const linkPrice = soundPrices(problem, solved.linkPrice);
  const isAnswer = solved.reservedBps.some((bps) => bps > 0) || solved.status === "optimal";
  if (!isAnswer || !solved.reservedBps.every(Number.isFinite)) {
    const reason = solved.message === undefined ? "" : ` (${solved.message})`;
    return greedy(`${options.lp.name} ended with status ${solved.status}${reason}.`, linkPrice);
  }
  const carriesAll = objective === "min-max-utilization";
  const whole = carriesAll ? wholeReservations(problem, survival, solved.reservedBps) : solved.reservedBps;
  const { excessMax: excess, ...fitted } = fitReservations(problem, survival, whole);
  const judged = carriesAll ? { reservedBps: whole, admittedBps: problem.demandBps } : fitted;
  const certificate = judge(judged, linkPrice);
  const { gap } = certificate;
  const proven = solved.status === "optimal" && gap !== undefined && gap <= options.gapMax;
  const notes = [...substitute];
  const percent = (excess * 100).toPrecision(3);
  if (excess > excessMax) {
    notes.push(
      carriesAll
        ? `What the demand has to reserve exceeds a link by ${percent} %; the excess is refused where it is worst.`
        : `${options.lp.name} exceeded a limit by ${percent} %; its reservations were cut down.`,
    );
  }
  if (!proven)
    notes.push(
      `${options.lp.name} ended with status ${solved.status}; the gap is ${gap === undefined ? "unknown" : gap.toExponential(1)}.`,
    );
  const answer = { ...fitted, solver: options.lp.name, objective, certificate, ...priced(linkPrice), notes };
  if (proven) return { ...answer, rung: "optimal" };
  const instead = greedy(`${notes.at(-1) ?? ""} Greedy filling does better.`, linkPrice);
  const beats = objective === "max-throughput" && instead.certificate.value > certificate.value;
  return beats ? instead : { ...answer, rung: "feasible" };
}

async function solveGuarded(
  problem: Problem,
  survival: Survival,
  objective: GuaranteedObjective,
  options: GuaranteedOptions,
): Promise<GuaranteeSolved> {
  try {
    return await solveGuarantee(problem, survival, objective, options);
  } catch (cause) {
    if (cause instanceof InvariantBroken) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    return { status: "failed", reservedBps: new Float64Array(problem.pathCount), message };
  }
}

function soundPrices(problem: Problem, linkPrice: Float64Array | undefined): Float64Array | undefined {
  if (linkPrice === undefined || linkPrice.length !== problem.linkCount || !linkPrice.every(Number.isFinite)) return undefined;
  const dust = priceShareMin * linkPrice.reduce((most, price) => Math.max(most, price), 0);
  return linkPrice.map((price) => (price > dust ? price : 0));
}

function priced(linkPrice: Float64Array | undefined): { readonly linkPrice?: Float64Array } {
  return linkPrice === undefined ? {} : { linkPrice };
}
