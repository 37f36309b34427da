/**
 * How often an instance is solved, and which of these runs count. In the first of them code is still compiled, and compiled anew for this
 * instance's sizes, and memory is fetched from the system: they are not what a process that solves again and again takes.
 */
import { ok, type Result } from "@sluice/model";

/** After so long no further run is begun, s: what takes minutes needs no median. */
const repeatSecondsMax = 60;

export interface RepeatOptions {
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Runs that begin within so many seconds do not count, unless one of them takes as long: beside that, compiling is nothing. */
  readonly settleSeconds: number;
  /** Runs that count; fewer where they take longer than a minute. */
  readonly repeat: number;
}

/** At least one run that counts. Faults: the run's. */
export async function repeatedRuns<T>(
  run: () => Promise<Result<T>>,
  { nowMs, settleSeconds, repeat }: RepeatOptions,
): Promise<Result<readonly T[]>> {
  const runs: T[] = [];
  const settleMs = 1000 * settleSeconds;
  const began = nowMs();
  let countsFrom = began;
  while (runs.length === 0 && countsFrom - began < settleMs) {
    const result = await run();
    if (!result.ok) return result;
    if (nowMs() - countsFrom >= settleMs) runs.push(result.value);
    else countsFrom = nowMs();
  }
  while (runs.length < repeat && (runs.length === 0 || nowMs() - countsFrom < 1000 * repeatSecondsMax)) {
    const result = await run();
    if (!result.ok) return result;
    runs.push(result.value);
  }
  return ok(runs);
}
