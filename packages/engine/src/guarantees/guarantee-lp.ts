/**
 * The linear program of a class with a guarantee, after FFC (Liu, Kandula, Mahajan, Zhang and Gelernter, "Traffic Engineering with Forward
 * Fault Correction", SIGCOMM 2014, section 4.3), with one constraint per kill set instead of one per failure: exact, and small without
 * their sorting networks.
 *
 *   b_d   what is admitted of demand d          a_t   what is reserved for it on tunnel t
 *
 *   survival    sum of a_t over t not in K >= b_d     for each maximal kill set K of d
 *   capacity    sum of a_t over t through e <= c_e    for each link e
 *
 * Under a failure the ingress sends in proportion to the weights, a_t, of what survives, so that tunnel t carries at most
 * b_d a_t / sum of the surviving a <= a_t: no link is over capacity, whatever of the covered happens.
 */
import { ProgramBuilder, type LpBackend, type LpOutcome } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import { unitBpsOf } from "../flow-model.js";
import type { GuaranteedObjective } from "./guarantee-certificate.js";
import { canSurvive, closedPaths, type Survival } from "./kill-sets.js";

/**
 * What is given up for short ways, relative, as in schemes/max-throughput.ts; a tenth of that, since a demand that is refused most of what it
 * asks for has prices that pay for all of it but this, and the bound counts the whole demand.
 */
const detourWeight = 2e-8;
/** Reservations per bps admitted, with the longest way counting 1, that prices are scaled to pay for. */
const reservedPerBps = 3;
const admissionScale = 1e4;
/** What a second program may take off the first one's optimum, relative. */
const fractionSlack = 1e-7;
/** Reservations below this share of their demand are a solver's dust. */
const reservedShareMin = 1e-9;

export interface GuaranteeSolved {
  readonly status: LpOutcome["status"];
  /** Per path, bps; all zero where the solver left no point. */
  readonly reservedBps: Float64Array;
  /** Per link, >= 0, units of the objective per bps. */
  readonly linkPrice?: Float64Array;
  readonly message?: string;
}

export interface GuaranteeLpOptions {
  readonly lp: LpBackend;
  readonly timeLimitSeconds: number;
  readonly nowMs: () => number;
}

/** The best reservations, as the solver has them, dust swept: `fitReservations` makes them exact. */
export async function solveGuarantee(
  problem: Problem,
  survival: Survival,
  objective: GuaranteedObjective,
  { lp, timeLimitSeconds, nowMs }: GuaranteeLpOptions,
): Promise<GuaranteeSolved> {
  const endMs = nowMs() + 1000 * timeLimitSeconds;
  const model = modelOf(problem, survival);
  const none = new Float64Array(problem.pathCount);
  if (model.demands.length === 0) return { status: "optimal", reservedBps: none, linkPrice: new Float64Array(problem.linkCount) };
  const solve = async (program: Program): Promise<GuaranteeSolved & { readonly extra: number }> => {
    const seconds = Math.max(0.001, (endMs - nowMs()) / 1000);
    return outcomeOf(model, program, await lp.solve(program.builder.build(), { timeLimitSeconds: seconds }));
  };
  switch (objective) {
    case "max-throughput":
      return solve(throughputProgram(model, 0));
    case "max-concurrent": {
      const first = await solve(fractionProgram(model));
      if (first.status !== "optimal") return first;
      const topped = await solve(throughputProgram(model, Math.min(1, first.extra) * (1 - fractionSlack)));
      return topped.status === "optimal" ? { ...first, reservedBps: topped.reservedBps } : first;
    }
    case "min-max-utilization":
      return solve(utilizationProgram(model));
  }
}

interface Model {
  readonly problem: Problem;
  readonly survival: Survival;
  readonly unitBps: number;
  /** Those that can survive everything. */
  readonly demands: readonly number[];
  /** Per path its column, -1 where it is closed or its demand cannot survive. */
  readonly columnOfPath: Int32Array;
  readonly linksMax: number;
}

function modelOf(problem: Problem, survival: Survival): Model {
  const demands = survival.flatMap((kills, d) => (canSurvive(problem, d, kills) ? [d] : []));
  const columnOfPath = new Int32Array(problem.pathCount).fill(-1);
  let columns = 0;
  let linksMax = 1;
  for (const d of demands) {
    const closed = closedPaths(problem, d);
    for (let path = problem.pathStart[d] as number; path < (problem.pathStart[d + 1] as number); path++) {
      if ((closed >> (path - (problem.pathStart[d] as number))) & 1) continue;
      columnOfPath[path] = columns++;
      linksMax = Math.max(linksMax, (problem.linkStart[path + 1] as number) - (problem.linkStart[path] as number));
    }
  }
  return { problem, survival, unitBps: unitBpsOf(problem), demands, columnOfPath, linksMax };
}

interface Program {
  readonly builder: ProgramBuilder;
  /** Per link: its capacity row, -1 where it has none. */
  readonly rows: Int32Array;
  /** What turns the dual of a capacity row into the objective's change per bps. */
  readonly priceScale: number;
  /** The column of the fraction or of the utilization, -1 where there is none. */
  readonly extra: number;
}

/** maximize  sum b_d - e x sum of l_t a_t    with  fraction D_d <= b_d <= D_d */
function throughputProgram(model: Model, fraction: number): Program {
  const { problem, demands, unitBps, linksMax } = model;
  const builder = new ProgramBuilder("maximize");
  addReservations(builder, model, (links) => -admissionScale * detourWeight * (links / linksMax));
  const columns = demands.map((d) => {
    const demand = (problem.demandBps[d] as number) / unitBps;
    return builder.addColumn({ cost: admissionScale, lower: fraction * demand, upper: demand });
  });
  addSurvivalRows(builder, model, (row, at) => builder.addEntry(row, columns[at] ?? 0, -1));
  const rows = addCapacityRows(builder, model);
  return { builder, rows, priceScale: 1 / (admissionScale * (1 - reservedPerBps * detourWeight)), extra: -1 };
}

/** maximize  f    with  b_d = f D_d,  0 <= f <= 1 */
function fractionProgram(model: Model): Program {
  const builder = new ProgramBuilder("maximize");
  addReservations(builder, model, () => 0);
  const fraction = builder.addColumn({ cost: 1, upper: 1 });
  const { problem, unitBps } = model;
  addSurvivalRows(builder, model, (row, _at, d) => builder.addEntry(row, fraction, -(problem.demandBps[d] as number) / unitBps));
  const rows = addCapacityRows(builder, model);
  return { builder, rows, priceScale: 1 / unitBps, extra: fraction };
}

/** minimize  u    with  b_d = D_d  and capacity u c_e */
function utilizationProgram(model: Model): Program {
  const builder = new ProgramBuilder("minimize");
  addReservations(builder, model, () => 0);
  const utilization = builder.addColumn({ cost: 1 });
  const whole = builder.addColumn({ lower: 1, upper: 1 });
  const { problem, unitBps } = model;
  addSurvivalRows(builder, model, (row, _at, d) => builder.addEntry(row, whole, -(problem.demandBps[d] as number) / unitBps));
  const rows = addCapacityRows(builder, model, utilization);
  // The dual of load - u c <= 0 is <= 0 in a minimization; the price of a link is its change of u per bps of load.
  return { builder, rows, priceScale: -1 / unitBps, extra: utilization };
}

/** One column a tunnel, 0 <= a_t <= D_d: more than the demand on one tunnel is never of use. */
function addReservations(
  builder: ProgramBuilder,
  { problem, demands, columnOfPath, unitBps }: Model,
  cost: (links: number) => number,
): void {
  for (const d of demands) {
    for (let path = problem.pathStart[d] as number; path < (problem.pathStart[d + 1] as number); path++) {
      if ((columnOfPath[path] as number) < 0) continue;
      const links = (problem.linkStart[path + 1] as number) - (problem.linkStart[path] as number);
      builder.addColumn({ cost: cost(links), upper: (problem.demandBps[d] as number) / unitBps });
    }
  }
}

/** Survival:  sum of a_t over t not in K - b_d >= 0   for each maximal kill set; `addAdmitted` adds - b_d. */
function addSurvivalRows(
  builder: ProgramBuilder,
  { problem, survival, demands, columnOfPath }: Model,
  addAdmitted: (row: number, at: number, demand: number) => void,
): void {
  demands.forEach((d, at) => {
    const first = problem.pathStart[d] as number;
    for (const mask of survival[d]?.maximal ?? []) {
      const row = builder.addRow({ lower: 0 });
      for (let path = first; path < (problem.pathStart[d + 1] as number); path++) {
        if (((mask >> (path - first)) & 1) === 0) builder.addEntry(row, columnOfPath[path] as number, 1);
      }
      addAdmitted(row, at, d);
    }
  });
}

/** Capacity:  sum of a_t over t through e <= c_e, or <= u c_e. Links that all reservations together could not fill get no row. */
function addCapacityRows(builder: ProgramBuilder, { problem, columnOfPath, unitBps, demands }: Model, utilization = -1): Int32Array {
  const { linkCount, linkStart, pathLinks, pathStart, demandBps, capacityBps } = problem;
  const potentialBps = new Float64Array(linkCount);
  const through: number[][] = Array.from({ length: linkCount }, () => []);
  for (const d of demands) {
    for (let path = pathStart[d] as number; path < (pathStart[d + 1] as number); path++) {
      const column = columnOfPath[path] as number;
      if (column < 0) continue;
      for (let k = linkStart[path] as number; k < (linkStart[path + 1] as number); k++) {
        const e = pathLinks[k] as number;
        potentialBps[e] = (potentialBps[e] as number) + (demandBps[d] as number);
        through[e]?.push(column);
      }
    }
  }
  const rows = new Int32Array(linkCount).fill(-1);
  through.forEach((columns, e) => {
    const capacity = (capacityBps[e] as number) / unitBps;
    if (columns.length === 0 || (utilization < 0 && (potentialBps[e] as number) <= (capacityBps[e] as number))) return;
    // Where utilizations count, rows are relative to capacity, so that the solver's tolerance is, too.
    const scale = utilization < 0 ? 1 : 1 / capacity;
    const row = builder.addRow({ upper: utilization < 0 ? capacity : 0 });
    for (const column of columns) builder.addEntry(row, column, scale);
    if (utilization >= 0) builder.addEntry(row, utilization, -1);
    rows[e] = row;
  });
  return rows;
}

function outcomeOf(
  { problem, columnOfPath, unitBps, demands }: Model,
  { rows, priceScale, extra }: Program,
  { status, primal, dual, message }: LpOutcome,
): GuaranteeSolved & { readonly extra: number } {
  const reservedBps = new Float64Array(problem.pathCount);
  if (primal !== undefined) {
    for (const d of demands) {
      for (let path = problem.pathStart[d] as number; path < (problem.pathStart[d + 1] as number); path++) {
        const bps = (columnOfPath[path] as number) < 0 ? 0 : (primal[columnOfPath[path] as number] as number) * unitBps;
        reservedBps[path] = bps >= reservedShareMin * (problem.demandBps[d] as number) ? bps : 0;
      }
    }
  }
  const relative = extra >= 0 && priceScale < 0;
  const price = (row: number, e: number): number => {
    if (row < 0) return 0;
    const scale = relative ? (priceScale * unitBps) / (problem.capacityBps[e] as number) : priceScale;
    return Math.max(0, scale * (dual?.[row] ?? 0));
  };
  return {
    status: primal === undefined && status === "optimal" ? "failed" : status,
    reservedBps,
    extra: primal?.[extra] ?? 0,
    ...(dual === undefined ? {} : { linkPrice: Float64Array.from(rows, price) }),
    ...(message === undefined ? {} : { message }),
  };
}
