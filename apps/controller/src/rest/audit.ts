/**
 * The audit log of change requests, written ahead: a request before it is attempted, its outcome before the answer. What cannot be written
 * down is not done:
 *
 *   request not written          refused with `unavailable`, nothing was attempted
 *   outcome not written          the change has been made, and the answer says that its outcome is not in the log yet; it is written before
 *                                anything else, so until then no further change is attempted
 *   controller ends in between   the request stands there without an outcome, and verification shows it
 *
 * A write that failed may have happened all the same: then the log is read before it is written again.
 */
import {
  auditStart,
  canonicalJson,
  fault,
  ok,
  refuse,
  type AuditDraft,
  type AuditEntry,
  type AuditPosition,
  type Faults,
  type Result,
  type Term,
} from "@sluice/model";
import { auditPerAppendMax, pageLimitMax, type Store } from "@sluice/store";

export interface AuditLimits {
  /** Longest wait for the log, ms. */
  readonly writeMsMax: number;
  /** Until what waits is tried again, ms. */
  readonly retryMs: number;
  /** Entries that may wait: outcomes are as few as requests at a time, the rest are refusals. */
  readonly waitingMax: number;
}

export const auditLimitsDefault: AuditLimits = { writeMsMax: 10_000, retryMs: 1_000, waitingMax: auditPerAppendMax };

export type AuditedRequest = Pick<AuditDraft, "requestId" | "actor" | "role" | "method" | "route" | "resource" | "bodyHash">;
export type AuditedOutcome = Required<Pick<AuditDraft, "status">> & Pick<AuditDraft, "code" | "bodyHash">;

export interface AuditCounts {
  readonly written: number;
  /** Writes that failed. */
  readonly failures: number;
  readonly waiting: number;
  /** Refusals that found no room while the store was away, and entries that no store would take: they are in no log. */
  readonly lost: number;
  /** The log did not go on from where this controller had left it: somebody else has been at it. */
  readonly isBroken: boolean;
}

export interface AuditLog {
  /** Durable when it resolves, to the number of the entry. Fault: `unavailable`: the change must not be attempted. */
  begin(request: AuditedRequest): Promise<Result<number>>;
  /** What came of it. Resolves with whether it is durable; if not yet, it will be before anything else is. */
  end(of: number, request: AuditedRequest, outcome: AuditedOutcome): Promise<boolean>;
  /** Request and outcome at once, where nothing was attempted. */
  note(request: AuditedRequest, outcome: AuditedOutcome): Promise<boolean>;
  counts(): AuditCounts;
  close(): void;
}

export interface AuditLogParts {
  readonly store: Pick<Store, "appendAudit" | "listAudit">;
  readonly term: () => Term;
  readonly nowMs: () => number;
  /** Told of each entry, so that its place in the chain is noted outside the database as well. */
  readonly onWritten?: (entry: AuditEntry) => void;
  readonly onTrouble?: (message: string, faults?: Faults) => void;
  readonly limits?: AuditLimits;
}

interface Item {
  readonly draft: AuditDraft;
  /** Nobody waits for it any more: a request's change has been refused. */
  isGivenUp: boolean;
  readonly settle: (written: Result<AuditEntry>) => void;
}

export function auditLog({ store, term, nowMs, onWritten, onTrouble, limits = auditLimitsDefault }: AuditLogParts): AuditLog {
  /** In the order in which they are to be written. */
  let queue: Item[] = [];
  /** Requests that were refused although they may have been written. */
  let doubtful: AuditDraft[] = [];
  /** The end of the log; undefined where it has to be read. */
  let head: AuditPosition | undefined;
  /** The last end that was known. */
  let known: AuditPosition | undefined;
  let isWriting = false;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;
  /** Under which this process has led: what others wrote under theirs is not tampering. */
  const ownTerms = new Set<Term>();
  let termLast: Term | undefined;
  const counts = { written: 0, failures: 0, lost: 0, isBroken: false };

  /** Writes all that there is, as long as that succeeds. */
  async function flush(): Promise<void> {
    if (isWriting) return;
    isWriting = true;
    clearTimeout(retry);
    let written: Result<unknown> = ok(undefined);
    while (queue.length > 0 && written.ok) {
      if (term() !== termLast) {
        termLast = term();
        ownTerms.add(termLast);
        head = undefined;
      }
      written = head === undefined ? await readHead() : await writeSome(head);
    }
    isWriting = false;
    if (!written.ok) {
      failed(written.faults);
      if (queue.length > 0 && !isClosed) retry = setTimeout(() => void flush(), limits.retryMs);
    }
  }

  async function writeSome(after: AuditPosition): Promise<Result<unknown>> {
    const items = queue.slice(0, auditPerAppendMax);
    const appended = await store.appendAudit(
      term(),
      items.map(({ draft }) => draft),
    );
    if (!appended.ok) {
      const bad = draftRefused(appended.faults, items);
      if (bad !== undefined) return leftOut(bad, appended);
      doubtful.push(...items.map(({ draft }) => draft).filter(({ phase }) => phase === "request"));
      return appended;
    }
    queue = queue.slice(items.length);
    const [first] = appended.value;
    if (first !== undefined && (first.sequence !== after.sequence + 1 || first.previousHash !== after.hash)) broken(after);
    head = known = appended.value.at(-1) ?? after;
    counts.written += items.length;
    for (const [i, entry] of appended.value.entries()) {
      onWritten?.(entry);
      const item = items[i];
      if (item?.isGivenUp === true && entry.phase === "request") queue.push(silent(closing(entry)));
      else item?.settle(ok(entry));
    }
    return ok(undefined);
  }

  /** One that no store takes would keep all others from being written: nothing was, and they go on without it. */
  function leftOut(item: Item, refused: Extract<Result<never>, { ok: false }>): Result<void> {
    queue = queue.filter((other) => other !== item);
    counts.lost += 1;
    onTrouble?.("an entry of the audit log cannot be stored", refused.faults);
    item.settle(refused);
    return ok(undefined);
  }

  /** Changes are refused, what is still to be told waits. */
  function failed(faults: Faults): void {
    counts.failures += 1;
    head = undefined;
    // Who does not lead keeps what is still to be told until it leads again.
    if (term() !== 0) onTrouble?.("the audit log could not be written", faults);
    const refused = refuse(...faults);
    for (const { settle } of queue) settle(refused);
    queue = queue.filter(({ draft }) => draft.phase !== "request");
  }

  /**
   * Where a write has failed: what the log holds of it need not be written again, and a request that was refused is closed. The empty write comes after
   * all that may still be under way in the database, so that what is read then is final.
   */
  async function readHead(): Promise<Result<void>> {
    const barrier = await store.appendAudit(term(), []);
    if (!barrier.ok) return barrier;
    if (known === undefined) {
      const newest = await store.listAudit({ order: "newest-first", limit: 1 });
      if (!newest.ok) return newest;
      head = known = newest.value[0] ?? auditStart;
      return ok(undefined);
    }
    for (let isWhole = false; !isWhole;) {
      const page = await store.listAudit({ order: "oldest-first", after: known.sequence, limit: pageLimitMax });
      if (!page.ok) return page;
      for (const entry of page.value) found(entry);
      known = page.value.at(-1) ?? known;
      isWhole = page.value.length < pageLimitMax;
    }
    doubtful = [];
    head = known;
    return ok(undefined);
  }

  function found(entry: AuditEntry): void {
    const text = canonicalJson(draftOf(entry));
    const isOurs = (draft: AuditDraft): boolean => canonicalJson(draft) === text;
    const at = queue.findIndex(({ draft }) => isOurs(draft));
    const doubt = doubtful.findIndex(isOurs);
    if (at >= 0) queue = queue.toSpliced(at, 1);
    else if (doubt >= 0) {
      doubtful = doubtful.toSpliced(doubt, 1);
      queue.push(silent(closing(entry)));
    } else if (ownTerms.has(entry.term)) broken(entry);
  }

  function broken({ sequence }: Pick<AuditPosition, "sequence">): void {
    counts.isBroken = true;
    onTrouble?.(`the audit log was changed by somebody else, at entry ${sequence} or before`);
  }

  /** The outcome of a request whose entry came too late to be waited for. */
  function closing({ sequence, requestId, actor, role, method, route, resource }: AuditEntry): AuditDraft {
    const request = { requestId, actor, role, method, route, resource };
    return { at: now(), phase: "outcome", ...request, of: sequence, status: 503, code: "unavailable" };
  }

  function now(): string {
    return new Date(nowMs()).toISOString();
  }

  /** Resolves when the draft is written, or when it failed or took too long. */
  function write(draft: AuditDraft): Promise<Result<AuditEntry>> {
    if (queue.length >= limits.waitingMax && draft.phase !== "outcome") {
      if (draft.phase === "both") counts.lost += 1;
      return Promise.resolve(refuse(fault("unavailable", `${queue.length} entries of the audit log wait to be written.`)));
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        item.isGivenUp = true;
        resolve(refuse(fault("deadline-exceeded", `The audit log was not written within ${limits.writeMsMax / 1_000} s.`)));
      }, limits.writeMsMax);
      const item: Item = {
        draft,
        isGivenUp: false,
        settle(written) {
          clearTimeout(timer);
          resolve(written);
        },
      };
      queue.push(item);
      void flush();
    });
  }

  return {
    async begin(request) {
      const written = await write({ at: now(), phase: "request", ...request });
      if (written.ok) return ok(written.value.sequence);
      const [{ code }] = written.faults;
      return refuse(
        fault("unavailable", "The audit log cannot be written, so nothing was changed; try again later.", { data: { cause: code } }),
      );
    },
    end: async (of, request, outcome) => (await write({ at: now(), phase: "outcome", ...request, of, ...outcome })).ok,
    note: async (request, outcome) => (await write({ at: now(), phase: "both", ...request, ...outcome })).ok,
    counts: () => ({ ...counts, waiting: queue.length }),
    close() {
      isClosed = true;
      clearTimeout(retry);
    },
  };
}

/** The store names the draft that it would never take (`/entries/3/resource`). */
function draftRefused(faults: Faults, items: readonly Item[]): Item | undefined {
  const [, index] = /^\/entries\/([0-9]{1,9})(\/|$)/.exec(faults[0].pointer ?? "") ?? [];
  return index === undefined ? undefined : items[Number(index)];
}

/** One that nobody waits for. */
function silent(draft: AuditDraft): Item {
  return { draft, isGivenUp: false, settle: () => undefined };
}

function draftOf({ sequence: _s, term: _t, previousHash: _p, hash: _h, ...draft }: AuditEntry): AuditDraft {
  return draft;
}
