/** Failure reports on their way and done: each computed once, one at a time, and no longer than somebody waits for it. */
import { fault, refuse } from "@sluice/model";
import type { ReportResult, TaskProgress } from "../solver/solver-message.js";
import type { ReportCounts } from "./operation-metrics.js";

/** Reports that are kept: plans never change, but a report of ten thousand pairs takes ten megabytes. */
const keptMax = 4;

/** Tells how far it is: shares of the whole in [0, 1]. */
type Compute = (signal: AbortSignal, progress: (progress: TaskProgress) => void) => Promise<ReportResult>;

export interface FailureReports {
  /**
   * The report of this key, which names all that it depends on; `compute` is called where it is neither kept nor on its way. `gone` is aborted
   * when the one who asks waits no more. Faults: those of `compute`; `unavailable`, with how far that one is, while another report is being computed.
   */
  get(key: string, compute: Compute, gone: AbortSignal): Promise<ReportResult>;
  counts(): ReportCounts;
}

interface Running {
  readonly key: string;
  readonly result: Promise<ReportResult>;
  readonly abort: AbortController;
  readonly startedMs: number;
  waiting: number;
  progress: TaskProgress;
}

/** `nowMs`: of a clock that never runs backwards. */
export function failureReports(nowMs: () => number): FailureReports {
  let done = 0;
  let failed = 0;
  const kept = new Map<string, ReportResult & { ok: true }>();
  let running: Running | undefined;

  async function run(key: string, compute: Compute, signal: AbortSignal): Promise<ReportResult> {
    try {
      const result = await compute(signal, noteProgress);
      if (!result.ok) {
        failed += 1;
        return result;
      }
      done += 1;
      kept.set(key, result);
      for (const oldest of kept.keys()) {
        if (kept.size <= keptMax) break;
        kept.delete(oldest);
      }
      return result;
    } finally {
      running = undefined;
    }
  }

  /** Never back. */
  function noteProgress({ stage, fraction }: TaskProgress): void {
    if (running !== undefined) running.progress = { stage, fraction: Math.min(1, Math.max(running.progress.fraction, fraction)) };
  }

  return {
    async get(key, compute, gone) {
      const known = kept.get(key);
      if (known !== undefined) {
        // The one used last goes last.
        kept.delete(key);
        kept.set(key, known);
        return known;
      }
      if (running !== undefined && (running.key !== key || running.abort.signal.aborted)) {
        const { stage, fraction } = running.progress;
        const message = `Another failure report is being computed (${stage}, ${Math.floor(fraction * 100)} %); try again later.`;
        return refuse(fault("unavailable", message));
      }
      if (running === undefined) {
        const abort = new AbortController();
        // `run` ends in a later turn at the earliest, so that it finds what it clears.
        const result = Promise.resolve().then(() => run(key, compute, abort.signal));
        running = { key, result, abort, startedMs: nowMs(), waiting: 0, progress: { stage: "starting", fraction: 0 } };
      }
      const mine = running;
      mine.waiting += 1;
      const leave = (): void => {
        mine.waiting -= 1;
        if (mine.waiting === 0) mine.abort.abort();
      };
      if (gone.aborted) leave();
      else gone.addEventListener("abort", leave, { once: true });
      try {
        return await mine.result;
      } finally {
        gone.removeEventListener("abort", leave);
      }
    },
    counts: () => ({
      waiting: running?.waiting ?? 0,
      runningMs: running === undefined ? 0 : nowMs() - running.startedMs,
      progress: running?.progress.fraction ?? 0,
      done,
      failed,
    }),
  };
}
