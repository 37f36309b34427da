/** Failure reports on their way and done: each computed once, one at a time, and no longer than somebody waits for it. */
import { fault, refuse } from "@sluice/model";
import type { ReportResult } from "../solver/solver-message.js";
import type { ReportCounts } from "./operation-metrics.js";

/** Reports that are kept: plans never change, but a report of ten thousand pairs takes ten megabytes. */
const keptMax = 4;

export interface FailureReports {
  /**
   * The report of this key, which names all that it depends on; `compute` is called where it is neither kept nor on its way. `gone` is aborted
   * when the one who asks waits no more. Faults: those of `compute`; `unavailable` while another report is being computed.
   */
  get(key: string, compute: (signal: AbortSignal) => Promise<ReportResult>, gone: AbortSignal): Promise<ReportResult>;
  counts(): ReportCounts;
}

interface Running {
  readonly key: string;
  readonly result: Promise<ReportResult>;
  readonly abort: AbortController;
  readonly startedMs: number;
  waiting: number;
}

/** `nowMs`: of a clock that never runs backwards. */
export function failureReports(nowMs: () => number): FailureReports {
  let done = 0;
  let failed = 0;
  const kept = new Map<string, ReportResult & { ok: true }>();
  let running: Running | undefined;

  async function run(key: string, compute: (signal: AbortSignal) => Promise<ReportResult>, signal: AbortSignal): Promise<ReportResult> {
    try {
      const result = await compute(signal);
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
        return refuse(fault("unavailable", "Another failure report is being computed; try again later."));
      }
      if (running === undefined) {
        const abort = new AbortController();
        // `run` ends in a later turn at the earliest, so that it finds what it clears.
        const result = Promise.resolve().then(() => run(key, compute, abort.signal));
        running = { key, result, abort, startedMs: nowMs(), waiting: 0 };
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
    counts: () => ({ waiting: running?.waiting ?? 0, runningMs: running === undefined ? 0 : nowMs() - running.startedMs, done, failed }),
  };
}
