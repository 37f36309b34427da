/**
 * What a store keeps of forecasts and of measured demands: a part of `Store`, under the same rules.
 *
 * A batch is `receiving` while its rows come in, chunk by chunk; each chunk is durable by itself. It becomes `ready` (or
 * `quarantined`) in one write that puts its windows in the place of its chunks, or `refused`. Only windows are ever planned on.
 */
import type { DemandMatrix, Fault, FlowGroup, Result, Term } from "@sluice/model";
import type { DemandColumns } from "./demand-columns.js";

/** Which share of the time the demand is expected to stay at or below the rate. A row that does not say is `p50`. */
export const quantiles = ["p50", "p75", "p90", "p95", "p99"] as const;
export type Quantile = (typeof quantiles)[number];

export const forecastStates = ["receiving", "ready", "quarantined", "refused"] as const;
export type ForecastState = (typeof forecastStates)[number];

/** Batches that are kept, whatever their state; the oldest go when a new one begins. */
export const forecastBatchesMax = 50;
/** Errors that are kept of a batch; further ones are counted. */
export const forecastErrorsMax = 1_000;
/** Windows, with their quantiles, in one batch: two weeks at five minutes, in five quantiles, is 20,160. */
export const forecastWindowsMax = 25_000;
/** One measured matrix is kept of each interval of this length, seconds. */
export const historyIntervalSeconds = 300;
/** How long measured matrices are kept, seconds: two weeks. */
export const historySecondsMax = 14 * 86_400;
/** Measured matrices in one page. */
export const historyPageMax = 288;

export interface ForecastBatch {
  readonly batchId: string;
  /** For people. */
  readonly name: string;
  readonly state: ForecastState;
  /** Who sent it; absent where nobody said. */
  readonly by?: string;
  readonly startedAt: string;
  /** When it became ready, quarantined or refused. */
  readonly completedAt?: string;
  /** Rows that are durable, refused ones included: an upload goes on after them. */
  readonly rows: number;
  /** Number of the line of the last durable row, in the upload as one piece; 0 before the first. */
  readonly line: number;
  readonly chunks: number;
  /** Of all rows, and the first of them. */
  readonly errorCount: number;
  readonly errors: readonly Fault[];
  /** SHA-256 over all windows, hex: equal for equal content, in whatever order and pieces it came. Absent until there are windows. */
  readonly contentHash?: string;
  /** Windows, each quantile counted, and how many of them are quarantined. */
  readonly windows: number;
  readonly windowsQuarantined: number;
  readonly firstWindowStart?: string;
  readonly lastWindowEnd?: string;
  readonly releasedAt?: string;
  readonly releasedBy?: string;
}

/** A part of a batch under way, opaque to the store. */
export interface ForecastChunk {
  /** From 0, without gaps. */
  readonly number: number;
  /** Of the batch with this chunk. */
  readonly rows: number;
  readonly line: number;
  readonly errorCount: number;
  readonly errors: readonly Fault[];
  readonly content: Uint8Array;
}

export interface ForecastWindowKey {
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly quantile: Quantile;
}

/** Why a window is quarantined: JSON that whoever judged it wrote. */
export type ForecastReason = Readonly<Record<string, string | number | boolean>>;

export interface ForecastWindow extends ForecastWindowKey {
  readonly state: "ready" | "quarantined";
  readonly reasons: readonly ForecastReason[];
  readonly flowGroups: number;
  /** Sum over all flow groups. */
  readonly rateBps: number;
}

export interface NewForecastWindow extends ForecastWindow {
  readonly columns: DemandColumns;
}

export interface FoundForecastWindow extends ForecastWindow {
  readonly batchId: string;
  readonly batchCompletedAt: string;
}

/** A matrix that was current at some time of the interval that begins there. */
export interface MeasuredDemands {
  readonly windowStart: string;
  readonly measuredAt: string;
  /** The same array for all of a page that have the same flow groups. */
  readonly flowGroups: readonly FlowGroup[];
  readonly ratesBps: Float64Array;
}

export interface ForecastStore {
  /**
   * A new batch, `receiving`, without rows. One of the same id that is receiving or refused is begun anew; one that has windows is
   * left as it is: `duplicate-id`.
   */
  beginForecast(
    term: Term,
    batch: { readonly batchId: string; readonly name: string; readonly startedAt: string; readonly by?: string },
  ): Promise<Result<void>>;
  /** The next chunk of a batch that is receiving: else `not-found` or `not-allowed`, also for a number that is not the next. */
  appendForecastChunk(term: Term, batchId: string, chunk: ForecastChunk): Promise<Result<void>>;
  /** In order, one at a time: `undefined` after the last. */
  readForecastChunk(batchId: string, number: number): Promise<Result<Uint8Array | undefined>>;
  /**
   * In one transaction: the windows take the place of the chunks, and the batch is `ready`, or `quarantined` where any window is.
   * Oldest batches beyond `forecastBatchesMax` go.
   */
  completeForecast(
    term: Term,
    batchId: string,
    completion: {
      readonly completedAt: string;
      readonly rows: number;
      readonly line: number;
      readonly contentHash: string;
      readonly windows: readonly NewForecastWindow[];
    },
  ): Promise<Result<void>>;
  /** The batch is `refused` with its errors; its chunks go. */
  refuseForecast(
    term: Term,
    batchId: string,
    refusal: {
      readonly completedAt: string;
      readonly rows: number;
      readonly line: number;
      readonly errorCount: number;
      readonly errors: readonly Fault[];
    },
  ): Promise<Result<void>>;
  /** Quarantined windows of the batch become ready. `not-allowed` where there are none. */
  releaseForecast(
    term: Term,
    batchId: string,
    release: { readonly releasedAt: string; readonly releasedBy: string },
  ): Promise<Result<void>>;
  removeForecast(term: Term, batchId: string): Promise<Result<void>>;
  /** `not-found` where there is none. */
  getForecast(batchId: string): Promise<Result<ForecastBatch>>;
  /** Newest first, by start and batch id. */
  listForecasts(page: { readonly limit: number }): Promise<Result<readonly ForecastBatch[]>>;
  /** Windows that overlap [from, to), by start, length, quantile, and newest batch first; of the batch where one is named. */
  listForecastWindows(range: {
    readonly from: string;
    readonly to: string;
    readonly quantile?: Quantile;
    readonly batchId?: string;
    readonly limit: number;
  }): Promise<Result<readonly FoundForecastWindow[]>>;
  /** The demands of a window, named for its batch; `not-found`. */
  getForecastWindow(batchId: string, key: ForecastWindowKey): Promise<Result<DemandMatrix>>;
  /** Measured matrices of intervals that begin in [from, to), oldest first. */
  listDemandHistory(range: {
    readonly from: string;
    readonly to: string;
    readonly limit: number;
  }): Promise<Result<readonly MeasuredDemands[]>>;
}
