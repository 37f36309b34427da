/**
 * Max-min fairness with bandwidth functions: large problems go to fill-by-windows.ts, the others are solved exactly on the given paths by
 * progressive filling (Bertsekas and Gallager 1992, section 6.5; B4 2013, section 5.2; the sequence of programs as in Nace and
 * Pioro 2008).
 *
 * All groups rise with one fair share s, group k to r_k(s). At the largest s that fits, the groups that cannot rise further are frozen
 * at their rate, and the rest goes on. Bandwidth functions make {s: r(s) fits} no linear condition, so the largest s
 * is found by Newton's method on the bottleneck: for a trial s solve
 *
 *   maximize  f      subject to  sum of x_p over paths of k >= f r_k(s)   for rising k
 *                                sum of x_p over paths of k >= rate_k     for frozen k
 *                                sum of x_p over link e     <= c_e
 *
 * If f < 1 the prices y of the links prove that, for every share s,
 *
 *   sum over rising k of r_k(s) w_k + sum over frozen k of rate_k w_k <= sum c_e y_e,     w_k = least y(p) over paths of k,
 *
 * and the largest s that keeps this is the next trial. It ends at the optimum after finitely many steps, usually two to four; there the
 * groups with w_k > 0 are those that the bottleneck holds. At most `demandCount` levels.
 */
import { ProgramBuilder, type LpBackend } from "@sluice/lp";
import { unitBpsOf } from "../flow-model.js";
import { fitToCapacity } from "../flow.js";
import { fairLinksMax, type FairRate, fairRateOf, flowOfDemands, type Problem, rateAt, saturationShare, shareWithin } from "@sluice/mcf";
import type { Scheme, SchemeOptions, SchemeOutcome } from "../scheme.js";
import { fillByWindows } from "./fill-by-windows.js";
import { fillUp } from "./greedy-fill.js";

/** Relative: two shares, or a fraction and 1, that are this near are equal. */
const shareTolerance = 1e-9;
/** How far below 1 the fraction may be at a share that the prices say fits: beyond that they are wrong. */
const fractionTolerance = 1e-4;
/** How much frozen rates give way: as little as the solver's rounding allows, found by trying. */
const slackMin = 1e-9;
const slackMax = 1e-5;
/** A group is held by a bottleneck when its price is at least this part of the dearest group's. */
const heldShareMin = 1e-7;
/** Newton steps per level. Each finds a new bottleneck; more than a handful is rare. */
const stepsMax = 64;
/** Up to so many columns simplex is quick, and its prices are exact. */
const simplexColumnsMax = 4000;

/** Up to so many paths the exact sequence is used: on parts of germany50 it took 1.6 CPU seconds at 2,500 paths and 4.6 at 4,900. */
const exactPathsMax = 4000;

export const maxMinFair: Scheme = {
  objective: "max-min-fair",
  solve: (problem, options) =>
    problem.pathCount <= exactPathsMax || problem.linkCount > fairLinksMax
      ? fillProgressively(problem, options)
      : Promise.resolve(fillByWindows(problem, options)),
};

/** The exact sequence of programs, whatever the size. */
export async function fillProgressively(problem: Problem, options: SchemeOptions): Promise<SchemeOutcome> {
  const paths = openPaths(problem);
  const rates = Array.from({ length: problem.demandCount }, (_, k) => fairRateOf(problem.demandBps[k] ?? 0, problem.bandwidthFunctions[k]));
  // Groups without an open path stand still from the start.
  const frozenBps: (number | undefined)[] = paths.map((open) => (open.length === 0 ? 0 : undefined));
  const timeLeft = countdown(options);
  let flowBps: Float64Array = new Float64Array(problem.pathCount);
  let slack = slackMin;
  const finish = (status: "optimal" | "feasible", flow: Float64Array, message?: string): SchemeOutcome => ({
    status,
    flowBps: flow,
    objective: flow.reduce((sum, bps) => sum + bps, 0),
    solver: options.lp.name,
    ...(message === undefined ? {} : { message }),
  });

  while (frozenBps.includes(undefined)) {
    const level = await nextLevel({ problem, paths, rates, frozenBps, slack }, options.lp, timeLeft);
    if (level.kind === "stopped" && level.infeasible && slack < slackMax) {
      slack *= 10;
      continue;
    }
    if (level.kind === "stopped") {
      const held = frozenBps.filter((rate) => rate !== undefined).length;
      const message = `${level.message} after ${held} of ${frozenBps.length} flow groups had their share; the rest was filled greedily`;
      return finish("feasible", fillUp(problem, cutToRates(problem, flowBps, undefined)), message);
    }
    flowBps = level.flowBps;
    level.rateBps.forEach((rate, k) => {
      if (rate !== undefined) frozenBps[k] ??= rate;
    });
  }
  const rateBps = frozenBps.map((rate) => rate ?? 0);
  const shortest = await shortestFlow({ problem, paths, rates, frozenBps, slack }, options.lp, timeLeft);
  return finish("optimal", cutToRates(problem, shortest ?? flowBps, rateBps));
}

interface Filling {
  readonly problem: Problem;
  /** Per demand: its paths on which every link has capacity. */
  readonly paths: readonly (readonly number[])[];
  readonly rates: readonly FairRate[];
  /** Per demand: the rate at which it was frozen. */
  readonly frozenBps: readonly (number | undefined)[];
  /** Relative: by how much frozen groups may fall short, so that rounding makes no program infeasible. */
  readonly slack: number;
}

type Level =
  | {
      readonly kind: "reached";
      readonly flowBps: Float64Array;
      /** Of the groups that rise no further. */ readonly rateBps: readonly (number | undefined)[];
    }
  | Stopped;

interface Stopped {
  readonly kind: "stopped";
  readonly infeasible: boolean;
  readonly message: string;
}

/** The largest fair share for all rising groups at once, and who is held there. */
async function nextLevel(filling: Filling, lp: LpBackend, timeLeft: () => number): Promise<Level> {
  const { problem, paths, rates, frozenBps } = filling;
  const rising = rates.map((_, k) => frozenBps[k] === undefined);
  let share = rates.reduce((most, rate, k) => (rising[k] ? Math.max(most, saturationShare(rate)) : most), 0);
  let held: readonly boolean[] = [];
  for (let step = 0; step < stepsMax; step++) {
    const solved = await solveFraction(filling, share, lp, timeLeft());
    if (solved.kind === "stopped") return solved;
    const weight = paths.map((open) => open.reduce((least, path) => Math.min(least, priceOf(problem, path, solved.linkPrice)), Infinity));
    const frozenWeight = frozenBps.reduce<number>((sum, rate, k) => sum + (rate ? rate * (weight[k] ?? 0) : 0), 0);
    const budget = problem.capacityBps.reduce((sum, bps, e) => sum + bps * (solved.linkPrice[e] ?? 0), 0) - frozenWeight;
    const fits = solved.fraction >= 1 - shareTolerance;
    const next = fits
      ? share
      : shareWithin(
          rates,
          weight.map((w, k) => (rising[k] && Number.isFinite(w) ? w : 0)),
          budget,
        );
    if (!fits) {
      const dearest = weight.reduce((most, w, k) => (rising[k] && Number.isFinite(w) ? Math.max(most, w) : most), 0);
      held = weight.map((w, k) => rising[k] === true && w > heldShareMin * dearest);
    }
    if (!fits && next >= share * (1 - shareTolerance) && solved.fraction < 1 - fractionTolerance) {
      return { kind: "stopped", infeasible: false, message: `${lp.name} gave prices that do not explain its own answer` };
    }
    if (fits || next >= share * (1 - shareTolerance)) {
      const at = Math.min(share, next);
      const rateBps = rates.map((rate, k) => (rising[k] && (held[k] || saturationShare(rate) <= at) ? rateAt(rate, at) : undefined));
      if (!rateBps.some((rate) => rate !== undefined))
        return { kind: "stopped", infeasible: false, message: `${lp.name} gave prices that hold no flow group` };
      return { kind: "reached", flowBps: solved.flowBps, rateBps };
    }
    share = next;
  }
  return { kind: "stopped", infeasible: false, message: `no level was found in ${stepsMax} steps` };
}

type Fraction =
  | { readonly kind: "solved"; readonly fraction: number; readonly flowBps: Float64Array; readonly linkPrice: Float64Array }
  | Stopped;

async function solveFraction(filling: Filling, share: number, lp: LpBackend, seconds: number): Promise<Fraction> {
  const { problem, rates } = filling;
  const unitBps = unitBpsOf(problem);
  const builder = new ProgramBuilder("maximize");
  const fraction = builder.addColumn({ cost: 1, upper: 1 });
  const columnOfPath = addPathColumns(builder, filling, () => 0);
  const demandRows = addRateRows(builder, filling, columnOfPath, unitBps);
  rates.forEach((rate, k) => {
    const row = demandRows[k];
    if (row !== undefined && filling.frozenBps[k] === undefined) builder.addEntry(row, fraction, -rateAt(rate, share) / unitBps);
  });
  const linkRows = addLinkRows(builder, problem, columnOfPath, unitBps);
  const outcome = await lp.solve(builder.build(), { timeLimitSeconds: seconds, ...methodFor(builder.columnCount) });
  const { primal, dual } = outcome;
  if (outcome.status !== "optimal" || primal === undefined || dual === undefined) {
    const reason = outcome.message === undefined ? "" : ` (${outcome.message})`;
    return {
      kind: "stopped",
      infeasible: outcome.status === "infeasible",
      message: `${lp.name} ended with status ${outcome.status}${reason}`,
    };
  }
  return {
    kind: "solved",
    fraction: primal[fraction] ?? 0,
    flowBps: flowOf(problem, columnOfPath, primal, unitBps),
    linkPrice: Float64Array.from(linkRows, (row) => Math.max(0, row < 0 ? 0 : (dual[row] ?? 0))),
  };
}

/** Of all flows that give the final rates, the one of least latency: fairness says nothing about paths. */
async function shortestFlow(filling: Filling, lp: LpBackend, timeLeft: () => number): Promise<Float64Array | undefined> {
  const { problem } = filling;
  const unitBps = unitBpsOf(problem);
  const scaleMs = problem.latencyMs.reduce((most, ms) => Math.max(most, ms), 1e-6);
  const builder = new ProgramBuilder("minimize");
  const columnOfPath = addPathColumns(builder, filling, (path) => priceOf(problem, path, problem.latencyMs) / scaleMs);
  addRateRows(builder, filling, columnOfPath, unitBps);
  addLinkRows(builder, problem, columnOfPath, unitBps);
  const outcome = await lp.solve(builder.build(), { timeLimitSeconds: timeLeft(), ...methodFor(builder.columnCount) });
  return outcome.status === "optimal" && outcome.primal !== undefined ? flowOf(problem, columnOfPath, outcome.primal, unitBps) : undefined;
}

/** x_p >= 0; -1 for paths over links without capacity. */
function addPathColumns(builder: ProgramBuilder, { problem, paths }: Filling, cost: (path: number) => number): Int32Array {
  const columnOfPath = new Int32Array(problem.pathCount).fill(-1);
  for (const path of paths.flat()) columnOfPath[path] = builder.addColumn({ cost: cost(path) });
  return columnOfPath;
}

/** sum of x_p >= rate_k for frozen k, >= 0 (less what the caller adds) for rising k. Rates are a hair low: they were rounded. */
function addRateRows(
  builder: ProgramBuilder,
  { paths, frozenBps, slack }: Filling,
  columnOfPath: Int32Array,
  unitBps: number,
): readonly (number | undefined)[] {
  return paths.map((open, k) => {
    if (open.length === 0) return undefined;
    const row = builder.addRow({ lower: ((frozenBps[k] ?? 0) / unitBps) * (1 - slack) });
    for (const path of open) builder.addEntry(row, columnOfPath[path] ?? 0, 1);
    return row;
  });
}

/** sum of x_p over link e <= c_e; -1 for links that no open path uses. */
function addLinkRows(builder: ProgramBuilder, problem: Problem, columnOfPath: Int32Array, unitBps: number): Int32Array {
  const rows = new Int32Array(problem.linkCount).fill(-1);
  for (let path = 0; path < problem.pathCount; path++) {
    const column = columnOfPath[path] ?? -1;
    if (column < 0) continue;
    for (let i = problem.linkStart[path] ?? 0; i < (problem.linkStart[path + 1] ?? 0); i++) {
      const link = problem.pathLinks[i] ?? 0;
      if (rows[link] === -1) rows[link] = builder.addRow({ upper: (problem.capacityBps[link] ?? 0) / unitBps });
      builder.addEntry(rows[link] ?? 0, column, 1);
    }
  }
  return rows;
}

function methodFor(columnCount: number): { readonly method: "simplex" } | Record<string, never> {
  return columnCount <= simplexColumnsMax ? { method: "simplex" } : {};
}

function flowOf(problem: Problem, columnOfPath: Int32Array, primal: Float64Array, unitBps: number): Float64Array {
  return Float64Array.from({ length: problem.pathCount }, (_, path) => {
    const column = columnOfPath[path] ?? -1;
    return column < 0 ? 0 : Math.max(0, primal[column] ?? 0) * unitBps;
  });
}

function openPaths({ demandCount, pathStart, linkStart, pathLinks, capacityBps }: Problem): number[][] {
  return Array.from({ length: demandCount }, (_, k) => {
    const first = pathStart[k] ?? 0;
    return Array.from({ length: (pathStart[k + 1] ?? 0) - first }, (_unused, i) => first + i).filter((path) =>
      pathLinks.subarray(linkStart[path], linkStart[path + 1]).every((link) => (capacityBps[link] ?? 0) > 0),
    );
  });
}

function priceOf({ linkStart, pathLinks }: Problem, path: number, price: Float64Array): number {
  let sum = 0;
  for (let i = linkStart[path] ?? 0; i < (linkStart[path + 1] ?? 0); i++) sum += price[pathLinks[i] ?? 0] ?? 0;
  return sum;
}

/**
 * Brings each group from what the program gave it, which may be more or a hair less, to its rate; then takes off what rounding put
 * above capacity: so rates are right to about 1e-9.
 */
function cutToRates(problem: Problem, flowBps: Float64Array, rateBps: readonly number[] | undefined): Float64Array {
  const cut = flowBps.slice();
  const totals = flowOfDemands(problem, flowBps);
  for (let k = 0; k < problem.demandCount; k++) {
    const limit = (rateBps?.[k] ?? problem.demandBps[k] ?? 0) / (totals[k] || Infinity);
    const keep = rateBps !== undefined && limit < 1 + 2 * slackMax ? limit : Math.min(1, limit);
    for (let path = problem.pathStart[k] ?? 0; path < (problem.pathStart[k + 1] ?? 0); path++) cut[path] = (cut[path] ?? 0) * keep;
  }
  return fitToCapacity(problem, cut).flowBps;
}

/** Seconds left of the time limit; without a clock, always all of it. */
function countdown({ timeLimitSeconds, nowMs }: SchemeOptions): () => number {
  const startMs = nowMs?.() ?? 0;
  return () => (nowMs === undefined ? timeLimitSeconds : Math.max(0, timeLimitSeconds - (nowMs() - startMs) / 1000));
}
