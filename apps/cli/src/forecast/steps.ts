/** Long computations step by step: signals are heard in between. */
import { setImmediate as turn } from "node:timers/promises";
import { fault, refuse, type Result } from "@sluice/model";

/** Time to compute before the event loop has a turn, ms. */
const sliceMs = 50;

export interface StepWatch {
  readonly what: string;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  readonly onProgress: (fraction: number) => void;
}

/** Fault: `cancelled`. */
export async function runSteps<T>(steps: Generator<number, Result<T>>, { what, signal, nowMs, onProgress }: StepWatch): Promise<Result<T>> {
  let pausedMs = nowMs();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (nowMs() - pausedMs < sliceMs) continue;
    onProgress(step.value);
    await turn();
    if (signal.aborted) return refuse(fault("cancelled", `${what} was cancelled.`));
    pausedMs = nowMs();
  }
}
