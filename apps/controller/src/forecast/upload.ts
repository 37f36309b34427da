/**
 * An upload of forecasts: rows in, chunks to the store while they come, windows at the end. Nothing is half applied: rows that are wrong
 * refuse the whole batch, and what was interrupted waits to go on behind the last row that is durable.
 */
import { fault, ok, pointerOf, refuse, type Fault, type Faults, type Result, type Term, type Topology } from "@sluice/model";
import { forecastErrorsMax, type ForecastBatch, type ForecastReason, type ForecastStore, type NewForecastWindow } from "@sluice/store";
import { BodyInterrupted, BodyRefused, type RowSource } from "./body.js";
import type { ParsedRow } from "./row.js";
import { ForecastStaging } from "./staging.js";
import { ContentHash, windowsOf, type StagedWindow } from "./windows.js";

/** Rows of a batch. */
export const rowsMax = 1_000_000;
/** Rows of a chunk: so many may have to be sent again. */
const chunkRows = 10_000;
/** Uploads at a time: each holds its rows as columns, forty bytes a row while they are sorted. */
const uploadsMax = 2;

export interface ForecastUpload {
  readonly batchId: string;
  /** For people; the batch id where it is not given. */
  readonly name?: string | undefined;
  readonly by?: string | undefined;
  /** Goes on behind so many rows, which must be those that are durable. Left out, the batch begins anew. */
  readonly resumeAt?: number | undefined;
  /** More will come in another request: the batch stays open. */
  readonly more?: boolean;
  /** How many rows the whole batch has, where the client knows: it is not completed with another number. */
  readonly rows?: number | undefined;
  /** How errors point to a row, by its line; `/line/N/FIELD` where it is not given. */
  pointerOf?(line: number, field: string | undefined): string;
  /** Of `resumeAt`, in the request. */
  readonly resumePointer?: string;
  /** A window that is there even if no row is of it. */
  readonly window?: { readonly startMs: number; readonly windowSeconds: number; readonly quantile: number };
}

export interface Judged {
  readonly state: "ready" | "quarantined";
  readonly reasons: readonly ForecastReason[];
}

export interface UploadParts {
  readonly store: ForecastStore;
  readonly term: Term;
  view(): { readonly topology?: Topology };
  nowMs(): number;
  /** Whether windows are like what was measured; in their order. */
  judge(windows: readonly StagedWindow[]): Promise<Result<readonly Judged[]>>;
  /** Told of each batch that was completed or refused. */
  onSettled?(batch: ForecastBatch): void;
  readonly limits?: { readonly rowsMax?: number; readonly chunkRows?: number };
}

export interface ForecastUploads {
  /**
   * Takes a body in and answers with the batch as it is then. Faults: of rows (the batch is refused, and they are the first of its
   * errors), `too-many`, `duplicate-id` (another batch had the id), `in-flight`, `unavailable`, `not-ready`, `cancelled`
   * (the client went away: what is durable stays), `out-of-range` (the upload does not go on there), and of the store.
   */
  receive(upload: ForecastUpload, source: RowSource): Promise<Result<ForecastBatch>>;
}

/** Where an upload stands. */
interface Progress {
  rows: number;
  line: number;
  errorCount: number;
  readonly errors: Fault[];
  chunks: number;
  /** Rows since the last chunk. */
  pending: number;
}

export function forecastUploads(parts: UploadParts): ForecastUploads {
  const underWay = new Set<string>();
  return {
    async receive(upload, source) {
      const { batchId } = upload;
      if (underWay.has(batchId)) return refuse(fault("in-flight", `The batch ${batchId} is being uploaded already.`));
      if (underWay.size >= uploadsMax) {
        return refuse(
          fault("unavailable", `${uploadsMax} forecasts are being uploaded already; try again later.`, { data: { accepted: false } }),
        );
      }
      underWay.add(batchId);
      try {
        return await receive(parts, upload, source);
      } finally {
        underWay.delete(batchId);
      }
    },
  };
}

async function receive(parts: UploadParts, upload: ForecastUpload, source: RowSource): Promise<Result<ForecastBatch>> {
  const { store, term } = parts;
  const { topology } = parts.view();
  if (topology === undefined) return refuse(fault("not-ready", "A forecast needs a topology: send one first."));
  const found = await store.getForecast(upload.batchId);
  if (!found.ok && found.faults[0].code !== "not-found") return found;
  const known = found.ok ? found.value : undefined;
  const staging = new ForecastStaging(topology);
  if (upload.resumeAt !== undefined) {
    const resumed = await resume(parts, upload, known, staging);
    return resumed.ok ? take({ parts, upload, staging, progress: resumed.value, repeats: undefined }, source) : resumed;
  }
  const progress: Progress = { rows: 0, line: 0, errorCount: 0, errors: [], chunks: 0, pending: 0 };
  // Sent again: it is read to the end to see that it is the same, and changes nothing.
  if (known?.contentHash !== undefined) return take({ parts, upload, staging, progress, repeats: known }, source);
  const { batchId, name = batchId, by } = upload;
  const startedAt = isoTime(parts);
  const begun = await store.beginForecast(term, { batchId, name, startedAt, ...(by === undefined ? {} : { by }) });
  return begun.ok ? take({ parts, upload, staging, progress, repeats: undefined }, source) : begun;
}

async function resume(
  { store }: UploadParts,
  { batchId, resumeAt, resumePointer = "/query/row" }: ForecastUpload,
  known: ForecastBatch | undefined,
  staging: ForecastStaging,
): Promise<Result<Progress>> {
  if (known === undefined) return refuse(fault("not-found", `There is no forecast batch ${batchId}.`));
  if (known.state !== "receiving") {
    return refuse(
      fault("not-allowed", `The forecast batch ${batchId} is ${known.state}: it takes no more rows.`, { data: { state: known.state } }),
    );
  }
  if (resumeAt !== known.rows) {
    const message = `${known.rows} rows of ${batchId} are durable: the upload goes on there, not at ${resumeAt}.`;
    return refuse(fault("out-of-range", message, { pointer: resumePointer, data: { rows: known.rows } }));
  }
  for (let number = 0; number < known.chunks; number += 1) {
    const chunk = await store.readForecastChunk(batchId, number);
    if (!chunk.ok) return chunk;
    if (chunk.value === undefined) return refuse(fault("store-failed", `A part of the batch ${batchId} is missing: begin it again.`));
    const added = staging.addChunk(chunk.value);
    if (!added.ok) return added;
  }
  const { rows, line, errorCount, errors, chunks } = known;
  return ok({ rows, line, errorCount, errors: [...errors], chunks, pending: 0 });
}

interface Session {
  readonly parts: UploadParts;
  readonly upload: ForecastUpload;
  readonly staging: ForecastStaging;
  readonly progress: Progress;
  /** The batch that is sent again. */
  readonly repeats: ForecastBatch | undefined;
}

async function take(session: Session, source: RowSource): Promise<Result<ForecastBatch>> {
  const { parts, upload, staging, progress } = session;
  if (upload.window !== undefined) {
    const refused = staging.declare(upload.window);
    if (refused !== undefined) return refuse(fault(refused.code, refused.message));
  }
  try {
    for await (const rows of source(progress.line, progress.rows)) {
      for (const row of rows) {
        if (progress.rows === (parts.limits?.rowsMax ?? rowsMax)) return await tooMany(session);
        takeRow(session, row);
        if (progress.pending < (parts.limits?.chunkRows ?? chunkRows)) continue;
        const stored = await checkpoint(session);
        if (!stored.ok) return stored;
      }
    }
  } catch (cause) {
    if (!(cause instanceof BodyInterrupted) && !(cause instanceof BodyRefused)) throw cause;
    if (cause instanceof BodyRefused && cause.isFinal && upload.resumeAt === undefined && session.repeats === undefined) {
      return settleRefused(session, [cause.reason, ...progress.errors]);
    }
    const stored = await checkpoint(session);
    if (!stored.ok) return stored;
    if (cause instanceof BodyRefused) return refuse(...firstOf(progress.errors, cause.reason));
    return refuse(fault("cancelled", `The client went away; ${progress.rows} rows are durable.`, { data: { rows: progress.rows } }));
  }
  return upload.more === true && session.repeats === undefined ? leaveOpen(session) : finish(session);
}

function takeRow({ upload, staging, progress }: Session, parsed: ParsedRow): void {
  progress.rows += 1;
  progress.pending += 1;
  progress.line = parsed.line;
  if ("faults" in parsed) {
    for (const each of parsed.faults) addError(progress, each);
    return;
  }
  const refused = staging.add(parsed.row);
  if (refused === undefined) return;
  const { line } = parsed;
  const pointer =
    upload.pointerOf?.(line, refused.field) ?? pointerOf(["line", line, ...(refused.field === undefined ? [] : [refused.field])]);
  addError(progress, fault(refused.code, `${pointer}: ${refused.message}`, { pointer }));
}

function addError(progress: Progress, error: Fault): void {
  progress.errorCount += 1;
  if (progress.errors.length < forecastErrorsMax) progress.errors.push(error);
}

/** What came in since the last one becomes durable. */
async function checkpoint({ parts: { store, term }, upload, staging, progress, repeats }: Session): Promise<Result<void>> {
  if (repeats !== undefined || progress.pending === 0) return ok(undefined);
  const { rows, line, errorCount, errors, chunks: number } = progress;
  const stored = await store.appendForecastChunk(term, upload.batchId, {
    number,
    rows,
    line,
    errorCount,
    errors: [...errors],
    content: staging.takeChunk(),
  });
  if (!stored.ok) return stored;
  progress.chunks += 1;
  progress.pending = 0;
  return ok(undefined);
}

/** What was wrong with rows is said before what ended them. */
function firstOf(errors: readonly Fault[], last: Fault): Faults {
  const [first, ...rest] = errors;
  return first === undefined ? [last] : [first, ...rest, last];
}

async function leaveOpen(session: Session): Promise<Result<ForecastBatch>> {
  const stored = await checkpoint(session);
  return stored.ok ? session.parts.store.getForecast(session.upload.batchId) : stored;
}

async function tooMany(session: Session): Promise<Result<ForecastBatch>> {
  const most = session.parts.limits?.rowsMax ?? rowsMax;
  const error = fault("too-many", `A batch has at most ${most} rows: send it in several batches.`, { pointer: "/body" });
  return session.repeats === undefined ? settleRefused(session, [error, ...session.progress.errors]) : refuse(error);
}

async function finish(session: Session): Promise<Result<ForecastBatch>> {
  const { parts, upload, staging, progress, repeats } = session;
  const [first, ...rest] = progress.errors;
  if (first !== undefined) return repeats === undefined ? settleRefused(session, [first, ...rest]) : refuse(first, ...rest);
  if (upload.rows !== undefined && upload.rows !== progress.rows) {
    const stored = await checkpoint(session);
    if (!stored.ok) return stored;
    const message = `The batch is to have ${upload.rows} rows, but ${progress.rows} have come.`;
    return refuse(fault("out-of-range", message, { pointer: "/query/rows", data: { rows: progress.rows } }));
  }
  if (staging.slots.length === 0) {
    const nothing = fault("missing-field", "The batch has no rows.", { pointer: "/body" });
    return repeats === undefined ? settleRefused(session, [nothing]) : refuse(nothing);
  }
  staging.seal();
  const windows: StagedWindow[] = [];
  const hash = new ContentHash();
  for await (const window of windowsOf(staging)) {
    hash.add(window);
    windows.push(window);
  }
  staging.release();
  const contentHash = hash.digest();
  if (repeats !== undefined) return contentHash === repeats.contentHash ? ok(repeats) : otherContent(repeats);
  const judged = await parts.judge(windows);
  if (!judged.ok) return judged;
  const { rows, line } = progress;
  const completed = await parts.store.completeForecast(parts.term, upload.batchId, {
    completedAt: isoTime(parts),
    rows,
    line,
    contentHash,
    windows: windows.map((window, i): NewForecastWindow => ({
      ...window,
      flowGroups: window.columns.rateBps.length,
      ...(judged.value[i] ?? { state: "quarantined", reasons: [] }),
    })),
  });
  return completed.ok ? settled(session) : completed;
}

function otherContent({ batchId }: ForecastBatch): Result<never> {
  const message = `There is a batch ${batchId} with other content: use another id.`;
  return refuse(fault("duplicate-id", message, { pointer: "/query/batchId" }));
}

async function settleRefused(session: Session, errors: Faults): Promise<Result<ForecastBatch>> {
  const { parts, upload, progress } = session;
  const { rows, line } = progress;
  const listed = errors.slice(0, forecastErrorsMax);
  const errorCount = Math.max(progress.errorCount, errors.length);
  const refusal = { completedAt: isoTime(parts), rows, line, errorCount, errors: listed };
  const stored = await parts.store.refuseForecast(parts.term, upload.batchId, refusal);
  if (!stored.ok) return stored;
  await settled(session);
  return { ok: false, faults: errors };
}

async function settled({ parts, upload }: Session): Promise<Result<ForecastBatch>> {
  const batch = await parts.store.getForecast(upload.batchId);
  if (batch.ok) parts.onSettled?.(batch.value);
  return batch;
}

function isoTime({ nowMs }: UploadParts): string {
  return new Date(nowMs()).toISOString();
}
