/** Events: told to watchers at once, written to the journal in batches, one write at a time. */
import type { RequestedBy, Result } from "@sluice/model";
import type { PublishedKind } from "../controller-effect.js";
import { nextId, type ControllerState } from "./state.js";

/** `by`: whose request the event follows from. */
export function publish(state: ControllerState, kind: PublishedKind, facts: Readonly<Record<string, unknown>>, by?: RequestedBy): void {
  const { journal, config } = state;
  const data = by === undefined ? facts : { ...facts, by };
  state.effects.push({ kind: "publish", event: { kind, data } });
  journal.pending.push({ at: isoTime(state.nowMs), kind, data });
  if (journal.pending.length > config.eventQueueMax) {
    journal.dropped += journal.pending.length - config.eventQueueMax;
    journal.pending.splice(0, journal.pending.length - config.eventQueueMax);
  }
}

export function isoTime(nowMs: number): string {
  return new Date(nowMs).toISOString();
}

/** Starts the next write, if none is under way. */
export function writeJournal(state: ControllerState): void {
  const { journal, config, nowMs } = state;
  if (journal.writing !== undefined || journal.pending.length === 0 || nowMs < journal.retryAtMs) return;
  if (journal.dropped > 0) {
    journal.pending.unshift({ at: isoTime(nowMs), kind: "events-dropped", data: { count: journal.dropped } });
    journal.dropped = 0;
  }
  const events = journal.pending.splice(0, config.eventBatchMax);
  journal.writing = { persistId: nextId(state), events };
  state.effects.push({ kind: "persist", persistId: journal.writing.persistId, write: { kind: "events", events } });
}

/** What could not be written goes back to the head of the queue, within its limit. */
export function journalPersisted(state: ControllerState, result: Result<unknown>): void {
  const { journal, config, nowMs } = state;
  const { writing } = journal;
  journal.writing = undefined;
  if (result.ok || writing === undefined) return;
  journal.retryAtMs = nowMs + config.failureBackoffMinMs;
  const room = Math.max(0, config.eventQueueMax - journal.pending.length);
  const kept = room === 0 ? [] : writing.events.slice(-room);
  journal.dropped += writing.events.length - kept.length;
  journal.pending.unshift(...kept);
}
