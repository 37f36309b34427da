/**
 * The path that shares as few SRLGs as can be with what it stands in for. To share the fewest is NP-hard in general (a path of the fewest colours:
 * Yuan, Varma and Jue 2005, "Minimum-color path problems for reliability in mesh networks"), but the colours here are the few SRLGs of
 * one link or one tunnel: the sets of them that a path may meet are tried by rising size, after those that every path meets.
 */
import type { DetourSearch } from "./detour-search.js";

/** Sets of SRLGs that are tried; beyond, the search falls back to the sum of what the links share, where an SRLG met twice counts twice. */
export const srlgSetsMax = 256;

export interface Sharing {
  /** SRLGs that should not be shared, by index, each once. */
  readonly srlgs: readonly number[];
  /** Of the links that the search's bans leave, the best path; undefined where there is none. */
  readonly find: () => readonly number[] | undefined;
  /** Below 0 where `a` is better. Fewest shared SRLGs must come first. */
  readonly compare: (a: readonly number[], b: readonly number[]) => number;
  /** How many of `srlgs` a path has, each counted once. */
  readonly count: (path: readonly number[]) => number;
}

/**
 * The best path by `compare`, which must be what `find` finds first among paths that meet the same SRLGs. Exact unless more than `srlgSetsMax` sets
 * would have to be tried; a path is found whenever there is one, and one that shares nothing whenever there is one. Cost: one
 * search where a path shares nothing; else |srlgs| + 2 and one for each set. Bans and penalties of the search are left as they were.
 */
export function leastSharing(search: DetourSearch, { srlgs, find, compare, count }: Sharing): readonly number[] | undefined {
  for (const srlg of srlgs) search.avoid(srlg, 1);
  const apart = find();
  for (const srlg of srlgs) search.avoid(srlg, -1);
  if (apart !== undefined || srlgs.length === 0) return apart;
  if (find() === undefined) return undefined;

  const forced: number[] = [];
  const free: number[] = [];
  for (const srlg of srlgs) {
    search.avoid(srlg, 1);
    (find() === undefined ? forced : free).push(srlg);
    search.avoid(srlg, -1);
  }
  let best: readonly number[] | undefined;
  let tried = 0;
  for (let size = 0; size <= free.length; size++) {
    // No path that needs a larger set can share as few.
    if (best !== undefined && count(best) < forced.length + size) return best;
    for (const allowed of subsets(free, size)) {
      if (tried++ === srlgSetsMax) return least([best, bySum(search, srlgs, find)], compare);
      const avoided = free.filter((srlg) => !allowed.includes(srlg));
      for (const srlg of avoided) search.avoid(srlg, 1);
      best = least([best, find()], compare);
      for (const srlg of avoided) search.avoid(srlg, -1);
    }
  }
  return best;
}

/** Penalties above all others for each SRLG of a link. */
function bySum(search: DetourSearch, srlgs: readonly number[], find: Sharing["find"]): readonly number[] | undefined {
  const penalties = search.linkPenalty.slice();
  for (const srlg of srlgs) {
    for (const link of search.risks.srlgLinks[srlg] ?? []) search.linkPenalty[link] = (search.linkPenalty[link] as number) + srlgPenalty;
  }
  const found = find();
  search.linkPenalty.set(penalties);
  return found;
}

/** Weights of penalties: an SRLG outweighs all links of a path, a link all nodes. Sums are exact for paths of fewer than 2^17 hops. */
export const linkSharedPenalty = 2 ** 17;
export const srlgPenalty = 2 ** 34;

function least(
  paths: readonly (readonly number[] | undefined)[],
  compare: (a: readonly number[], b: readonly number[]) => number,
): readonly number[] | undefined {
  return paths.reduce((best, path) => (best === undefined || (path !== undefined && compare(path, best) < 0) ? path : best), undefined);
}

/** All subsets of a size, in lexicographic order of places. */
function* subsets(items: readonly number[], size: number, from = 0): Generator<readonly number[], void, undefined> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = from; i + size <= items.length; i++) {
    for (const rest of subsets(items, size - 1, i + 1)) yield [items[i] as number, ...rest];
  }
}
