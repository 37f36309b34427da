/** The most that split groups may put on links in any of several families of failures. */
import { addAlongPath, type Problem } from "@sluice/mcf";
import type { Survival } from "./kill-sets.js";

export interface WeightedPaths {
  /** Per path; 0: not used. */
  readonly weight: Int32Array;
  /** Per demand. */
  readonly admittedBps: Float64Array;
}

/**
 * Per link: the sum over the paths through it of the most that each may carry under a kill set. No less than the link's load in any one of the
 * failures, and sometimes more, for not all paths carry their most in the same one. A kill set that leaves nothing loads nothing.
 */
export function worstLoads(problem: Problem, { weight, admittedBps }: WeightedPaths, families: readonly Survival[]): Float64Array {
  const loadBps = new Float64Array(problem.linkCount);
  for (let demand = 0; demand < problem.demandCount; demand++) {
    const rate = admittedBps[demand] as number;
    if (!(rate > 0)) continue;
    const first = problem.pathStart[demand] as number;
    const weights = weight.subarray(first, problem.pathStart[demand + 1]);
    const masks = families.flatMap((family) => family[demand]?.all ?? []);
    const worst = worstShares(weights, masks);
    worst.forEach((share, i) => {
      if (share > 0) addAlongPath(problem, first + i, rate * share, loadBps);
    });
  }
  return loadBps;
}

/** Per path: the largest share of the demand's rate that it carries under one of the kill sets, or while nothing fails. */
export function worstShares(weights: ArrayLike<number>, masks: readonly number[]): readonly number[] {
  const worst = Array.from(weights, () => 0);
  for (const mask of [0, ...masks]) {
    let left = 0;
    for (let i = 0; i < weights.length; i++) if (((mask >> i) & 1) === 0) left += weights[i] as number;
    if (left === 0) continue;
    for (let i = 0; i < weights.length; i++) {
      if (((mask >> i) & 1) === 0) worst[i] = Math.max(worst[i] as number, (weights[i] as number) / left);
    }
  }
  return worst;
}

/** Per link: what it carries while nothing fails. */
export function planLoads(problem: Problem, { weight, admittedBps }: WeightedPaths): Float64Array {
  const loadBps = new Float64Array(problem.linkCount);
  for (let demand = 0; demand < problem.demandCount; demand++) {
    const first = problem.pathStart[demand] as number;
    const end = problem.pathStart[demand + 1] as number;
    const sum = weight.subarray(first, end).reduce((total, each) => total + each, 0);
    for (let path = first; path < end; path++) {
      if ((weight[path] as number) > 0) {
        addAlongPath(problem, path, (admittedBps[demand] as number) * ((weight[path] as number) / sum), loadBps);
      }
    }
  }
  return loadBps;
}
