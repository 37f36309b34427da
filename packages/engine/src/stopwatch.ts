/** Seconds by stage, on a clock that is handed in. */
import type { PlanTimings } from "@sluice/model";

export interface Stopwatch {
  /** Books the time since the last lap to a stage. */
  lap(stage: string): void;
  elapsedSeconds(): number;
  timings(): PlanTimings;
}

export function stopwatch(nowMs: () => number): Stopwatch {
  const startMs = nowMs();
  const seconds: Record<string, number> = {};
  let lastMs = startMs;
  const elapsedSeconds = (): number => (nowMs() - startMs) / 1000;
  return {
    lap(stage) {
      const now = nowMs();
      seconds[stage] = (seconds[stage] ?? 0) + (now - lastMs) / 1000;
      lastMs = now;
    },
    elapsedSeconds,
    timings: () => ({ ...seconds, total: elapsedSeconds() }),
  };
}
