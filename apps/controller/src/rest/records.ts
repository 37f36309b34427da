/** What a REST server keeps and passes on of what happens: the audit log of changes, and the watchers of the journal. */
import type { FastifyInstance } from "fastify";
import { auditChanges } from "./audit-changes.js";
import { auditLog, type AuditLog } from "./audit.js";
import type { RestDeps } from "./deps.js";
import { eventWatchers, watcherLimitsDefault, type EventWatchers } from "./events/event-watchers.js";
import type { Metrics } from "./metrics.js";

/** The log of all changes under this controller's term. */
export function openAudit({ store, view, term = () => view().term, log }: Pick<RestDeps, "store" | "view" | "term" | "log">): AuditLog {
  return auditLog({
    store,
    term,
    nowMs: () => view().nowMs,
    // Whoever keeps the log of the process can show later what the audit log was.
    onWritten: ({ sequence, hash, phase, requestId, actor }) => log?.info({ audit: { sequence, hash, phase, requestId, actor } }, "audit"),
    onTrouble: (message, faults) => log?.error({ faults }, message),
  });
}

/** To be called once it is known how it is found out who asks, and before the routes are declared. */
export function keepRecords(app: FastifyInstance, deps: RestDeps, metrics: Metrics): EventWatchers {
  const { store, view, watchJournal, limits } = deps;
  const audit = deps.audit ?? openAudit(deps);
  auditChanges(app, audit);

  const watchers = eventWatchers(
    store,
    { ...watcherLimitsDefault, ...(limits && { watchersMax: limits.watchersMax }) },
    { nowMs: () => view().nowMs },
  );
  const unwatch = watchJournal?.(watchers.durable);
  app.addHook("preClose", async () => {
    unwatch?.();
    watchers.close();
    await Promise.resolve();
  });
  metrics.readFrom({ audit: audit.counts, watchers: watchers.counts });
  return watchers;
}
