/**
 * A failing seed made small: of all that the storm did, and of the faults that come by chance, as much is left out as still leaves the same invariant
 * broken. Pieces of half the list, then of a quarter, down to single ones (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
 * TSE 2002). What is left out moves the random numbers of what follows, so each try is another world: what counts is that it fails alike.
 */
import { chanceFaults } from "./faults.js";
import { runWorld, SeedFailed, type WorldOptions } from "./world.js";
import type { Mutation } from "./mutation.js";

export interface Shrunk {
  readonly failure: SeedFailed;
  /** What has to be left out for it. */
  readonly without: ReadonlySet<string>;
  readonly tries: number;
}

/** Undefined where the seed does not fail. Each try is a run of the seed. */
export async function shrink(
  seed: number,
  options: Omit<WorldOptions, "without"> = {},
  { mutation = {}, triesMax = 300 }: { readonly mutation?: Mutation; readonly triesMax?: number } = {},
): Promise<Shrunk | undefined> {
  const play = async (without: ReadonlySet<string>): Promise<SeedFailed | undefined> => {
    try {
      await runWorld(seed, mutation, { ...options, without });
      return undefined;
    } catch (cause) {
      if (cause instanceof SeedFailed) return cause;
      throw cause;
    }
  };
  let without: ReadonlySet<string> = new Set();
  let failure = await play(without);
  if (failure === undefined) return undefined;
  const { invariant } = failure;
  let tries = 1;
  const leftIn = (of: SeedFailed): readonly string[] => [...chanceFaults.filter((name) => !without.has(name)), ...of.happened];
  let pieces = 2;
  while (tries < triesMax) {
    const items = leftIn(failure);
    const size = Math.max(1, Math.ceil(items.length / pieces));
    let smaller: { readonly failure: SeedFailed; readonly without: ReadonlySet<string> } | undefined;
    for (let start = 0; start < items.length && smaller === undefined && tries < triesMax; start += size) {
      const less = new Set([...without, ...items.slice(start, start + size)]);
      tries += 1;
      const found = await play(less);
      if (found?.invariant === invariant) smaller = { failure: found, without: less };
    }
    if (smaller !== undefined) {
      ({ failure, without } = smaller);
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(items.length, 2 * pieces);
  }
  // Names that were never reached say nothing.
  return { failure, without, tries };
}
