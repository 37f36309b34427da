/**
 * The path that shares as few SRLGs as can be with what it stands in for. To share the fewest is NP-hard in general (a path of the fewest colours:
 * Yuan, Varma and Jue 2005, "Minimum-color path problems for reliability in mesh networks"), but the colours here are the few SRLGs of
 * one link or one tunnel: the sets of them that a path may meet are tried by rising size, beside those that every path meets.
 */
import type { DetourSearch } from "./detour-search.js";

/** Sets of SRLGs that are tried; beyond, the best so far is taken, or the least sum of what links share, where an SRLG met twice counts twice. */
export const srlgSetsMax = 64;

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
 * search where a path shares nothing; else one by the sum of what links share, one for each SRLG that this meets, and one for
 * each set: most often one. Bans and penalties of the search are left as they were.
 */
export function leastSharing(search: DetourSearch, { srlgs, find, compare, count }: Sharing): readonly number[] | undefined {
  const findWithout = (avoided: readonly number[]): readonly number[] | undefined => {
    for (const srlg of avoided) search.avoid(srlg, 1);
    const found = find();
    for (const srlg of avoided) search.avoid(srlg, -1);
    return found;
  };
  const apart = findWithout(srlgs);
  if (apart !== undefined || srlgs.length === 0) return apart;
  let best = bySum(search, srlgs, find);
  if (best === undefined) return undefined;

  // What every path meets is among what this one does.
  const met = new Set(best.flatMap((link) => search.risks.graph.linkSrlgs[link] ?? []));
  const forced = new Set(srlgs.filter((srlg) => met.has(srlg) && findWithout([srlg]) === undefined));
  const free = srlgs.filter((srlg) => !forced.has(srlg));
  let tried = 0;
  // No path that needs a larger set can share as few as the best.
  for (let size = 0; size <= free.length && forced.size + size <= count(best); size++) {
    for (const allowed of subsets(free, size)) {
      if (tried++ === srlgSetsMax) return best;
      const found = findWithout(free.filter((srlg) => !allowed.includes(srlg)));
      if (found !== undefined && compare(found, best) < 0) best = found;
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
