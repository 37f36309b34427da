/**
 * Whether it pays to hand work to a further thread. On a machine that is busy with other things the system may stop a thread in the middle
 * of its work, and the one that solves then waits for milliseconds for what it would have done itself in microseconds.
 */

/** After the first wait so many calls are made without help; twice as many after each further one, up to the most. */
const restLeast = 16;
const restMost = 1024;

export interface HelperTrust {
  /** Asked before each call: whether to hand out work. */
  readonly isGiven: () => boolean;
  /** Told after each call that was helped with: whether it was waited for. */
  readonly note: (wasLate: boolean) => void;
}

export function helperTrust(): HelperTrust {
  let rest = restLeast;
  let left = 0;
  return {
    isGiven() {
      if (left === 0) return true;
      left--;
      return false;
    },
    note(wasLate) {
      if (wasLate) {
        left = rest;
        rest = Math.min(2 * rest, restMost);
      } else if (rest > restLeast) rest--;
    },
  };
}
