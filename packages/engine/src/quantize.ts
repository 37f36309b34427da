/**
 * Splits become integers: a switch's select group has room for few weights. After B4 2013, section 5.3 (greedy quantization that
 * knows the loads), and WCMP 2014, section 4 (weights of a small sum that oversubscribe least).
 *
 * Groups are visited by falling rate. Each tries every sum of weights within the budget, takes its own traffic off the
 * network, and keeps the weights that let the most of what it was allotted fit beside all others; so what one group loses by
 * rounding the next can use, and no link is over capacity at any time. Shares stay within one quantum, 1 / weightSumMax,
 * of what was allotted. At last groups that still want more are topped up with what is free.
 */
import { assert } from "@sluice/model";
import { addAlongPath, flowOfDemands, loadOf, type Problem } from "@sluice/mcf";

/** Sums of weights tried per group: the smallest, which cost least room, and as many of the largest, which are finest. */
const sumsTriedMax = 64;
/** Paths with less than this share of their group are left out: no weight within any budget stands for them. */
const shareMin = 1e-6;
/** Times that all groups are visited: the second visit finds room that the first one made. */
const visits = 2;

export interface QuantizeOptions {
  /** Weights of one group sum to at most this. */
  readonly weightSumMax: number;
  /** What a group may be admitted at most: its demand where more is better, or else just what it was allotted. */
  readonly ceiling: "demand" | "allotted";
}

export interface Quantized {
  /** Per path; 0: not used. Flow on it is admittedBps x weight / sum of the demand's weights. */
  readonly weight: Int32Array;
  /** Per demand. */
  readonly admittedBps: Float64Array;
  /** Per link. */
  readonly loadBps: Float64Array;
  /** What was allotted less what is admitted, bps; negative where topping up gained more than rounding lost. */
  readonly lossBps: number;
}

/** `flowBps` per path, within capacity and demand. O(visits x sumsTriedMax x links of all paths). */
export function quantize(problem: Problem, flowBps: Float64Array, { weightSumMax, ceiling }: QuantizeOptions): Quantized {
  assert(Number.isInteger(weightSumMax) && weightSumMax >= 1, "the budget of weights is a positive integer");
  const allottedBps = flowOfDemands(problem, flowBps);
  const loadBps = loadOf(problem, flowBps);
  const order = [...allottedBps.keys()]
    .filter((demand) => (allottedBps[demand] as number) > 0)
    .sort((a, b) => (allottedBps[b] as number) - (allottedBps[a] as number) || a - b);
  const splits = new Map<number, Split>();

  for (let visit = 0; visit < visits; visit++) {
    for (const demand of order) {
      const allotted = allottedBps[demand] as number;
      const before = splits.get(demand);
      if (before !== undefined && before.rateBps >= allotted) continue;
      const group = groupOf(problem, demand, flowBps, allotted);
      if (before === undefined) {
        for (const path of pathsOf(problem, demand)) addAlongPath(problem, path, -(flowBps[path] as number), loadBps);
      } else addSplit(problem, before, -1, loadBps);
      const best = bestSplit(problem, group, { weightSumMax, loadBps });
      const chosen = before !== undefined && before.rateBps >= best.rateBps ? before : best;
      splits.set(demand, chosen);
      addSplit(problem, chosen, 1, loadBps);
    }
  }
  if (ceiling === "demand") topUp(problem, splits, loadBps);
  return settle(problem, splits, allottedBps);
}

interface Group {
  /** Paths that were allotted something worth a weight, with their shares, which sum to 1. */
  readonly paths: readonly number[];
  readonly shares: readonly number[];
  readonly allottedBps: number;
  /** Links that the paths use, and for each path the positions of its links in that list. */
  readonly links: readonly number[];
  readonly positions: readonly (readonly number[])[];
}

interface Split {
  readonly demand: number;
  readonly paths: readonly number[];
  readonly weights: readonly number[];
  readonly weightSum: number;
  readonly rateBps: number;
}

function pathsOf(problem: Problem, demand: number): number[] {
  const first = problem.pathStart[demand] as number;
  return Array.from({ length: (problem.pathStart[demand + 1] as number) - first }, (_, i) => first + i);
}

function groupOf(problem: Problem, demand: number, flowBps: Float64Array, allottedBps: number): Group & { readonly demand: number } {
  const paths = pathsOf(problem, demand).filter((path) => (flowBps[path] as number) >= shareMin * allottedBps);
  const kept = paths.reduce((sum, path) => sum + (flowBps[path] as number), 0);
  const linksOf = (path: number): number[] => [
    ...problem.pathLinks.subarray(problem.linkStart[path] as number, problem.linkStart[path + 1] as number),
  ];
  const position = new Map<number, number>();
  for (const link of paths.flatMap(linksOf)) if (!position.has(link)) position.set(link, position.size);
  return {
    demand,
    paths,
    shares: paths.map((path) => (flowBps[path] as number) / kept),
    allottedBps,
    links: [...position.keys()],
    positions: paths.map((path) => linksOf(path).map((link) => position.get(link) ?? 0)),
  };
}

/** The most rate; then the least departure from the allotted shares; then the smallest sum of weights. */
function bestSplit(
  problem: Problem,
  group: Group & { readonly demand: number },
  { weightSumMax, loadBps }: { readonly weightSumMax: number; readonly loadBps: Float64Array },
): Split {
  const headroomBps = group.links.map((link) => Math.max(0, (problem.capacityBps[link] as number) - (loadBps[link] as number)));
  const roomOfPath = group.positions.map((positions) => Math.min(...positions.map((at) => headroomBps[at] ?? 0)));
  let best: Split = { demand: group.demand, paths: group.paths, weights: [], weightSum: 0, rateBps: -1 };
  let bestError = Infinity;
  for (const sum of sumsOfWeights(group.paths.length === 1 ? 1 : weightSumMax)) {
    for (const weights of roundings(group, sum, roomOfPath)) {
      const error = Math.max(...weights.map((weight, i) => Math.abs(weight / sum - (group.shares[i] ?? 0))));
      if (error > 1 / weightSumMax && sum !== weightSumMax) continue;
      const rateBps = rateThatFits(group, weights, sum, headroomBps);
      const gain = rateBps - best.rateBps;
      const tolerance = 1e-12 * group.allottedBps;
      if (gain > tolerance || (gain >= -tolerance && error < bestError - 1e-12)) {
        best = { demand: group.demand, paths: group.paths, weights, weightSum: sum, rateBps };
        bestError = error;
      }
    }
  }
  return best;
}

function sumsOfWeights(weightSumMax: number): readonly number[] {
  const small = Array.from({ length: Math.min(sumsTriedMax, weightSumMax) }, (_, i) => i + 1);
  const largeFrom = Math.max(sumsTriedMax + 1, weightSumMax - sumsTriedMax + 1);
  return [...small, ...Array.from({ length: Math.max(0, weightSumMax - largeFrom + 1) }, (_, i) => largeFrom + i)];
}

/** Shares x sum rounded down, and what is left over given by largest remainder, or to the paths with most room. */
function* roundings(group: Group, sum: number, roomOfPath: readonly number[]): Generator<readonly number[], void, undefined> {
  const exact = group.shares.map((share) => share * sum);
  // A share such as 1/3 x 3 may come out a hair below the whole number that it is.
  const floors = exact.map((value) => Math.floor(value + 1e-9));
  const left = sum - floors.reduce((total, floor) => total + floor, 0);
  const remainders = exact.map((value, i) => value - (floors[i] ?? 0));
  const give = (figure: readonly number[]): readonly number[] => {
    const lucky = new Set([...figure.keys()].sort((a, b) => (figure[b] ?? 0) - (figure[a] ?? 0) || a - b).slice(0, Math.max(0, left)));
    return floors.map((floor, i) => floor + (lucky.has(i) ? 1 : 0));
  };
  yield give(remainders);
  if (left > 0) yield give(roomOfPath);
}

/** The most of its allotted rate that a group can send with these weights into the headroom. */
function rateThatFits(group: Group, weights: readonly number[], sum: number, headroomBps: readonly number[]): number {
  const weightOnLink = group.links.map(() => 0);
  group.positions.forEach((positions, i) => {
    for (const at of positions) weightOnLink[at] = (weightOnLink[at] ?? 0) + (weights[i] ?? 0);
  });
  return weightOnLink.reduce(
    (rate, weight, at) => (weight === 0 ? rate : Math.min(rate, ((headroomBps[at] ?? 0) * sum) / weight)),
    group.allottedBps,
  );
}

function addSplit(problem: Problem, split: Split, sign: 1 | -1, loadBps: Float64Array): void {
  split.paths.forEach((path, i) => {
    const flow = (split.rateBps * (split.weights[i] ?? 0)) / split.weightSum;
    if (flow > 0) addAlongPath(problem, path, sign * flow, loadBps);
  });
}

/** Gives what is still free to groups that want more, in the order of demands, at the weights they have. */
function topUp(problem: Problem, splits: Map<number, Split>, loadBps: Float64Array): void {
  for (let demand = 0; demand < problem.demandCount; demand++) {
    const split = splits.get(demand);
    const wanted = problem.demandBps[demand] as number;
    if (split === undefined || split.rateBps >= wanted) continue;
    const perBps = new Map<number, number>();
    split.paths.forEach((path, i) => {
      for (let at = problem.linkStart[path] as number; at < (problem.linkStart[path + 1] as number); at++) {
        const link = problem.pathLinks[at] as number;
        perBps.set(link, (perBps.get(link) ?? 0) + (split.weights[i] ?? 0) / split.weightSum);
      }
    });
    let more = wanted - split.rateBps;
    for (const [link, share] of perBps) {
      if (share > 0) more = Math.min(more, ((problem.capacityBps[link] as number) - (loadBps[link] as number)) / share);
    }
    if (!(more > 0)) continue;
    addSplit(problem, { ...split, rateBps: more }, 1, loadBps);
    splits.set(demand, { ...split, rateBps: split.rateBps + more });
  }
}

/** Adds everything up once more from nothing, and takes back what rounding put above a link's capacity. */
function settle(problem: Problem, splits: ReadonlyMap<number, Split>, allottedBps: Float64Array): Quantized {
  const weight = new Int32Array(problem.pathCount);
  const admittedBps = new Float64Array(problem.demandCount);
  const load = new Float64Array(problem.linkCount);
  for (const split of splits.values()) addSplit(problem, split, 1, load);
  const loadBps = new Float64Array(problem.linkCount);
  for (const [demand, split] of splits) {
    let keep = 1;
    for (const path of split.paths) {
      for (let at = problem.linkStart[path] as number; at < (problem.linkStart[path + 1] as number); at++) {
        const link = problem.pathLinks[at] as number;
        if ((load[link] as number) > (problem.capacityBps[link] as number)) {
          keep = Math.min(keep, (problem.capacityBps[link] as number) / (load[link] as number));
        }
      }
    }
    const rateBps = split.rateBps * keep;
    if (!(rateBps > 0)) continue;
    admittedBps[demand] = rateBps;
    split.paths.forEach((path, i) => {
      weight[path] = split.weights[i] ?? 0;
    });
    addSplit(problem, { ...split, rateBps }, 1, loadBps);
  }
  const lossBps = allottedBps.reduce((sum, allotted, demand) => sum + allotted - (admittedBps[demand] as number), 0);
  return { weight, admittedBps, loadBps, lossBps };
}
