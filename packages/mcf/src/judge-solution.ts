/**
 * What is wrong with an engine's answer, found from the program, the flow and the link prices alone, by plain sums over paths: no
 * code is shared with any engine or with the tries, and no engine's word is taken for anything.
 *
 * With c_e the capacity of link e, D_d a demand, k_p the cost of path p, y_e >= 0 the price of link e and y(p) the sum of prices
 * over the links of p, weak duality bounds the optimum from the prices. Only open demands (D_d > 0) and open paths (all
 * links with capacity) count:
 *
 *   capacity       optimum <= sum c_e y_e + sum D_d max(0, m_d)       where m_d = max over paths p of d of 1 - k_p - y(p)
 *       Any flow x has sum (1 - k_p) x_p = sum y(p) x_p + sum (1 - k_p - y(p)) x_p. The first sum is sum y_e load(e) and so at
 *       most sum c_e y_e; in the second, d contributes at most m_d times what it carries, which lies in [0, D_d].
 *   utilization    optimum >= sum D_d n_d / sum c_e y_e               where n_d = min over paths p of d of y(p)
 *       sum D_d n_d <= sum y(p) x_p = sum y_e load(e) <= u sum c_e y_e. The factor of the prices cancels; they are published with
 *       sum c_e y_e = 1. Without prices the bound is 0.
 */
import type { FlowProgram, FlowSolution } from "./flow-program.js";

export type DefectCode =
  /** The arrays do not fit the problem. */
  | "shape"
  /** A number that is NaN, infinite, or negative where that cannot be. */
  | "number"
  /** Flow on a path of zero capacity, or of a demand of zero. */
  | "closed-path"
  | "demand-exceeded"
  /** Only with limit "utilization", where all is to be carried. */
  | "demand-missed"
  /** Only with limit "capacity". */
  | "link-exceeded"
  | "value-wrong"
  /** The bound is tighter than what the prices prove. */
  | "bound-unproven"
  | "value-beyond-bound"
  | "gap-wrong"
  /** Prices of the utilization program of which sum c_e y_e is not 1. */
  | "price-scale"
  /** It is called solved, and its prices prove less than the gap that was asked for. */
  | "status-wrong";

export interface Defect {
  readonly code: DefectCode;
  /** The first case. */
  readonly message: string;
  /** How many cases there are. */
  readonly count: number;
}

/** The answer's figures as its flow and prices give them; NaN where they give none. */
export interface Judgement {
  readonly value: number;
  readonly bound: number;
  readonly gap: number;
  /** Empty when nothing is wrong; one entry a code. */
  readonly defects: readonly Defect[];
}

/** Relative: how far flows may pass a demand or a capacity, and figures may differ from their recomputation. */
export const judgeTolerance = 1e-9;

/** Relative room, where a recomputed gap is compared to the asked one, for the order of summation and for prices a hair above what is needed. */
const gapRounding = 1e-11;

/** `gap` is the one asked for; left out: a status is not held to any. O(links of all paths). */
export function judgeSolution(program: FlowProgram, solution: FlowSolution, gap?: number): Judgement {
  const defects = new Defects();
  judgeNumbers(program, solution, defects);
  if (defects.any) return { value: Number.NaN, bound: Number.NaN, gap: Number.NaN, defects: defects.list() };
  const sums = sumOver(program, solution);
  judgeFit(program, sums, defects);
  const value = valueOf(program, sums);
  const bound = boundOf(program, solution, sums);
  judgeFigures(program, solution, { value, bound }, defects);
  const proven = gapBetween(value, bound.value);
  const solved = solution.status === "optimal" || solution.status === "gap";
  if (gap !== undefined && solved && !(proven <= gap * (1 + judgeTolerance) + gapRounding)) {
    defects.add("status-wrong", `It is called ${solution.status} at a gap of ${gap}; its prices prove ${proven}.`);
  }
  return { value, bound: bound.value, gap: proven, defects: defects.list() };
}

/** |bound - value| / max(|value|, |bound|); 0 where both are 0. */
export function gapBetween(value: number, bound: number): number {
  const size = Math.max(Math.abs(value), Math.abs(bound));
  return size === 0 ? 0 : Math.abs(bound - value) / size;
}

class Defects {
  readonly #found = new Map<DefectCode, { readonly message: string; count: number }>();

  get any(): boolean {
    return this.#found.size > 0;
  }

  add(code: DefectCode, message: string): void {
    const known = this.#found.get(code);
    if (known === undefined) this.#found.set(code, { message, count: 1 });
    else known.count++;
  }

  list(): readonly Defect[] {
    return [...this.#found].map(([code, { message, count }]) => ({ code, message, count }));
  }
}

function judgeNumbers({ problem }: FlowProgram, solution: FlowSolution, defects: Defects): void {
  const { flowBps, linkPrice, value, bound, gap, iterations, primalWeight } = solution;
  if (flowBps.length !== problem.pathCount) defects.add("shape", `There are ${flowBps.length} flows for ${problem.pathCount} paths.`);
  if (linkPrice.length !== problem.linkCount) defects.add("shape", `There are ${linkPrice.length} prices for ${problem.linkCount} links.`);
  flowBps.forEach((flow, p) => {
    if (!(flow >= 0 && flow < Infinity)) defects.add("number", `Path ${p} carries ${flow}.`);
  });
  linkPrice.forEach((price, e) => {
    if (!(price >= 0 && price < Infinity)) defects.add("number", `Link ${e} has the price ${price}.`);
  });
  for (const [name, figure] of Object.entries({ value, bound, gap })) {
    if (!Number.isFinite(figure)) defects.add("number", `The ${name} is ${figure}.`);
  }
  if (!(Number.isSafeInteger(iterations) && iterations >= 0)) defects.add("number", `There were ${iterations} iterations.`);
  if (primalWeight !== undefined && !(primalWeight > 0 && primalWeight < Infinity)) {
    defects.add("number", `The primal weight is ${primalWeight}.`);
  }
}

interface Sums {
  /** Per demand, bps. */
  readonly carriedBps: Float64Array;
  /** Per demand: m_d, or -n_d with limit "utilization"; -Infinity for demands that are not open. */
  readonly best: Float64Array;
  /** Per link, bps. */
  readonly loadBps: Float64Array;
  /** The sum of (1 - k_p) x_p. */
  readonly worthBps: number;
  /** A closed path that carries, or -1, and how many there are. */
  readonly closedPath: number;
  readonly closedCount: number;
}

function sumOver({ problem, limit, pathCost }: FlowProgram, { flowBps, linkPrice }: FlowSolution): Sums {
  const { demandCount, linkCount, capacityBps, demandBps, pathStart, linkStart, pathLinks } = problem;
  const carriedBps = new Float64Array(demandCount);
  const best = new Float64Array(demandCount).fill(-Infinity);
  const loadBps = new Float64Array(linkCount);
  let worthBps = 0;
  let closedPath = -1;
  let closedCount = 0;
  for (let d = 0; d < demandCount; d++) {
    const asks = (demandBps[d] as number) > 0;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      const flow = flowBps[p] as number;
      let open = asks;
      let price = 0;
      for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
        const e = pathLinks[k] as number;
        if (!((capacityBps[e] as number) > 0)) open = false;
        price += linkPrice[e] as number;
        loadBps[e] = (loadBps[e] as number) + flow;
      }
      const worth = 1 - (pathCost?.[p] ?? 0);
      carriedBps[d] = (carriedBps[d] as number) + flow;
      worthBps += worth * flow;
      if (open) best[d] = Math.max(best[d] as number, (limit === "capacity" ? worth : 0) - price);
      else if (flow > 0) {
        closedPath = p;
        closedCount++;
      }
    }
  }
  return { carriedBps, best, loadBps, worthBps, closedPath, closedCount };
}

function judgeFit({ problem, limit }: FlowProgram, sums: Sums, defects: Defects): void {
  const { carriedBps, best, loadBps, closedPath, closedCount } = sums;
  if (closedCount > 0) defects.add("closed-path", `${closedCount} closed paths carry flow, path ${closedPath} among them.`);
  problem.demandBps.forEach((demand, d) => {
    const bps = carriedBps[d] as number;
    if (bps > Math.max(0, demand) * (1 + judgeTolerance)) defects.add("demand-exceeded", `Demand ${d} of ${demand} carries ${bps}.`);
    const missed = limit === "utilization" && (best[d] as number) > -Infinity;
    if (missed && bps < demand * (1 - judgeTolerance)) defects.add("demand-missed", `Demand ${d} of ${demand} carries only ${bps}.`);
  });
  if (limit === "utilization") return;
  problem.capacityBps.forEach((capacity, e) => {
    const bps = loadBps[e] as number;
    if (bps > Math.max(0, capacity) * (1 + judgeTolerance)) defects.add("link-exceeded", `Link ${e} of ${capacity} carries ${bps}.`);
  });
}

function valueOf({ problem, limit }: FlowProgram, { loadBps, worthBps }: Sums): number {
  if (limit === "capacity") return worthBps;
  return problem.capacityBps.reduce((most, capacity, e) => (capacity > 0 ? Math.max(most, (loadBps[e] as number) / capacity) : most), 0);
}

interface Bound {
  readonly value: number;
  /** The sum of the absolute values of what was added up: what rounding is relative to. */
  readonly size: number;
  /** sum c_e y_e. */
  readonly priced: number;
}

function boundOf({ problem, limit }: FlowProgram, { linkPrice }: FlowSolution, { best }: Sums): Bound {
  const { demandBps, capacityBps } = problem;
  const priceOf = (e: number): number => linkPrice[e] as number;
  const priced = capacityBps.reduce((sum, capacity, e) => (capacity > 0 && priceOf(e) > 0 ? sum + capacity * priceOf(e) : sum), 0);
  let sum = 0;
  let size = 0;
  demandBps.forEach((demand, d) => {
    const most = best[d] as number;
    if (most === -Infinity) return;
    const term = demand * (limit === "capacity" ? Math.max(0, most) : most);
    sum += term;
    size += Math.abs(term);
  });
  if (limit === "capacity") return { value: priced + sum, size: priced + size, priced };
  const value = priced > 0 ? -sum / priced : 0;
  return { value, size: value, priced };
}

function judgeFigures(
  { limit }: FlowProgram,
  solution: FlowSolution,
  recomputed: { readonly value: number; readonly bound: Bound },
  defects: Defects,
): void {
  const { value, bound } = recomputed;
  const side = limit === "capacity" ? 1 : -1;
  if (Math.abs(solution.value - value) > judgeTolerance * Math.abs(value)) {
    defects.add("value-wrong", `The value is said to be ${solution.value}; the flow gives ${value}.`);
  }
  if (side * (bound.value - solution.bound) > judgeTolerance * bound.size) {
    defects.add("bound-unproven", `The bound is said to be ${solution.bound}; the prices prove ${bound.value}.`);
  }
  if (side * (solution.value - solution.bound) > judgeTolerance * Math.max(bound.size, Math.abs(solution.value))) {
    defects.add("value-beyond-bound", `The value ${solution.value} is beyond its bound ${solution.bound}.`);
  }
  const gap = gapBetween(solution.value, solution.bound);
  if (!(Math.abs(solution.gap - gap) <= judgeTolerance)) {
    defects.add("gap-wrong", `The gap is said to be ${solution.gap}; value and bound give ${gap}.`);
  }
  // Without any price, or where the figure means nothing, there is no scale to keep.
  if (limit === "utilization" && bound.priced > 0 && Math.abs(bound.priced - 1) > judgeTolerance) {
    defects.add("price-scale", `The prices of all capacity add up to ${bound.priced}, not 1.`);
  }
}
