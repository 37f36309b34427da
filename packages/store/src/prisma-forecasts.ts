/** Forecasts and measured demands in the database: the part of `prismaStore` that keeps them. */
import { promisify } from "node:util";
import { constants, gunzip, gzip } from "node:zlib";
import { ok, type DemandMatrix, type Fault, type FlowGroup, type Result, type Term } from "@sluice/model";
import { Prisma, type ForecastBatch as BatchRow, type PrismaClient } from "../generated/prisma/client.js";
import {
  columnsOf,
  decodeColumns,
  decodeRates,
  encodeColumns,
  encodeRates,
  flowGroupsOf,
  matrixOfColumns,
  type DemandColumns,
} from "./demand-columns.js";
import { sha256, type EncodedDocument } from "./document.js";
import { DamagedDocument } from "./document-table.js";
import {
  admitBatchPage,
  admitBegin,
  admitChunk,
  admitCompletion,
  admitHistoryRange,
  admitRefusal,
  admitRelease,
  admitWindowKey,
  admitWindowRange,
  optionalFields,
  spanOf,
  windowEnd,
} from "./forecast-admission.js";
import {
  forecastBatchesMax,
  type ForecastBatch,
  type ForecastReason,
  type ForecastStore,
  type ForecastWindow,
  type FoundForecastWindow,
  type MeasuredDemands,
  type Quantile,
} from "./forecast-store.js";
import { historyFloor, historyInterval } from "./history-interval.js";
import { alreadyComplete, noForecast, noTime, noWindow, notNextChunk, notReceiving, nothingQuarantined } from "./refusal.js";

const compress = promisify(gzip);
const decompress = promisify(gunzip);
/** Rates hardly compress, whatever is spent on them; the columns of ids do at once. */
const compression = { level: constants.Z_BEST_SPEED };
/** Largest content after decompression, bytes: a window of a million demands and their bandwidth functions is far below. */
const contentBytesMax = 1 << 30;
/** Windows written by one statement, and bytes of them at most: a statement is several times its content in memory. */
const windowsPerInsert = 250;
const bytesPerInsert = 1 << 20;

type Change<A, T> = (tx: Prisma.TransactionClient, value: A) => Promise<Result<T>>;

export interface Frame {
  readonly prisma: PrismaClient;
  guarded<T>(call: () => Promise<Result<T>>): Promise<Result<T>>;
  write<A, T>(
    what: { readonly under: Term; readonly admitted: Result<A>; readonly documents: readonly EncodedDocument[] },
    change: Change<A, T>,
  ): Promise<Result<T>>;
}

/** A measured matrix, ready to be written within a transaction. */
export interface EncodedMeasurement {
  readonly windowStart: string;
  readonly measuredAt: string;
  readonly groups: { readonly hash: string; readonly content: Uint8Array<ArrayBuffer> };
  readonly rates: { readonly hash: string; readonly content: Uint8Array<ArrayBuffer> };
}

async function pack(bytes: Uint8Array): Promise<{ readonly hash: string; readonly content: Uint8Array<ArrayBuffer> }> {
  return { hash: sha256(bytes), content: new Uint8Array(await compress(bytes, compression)) };
}

async function unpack({ hash, content }: { readonly hash: string; readonly content: Uint8Array }): Promise<Uint8Array> {
  const bytes = await decompress(content, { maxOutputLength: contentBytesMax }).catch(() => undefined);
  if (bytes === undefined || sha256(bytes) !== hash) throw new DamagedDocument(hash);
  return bytes;
}

export async function encodeMeasurement(matrix: DemandMatrix, measuredAt: string): Promise<Result<EncodedMeasurement>> {
  const windowStart = historyInterval(measuredAt);
  if (windowStart === undefined) return noTime();
  const columns = columnsOf(matrix);
  if (!columns.ok) return columns;
  const { bandwidthFunctions: _, rateBps, ...groups } = columns.value;
  const [groupsPacked, rates] = await Promise.all([
    pack(encodeColumns({ ...groups, rateBps: new Float64Array(rateBps.length) })),
    pack(encodeRates(rateBps)),
  ]);
  return ok({ windowStart, measuredAt: new Date(measuredAt).toISOString(), groups: groupsPacked, rates });
}

/** Keeps it where it is the first of its interval, and drops what has become too old. */
export async function insertMeasurement(tx: Prisma.TransactionClient, one: EncodedMeasurement): Promise<void> {
  if ((await tx.demandHistory.count({ where: { windowStart: one.windowStart } })) > 0) return;
  await tx.flowGroupSet.createMany({ data: [one.groups], skipDuplicates: true });
  const { windowStart, measuredAt, groups, rates } = one;
  await tx.demandHistory.create({
    data: { windowStart, measuredAt, flowGroupsHash: groups.hash, hash: rates.hash, rates: rates.content },
  });
  const { count } = await tx.demandHistory.deleteMany({ where: { windowStart: { lt: historyFloor(windowStart) } } });
  if (count > 0) await tx.flowGroupSet.deleteMany({ where: { history: { none: {} } } });
}

export function prismaForecasts({ prisma, guarded, write }: Frame): ForecastStore {
  /** A change of a batch that is still receiving. */
  function change<A>(
    { under, batchId, admitted }: { readonly under: Term; readonly batchId: string; readonly admitted: Result<A> },
    make: (tx: Prisma.TransactionClient, batch: ForecastBatch, value: A) => Promise<Result<void>>,
  ): Promise<Result<void>> {
    return write({ under, admitted, documents: [] }, async (tx, value) => {
      const row = await tx.forecastBatch.findUnique({ where: { batchId } });
      if (row === null) return noForecast(batchId);
      const batch = batchOf(row);
      return batch.state === "receiving" ? make(tx, batch, value) : notReceiving(batch);
    });
  }

  /** A server does this by itself, the embedded database never does: what chunks took is used again. It may fail without harm. */
  async function giveBackRoom(): Promise<void> {
    await guarded(async () => {
      await prisma.$executeRaw`VACUUM forecast_chunk`;
      return ok(undefined);
    });
  }

  return {
    beginForecast: (under, given) =>
      write({ under, admitted: admitBegin(given), documents: [] }, async (tx, { batchId, name, startedAt, by }) => {
        const known = await tx.forecastBatch.findUnique({ where: { batchId } });
        if (known !== null && known.contentHash !== null) return alreadyComplete(batchId);
        await tx.forecastBatch.deleteMany({ where: { batchId } });
        const stale = await tx.forecastBatch.findMany({
          orderBy: [{ startedAt: "desc" }, { batchId: "asc" }],
          select: { batchId: true },
          skip: forecastBatchesMax - 1,
        });
        if (stale.length > 0) await tx.forecastBatch.deleteMany({ where: { batchId: { in: stale.map((batch) => batch.batchId) } } });
        await tx.forecastBatch.create({ data: { batchId, name, startedAt, state: "receiving", actor: by ?? null } });
        return ok(undefined);
      }),

    appendForecastChunk: (under, batchId, chunk) =>
      change({ under, batchId, admitted: admitChunk(chunk) }, async (tx, batch, { number, rows, line, errorCount, errors, content }) => {
        if (number !== batch.chunks) return notNextChunk(batch, number);
        await tx.forecastChunk.create({ data: { batchId, number, content: new Uint8Array(content) } });
        const errorsNew = errorCount === batch.errorCount ? {} : { errorCount, errors: jsonOf(errors) };
        await tx.forecastBatch.update({ where: { batchId }, data: { rows, line, chunks: number + 1, ...errorsNew } });
        return ok(undefined);
      }),

    readForecastChunk: (batchId, number) =>
      guarded(async () => {
        const chunk = await prisma.forecastChunk.findUnique({ where: { batchId_number: { batchId, number } } });
        if (chunk !== null) return ok(chunk.content);
        return (await prisma.forecastBatch.count({ where: { batchId } })) === 0 ? noForecast(batchId) : ok(undefined);
      }),

    completeForecast: async (under, batchId, completion) => {
      const admitted = admitCompletion(completion);
      const packed = admitted.ok ? await packWindows(batchId, admitted.value.windows) : [];
      const completed = await change({ under, batchId, admitted }, async (tx, _, { completedAt, rows, line, contentHash, windows }) => {
        await tx.forecastChunk.deleteMany({ where: { batchId } });
        for (const part of packed) await tx.forecastWindow.createMany({ data: part });
        const windowsQuarantined = windows.filter(({ state }) => state === "quarantined").length;
        const state = windowsQuarantined > 0 ? "quarantined" : "ready";
        const span = spanOf(windows);
        await tx.forecastBatch.update({
          where: { batchId },
          data: {
            completedAt,
            rows,
            line,
            contentHash,
            state,
            windowsQuarantined,
            ...span,
            windows: windows.length,
            chunks: 0,
            errorCount: 0,
            errors: [],
          },
        });
        return ok(undefined);
      });
      if (completed.ok) await giveBackRoom();
      return completed;
    },

    refuseForecast: (under, batchId, refusal) =>
      change({ under, batchId, admitted: admitRefusal(refusal) }, async (tx, _, { completedAt, rows, line, errorCount }) => {
        await tx.forecastChunk.deleteMany({ where: { batchId } });
        const data = { state: "refused" as const, completedAt, rows, line, errorCount, errors: jsonOf(refusal.errors), chunks: 0 };
        await tx.forecastBatch.update({ where: { batchId }, data });
        return ok(undefined);
      }),

    releaseForecast: (under, batchId, release) =>
      write({ under, admitted: admitRelease(release), documents: [] }, async (tx, { releasedAt, releasedBy }) => {
        const row = await tx.forecastBatch.findUnique({ where: { batchId } });
        if (row === null) return noForecast(batchId);
        if (row.state !== "quarantined") return nothingQuarantined(batchOf(row));
        await tx.forecastWindow.updateMany({ where: { batchId, state: "quarantined" }, data: { state: "ready" } });
        await tx.forecastBatch.update({ where: { batchId }, data: { state: "ready", windowsQuarantined: 0, releasedAt, releasedBy } });
        return ok(undefined);
      }),

    removeForecast: (under, batchId) =>
      write({ under, admitted: ok(undefined), documents: [] }, async (tx) => {
        const { count } = await tx.forecastBatch.deleteMany({ where: { batchId } });
        return count === 0 ? noForecast(batchId) : ok(undefined);
      }),

    getForecast: (batchId) =>
      guarded(async () => {
        const row = await prisma.forecastBatch.findUnique({ where: { batchId } });
        return row === null ? noForecast(batchId) : ok(batchOf(row));
      }),

    listForecasts: (page) =>
      guarded(async () => {
        const admitted = admitBatchPage(page);
        if (!admitted.ok) return admitted;
        const rows = await prisma.forecastBatch.findMany({ orderBy: { startedAt: "desc" } });
        const batches = rows.map(batchOf).sort((a, b) => compare(b.startedAt, a.startedAt) || compare(a.batchId, b.batchId));
        return ok(batches.slice(0, admitted.value.limit));
      }),

    listForecastWindows: (range) =>
      guarded(async () => {
        const admitted = admitWindowRange(range);
        if (!admitted.ok) return admitted;
        const { from, to, quantile, batchId, limit } = admitted.value;
        const ofQuantile = quantile === undefined ? Prisma.empty : Prisma.sql`AND w.quantile = ${quantile}`;
        const ofBatch = batchId === undefined ? Prisma.empty : Prisma.sql`AND w.batch_id = ${batchId}`;
        // Prisma cannot say the collation, and the order must not depend on the server's.
        const rows = await prisma.$queryRaw<WindowRow[]>`
          SELECT w.batch_id AS "batchId", b.completed_at AS "completedAt", w.window_start AS "windowStart",
                 w.window_seconds AS "windowSeconds", w.quantile, w.state::text AS state, w.reasons,
                 w.flow_groups AS "flowGroups", w.rate_bps AS "rateBps"
          FROM forecast_window w JOIN forecast_batch b USING (batch_id)
          WHERE w.window_end > ${from}::timestamptz AND w.window_start < ${to}::timestamptz ${ofQuantile} ${ofBatch}
          ORDER BY w.window_start, w.window_seconds, w.quantile COLLATE "C", b.completed_at DESC, w.batch_id COLLATE "C" LIMIT ${limit}`;
        return ok(rows.map(windowOf));
      }),

    getForecastWindow: (batchId, key) =>
      guarded(async () => {
        const admitted = admitWindowKey(key);
        if (!admitted.ok) return admitted;
        const row = await prisma.forecastWindow.findUnique({
          where: { batchId_windowStart_windowSeconds_quantile: { batchId, ...admitted.value } },
        });
        return row === null ? noWindow(batchId) : ok(matrixOfColumns(decodeColumns(await unpack(row)), batchId));
      }),

    listDemandHistory: (range) =>
      guarded(async () => {
        const admitted = admitHistoryRange(range);
        if (!admitted.ok) return admitted;
        const { from, to, limit } = admitted.value;
        const rows = await prisma.demandHistory.findMany({
          where: { windowStart: { gte: from, lt: to } },
          orderBy: { windowStart: "asc" },
          take: limit,
        });
        const hashes = [...new Set(rows.map(({ flowGroupsHash }) => flowGroupsHash))];
        const sets = await prisma.flowGroupSet.findMany({ where: { hash: { in: hashes } } });
        const groups = new Map<string, readonly FlowGroup[]>();
        for (const set of sets) groups.set(set.hash, flowGroupsOf(decodeColumns(await unpack(set))));
        const found: MeasuredDemands[] = [];
        for (const { windowStart, measuredAt, flowGroupsHash, hash, rates } of rows) {
          const flowGroups = groups.get(flowGroupsHash);
          const ratesBps = decodeRates(await unpack({ hash, content: rates }));
          if (flowGroups === undefined || flowGroups.length !== ratesBps.length) throw new DamagedDocument(hash);
          found.push({ windowStart: windowStart.toISOString(), measuredAt: measuredAt.toISOString(), flowGroups, ratesBps });
        }
        return ok(found);
      }),
  };
}

/** Compressed outside of the transaction, in parts that one statement takes. */
async function packWindows(
  batchId: string,
  windows: readonly (ForecastWindow & { readonly columns: DemandColumns })[],
): Promise<readonly Prisma.ForecastWindowCreateManyInput[][]> {
  const parts: Prisma.ForecastWindowCreateManyInput[][] = [];
  let part: Prisma.ForecastWindowCreateManyInput[] = [];
  let bytes = 0;
  for (const { columns, reasons, ...window } of windows) {
    const { hash, content } = await pack(encodeColumns(columns));
    if (part.length >= windowsPerInsert || (part.length > 0 && bytes + content.length > bytesPerInsert)) {
      parts.push(part);
      [part, bytes] = [[], 0];
    }
    part.push({ ...window, batchId, windowEnd: windowEnd(window), reasons: reasons.map((reason) => ({ ...reason })), hash, content });
    bytes += content.length;
  }
  return [...parts, part];
}

function jsonOf(errors: readonly Fault[]): Prisma.InputJsonValue {
  return errors.map(({ code, message, pointer, data }) => ({
    code,
    message,
    ...(pointer === undefined ? {} : { pointer }),
    ...(data === undefined ? {} : { data: { ...data } }),
  }));
}

function batchOf(row: BatchRow): ForecastBatch {
  const { batchId, name, state, startedAt, rows, line, chunks, errorCount, errors, windows, windowsQuarantined } = row;
  return {
    batchId,
    name,
    state,
    startedAt: startedAt.toISOString(),
    rows,
    line,
    chunks,
    errorCount,
    windows,
    windowsQuarantined,
    // Written by `jsonOf` alone.
    errors: errors as unknown as readonly Fault[],
    ...optionalFields({
      by: row.actor,
      completedAt: row.completedAt?.toISOString(),
      contentHash: row.contentHash,
      firstWindowStart: row.firstWindowStart?.toISOString(),
      lastWindowEnd: row.lastWindowEnd?.toISOString(),
      releasedAt: row.releasedAt?.toISOString(),
      releasedBy: row.releasedBy,
    }),
  };
}

interface WindowRow {
  readonly batchId: string;
  readonly completedAt: Date | null;
  readonly windowStart: Date;
  readonly windowSeconds: number;
  readonly quantile: Quantile;
  readonly state: "ready" | "quarantined";
  readonly reasons: readonly ForecastReason[];
  readonly flowGroups: number;
  readonly rateBps: number;
}

function windowOf({ completedAt, windowStart, ...row }: WindowRow): FoundForecastWindow {
  return { ...row, windowStart: windowStart.toISOString(), batchCompletedAt: completedAt?.toISOString() ?? "" };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
