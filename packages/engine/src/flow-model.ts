/**
 * What a multi-commodity flow looks like to an objective, whether flow is placed on given paths (path-lp.ts) or on links
 * (edge-lp.ts): some columns load links, some columns admit demands. Each objective is written once over this, from
 * the constraint families below; each family is one function headed by its formula.
 *
 * Symbols: x_j flow columns >= 0; load(e) the flow over link e; admitted(d) what is carried of demand d; c_e capacity;
 * D_d demand. Rates inside a program are divided by `unitBps`, so that solvers, whose tolerances are absolute, see numbers
 * of moderate size whatever the network's speed.
 */
import { ProgramBuilder, type LinearProgram, type LpOutcome } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";

export interface FlowModel {
  readonly problem: Problem;
  readonly unitBps: number;
  /** Flow columns; an objective may add further ones behind them. */
  readonly columnCount: number;
  /** Per flow column: ms by which one bps on it adds to the sum of latency x flow. */
  readonly latencyMs: Float64Array;
  /** load(e) is the sum of the columns `loadColumns[loadStart[e] .. loadStart[e + 1]]`. */
  readonly loadStart: Int32Array;
  readonly loadColumns: Int32Array;
  /** admitted(d) is the sum of the columns `admitColumns[admitStart[d] .. admitStart[d + 1]]`: none where d is unroutable. */
  readonly admitStart: Int32Array;
  readonly admitColumns: Int32Array;
  /** The most links that one bps admitted may load. */
  readonly linksPerFlowMax: number;
  /** Per link: the most that could ever cross it with all demands met, bps. */
  readonly potentialBps: Float64Array;
  /** Rows that make the columns a flow at all: none for paths, conservation at nodes for links. */
  readonly conserve: (builder: ProgramBuilder) => void;
}

export function isRoutable({ admitStart }: FlowModel, demand: number): boolean {
  return (admitStart[demand + 1] ?? 0) > (admitStart[demand] ?? 0);
}

/** What all routable demands ask for together, bps. */
export function routableBps(model: FlowModel): number {
  return model.problem.demandBps.reduce((sum, rate, d) => (isRoutable(model, d) ? sum + rate : sum), 0);
}

/** Starts a program: the flow columns with the given cost, and the rows that make them a flow. */
export function flowProgram(sense: LinearProgram["sense"], model: FlowModel, cost: (column: number) => number): ProgramBuilder {
  const builder = new ProgramBuilder(sense);
  for (let j = 0; j < model.columnCount; j++) builder.addColumn({ cost: cost(j) });
  model.conserve(builder);
  return builder;
}

/** Cost of a column in an objective that counts what is admitted: how many demands it admits (0 or 1). */
export function admissionCost({ columnCount, admitColumns }: FlowModel): Float64Array {
  const cost = new Float64Array(columnCount);
  for (const column of admitColumns) cost[column] = 1;
  return cost;
}

/** Rows of links, -1 for links that need none. */
export type LinkRows = Int32Array;

/**
 * Capacity:  load(e) <= share x c_e   for each link e.
 * Links that all demands together could not fill get no row: it could not bind, and its price is zero.
 */
export function addCapacityRows(builder: ProgramBuilder, model: FlowModel, share = 1): LinkRows {
  const { capacityBps, linkCount } = model.problem;
  const rows = new Int32Array(linkCount).fill(-1);
  for (let e = 0; e < linkCount; e++) {
    const limitBps = share * (capacityBps[e] ?? 0);
    if ((model.potentialBps[e] ?? 0) <= limitBps) continue;
    const row = builder.addRow({ upper: limitBps / model.unitBps });
    addLoad(builder, model, { row, link: e, coefficient: 1 });
    rows[e] = row;
  }
  return rows;
}

/**
 * Utilization:  load(e) / c_e - u <= 0   for each link e, u the column `utilization`.
 * Links whose potential load stays below `floor` times their capacity get no row, where `floor` is a lower bound of u.
 */
export function addUtilizationRows(
  builder: ProgramBuilder,
  model: FlowModel,
  { utilization, floor }: { readonly utilization: number; readonly floor: number },
): LinkRows {
  const { capacityBps, linkCount } = model.problem;
  const rows = new Int32Array(linkCount).fill(-1);
  for (let e = 0; e < linkCount; e++) {
    const capacity = capacityBps[e] ?? 0;
    if ((model.potentialBps[e] ?? 0) <= floor * capacity) continue;
    const row = builder.addRow({ upper: 0 });
    addLoad(builder, model, { row, link: e, coefficient: model.unitBps / capacity });
    builder.addEntry(row, utilization, -1);
    rows[e] = row;
  }
  return rows;
}

/** Demand:  admitted(d) <= D_d   for each routable demand d, or = D_d where all of it must be carried. */
export function addDemandRows(builder: ProgramBuilder, model: FlowModel, carried: "at-most" | "all"): void {
  const { demandBps, demandCount } = model.problem;
  for (let d = 0; d < demandCount; d++) {
    if (!isRoutable(model, d)) continue;
    const demand = (demandBps[d] ?? 0) / model.unitBps;
    addAdmitted(builder, model, { row: builder.addRow({ lower: carried === "all" ? demand : -Infinity, upper: demand }), demand: d });
  }
}

/**
 * Share:  lower <= admitted(d) / D_d <= 1   for each routable demand d.
 * Divided by the demand, so that the solver's absolute tolerance is relative to each demand, the smallest too.
 */
export function addShareRows(builder: ProgramBuilder, model: FlowModel, lower: number): void {
  const { demandBps, demandCount } = model.problem;
  for (let d = 0; d < demandCount; d++) {
    if (!isRoutable(model, d)) continue;
    addAdmitted(builder, model, { row: builder.addRow({ lower, upper: 1 }), demand: d, coefficient: model.unitBps / (demandBps[d] ?? 0) });
  }
}

/** Fraction:  admitted(d) / D_d - f = 0   for each routable demand d, f the column `fraction`. */
export function addFractionRows(builder: ProgramBuilder, model: FlowModel, fraction: number): void {
  const { demandBps, demandCount } = model.problem;
  for (let d = 0; d < demandCount; d++) {
    if (!isRoutable(model, d)) continue;
    const row = builder.addRow({ lower: 0, upper: 0 });
    addAdmitted(builder, model, { row, demand: d, coefficient: model.unitBps / (demandBps[d] ?? 0) });
    builder.addEntry(row, fraction, -1);
  }
}

function addLoad(
  builder: ProgramBuilder,
  { loadStart, loadColumns }: FlowModel,
  { row, link, coefficient }: { readonly row: number; readonly link: number; readonly coefficient: number },
): void {
  for (let k = loadStart[link] ?? 0; k < (loadStart[link + 1] ?? 0); k++) builder.addEntry(row, loadColumns[k] ?? 0, coefficient);
}

function addAdmitted(
  builder: ProgramBuilder,
  { admitStart, admitColumns }: FlowModel,
  { row, demand, coefficient = 1 }: { readonly row: number; readonly demand: number; readonly coefficient?: number },
): void {
  for (let k = admitStart[demand] ?? 0; k < (admitStart[demand + 1] ?? 0); k++) {
    builder.addEntry(row, admitColumns[k] ?? 0, coefficient);
  }
}

/** What an objective makes of a model: like a scheme's outcome, but on the model's flow columns. */
export interface FlowOutcome {
  readonly status: LpOutcome["status"];
  /** bps per flow column, none below zero; absent where the solver left no point. */
  readonly columnsBps?: Float64Array;
  /** Per link, >= 0, units of the objective per bps. */
  readonly linkPrice?: Float64Array;
  readonly message?: string;
  /** What the answer lacks though it be optimal; ends up in the class's notes. */
  readonly note?: string;
}

/** `priceScale` turns the dual of a link's row into the objective's change per bps. Links without a row have price 0. */
export function flowOutcome(model: FlowModel, outcome: LpOutcome, rows: LinkRows, priceScale: number): FlowOutcome {
  const { status, primal, dual, message } = outcome;
  return {
    status,
    ...(primal === undefined ? {} : { columnsBps: primal.slice(0, model.columnCount).map((x) => Math.max(0, x) * model.unitBps) }),
    ...(dual === undefined
      ? {}
      : { linkPrice: Float64Array.from(rows, (row) => (row < 0 ? 0 : Math.max(0, priceScale * (dual[row] ?? 0)))) }),
    ...(message === undefined ? {} : { message }),
  };
}

/** A power of two (so that scaling loses no digit) that brings the program's largest rate to about a thousand. */
export function unitBpsOf({ capacityBps, demandBps }: Problem): number {
  const total = demandBps.reduce((sum, rate) => sum + rate, 0);
  const widest = capacityBps.reduce((most, capacity) => Math.max(most, capacity), 0);
  const largest = Math.min(total, widest);
  return largest > 0 ? 2 ** (Math.round(Math.log2(largest)) - 10) : 1;
}

/**
 * A lower bound of the largest utilization when every routable demand is carried: what a node sends out (or takes in) over
 * the capacity of its outgoing (incoming) links. Rows of links that could not even be filled to this are left out.
 */
export function utilizationFloor(model: FlowModel): number {
  const { nodeCount, linkFrom, linkTo, capacityBps, demandBps, demandSrc, demandDst } = model.problem;
  const capacityOut = new Float64Array(nodeCount);
  const capacityIn = new Float64Array(nodeCount);
  const out = new Float64Array(nodeCount);
  const into = new Float64Array(nodeCount);
  const add = (sums: Float64Array, node: number | undefined, amount: number): void => {
    sums[node ?? 0] = (sums[node ?? 0] ?? 0) + amount;
  };
  capacityBps.forEach((capacity, e) => {
    add(capacityOut, linkFrom[e], capacity);
    add(capacityIn, linkTo[e], capacity);
  });
  demandBps.forEach((demand, d) => {
    if (!isRoutable(model, d)) return;
    add(out, demandSrc[d], demand);
    add(into, demandDst[d], demand);
  });
  const ratio = (most: number, amount: number, capacity: number): number => (amount > 0 ? Math.max(most, amount / capacity) : most);
  const outMost = out.reduce((most, amount, v) => ratio(most, amount, capacityOut[v] ?? 0), 0);
  const inMost = into.reduce((most, amount, v) => ratio(most, amount, capacityIn[v] ?? 0), 0);
  // A little less, so that rounding cannot make it more than the optimum.
  return Math.max(outMost, inMost) * (1 - 1e-9);
}
