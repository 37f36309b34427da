/**
 * Which cables are down at a random moment, by falling probability. Cables fail independently, each with the same probability p <= 1/2: so a
 * failure of fewer cables is the likelier, and of equally many the order is that of the cables.
 */

/** Failures looked at, at most. */
export const failuresExaminedMax = 20_000;
/** What is left unexamined may take this share of what the target leaves, where the number of failures allows. */
const restShareMax = 0.2;

export interface LikelyFailure {
  /** Rising indices of cables. */
  readonly cables: readonly number[];
  readonly probability: number;
}

export interface LikelyFailures {
  readonly failures: readonly LikelyFailure[];
  /** Of all of them together; what is missing to 1 counts as total loss. */
  readonly probability: number;
}

/** Failures of the given cables (others make no difference) until what is left does not count, or there are too many. */
export function likelyFailures(cables: readonly number[], probability: number, target: number): LikelyFailures {
  const failures: LikelyFailure[] = [];
  const restMax = restShareMax * (1 - target);
  let sum = 0;
  for (let size = 0; size <= cables.length; size++) {
    const each = probability ** size * (1 - probability) ** (cables.length - size);
    for (const chosen of subsets(cables, size)) {
      if (failures.length === failuresExaminedMax || 1 - sum <= restMax || each === 0) return { failures, probability: sum };
      failures.push({ cables: chosen, probability: each });
      sum += each;
    }
  }
  return { failures, probability: Math.min(1, sum) };
}

/** All subsets of a size, in lexical order. */
function* subsets(items: readonly number[], size: number): Generator<readonly number[], void, undefined> {
  const at = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    yield at.map((i) => items[i] as number);
    let last = size - 1;
    while (last >= 0 && at[last] === items.length - size + last) last--;
    if (last < 0) return;
    at[last] = (at[last] as number) + 1;
    for (let i = last + 1; i < size; i++) at[i] = (at[i - 1] as number) + 1;
  }
}
