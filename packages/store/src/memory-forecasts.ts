/** Forecasts and measured demands in memory: what `memoryStore` keeps of them. Columns go through their encoding, as with a database. */
import { flowGroupId, ok, type DemandMatrix, type FlowGroup, type Result, type Term } from "@sluice/model";
import { columnsOf, decodeColumns, encodeColumns, flowGroupsOf, matrixOfColumns } from "./demand-columns.js";
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
  spanOf,
  windowEnd,
} from "./forecast-admission.js";
import {
  forecastBatchesMax,
  type ForecastBatch,
  type ForecastStore,
  type ForecastWindow,
  type ForecastWindowKey,
  type FoundForecastWindow,
  type MeasuredDemands,
} from "./forecast-store.js";
import { historyFloor, historyInterval } from "./history-interval.js";
import { alreadyComplete, noForecast, noTime, noWindow, notNextChunk, notReceiving, nothingQuarantined } from "./refusal.js";

interface Kept {
  batch: ForecastBatch;
  chunks: Uint8Array[];
  windows: { readonly window: ForecastWindow; readonly columns: Uint8Array }[];
}

export interface MemoryForecasts extends ForecastStore {
  /** What keeps the matrix, which became current at that time, where it is the first of its interval. */
  remembering(matrix: DemandMatrix, measuredAt: string): Result<() => void>;
}

export function memoryForecasts({
  read,
  write,
}: {
  read<T>(answer: () => Result<T>): Promise<Result<T>>;
  write<T>(under: Term, change: () => Result<T>): Promise<Result<T>>;
}): MemoryForecasts {
  const batches = new Map<string, Kept>();
  const history = new Map<string, { readonly measuredAt: string; readonly columns: Uint8Array }>();

  function receiving(batchId: string): Result<Kept> {
    const kept = batches.get(batchId);
    if (kept === undefined) return noForecast(batchId);
    return kept.batch.state === "receiving" ? ok(kept) : notReceiving(kept.batch);
  }

  return {
    beginForecast: (under, given) =>
      write(under, () => {
        const admitted = admitBegin(given);
        if (!admitted.ok) return admitted;
        const known = batches.get(admitted.value.batchId)?.batch;
        if (known !== undefined && known.contentHash !== undefined) return alreadyComplete(known.batchId);
        const { batchId, name, startedAt, by } = admitted.value;
        const fresh = { rows: 0, line: 0, chunks: 0, errorCount: 0, errors: [], windows: 0, windowsQuarantined: 0 };
        batches.set(batchId, {
          batch: { batchId, name, state: "receiving", startedAt, ...(by === undefined ? {} : { by }), ...fresh },
          chunks: [],
          windows: [],
        });
        for (const { batchId: old } of newestFirst(batches).slice(forecastBatchesMax)) if (old !== batchId) batches.delete(old);
        return ok(undefined);
      }),

    appendForecastChunk: (under, batchId, chunk) =>
      write(under, () => {
        const admitted = admitChunk(chunk);
        if (!admitted.ok) return admitted;
        const kept = receiving(batchId);
        if (!kept.ok) return kept;
        const { batch, chunks } = kept.value;
        if (chunk.number !== batch.chunks) return notNextChunk(batch, chunk.number);
        const { rows, line, errorCount, errors, content } = chunk;
        chunks.push(content.slice());
        kept.value.batch = { ...batch, rows, line, errorCount, errors: structuredClone(errors), chunks: batch.chunks + 1 };
        return ok(undefined);
      }),

    readForecastChunk: (batchId, number) =>
      read(() => {
        const kept = batches.get(batchId);
        return kept === undefined ? noForecast(batchId) : ok(kept.chunks[number]?.slice());
      }),

    completeForecast: (under, batchId, completion) =>
      write(under, () => {
        const admitted = admitCompletion(completion);
        if (!admitted.ok) return admitted;
        const kept = receiving(batchId);
        if (!kept.ok) return kept;
        const { windows, ...rest } = admitted.value;
        const windowsQuarantined = windows.filter(({ state }) => state === "quarantined").length;
        kept.value.chunks = [];
        kept.value.windows = windows.map(({ columns, ...window }) => ({
          window: structuredClone(window),
          columns: encodeColumns(columns),
        }));
        kept.value.batch = {
          ...kept.value.batch,
          ...rest,
          ...spanOf(windows),
          state: windowsQuarantined > 0 ? "quarantined" : "ready",
          windows: windows.length,
          windowsQuarantined,
          chunks: 0,
          errorCount: 0,
          errors: [],
        };
        return ok(undefined);
      }),

    refuseForecast: (under, batchId, refusal) =>
      write(under, () => {
        const admitted = admitRefusal(refusal);
        if (!admitted.ok) return admitted;
        const kept = receiving(batchId);
        if (!kept.ok) return kept;
        kept.value.chunks = [];
        const { completedAt, rows, line, errorCount } = admitted.value;
        const errors = structuredClone(refusal.errors);
        kept.value.batch = { ...kept.value.batch, state: "refused", completedAt, rows, line, errorCount, errors, chunks: 0 };
        return ok(undefined);
      }),

    releaseForecast: (under, batchId, release) =>
      write(under, () => {
        const admitted = admitRelease(release);
        if (!admitted.ok) return admitted;
        const kept = batches.get(batchId);
        if (kept === undefined) return noForecast(batchId);
        if (kept.batch.state !== "quarantined") return nothingQuarantined(kept.batch);
        kept.windows = kept.windows.map(({ window, columns }) => ({ window: { ...window, state: "ready" }, columns }));
        kept.batch = { ...kept.batch, ...admitted.value, state: "ready", windowsQuarantined: 0 };
        return ok(undefined);
      }),

    removeForecast: (under, batchId) => write(under, () => (batches.delete(batchId) ? ok(undefined) : noForecast(batchId))),

    getForecast: (batchId) =>
      read(() => {
        const kept = batches.get(batchId);
        return kept === undefined ? noForecast(batchId) : ok(structuredClone(kept.batch));
      }),

    listForecasts: (page) =>
      read(() => {
        const admitted = admitBatchPage(page);
        return admitted.ok
          ? ok(
              newestFirst(batches)
                .slice(0, admitted.value.limit)
                .map((batch) => structuredClone(batch)),
            )
          : admitted;
      }),

    listForecastWindows: (range) =>
      read(() => {
        const admitted = admitWindowRange(range);
        if (!admitted.ok) return admitted;
        const { from, to, quantile, batchId, limit } = admitted.value;
        const found = [...batches.values()].flatMap(({ batch, windows }) =>
          windows
            .filter(({ window }) => window.windowStart < to && windowEnd(window) > from)
            .filter(({ window }) => (quantile ?? window.quantile) === window.quantile && (batchId ?? batch.batchId) === batch.batchId)
            .map(({ window }): FoundForecastWindow => ({
              ...structuredClone(window),
              batchId: batch.batchId,
              batchCompletedAt: batch.completedAt ?? "",
            })),
        );
        return ok(found.sort(compareFound).slice(0, limit));
      }),

    getForecastWindow: (batchId, key) =>
      read(() => {
        const admitted = admitWindowKey(key);
        if (!admitted.ok) return admitted;
        const found = batches.get(batchId)?.windows.find(({ window }) => isWindow(window, admitted.value));
        return found === undefined ? noWindow(batchId) : ok(matrixOfColumns(decodeColumns(found.columns), batchId));
      }),

    listDemandHistory: (range) =>
      read(() => {
        const admitted = admitHistoryRange(range);
        if (!admitted.ok) return admitted;
        const { from, to, limit } = admitted.value;
        const groups = new Map<string, readonly FlowGroup[]>();
        const starts = [...history.keys()].filter((start) => start >= from && start < to).sort();
        return ok(
          starts.slice(0, limit).flatMap((windowStart): MeasuredDemands[] => {
            const entry = history.get(windowStart);
            if (entry === undefined) return [];
            const columns = decodeColumns(entry.columns);
            const flowGroups = flowGroupsOf(columns);
            const set = flowGroups.map(flowGroupId).join("\n");
            if (!groups.has(set)) groups.set(set, flowGroups);
            return [{ windowStart, measuredAt: entry.measuredAt, flowGroups: groups.get(set) ?? flowGroups, ratesBps: columns.rateBps }];
          }),
        );
      }),

    remembering(matrix, measuredAt) {
      const windowStart = historyInterval(measuredAt);
      if (windowStart === undefined) return noTime();
      const columns = columnsOf(matrix);
      if (!columns.ok) return columns;
      const { bandwidthFunctions: _, ...rates } = columns.value;
      return ok(() => {
        if (history.has(windowStart)) return;
        history.set(windowStart, { measuredAt: new Date(measuredAt).toISOString(), columns: encodeColumns(rates) });
        const floor = historyFloor(windowStart);
        for (const start of history.keys()) if (start < floor) history.delete(start);
      });
    },
  };
}

function newestFirst(batches: ReadonlyMap<string, Kept>): readonly ForecastBatch[] {
  return [...batches.values()].map(({ batch }) => batch).sort((a, b) => compare(b.startedAt, a.startedAt) || compare(a.batchId, b.batchId));
}

function isWindow(window: ForecastWindowKey, key: ForecastWindowKey): boolean {
  return window.windowStart === key.windowStart && window.windowSeconds === key.windowSeconds && window.quantile === key.quantile;
}

function compareFound(a: FoundForecastWindow, b: FoundForecastWindow): number {
  return (
    compare(a.windowStart, b.windowStart) ||
    a.windowSeconds - b.windowSeconds ||
    compare(a.quantile, b.quantile) ||
    compare(b.batchCompletedAt, a.batchCompletedAt) ||
    compare(a.batchId, b.batchId)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
