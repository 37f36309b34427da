/**
 * Splits of a class with a guarantee become integers. As in quantize.ts, groups are visited by falling rate and each keeps the weights that let the
 * most of what it was allotted fit beside all others; but what a group puts on a link is the most that it may in any covered failure:
 *
 *   r_t = max over kill sets K without t of   b w_t / sum of w over the tunnels not in K
 *
 * since under K the ingress sends b over what survives, in proportion to its weights. The sum of r_t over all tunnels through a link, which is
 * no less than the link's load in any single covered failure, stays within capacity.
 */
import { assert } from "@sluice/model";
import { addAlongPath, leastAlongPath, type Problem } from "@sluice/mcf";
import type { KillSets, Survival } from "./kill-sets.js";
import type { Reservation } from "./guarantee-certificate.js";

/** Sums of weights tried per group: the smallest, and as many of the largest, which are finest. */
const sumsTriedMax = 32;
/** Paths with less than this share of their group's reservations are left out, where the rest survives without them. */
const shareMin = 1e-6;
/** Times that all groups are visited: the second visit finds room that the first one made. */
const visits = 2;

export interface GuaranteedSplit {
  /** Per path; 0: not used. */
  readonly weight: Int32Array;
  /** Per demand. */
  readonly admittedBps: Float64Array;
}

interface Split {
  readonly paths: readonly number[];
  readonly weights: readonly number[];
  /** Per path: r_t / b. */
  readonly worst: readonly number[];
  readonly rateBps: number;
}

/** `reservation` fits and survives. O(visits x sums tried x kill sets and links of all paths). */
export function quantizeGuaranteed(
  problem: Problem,
  survival: Survival,
  { admittedBps, reservedBps }: Reservation,
  weightSumMax: number,
): GuaranteedSplit {
  assert(Number.isInteger(weightSumMax) && weightSumMax >= 1, "the budget of weights is a positive integer");
  const used = new Float64Array(problem.linkCount);
  const add = (path: number, bps: number): void => addAlongPath(problem, path, bps, used);
  const addSplit = ({ paths, worst, rateBps }: Split, sign: 1 | -1): void =>
    paths.forEach((path, i) => add(path, sign * rateBps * (worst[i] ?? 0)));
  const order = [...admittedBps.keys()]
    .filter((d) => (admittedBps[d] as number) > 0)
    .sort((a, b) => (admittedBps[b] as number) - (admittedBps[a] as number) || a - b);
  reservedBps.forEach((bps, path) => add(path, bps));
  const splits = new Map<number, Split>();
  for (let visit = 0; visit < visits; visit++) {
    for (const d of order) {
      const before = splits.get(d);
      const wantedBps = admittedBps[d] as number;
      if (before !== undefined && before.rateBps >= wantedBps) continue;
      if (before === undefined) for (const path of pathsOf(problem, d)) add(path, -(reservedBps[path] as number));
      else addSplit(before, -1);
      const best = bestSplit({ problem, demand: d, kills: survival[d] as KillSets, reservedBps, wantedBps, weightSumMax, used });
      const chosen = before !== undefined && before.rateBps >= best.rateBps ? before : best;
      splits.set(d, chosen);
      addSplit(chosen, 1);
    }
  }
  for (const d of [...splits.keys()].sort((a, b) => a - b)) {
    const split = splits.get(d);
    const moreBps = (problem.demandBps[d] as number) - (split?.rateBps ?? 0);
    if (split === undefined || split.weights.length === 0 || !(moreBps > 0)) continue;
    const fits = rateThatFits(problem, split, { used, ceilingBps: moreBps });
    if (!(fits > 0)) continue;
    addSplit({ ...split, rateBps: fits }, 1);
    splits.set(d, { ...split, rateBps: split.rateBps + fits });
  }
  return settle(problem, splits);
}

function pathsOf(problem: Problem, demand: number): number[] {
  const first = problem.pathStart[demand] as number;
  return Array.from({ length: (problem.pathStart[demand + 1] as number) - first }, (_, i) => first + i);
}

interface GroupInQuestion {
  readonly problem: Problem;
  readonly demand: number;
  readonly kills: KillSets;
  readonly reservedBps: Float64Array;
  readonly wantedBps: number;
  readonly weightSumMax: number;
  readonly used: Float64Array;
}

/** The most rate; then the least reserved on all links together; then the smallest sum of weights. */
function bestSplit({ problem, demand, kills, reservedBps, wantedBps, weightSumMax, used }: GroupInQuestion): Split {
  const first = problem.pathStart[demand] as number;
  const all = pathsOf(problem, demand).filter((path) => (reservedBps[path] as number) > 0);
  const total = all.reduce((sum, path) => sum + (reservedBps[path] as number), 0);
  const paths = all.filter((path) => (reservedBps[path] as number) >= shareMin * total);
  const kept = paths.reduce((sum, path) => sum + (reservedBps[path] as number), 0);
  const links = paths.map((path) => (problem.linkStart[path + 1] as number) - (problem.linkStart[path] as number));
  const taken = paths.reduce((bits, path) => bits | (1 << (path - first)), 0);
  const masks = [...new Set(kills.all.map((mask) => mask & taken))].map((mask) =>
    paths.map((path) => ((mask >> (path - first)) & 1) === 1),
  );
  let best: Split = { paths, weights: [], worst: [], rateBps: 0 };
  let bestCost = Infinity;
  for (const sum of sumsOfWeights(paths.length === 1 ? 1 : weightSumMax)) {
    for (const weights of roundings(
      paths.map((path) => ((reservedBps[path] as number) / kept) * sum),
      sum,
    )) {
      const worst = worstShares(weights, masks);
      if (worst === undefined) continue;
      const rateBps = rateThatFits(problem, { paths, worst }, { used, ceilingBps: wantedBps });
      const cost = worst.reduce((total_, share, i) => total_ + share * (links[i] ?? 0), 0);
      const gain = rateBps - best.rateBps;
      const tolerance = 1e-12 * wantedBps;
      if (gain > tolerance || (gain >= -tolerance && cost < bestCost - 1e-12)) {
        best = { paths, weights, worst, rateBps };
        bestCost = cost;
      }
    }
  }
  return best;
}

/** Per path: the largest share of the group's rate that it carries under a kill set; undefined where one kills all that has weight. */
function worstShares(weights: readonly number[], masks: readonly (readonly boolean[])[]): readonly number[] | undefined {
  const worst = weights.map(() => 0);
  for (const killed of masks) {
    let left = 0;
    for (let i = 0; i < weights.length; i++) if (killed[i] !== true) left += weights[i] as number;
    if (left === 0) return undefined;
    for (let i = 0; i < weights.length; i++) {
      if (killed[i] !== true) worst[i] = Math.max(worst[i] as number, (weights[i] as number) / left);
    }
  }
  return worst;
}

function sumsOfWeights(weightSumMax: number): readonly number[] {
  const small = Array.from({ length: Math.min(sumsTriedMax, weightSumMax) }, (_, i) => i + 1);
  const largeFrom = Math.max(sumsTriedMax + 1, weightSumMax - sumsTriedMax + 1);
  return [...small, ...Array.from({ length: Math.max(0, weightSumMax - largeFrom + 1) }, (_, i) => largeFrom + i)];
}

/** Rounded down and the rest given by largest remainder; and every path at least 1, the rest by largest remainder, where the sum allows. */
function* roundings(exact: readonly number[], sum: number): Generator<readonly number[], void, undefined> {
  // A share such as 1/3 x 3 may come out a hair below the whole number that it is.
  const floors = exact.map((value) => Math.floor(value + 1e-9));
  yield filled(exact, floors, sum);
  const least = floors.map((floor) => Math.max(1, floor));
  const total = least.reduce((all, weight) => all + weight, 0);
  if (total <= sum && floors.includes(0)) yield filled(exact, least, sum);
}

function filled(exact: readonly number[], floors: readonly number[], sum: number): readonly number[] {
  const left = Math.max(0, sum - floors.reduce((total, floor) => total + floor, 0));
  const order = [...exact.keys()].sort((a, b) => remainder(b) - remainder(a) || a - b);
  const lucky = new Set(order.slice(0, left));
  return floors.map((floor, i) => floor + (lucky.has(i) ? 1 : 0));

  function remainder(i: number): number {
    return (exact[i] ?? 0) - (floors[i] ?? 0);
  }
}

/** The most, up to a ceiling, that can be admitted on top of what links are used for. */
function rateThatFits(
  problem: Problem,
  { paths, worst }: Pick<Split, "paths" | "worst">,
  { used, ceilingBps }: { readonly used: Float64Array; readonly ceilingBps: number },
): number {
  const perBps = new Map<number, number>();
  paths.forEach((path, i) => {
    const share = worst[i] ?? 0;
    if (share === 0) return;
    for (let k = problem.linkStart[path] as number; k < (problem.linkStart[path + 1] as number); k++) {
      const link = problem.pathLinks[k] as number;
      perBps.set(link, (perBps.get(link) ?? 0) + share);
    }
  });
  let rate = ceilingBps;
  for (const [link, share] of perBps) {
    rate = Math.min(rate, Math.max(0, (problem.capacityBps[link] as number) - (used[link] as number)) / share);
  }
  return rate;
}

/** Adds everything up once more from nothing, and takes back what rounding put above a link's capacity. */
function settle(problem: Problem, splits: ReadonlyMap<number, Split>): GuaranteedSplit {
  const reserved = new Float64Array(problem.linkCount);
  for (const { paths, worst, rateBps } of splits.values()) {
    paths.forEach((path, i) => addAlongPath(problem, path, rateBps * (worst[i] ?? 0), reserved));
  }
  const keep = reserved.map((bps, link) => (bps > (problem.capacityBps[link] as number) ? (problem.capacityBps[link] as number) / bps : 1));
  const weight = new Int32Array(problem.pathCount);
  const admittedBps = new Float64Array(problem.demandCount);
  for (const [demand, { paths, weights, rateBps }] of splits) {
    const used = paths.filter((_, i) => (weights[i] ?? 0) > 0);
    const rate = rateBps * used.reduce((least, path) => Math.min(least, leastAlongPath(problem, path, keep)), 1);
    if (!(rate > 0)) continue;
    admittedBps[demand] = rate;
    paths.forEach((path, i) => (weight[path] = weights[i] ?? 0));
  }
  return { weight, admittedBps };
}
