/** Trying again what failed for a reason that may pass. */
import { setTimeout as wait } from "node:timers/promises";
import type { Result } from "@sluice/model";

/** Tries in all. */
const triesMax = 5;
export interface Retrying {
  readonly signal: AbortSignal;
  readonly onRetry: (message: string) => void;
  /** First pause; each later one is twice as long. */
  readonly pauseMs: number;
}

/** What `attempt` answers, unless that is `unavailable` and a try is left; a controller that says when to come again is heeded. */
export async function withRetries<T>(attempt: (number: number) => Promise<Result<T>>, retrying: Retrying): Promise<Result<T>> {
  const { signal, onRetry, pauseMs } = retrying;
  for (let number = 1; ; number += 1) {
    const result = await attempt(number);
    if (result.ok || result.faults[0].code !== "unavailable" || number === triesMax || signal.aborted) return result;
    const [{ message, data }] = result.faults;
    const asked = data?.["retryAfterMs"];
    const pause = Math.max(pauseMs * 2 ** (number - 1), typeof asked === "number" ? asked : 0);
    onRetry(`${message} Trying again in ${pause / 1000} s (${number} of ${triesMax - 1}).`);
    await wait(pause, undefined, { signal }).catch(() => undefined);
  }
}
