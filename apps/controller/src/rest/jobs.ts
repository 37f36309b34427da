/** Long work that somebody asked for: queued, computed elsewhere, its answer kept for a while. Everything is bounded. */
import { fault, ok, refuse, type Faults, type Result } from "@sluice/model";
import type { JobAnswer, TaskProgress } from "../solver/solver-message.js";

export const jobKinds = ["preview", "what-if"] as const;
export type JobKind = (typeof jobKinds)[number];
export const jobStates = ["queued", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof jobStates)[number];

export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  /** Who asked for it. */
  readonly actor: string;
  readonly state: JobState;
  /** What is being done, and the share of the whole that is done. */
  readonly stage: string;
  readonly progress: number;
  readonly createdAtMs: number;
  readonly startedAtMs?: number | undefined;
  readonly endedAtMs?: number | undefined;
  /** Why it failed. */
  readonly faults?: Faults | undefined;
}

/** Computes; called when the job's turn comes. */
export type JobWork = (hooks: {
  readonly signal: AbortSignal;
  readonly progress: (progress: TaskProgress) => void;
}) => Promise<Result<JobAnswer>>;

export const jobLimits = {
  /** Computed at a time, and waiting for their turn. */
  runningMax: 2,
  waitingMax: 8,
  /** Jobs that have ended and are remembered, with their answers; the oldest go first. */
  keptMax: 16,
  /** All answers together, bytes: a proposal for the largest networks takes a hundred megabytes. */
  keptBytesMax: 512 << 20,
  /** An answer is kept for so long, ms. */
  keptMsMax: 3_600_000,
};

export interface JobRegistryParts {
  readonly newId: () => string;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  readonly limits?: Partial<typeof jobLimits>;
}

export interface JobRegistry {
  /** Fault: `unavailable` where too many wait. */
  submit(asked: { readonly kind: JobKind; readonly actor: string }, work: JobWork): Result<Job>;
  /** Newest first. */
  list(): readonly Job[];
  counts(): Readonly<Record<JobState, number>>;
  /** Undefined where there is none of this id, or none any more. */
  get(id: string): Job | undefined;
  /** Of a job that is done. */
  answer(id: string): JobAnswer | undefined;
  /** A job that waits or runs ends as `cancelled`; one that has ended stays as it is. */
  cancel(id: string): Job | undefined;
  /** Cancels all that waits and runs. */
  close(): void;
}

interface Entry {
  job: Job;
  readonly work: JobWork;
  readonly abort: AbortController;
  answer?: JobAnswer | undefined;
}

export function jobRegistry({ newId, nowMs, limits = {} }: JobRegistryParts): JobRegistry {
  const { runningMax, waitingMax, keptMax, keptBytesMax, keptMsMax } = { ...jobLimits, ...limits };
  /** In the order in which they were asked for. */
  const entries = new Map<string, Entry>();
  let running = 0;

  const inState = (state: JobState): Entry[] => [...entries.values()].filter(({ job }) => job.state === state);

  function startNext(): void {
    while (running < runningMax) {
      const [next] = inState("queued");
      if (next === undefined) return;
      running += 1;
      next.job = { ...next.job, state: "running", stage: "starting", startedAtMs: nowMs() };
      void run(next);
    }
  }

  async function run(entry: Entry): Promise<void> {
    const result = await guarded(entry.work, { signal: entry.abort.signal, progress: (progress) => noteProgress(entry, progress) });
    running -= 1;
    if (entry.job.state === "running") end(entry, result);
    startNext();
  }

  function noteProgress(entry: Entry, { stage, fraction }: TaskProgress): void {
    if (entry.job.state !== "running") return;
    entry.job = { ...entry.job, stage, progress: Math.min(1, Math.max(entry.job.progress, fraction)) };
  }

  function end(entry: Entry, result: Result<JobAnswer>): void {
    const endedAtMs = nowMs();
    if (result.ok) {
      entry.answer = result.value;
      entry.job = { ...entry.job, state: "done", stage: "done", progress: 1, endedAtMs };
    } else {
      const isCancelled = result.faults[0].code === "cancelled";
      entry.job = { ...entry.job, state: isCancelled ? "cancelled" : "failed", endedAtMs, faults: result.faults };
    }
    forget();
  }

  function forget(): void {
    const ended = [...entries.values()]
      .filter(({ job }) => job.endedAtMs !== undefined)
      .sort((a, b) => (a.job.endedAtMs ?? 0) - (b.job.endedAtMs ?? 0));
    let bytes = ended.reduce((sum, { answer }) => sum + bytesOf(answer), 0);
    let left = ended.length;
    const now = nowMs();
    for (const { job, answer } of ended) {
      const isOld = now - (job.endedAtMs ?? 0) > keptMsMax;
      // The newest answer stays, whatever its size: somebody has just waited for it.
      const isTooMuch = left > keptMax || (bytes > keptBytesMax && left > 1);
      if (!isOld && !isTooMuch) break;
      entries.delete(job.id);
      bytes -= bytesOf(answer);
      left -= 1;
    }
  }

  return {
    submit({ kind, actor }, work) {
      forget();
      const waiting = inState("queued").length;
      if (running >= runningMax && waiting >= waitingMax) {
        return refuse(fault("unavailable", `${waiting} jobs wait already; try again later.`, { data: { accepted: false } }));
      }
      const id = newId();
      const job: Job = { id, kind, actor, state: "queued", stage: "queued", progress: 0, createdAtMs: nowMs() };
      const entry: Entry = { job, work, abort: new AbortController() };
      entries.set(id, entry);
      startNext();
      return ok(entry.job);
    },
    counts() {
      forget();
      const counts = { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
      for (const { job } of entries.values()) counts[job.state] += 1;
      return counts;
    },
    list() {
      forget();
      return [...entries.values()].map(({ job }) => job).reverse();
    },
    get(id) {
      forget();
      return entries.get(id)?.job;
    },
    answer: (id) => entries.get(id)?.answer,
    cancel(id) {
      const entry = entries.get(id);
      if (entry === undefined) return undefined;
      if (entry.job.state === "queued" || entry.job.state === "running") {
        entry.job = { ...entry.job, state: "cancelled", endedAtMs: nowMs() };
        entry.abort.abort();
        forget();
      }
      return entry.job;
    },
    close() {
      for (const { job, abort } of entries.values()) if (job.state === "queued" || job.state === "running") abort.abort();
      entries.clear();
    },
  };
}

/** Work that breaks off has failed, like any other. */
async function guarded(work: JobWork, hooks: Parameters<JobWork>[0]): Promise<Result<JobAnswer>> {
  try {
    return await work(hooks);
  } catch (error) {
    return refuse(fault("internal", `The job broke off: ${error instanceof Error ? error.message : String(error)}.`));
  }
}

function bytesOf(answer: JobAnswer | undefined): number {
  return (answer?.document.byteLength ?? 0) + (answer?.proposal?.byteLength ?? 0);
}
