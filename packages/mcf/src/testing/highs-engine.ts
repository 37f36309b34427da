/**
 * An engine that hands the program to HiGHS whole: slow, dumb, and the first that the contract judges. Its columns and rows are
 * scaled so that HiGHS's absolute tolerances (1e-7) are relative to what each column can carry at most and to what each row
 * holds: else capacities over 12 orders of magnitude would be noise to it.
 */
import { highsBackend, ProgramBuilder, type LpBackend, type LpOutcome } from "@sluice/lp";
import type { FlowProgram, FlowSolution, FlowStart, SolveLimits } from "../flow-program.js";
import type { Problem } from "../problem.js";
import { linksOf, openPathsOf } from "./written-problem.js";

/** A `FlowEngine` that answers later. */
export type AsyncFlowEngine = (program: FlowProgram, limits: SolveLimits, start?: FlowStart) => Promise<FlowSolution>;

export async function highsEngine(): Promise<AsyncFlowEngine> {
  const lp = await highsBackend();
  return async (program, limits) => {
    const columns = openColumns(program);
    const stopped = limits.cancelled?.() === true ? "cancelled" : limits.timeLimitSeconds <= 0 ? "time-limit" : undefined;
    let best = judged(program, { flowBps: fit(program, spread(program)), linkPrice: new Float64Array(program.problem.linkCount) });
    // Simplex, on some of the wilder programs, ends with duals that prove little: then the interior point may know better.
    for (const method of ["simplex", "interior-point"] as const) {
      if (best.gap <= limits.gap || stopped !== undefined || columns.length === 0) break;
      const outcome = await solveScaled(program, columns, { lp, limits, method });
      if (outcome === undefined) continue;
      const point = judged(program, { ...outcome, flowBps: fit(program, outcome.flowBps) });
      if (point.gap <= best.gap) best = point;
    }
    const status = best.gap <= limits.gap ? "optimal" : (stopped ?? "stalled");
    return { ...best, status, iterations: 0 };
  };
}

function judged(
  program: FlowProgram,
  { flowBps, linkPrice }: Point,
): Pick<FlowSolution, "flowBps" | "linkPrice" | "value" | "bound" | "gap"> {
  const value = valueOf(program, flowBps);
  const bound = boundOf(program, linkPrice);
  const size = Math.max(Math.abs(value), Math.abs(bound));
  return { flowBps, linkPrice, value, bound, gap: size === 0 ? 0 : Math.abs(bound - value) / size };
}

interface OpenColumn {
  readonly path: number;
  readonly demand: number;
  readonly links: readonly number[];
  readonly worth: number;
  /** Least capacity on the way. */
  readonly widthBps: number;
}

function openColumns({ problem, pathCost }: FlowProgram): readonly OpenColumn[] {
  return Array.from({ length: problem.demandCount }, (_, d) => d).flatMap((demand) =>
    openPathsOf(problem, demand).map((path) => {
      const links = linksOf(problem, path);
      const widthBps = links.reduce((least, e) => Math.min(least, problem.capacityBps[e] as number), Infinity);
      return { path, demand, links, worth: 1 - (pathCost?.[path] ?? 0), widthBps };
    }),
  );
}

interface Point {
  readonly flowBps: Float64Array;
  readonly linkPrice: Float64Array;
}

/** HiGHS drops entries below 1e-9; were those of a narrow path in its demand's row among them, its links would need no price. */
const shareMin = 1e-8;

/**
 * A column is the share of what its path can carry at most: x_p = s_p min(D_d, u0 width(p)), where u0 is 1 or a utilization that
 * some flow reaches. Rows are divided by u0 c_e and by D_d, the objective by its largest coefficient. Undefined where HiGHS has no point.
 */
async function solveScaled(
  program: FlowProgram,
  columns: readonly OpenColumn[],
  { lp, limits, method }: { readonly lp: LpBackend; readonly limits: SolveLimits; readonly method: "simplex" | "interior-point" },
): Promise<Point | undefined> {
  const { problem, limit } = program;
  const { capacityBps, demandBps, linkCount } = problem;
  const utilization = limit === "utilization";
  const level = utilization ? Math.min(valueOf(program, spread(program)), valueOf(program, widest(program, columns))) : 1;
  const mostBps = columns.map(({ demand, widthBps }) => {
    const rate = demandBps[demand] as number;
    return Math.min(rate, Math.max(level * widthBps, utilization ? shareMin * rate : 0));
  });
  const worthMost = columns.reduce((most, { worth }, j) => Math.max(most, worth * (mostBps[j] as number)), 0);
  const builder = new ProgramBuilder(utilization ? "minimize" : "maximize");
  columns.forEach(({ worth }, j) => builder.addColumn({ cost: utilization ? 0 : (worth * (mostBps[j] as number)) / worthMost }));
  const top = utilization ? builder.addColumn({ cost: 1 }) : -1;
  for (let e = 0; e < linkCount; e++) {
    const row = builder.addRow({ upper: utilization ? 0 : 1 });
    if (utilization) builder.addEntry(row, top, -1);
  }
  const binds = Array.from(demandBps, (rate, d) => {
    const own = columns.filter(({ demand }) => demand === d);
    // What a demand asks beyond all that its paths carry holds nothing; the prices alone are then to prove that.
    const holds = utilization ? own.length > 0 : rate < own.reduce((sum, { widthBps }) => sum + widthBps, 0);
    builder.addRow(holds ? { lower: utilization ? 1 : -Infinity, upper: 1 } : {});
    return holds;
  });
  columns.forEach(({ links, demand }, j) => {
    const most = mostBps[j] as number;
    for (const e of links) builder.addEntry(e, j, most / level / (capacityBps[e] as number));
    if (binds[demand] === true) builder.addEntry(linkCount + demand, j, most / (demandBps[demand] as number));
  });
  const outcome = await lp.solve(builder.build(), { timeLimitSeconds: limits.timeLimitSeconds, method });
  const { primal } = outcome;
  if (primal === undefined) return undefined;
  const flowBps = new Float64Array(problem.pathCount);
  columns.forEach(({ path }, j) => (flowBps[path] = Math.max(0, primal[j] ?? 0) * (mostBps[j] as number)));
  const linkPrice = pricesOf(program, outcome, utilization ? -1 : worthMost);
  return { flowBps, linkPrice: utilization ? linkPrice : raised(program, columns, linkPrice) };
}

/** A little above the dual: where a price of 1 - 1e-16 leaves a demand of 1e15 a tenth of a bps to gain, nothing is proven. */
const priceMargin = 1e-10;

function pricesOf({ problem, limit }: FlowProgram, { dual }: LpOutcome, unit: number): Float64Array {
  const priceOf = (capacity: number, e: number): number =>
    capacity > 0 ? (Math.max(0, (dual?.[e] ?? 0) * unit) / capacity) * (1 + priceMargin) : 0;
  const price = problem.capacityBps.map(priceOf);
  if (limit === "capacity") return price;
  const sum = price.reduce((total, y, e) => total + y * (problem.capacityBps[e] as number), 0);
  return sum > 0 ? price.map((y) => y / sum) : price;
}

/**
 * Prices that prove no less. A path worth more than its price gains its demand, in the bound, all that the demand asks, though the path
 * carries no more than its width: where the paths that gain are narrow, it is cheaper to raise the price of the narrowest link of each. That
 * pays down to the gain of the path at which the widths, from the largest gain on, add up to the demand.
 */
function raised({ problem }: FlowProgram, columns: readonly OpenColumn[], linkPrice: Float64Array): Float64Array {
  const price = linkPrice.slice();
  problem.demandBps.forEach((rate, d) => {
    const gainOf = ({ links, worth }: OpenColumn): number => worth - links.reduce((sum, e) => sum + (price[e] as number), 0);
    const gaining = columns
      .filter((column) => column.demand === d && gainOf(column) > 0)
      .sort((a, b) => gainOf(b) - gainOf(a))
      .map((column) => ({ column, gain: gainOf(column) }));
    let widthBps = 0;
    const stays = gaining.find(({ column }) => (widthBps += column.widthBps) >= rate)?.gain ?? 0;
    for (const { column } of gaining) {
      const narrowest = column.links.find((e) => problem.capacityBps[e] === column.widthBps);
      const over = gainOf(column) - stays;
      if (over > 0 && narrowest !== undefined) price[narrowest] = (price[narrowest] as number) + over + priceMargin * column.worth;
    }
  });
  return price;
}

/** Each demand evenly over its open paths. */
function spread({ problem }: FlowProgram): Float64Array {
  const flowBps = new Float64Array(problem.pathCount);
  problem.demandBps.forEach((demand, d) => {
    const paths = openPathsOf(problem, d);
    for (const path of paths) flowBps[path] = demand / paths.length;
  });
  return flowBps;
}

/** Each demand on its widest path. */
function widest({ problem }: FlowProgram, columns: readonly OpenColumn[]): Float64Array {
  const flowBps = new Float64Array(problem.pathCount);
  const best = new Map<number, OpenColumn>();
  for (const column of columns) if (column.widthBps > (best.get(column.demand)?.widthBps ?? 0)) best.set(column.demand, column);
  for (const { path, demand } of best.values()) flowBps[path] = problem.demandBps[demand] as number;
  return flowBps;
}

/** Scales what is right to 1e-7 until it is right: demands to what is asked, then, where capacities limit, each path by its worst link. */
function fit({ problem, limit }: FlowProgram, flowBps: Float64Array): Float64Array {
  const { demandCount, demandBps, pathStart } = problem;
  const fitted = flowBps.slice();
  for (let d = 0; d < demandCount; d++) {
    const flows = fitted.subarray(pathStart[d], pathStart[d + 1]);
    const sum = flows.reduce((total, flow) => total + flow, 0);
    if (sum > (demandBps[d] as number) || (limit === "utilization" && sum > 0))
      flows.forEach((flow, i) => (flows[i] = flow * ((demandBps[d] as number) / sum)));
  }
  if (limit === "utilization") return fitted;
  const loadBps = loadsOf(problem, fitted);
  return fitted.map((flow, p) => {
    const worst = linksOf(problem, p).reduce((most, e) => Math.max(most, (loadBps[e] as number) / (problem.capacityBps[e] as number)), 1);
    return flow > 0 ? flow / worst : 0;
  });
}

function loadsOf(problem: Problem, flowBps: Float64Array): Float64Array {
  const loadBps = new Float64Array(problem.linkCount);
  flowBps.forEach((flow, p) => {
    for (const e of linksOf(problem, p)) loadBps[e] = (loadBps[e] as number) + flow;
  });
  return loadBps;
}

function valueOf({ problem, limit, pathCost }: FlowProgram, flowBps: Float64Array): number {
  if (limit === "capacity") return flowBps.reduce((sum, flow, p) => sum + flow * (1 - (pathCost?.[p] ?? 0)), 0);
  const loadBps = loadsOf(problem, flowBps);
  return loadBps.reduce((most, load, e) => (load > 0 ? Math.max(most, load / (problem.capacityBps[e] as number)) : most), 0);
}

/** The formulas are in judge-solution.ts, which shares none of this. */
function boundOf({ problem, limit, pathCost }: FlowProgram, linkPrice: Float64Array): number {
  const utilization = limit === "utilization";
  const priced = linkPrice.reduce((sum, price, e) => sum + price * (problem.capacityBps[e] as number), 0);
  const sum = problem.demandBps.reduce((total, demand, d) => {
    const paths = openPathsOf(problem, d);
    if (paths.length === 0) return total;
    const gains = paths.map((path) => {
      const price = linksOf(problem, path).reduce((along, e) => along + (linkPrice[e] as number), 0);
      return (utilization ? 0 : 1 - (pathCost?.[path] ?? 0)) - price;
    });
    const most = Math.max(...gains);
    return total + demand * (utilization ? most : Math.max(0, most));
  }, 0);
  if (!utilization) return priced + sum;
  return priced > 0 ? -sum / priced : 0;
}
