/** One time limit for two programs, of which the second only improves on the first. */
import type { SchemeOptions } from "./scheme.js";

/** Share of the time that the first program may take. */
const firstShare = 0.7;

export interface TimeSplit {
  readonly firstSeconds: number;
  /** What the first program has left; without a clock, what it was not allowed to take. */
  secondSeconds(): number;
}

export function splitTime({ timeLimitSeconds, nowMs }: SchemeOptions): TimeSplit {
  const firstSeconds = firstShare * timeLimitSeconds;
  const startMs = nowMs?.();
  return {
    firstSeconds,
    secondSeconds: () =>
      nowMs === undefined || startMs === undefined
        ? timeLimitSeconds - firstSeconds
        : Math.max(0, timeLimitSeconds - (nowMs() - startMs) / 1000),
  };
}
