/**
 * Solving as an effect: off the event loop, bounded, and with a ladder. The optimizer has its deadline; when it misses
 * it or its process dies, a second process answers greedily; when that fails too, the caller keeps its last plan.
 */
import {
  fault,
  ok,
  refuse,
  type FailureScenario,
  type Plan,
  type PlanTimings,
  type Result,
  type ScenarioSplit,
  type Snapshot,
} from "@sluice/model";
import type { PathCheck, PathQuestion } from "@sluice/preview";
import { readOnce } from "@sluice/store";
import { planOf, planOfText } from "./plan-text.js";
import type {
  DifferenceTask,
  ExplainQuery,
  JobAnswer,
  JobTask,
  OptimizeResult,
  ProtectResult,
  ReportResult,
  ReportTask,
  SolverTask,
  TaskProgress,
} from "./solver-message.js";
import { SolverWorker } from "./solver-worker.js";

/** Beyond the settings' deadline, which the engine itself keeps where it can, before the process is killed. */
const deadlineGraceMs = 2_000;
const greedyDeadlineMs = 10_000;
/** With planning again for the smallest change. */
const explainDeadlineMs = 60_000;
const pathCheckDeadlineMs = 30_000;
const differenceDeadlineMs = 60_000;
/** Solves that a preview makes itself are within the settings' deadline each; failure reports and splits come on top. */
const jobSolvesMax = 2;
/** A process of theirs that nobody has asked for so long ends, ms. */
const idleMsMax = 60_000;
/** Explanations, path checks and differences that wait for those of their kind before them; more are `unavailable`. */
const waitingMax = 8;
/** Heap of a process that looks at failures, MiB: it holds one plan and one scenario's problem at a time. */
const failuresHeapMiB = 2_048;

export const solverLimits = {
  /** For all scenarios of a plan together. */
  protectDeadlineMs: 300_000,
  /** Groups in all splits of a plan together: some hundred bytes each, which the controller holds as well. */
  splitGroupsMax: 1_000_000,
  /** For a whole failure report. */
  reportDeadlineMs: 240_000,
  /** For a whole job, besides the time that its settings give to planning. */
  jobDeadlineMs: 240_000,
  /** Jobs that are computed at a time. */
  jobsMax: 2,
};

export interface ProtectTask {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly scenarios: readonly FailureScenario[];
}

export interface SolverPool {
  optimize(solveId: number, snapshot: Snapshot): Promise<OptimizeResult>;
  cancel(solveId: number): void;
  /**
   * Splits for failures, in a process of its own that gives way to solves. Where time or room run out or the
   * process ends, the splits that were found until then, in the order of the scenarios. A newer sweep cancels the one before.
   */
  protect(protectId: number, task: ProtectTask): Promise<ProtectResult>;
  cancelProtect(protectId: number): void;
  explain(snapshot: Snapshot, plan: Plan, query: ExplainQuery): Promise<Result<unknown>>;
  /**
   * A failure report that starts from these splits, in a process of its own that gives way to solves and ends with the report. One
   * at a time: others are `unavailable`. When the signal is aborted the process is killed: `cancelled`.
   */
  report(
    task: ReportTask,
    splits: readonly ScenarioSplit[],
    signal: AbortSignal,
    progress?: (progress: TaskProgress) => void,
  ): Promise<ReportResult>;
  /**
   * A preview or a what-if, in a process of its own that gives way to solves and ends with it. `jobsMax` at a time: others are `unavailable`. When
   * the signal is aborted the process is killed: `cancelled`.
   */
  job(task: JobTask, hooks: JobHooks): Promise<Result<JobAnswer>>;
  /** Whether and how a demand could be met; one after the other, `unavailable` where too many wait. */
  pathCheck(question: PathQuestion): Promise<Result<PathCheck>>;
  /** The difference of two stored plans as JSON; one after the other, as path checks. */
  difference(task: DifferenceTask): Promise<Result<Uint8Array>>;
  close(): void;
}

export interface JobHooks {
  readonly signal: AbortSignal;
  readonly progress: (progress: TaskProgress) => void;
}

export function startSolverPool(entry: URL, limits: Partial<typeof solverLimits> = {}): SolverPool {
  const { protectDeadlineMs, splitGroupsMax, reportDeadlineMs, jobDeadlineMs, jobsMax } = { ...solverLimits, ...limits };
  let optimizer = new SolverWorker(entry);
  /** Answers greedily where the optimizer fails, and takes its place where a solve is cancelled: loading a process takes longer than the next solve waits. */
  let understudy = new SolverWorker(entry);
  const explainer = inTurn(new SolverWorker(entry), explainDeadlineMs);
  const sweeper = new SolverWorker(entry, { heapMiB: failuresHeapMiB, yielding: true });
  const reporter = new SolverWorker(entry, { heapMiB: failuresHeapMiB, yielding: true });
  const pathChecker = inTurn(new SolverWorker(entry, { yielding: true }), pathCheckDeadlineMs);
  const differ = inTurn(new SolverWorker(entry, { yielding: true }), differenceDeadlineMs);
  const jobbers = new Set<SolverWorker>();
  let sweeping: number | undefined;
  let reporting = false;
  let solving: { readonly solveId: number; worker: SolverWorker } | undefined;
  optimizer.warm();
  understudy.warm();

  return {
    async optimize(solveId, snapshot) {
      if (solving !== undefined) return refuse(fault("unavailable", "A solve is running already."));
      solving = { solveId, worker: optimizer };
      try {
        const full: SolverTask = { kind: "optimize", snapshot, greedyOnly: false };
        // Most plans are stored: what that takes begins with the reading.
        const answer = planOf(await optimizer.run(full, snapshot.settings.deadlineSeconds * 1000 + deadlineGraceMs), readOnce);
        if (answer.ok || answer.faults[0].code === "cancelled") return answer;
        optimizer.warm();
        solving.worker = understudy;
        const greedy = planOf(await understudy.run({ ...full, greedyOnly: true }, greedyDeadlineMs), planOfText);
        return greedy.ok ? withNote(greedy, answer.faults[0].message) : { ok: false, faults: [...answer.faults, ...greedy.faults] };
      } finally {
        solving = undefined;
      }
    },
    cancel(solveId) {
      if (solving?.solveId !== solveId) return;
      const { worker } = solving;
      worker.cancel();
      if (worker === optimizer) [optimizer, understudy] = [understudy, optimizer];
      optimizer.warm();
      understudy.warm();
    },
    async protect(protectId, task) {
      sweeper.cancel();
      sweeping = protectId;
      const splits: ScenarioSplit[] = [];
      let groups = 0;
      const part = (split: ScenarioSplit): void => {
        groups += split.groups.length;
        if (groups <= splitGroupsMax) splits.push(split);
        else sweeper.end(fault("too-many", `The splits of this plan have more than ${splitGroupsMax} groups.`));
      };
      const result = await sweeper.run({ kind: "protect", ...task }, protectDeadlineMs, { part });
      if (sweeping === protectId) sweeping = undefined;
      if (result.ok) return ok({ splits, ...(result.value as { readonly timings: PlanTimings }) });
      const [first] = result.faults;
      return first.code === "cancelled" || splits.length === 0 ? result : ok({ splits, cutShort: first.message });
    },
    cancelProtect(protectId) {
      if (sweeping === protectId) sweeper.cancel();
    },
    explain(snapshot, plan, query) {
      return explainer.run({ kind: "explain", snapshot, plan, query });
    },
    async report(task, splits, signal, progress) {
      if (reporting) return refuse(fault("unavailable", "A failure report is being computed already; try again later."));
      if (signal.aborted) return refuse(fault("cancelled", "The failure report was cancelled."));
      reporting = true;
      const cancel = (): void => reporter.end(fault("cancelled", "The failure report was cancelled."));
      signal.addEventListener("abort", cancel, { once: true });
      try {
        return (await reporter.run({ kind: "report", ...task }, reportDeadlineMs, {
          splits,
          ...(progress && { progress }),
        })) as ReportResult;
      } finally {
        signal.removeEventListener("abort", cancel);
        reporting = false;
        // Reports are rare: their process's memory is given back.
        reporter.close();
      }
    },
    async job(task, { signal, progress }) {
      if (signal.aborted) return refuse(fault("cancelled", "The job was cancelled."));
      if (jobbers.size >= jobsMax) return refuse(fault("unavailable", `${jobsMax} jobs are being computed already; try again later.`));
      const worker = new SolverWorker(entry, { heapMiB: failuresHeapMiB, yielding: true });
      jobbers.add(worker);
      const cancel = (): void => worker.end(fault("cancelled", "The job was cancelled."));
      signal.addEventListener("abort", cancel, { once: true });
      const { deadlineSeconds } = { ...task.standing.ground.settings, ...task.changes.settings };
      try {
        return (await worker.run(task, jobDeadlineMs + jobSolvesMax * deadlineSeconds * 1000, { progress })) as Result<JobAnswer>;
      } finally {
        signal.removeEventListener("abort", cancel);
        jobbers.delete(worker);
        worker.close();
      }
    },
    pathCheck: (question) => pathChecker.run({ kind: "path-check", question }) as Promise<Result<PathCheck>>,
    difference: (task) => differ.run({ kind: "difference", ...task }) as Promise<Result<Uint8Array>>,
    close() {
      for (const worker of [optimizer, understudy, explainer, sweeper, reporter, pathChecker, differ, ...jobbers]) worker.close();
    },
  };
}

/** A worker whose tasks wait for each other, within bounds. Its process ends when nothing was asked for a while. */
function inTurn(worker: SolverWorker, deadlineMs: number) {
  let waiting = 0;
  let closed = false;
  let idle: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    async run(task: SolverTask): Promise<Result<unknown>> {
      if (waiting >= waitingMax) return refuse(fault("unavailable", `${waiting} questions of this kind wait already; try again later.`));
      waiting += 1;
      clearTimeout(idle);
      const mine = last.then(() => (closed ? refuse(fault("cancelled", "The controller is stopping.")) : worker.run(task, deadlineMs)));
      last = mine;
      try {
        return await mine;
      } finally {
        waiting -= 1;
        if (waiting === 0) idle = setTimeout(() => worker.close(), idleMsMax).unref();
      }
    },
    close(): void {
      closed = true;
      clearTimeout(idle);
      worker.close();
    },
  };
}

/** The greedy plan says why there is no better one. */
function withNote(result: OptimizeResult & { ok: true }, note: string): OptimizeResult {
  const { plan, timings } = result.value;
  const classes = plan.classes.map((each) => ({ ...each, notes: [note, ...each.notes] }));
  return { ok: true, value: { plan: { ...plan, classes }, timings } };
}
