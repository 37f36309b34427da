/** Metrics of the controller's own work for its operators: what it publishes, who watches, the audit log, long work, its event loop. */
import { performance, type EventLoopUtilization } from "node:perf_hooks";
import { publishedKinds, type LeadershipView, type PublishedEvent } from "@sluice/control";
import { Counter, Gauge, type Registry } from "prom-client";
import type { AuditCounts } from "./audit.js";
import type { WatcherCounts } from "./events/event-watchers.js";
import { jobStates, type JobState } from "./jobs.js";

const msPerSecond = 1_000;

/** Where figures are asked for when they are wanted; what is not given is left out. */
export interface MetricSources {
  readonly watchers?: () => WatcherCounts;
  readonly audit?: () => AuditCounts;
  readonly reports?: () => ReportCounts;
  readonly leadership?: () => LeadershipView;
  readonly jobs?: () => Readonly<Partial<Record<JobState, number>>>;
}

export interface ReportCounts {
  /** Those who wait for the failure report that is being computed; 0 where there is none. */
  readonly waiting: number;
  /** How long that has taken so far, ms. */
  readonly runningMs: number;
  /** Share of it that is done; 0 where there is none. */
  readonly progress: number;
  /** Reports so far, by what came of them. */
  readonly done: number;
  readonly failed: number;
}

export interface OperationMetrics {
  event(event: PublishedEvent): void;
  /** Reads anew. */
  set(sources: MetricSources): void;
}

export function createOperationMetrics(registry: Registry): OperationMetrics {
  const registers = [registry];
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `sluice_${name}`, help, labelNames, registers });
  const counter = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `sluice_${name}`, help, labelNames, registers });

  const events = counter("events_total", "Events that the controller published since it started.", ["kind"]);
  // A kind that never came is a fact as well, and alerts on the first one need it.
  for (const kind of publishedKinds) events.inc({ kind }, 0);
  const watchers = gauge("event_watchers", "Clients that watch the journal by server-sent events.");
  const watchersDropped = counter("event_watchers_dropped_total", "Watchers that were cut off because they took nothing any more.", [
    "reason",
  ]);
  const watchersRefused = counter("event_watchers_refused_total", "Watchers that were refused because there were too many.");
  const auditWritten = counter("audit_entries_total", "Entries of the audit log that this controller has written.");
  const auditFailures = counter(
    "audit_write_failures_total",
    "Writes of the audit log that failed; changes are refused until they succeed.",
  );
  const auditLost = counter(
    "audit_entries_lost_total",
    "Refused requests that found no room while the audit log could not be written, and entries that no store would take.",
  );
  const auditWaiting = gauge("audit_entries_waiting", "Entries of the audit log that are still to be written.");
  const auditBroken = gauge("audit_broken", "1 when the audit log was found to be changed by somebody else.");
  const reportRunning = gauge("failure_report_running_seconds", "How long the failure report under way has taken so far; 0 without one.");
  const reportProgress = gauge("failure_report_progress_ratio", "How far the failure report under way is; 0 without one.");
  const reportWaiting = gauge("failure_report_waiting", "Clients that wait for the failure report under way.");
  const reports = counter("failure_reports_total", "Failure reports that were computed, by what came of them.", ["outcome"]);
  const jobs = gauge("jobs", "Previews and what-ifs by state; those that ended are forgotten after a while.", ["state"]);
  const leads = gauge("leader", "1 when this controller leads.");
  const leaseRemaining = gauge(
    "lease_remaining_seconds",
    "How long the lease may still be relied on; 0 where this controller does not lead by one.",
  );
  const leaderships = counter("leaderships_total", "How many times this controller has begun to lead.");
  const active = counter("event_loop_active_seconds_total", "Time that the event loop was busy; its rate is the loop's utilization.");
  let before: EventLoopUtilization = performance.eventLoopUtilization();

  /** The sources have totals: a counter that is read anew starts from 0 each time. */
  function total(of: { reset(): void; inc(value: number): void }, value: number): void {
    of.reset();
    of.inc(value);
  }

  return {
    event: ({ kind }) => events.inc({ kind }),
    set(sources) {
      const now = performance.eventLoopUtilization();
      active.inc(Math.max(0, now.active - before.active) / msPerSecond);
      before = now;

      const watching = sources.watchers?.();
      watchers.set(watching?.watching ?? 0);
      watchersDropped.reset();
      for (const reason of ["slow", "stalled"] as const) watchersDropped.inc({ reason }, watching?.dropped[reason] ?? 0);
      total(watchersRefused, watching?.refused ?? 0);

      const audit = sources.audit?.();
      total(auditWritten, audit?.written ?? 0);
      total(auditFailures, audit?.failures ?? 0);
      total(auditLost, audit?.lost ?? 0);
      auditWaiting.set(audit?.waiting ?? 0);
      auditBroken.set(audit?.isBroken === true ? 1 : 0);

      const leadership = sources.leadership?.();
      const isLeader = leadership === undefined || leadership.role === "leader";
      leads.set(isLeader ? 1 : 0);
      leaseRemaining.set(isLeader ? (leadership?.remainingMs ?? 0) / msPerSecond : 0);
      total(leaderships, leadership?.leaderships ?? 1);

      const report = sources.reports?.();
      reportRunning.set((report?.runningMs ?? 0) / msPerSecond);
      reportProgress.set(report?.progress ?? 0);
      reportWaiting.set(report?.waiting ?? 0);
      reports.reset();
      reports.inc({ outcome: "done" }, report?.done ?? 0);
      reports.inc({ outcome: "failed" }, report?.failed ?? 0);

      const counts = sources.jobs?.();
      for (const state of jobStates) jobs.set({ state }, counts?.[state] ?? 0);
    },
  };
}
