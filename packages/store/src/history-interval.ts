/** Which interval of the history a time belongs to, and what is too old for it. */
import { historyIntervalSeconds, historySecondsMax } from "./forecast-store.js";

/** Start of the interval, in UTC; undefined for what is no time. */
export function historyInterval(measuredAt: string): string | undefined {
  const ms = Date.parse(measuredAt);
  if (!Number.isFinite(ms) || ms < 0) return undefined;
  const length = historyIntervalSeconds * 1_000;
  return new Date(Math.floor(ms / length) * length).toISOString();
}

/** What begins before this goes when the interval that begins there is kept. */
export function historyFloor(windowStart: string): string {
  return new Date(Math.max(0, Date.parse(windowStart) - historySecondsMax * 1_000)).toISOString();
}
