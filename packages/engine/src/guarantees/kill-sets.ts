/**
 * Kill sets: which of a flow's tunnels one covered failure takes down together. A flow sees no more of the network's failures than
 * this, and there are few: of the C(1000, 2) pairs of cables of a large network, a flow with six tunnels tells some dozens apart. So the
 * constraints of FFC (Liu et al. 2014, section 4.3), which are as many as failures, become as many as kill sets.
 *
 * A kill set is a bit mask over the demand's paths: bit i is path `pathStart[d] + i`.
 */
import { assert } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import { pathsPerDemandMax } from "../tunnels/guarantee-candidates.js";
import type { Risks } from "./risks.js";

export interface KillSets {
  /** Every different one, the empty one (nothing fails) first, then by rising mask. */
  readonly all: readonly number[];
  /** Those that are in no other: a flow that survives these survives all. */
  readonly maximal: readonly number[];
}

/** Per demand of a problem. */
export type Survival = readonly KillSets[];

/**
 * The kill sets of every demand under any `failures` cables at once, and under any single of the other risks but those of its own ends.
 * Paths over a link without capacity are in every kill set. O(links of all paths + per demand (different masks)^failures).
 */
export function killSets(problem: Problem, risks: Risks, failures: number): Survival {
  const singlesOfLink: number[][] = Array.from({ length: problem.linkCount }, () => []);
  risks.singles.forEach(({ links }, single) => {
    for (const link of links) singlesOfLink[link]?.push(single);
  });
  return Array.from({ length: problem.demandCount }, (_, demand) => {
    const closed = closedPaths(problem, demand);
    const cables = masksOf(problem, demand, (link) => [risks.cableOfLink[link] as number]);
    const singles = masksOf(problem, demand, (link) => singlesOfLink[link] ?? []);
    const ends = new Set([problem.demandSrc[demand], problem.demandDst[demand]]);
    const others = [...singles].flatMap(([single, mask]) => (ends.has(risks.singles[single]?.node ?? -1) ? [] : [mask]));
    return asKillSets([...unionsOf([...cables.values()], failures), ...others], closed);
  });
}

/** Sorted and without repetition, each with the closed paths in it. */
export function asKillSets(masks: Iterable<number>, closed: number): KillSets {
  const distinct = new Set([closed]);
  for (const mask of masks) distinct.add(mask | closed);
  const all = [...distinct].sort((a, b) => a - b);
  return { all, maximal: maximalOf(all) };
}

/** Per risk, the paths of a demand that it takes down; risks that take none are left out. */
export function masksOf(problem: Problem, demand: number, risksOfLink: (link: number) => readonly number[]): ReadonlyMap<number, number> {
  const first = problem.pathStart[demand] as number;
  const end = problem.pathStart[demand + 1] as number;
  assert(end - first <= pathsPerDemandMax, `a demand with a guarantee has at most ${pathsPerDemandMax} tunnels`);
  const masks = new Map<number, number>();
  for (let path = first; path < end; path++) {
    for (let k = problem.linkStart[path] as number; k < (problem.linkStart[path + 1] as number); k++) {
      for (const risk of risksOfLink(problem.pathLinks[k] as number)) masks.set(risk, (masks.get(risk) ?? 0) | (1 << (path - first)));
    }
  }
  return masks;
}

/** Paths that cross a link without capacity. */
export function closedPaths(problem: Problem, demand: number): number {
  const first = problem.pathStart[demand] as number;
  let closed = 0;
  for (let path = first; path < (problem.pathStart[demand + 1] as number); path++) {
    for (let k = problem.linkStart[path] as number; k < (problem.linkStart[path + 1] as number); k++) {
      if (!((problem.capacityBps[problem.pathLinks[k] as number] as number) > 0)) closed |= 1 << (path - first);
    }
  }
  return closed;
}

/** All different unions of one to `count` of the masks. */
export function unionsOf(masks: readonly number[], count: number): ReadonlySet<number> {
  const single = [...new Set(masks)];
  const unions = new Set(single);
  let latest: Iterable<number> = single;
  for (let size = 2; size <= count; size++) {
    const next = new Set<number>();
    for (const union of latest) {
      for (const mask of single) {
        const wider = union | mask;
        if (!unions.has(wider)) next.add(wider);
      }
    }
    if (next.size === 0) break;
    for (const union of next) unions.add(union);
    latest = next;
  }
  return unions;
}

function maximalOf(masks: readonly number[]): readonly number[] {
  return masks.filter((mask) => !masks.some((other) => other !== mask && (mask & other) === mask));
}

/** All paths of a demand. */
export function allPaths(problem: Problem, demand: number): number {
  return 2 ** ((problem.pathStart[demand + 1] as number) - (problem.pathStart[demand] as number)) - 1;
}

/** Whether each kill set leaves a path. */
export function canSurvive(problem: Problem, demand: number, { maximal }: KillSets): boolean {
  const all = allPaths(problem, demand);
  return maximal.every((mask) => mask !== all);
}
