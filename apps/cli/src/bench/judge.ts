/**
 * The benchmark's own verdict on an answer, by plain sums from the problem, the flow and one price per link. It takes no
 * solver's word for anything and shares no code with any: not with the engines, their tries, or HiGHS.
 *
 * Feasible: no flow below 0, no demand and no link exceeded by more than 1e-9, relative. Prices y >= 0 bound what any flow on the problem's
 * paths can reach, however they were found (docs/certificates.md); with near(d) the least y(p) over the open paths of demand d:
 *
 *   max-throughput     sum of admitted      <=  sum c_e y_e + sum D_d max(0, 1 - near(d))
 *   max-concurrent     min admitted / D_d   <=  min(1, sum c_e y_e / sum D_d near(d))
 *
 * A path is open when all its links have capacity. Demands that are 0 or have no open path are left out of all sums.
 */
import type { Problem } from "@sluice/mcf";
import type { BenchObjective } from "./bench-message.js";

/** Relative: how far a demand or a capacity may be exceeded. */
export const judgeTolerance = 1e-9;

export interface Judged {
  readonly value: number;
  /** Infinity where the prices prove nothing. */
  readonly bound: number;
  /** |bound - value| / max(|value|, |bound|). */
  readonly gap: number;
  /** Empty where the answer holds; one sentence a kind, with how many more there are. */
  readonly violations: readonly string[];
}

export interface Claim {
  /** Per path, bps. */
  readonly flowBps: Float64Array;
  /** Per link. */
  readonly linkPrice: Float64Array;
}

export type Nearest = (problem: Problem, linkPrice: Float64Array) => Float64Array;

/** O(links of all paths). `nearest` is another rule for near(d): over more paths than the problem has. */
export function judge(problem: Problem, objective: BenchObjective, claim: Claim, nearest?: Nearest): Judged {
  const { flowBps, linkPrice } = claim;
  const found = new Violations();
  if (flowBps.length !== problem.pathCount || linkPrice.length !== problem.linkCount) {
    found.add("There is not one flow per path and one price per link.");
    return { value: Number.NaN, bound: Infinity, gap: 1, violations: found.list() };
  }
  for (let p = 0; p < flowBps.length; p++) {
    const flow = flowBps[p] as number;
    if (!(flow >= 0 && flow < Infinity)) found.add(`Path ${p} carries ${flow}.`, "flow");
  }
  linkPrice.forEach((price, e) => {
    if (!(price >= 0 && price < Infinity)) found.add(`Link ${e} has the price ${price}.`, "price");
  });
  const { admittedBps, loadBps, nearestBy } = alongPaths(problem, claim);
  exceeded(admittedBps, problem.demandBps).forEach((d) => {
    found.add(`Demand ${d} of ${problem.demandBps[d]} carries ${admittedBps[d]}.`, "demand");
  });
  exceeded(loadBps, problem.capacityBps).forEach((e) => {
    found.add(`Link ${e} of capacity ${problem.capacityBps[e]} carries ${loadBps[e]}.`, "link");
  });
  const near = nearest === undefined ? nearestBy : nearest(problem, linkPrice);
  const value = objective === "max-throughput" ? sumOf(admittedBps) : leastFraction(problem, admittedBps, near);
  const bound = objective === "max-throughput" ? throughputBound(problem, linkPrice, near) : fractionBound(problem, linkPrice, near);
  const size = Math.max(Math.abs(value), Math.abs(bound));
  if (value > bound * (1 + judgeTolerance)) found.add(`The value ${value} is beyond the bound ${bound}, which cannot be.`);
  return { value, bound, gap: size === 0 ? 0 : size < Infinity ? Math.abs(bound - value) / size : 1, violations: found.list() };
}

/** Keeps the first of each kind and counts the rest. */
class Violations {
  readonly #kinds = new Map<string, { readonly first: string; count: number }>();

  add(sentence: string, kind = sentence): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, { first: sentence, count: 1 });
    else known.count += 1;
  }

  list(): readonly string[] {
    return [...this.#kinds.values()].map(({ first, count }) => (count === 1 ? first : `${first} (${count - 1} more like this)`));
  }
}

/**
 * In one walk over all paths: per demand what it carries, and the least sum of prices along one of its open paths (Infinity where it has none
 * or asks for nothing); per link its load.
 */
export function alongPaths({ demandCount, demandBps, linkCount, capacityBps, pathStart, linkStart, pathLinks }: Problem, claim: Claim) {
  const { flowBps, linkPrice } = claim;
  const admittedBps = new Float64Array(demandCount);
  const nearestBy = new Float64Array(demandCount);
  const loadBps = new Float64Array(linkCount);
  const length = linkPrice.map((price, e) => ((capacityBps[e] as number) > 0 ? Math.max(0, price) : Infinity));
  let k = linkStart[0] as number;
  for (let d = 0; d < demandCount; d++) {
    let admitted = 0;
    let least = Infinity;
    const pathEnd = pathStart[d + 1] as number;
    for (let p = pathStart[d] as number; p < pathEnd; p++) {
      const flow = flowBps[p] as number;
      const end = linkStart[p + 1] as number;
      let sum = 0;
      for (; k < end; k++) {
        const e = pathLinks[k] as number;
        sum += length[e] as number;
        loadBps[e] = (loadBps[e] as number) + flow;
      }
      if (sum < least) least = sum;
      admitted += flow;
    }
    admittedBps[d] = admitted;
    nearestBy[d] = (demandBps[d] as number) > 0 ? least : Infinity;
  }
  return { admittedBps, loadBps, nearestBy };
}

/** Where more is used than there is. */
function exceeded(used: Float64Array, most: Float64Array): readonly number[] {
  const at: number[] = [];
  // Written so that what is no number is exceeded, too.
  for (let i = 0; i < used.length; i++) {
    if (!((used[i] as number) <= Math.max(0, most[i] as number) * (1 + judgeTolerance))) at.push(i);
  }
  return at;
}

function throughputBound({ capacityBps, demandBps }: Problem, linkPrice: Float64Array, near: Float64Array): number {
  let sum = weigh(capacityBps, linkPrice);
  for (let d = 0; d < demandBps.length; d++) {
    const short = 1 - (near[d] as number);
    if (short > 0) sum += (demandBps[d] as number) * short;
  }
  return sum;
}

function fractionBound({ capacityBps, demandBps }: Problem, linkPrice: Float64Array, near: Float64Array): number {
  const spent = weigh(capacityBps, linkPrice);
  const needed = demandBps.reduce((sum, demand, d) => ((near[d] as number) < Infinity ? sum + demand * (near[d] as number) : sum), 0);
  return needed > spent ? spent / needed : 1;
}

function leastFraction({ demandBps }: Problem, admittedBps: Float64Array, near: Float64Array): number {
  return demandBps.reduce(
    (least, demand, d) => ((near[d] as number) < Infinity ? Math.min(least, (admittedBps[d] as number) / demand) : least),
    1,
  );
}

function weigh(amounts: Float64Array, prices: Float64Array): number {
  return amounts.reduce((sum, amount, i) => sum + Math.max(0, amount) * Math.max(0, prices[i] as number), 0);
}

function sumOf(amounts: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < amounts.length; i++) sum += amounts[i] as number;
  return sum;
}
