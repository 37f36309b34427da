/** What both stores check of forecasts before they write, so that they refuse the same in the same words. */
import { z } from "zod";
import { admit, faultCodes, isId, ok, type Result } from "@sluice/model";
import { columnNodesMax } from "./demand-columns.js";
import {
  forecastErrorsMax,
  forecastWindowsMax,
  historyPageMax,
  quantiles,
  type ForecastBatch,
  type ForecastChunk,
  type ForecastStore,
  type ForecastWindowKey,
} from "./forecast-store.js";
import { batchIdSchema, instantSchema } from "./instant.js";
import { pageLimitMax } from "./store.js";

/** Rows of a batch that the store counts to. */
const rowsMax = 2_147_483_647;
/** A chunk, bytes: far above what ten thousand rows take. */
const chunkBytesMax = 16 << 20;

const count = z.int().min(0).max(rowsMax);
const hash = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");
const actor = z.string().refine(isId, "must be 1 to 128 printable characters without a blank at either end");

const faults = z
  .array(
    z.strictObject({
      code: z.enum(faultCodes),
      message: z.string().max(4_096),
      pointer: z.string().max(4_096).optional(),
      data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    }),
  )
  .max(forecastErrorsMax);

const progress = { rows: count, line: count, errorCount: count, errors: faults };

const beginSchema = z.strictObject({
  batchId: batchIdSchema,
  name: z.string().min(1).max(256),
  startedAt: instantSchema,
  by: actor.optional(),
});

const chunkSchema = z.strictObject({
  ...progress,
  number: count,
  content: z.instanceof(Uint8Array).refine(({ length }) => length <= chunkBytesMax, `must be at most ${chunkBytesMax} bytes`),
});

const key = {
  windowStart: instantSchema,
  windowSeconds: z
    .int()
    .min(1)
    .max(366 * 86_400),
  quantile: z.enum(quantiles),
};

const windowSchema = z.strictObject({
  ...key,
  state: z.enum(["ready", "quarantined"]),
  reasons: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))).max(100),
  flowGroups: count,
  rateBps: z.number().min(0),
  columns: z.custom<unknown>((value) => typeof value === "object" && value !== null),
});

const completionSchema = z.strictObject({
  completedAt: instantSchema,
  rows: count,
  line: count,
  contentHash: hash,
  windows: z.array(windowSchema).min(1).max(forecastWindowsMax),
});

const refusalSchema = z.strictObject({ ...progress, completedAt: instantSchema });
const releaseSchema = z.strictObject({ releasedAt: instantSchema, releasedBy: actor });
const limit = z.int().min(1).max(pageLimitMax);
const windowRangeSchema = z.strictObject({
  from: instantSchema,
  to: instantSchema,
  quantile: z.enum(quantiles).optional(),
  batchId: batchIdSchema.optional(),
  limit: z.int().min(1).max(forecastWindowsMax),
});
const historyRangeSchema = z.strictObject({ from: instantSchema, to: instantSchema, limit: z.int().min(1).max(historyPageMax) });

type Completion = Parameters<ForecastStore["completeForecast"]>[2];
type Refusal = Parameters<ForecastStore["refuseForecast"]>[2];
type Release = Parameters<ForecastStore["releaseForecast"]>[2];

export const admitBatchPage = (page: { readonly limit: number }) => admit(z.strictObject({ limit }), page);
export const admitBegin = (batch: Parameters<ForecastStore["beginForecast"]>[1]) => admit(beginSchema, batch, ["forecast"]);
export const admitChunk = (chunk: ForecastChunk) => same(chunk, admit(chunkSchema, chunk, ["forecast"]));
export const admitRefusal = (refusal: Refusal) => admit(refusalSchema, refusal, ["forecast"]);
export const admitRelease = (release: Release) => admit(releaseSchema, release, ["forecast"]);
export const admitWindowRange = (range: Parameters<ForecastStore["listForecastWindows"]>[0]) => admit(windowRangeSchema, range);
export const admitWindowKey = (window: ForecastWindowKey) => admit(z.object(key), window);
export const admitHistoryRange = (range: Parameters<ForecastStore["listDemandHistory"]>[0]) => admit(historyRangeSchema, range);

/** The columns themselves are typed and made by `columnsOf` or the staging; their size is bounded by their types. */
export function admitCompletion(completion: Completion): Result<Completion> {
  const admitted = admit(completionSchema, completion, ["forecast"]);
  if (!admitted.ok) return admitted;
  const windows = admitted.value.windows.map((window, i) => ({ ...window, columns: columnsAt(completion, i) }));
  return ok({ ...admitted.value, windows });
}

function columnsAt({ windows }: Completion, i: number) {
  const columns = windows[i]?.columns;
  if (columns === undefined || columns.nodeIds.length > columnNodesMax) throw new RangeError("a window has columns of its nodes");
  return columns;
}

/** Passing a check does not copy what is large. */
function same<T>(value: T, admitted: Result<unknown>): Result<T> {
  return admitted.ok ? ok(value) : admitted;
}

/** Fields that a batch has only in some states. */
export function optionalFields(fields: {
  readonly [K in "by" | "completedAt" | "contentHash" | "firstWindowStart" | "lastWindowEnd" | "releasedAt" | "releasedBy"]?:
    | string
    | null
    | undefined;
}): Partial<ForecastBatch> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

export function windowEnd({ windowStart, windowSeconds }: Pick<ForecastWindowKey, "windowStart" | "windowSeconds">): string {
  return new Date(Date.parse(windowStart) + windowSeconds * 1_000).toISOString();
}

/** First start and last end of windows; both undefined without any. */
export function spanOf(windows: readonly ForecastWindowKey[]): { readonly firstWindowStart?: string; readonly lastWindowEnd?: string } {
  const [first, ...rest] = windows;
  if (first === undefined) return {};
  let [firstWindowStart, lastWindowEnd] = [first.windowStart, windowEnd(first)];
  for (const window of rest) {
    const end = windowEnd(window);
    if (window.windowStart < firstWindowStart) firstWindowStart = window.windowStart;
    if (end > lastWindowEnd) lastWindowEnd = end;
  }
  return { firstWindowStart, lastWindowEnd };
}
