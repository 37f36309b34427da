/** How often a controller that dies may be started again: a few times in a while, so that a crash loop ends with a message instead of heat. Pure. */
export const restartsMax = 5;
export const restartWindowMs = 60_000;
/** Wait before the first restart; doubles with each further one in the window, ms. */
const waitMsMin = 500;

/** The wait before the next start, or undefined where there have been too many. `startsMs`: times of earlier restarts. */
export function restartWaitMs(startsMs: readonly number[], nowMs: number): number | undefined {
  const recent = startsMs.filter((at) => nowMs - at < restartWindowMs).length;
  return recent >= restartsMax ? undefined : waitMsMin * 2 ** recent;
}
