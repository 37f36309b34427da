/** Which failures a report looks at. */
import { failureScenarios, pairScenario, type FailureKind, type FailureScenario, type NamedDrain, type Topology } from "@sluice/model";

/** Pairs that a report looks at unless told otherwise. */
export const pairsMaxDefault = 1_000;

export interface ScenarioChoice {
  readonly kinds: readonly FailureKind[];
  readonly drains?: readonly NamedDrain[] | undefined;
  /** Two cables at once, besides the single failures: all of them, or so many drawn by the seed where there are more. */
  readonly pairs?: { readonly countMax: number; readonly seed: number } | undefined;
}

export interface ScenarioSet {
  readonly scenarios: readonly FailureScenario[];
  /** Absent where no pairs were asked for. */
  readonly pairs?: {
    readonly possible: number;
    readonly taken: number;
    /** Not all of them: what is worst among them may not be the worst of all. */
    readonly sampled: boolean;
    readonly seed: number;
  };
}

/**
 * The scenarios of a choice: single failures first, then pairs of cables. Pairs are drawn without repetition and the same for the same seed
 * (Floyd's sampling; splitmix32). O(scenarios).
 */
export function scenarioSet(topology: Topology, { kinds, drains = [], pairs }: ScenarioChoice): ScenarioSet {
  const singles = failureScenarios(topology, kinds, drains);
  if (pairs === undefined) return { scenarios: singles };
  const cables = failureScenarios(topology, ["link"]);
  const possible = (cables.length * (cables.length - 1)) / 2;
  const ranks =
    possible <= pairs.countMax ? Array.from({ length: possible }, (_, rank) => rank) : drawn(possible, pairs.countMax, pairs.seed);
  const scenarios = ranks.map((rank) => {
    const [i, j] = pairOfRank(rank);
    const a = cables[i];
    const b = cables[j];
    if (a === undefined || b === undefined) throw new RangeError(`there is no pair ${rank} of ${cables.length} cables`);
    return pairScenario(a, b);
  });
  return {
    scenarios: [...singles, ...scenarios],
    pairs: { possible, taken: ranks.length, sampled: ranks.length < possible, seed: pairs.seed },
  };
}

/** The rank-th pair i < j in the order (0,1), (0,2), (1,2), (0,3), ... */
function pairOfRank(rank: number): readonly [number, number] {
  let j = Math.floor((1 + Math.sqrt(1 + 8 * rank)) / 2);
  while ((j * (j - 1)) / 2 > rank) j -= 1;
  while (((j + 1) * j) / 2 <= rank) j += 1;
  return [rank - (j * (j - 1)) / 2, j];
}

/** So many different numbers below `size`, ascending. */
function drawn(size: number, count: number, seed: number): readonly number[] {
  const random = splitmix32(seed);
  const taken = new Set<number>();
  for (let top = size - count; top < size; top++) {
    const number = Math.floor(random() * (top + 1));
    taken.add(taken.has(number) ? top : number);
  }
  return [...taken].sort((a, b) => a - b);
}

/** Uniform in [0, 1), 32 bits. */
function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
