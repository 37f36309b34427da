/**
 * Whether the windows of a batch are like what was measured; where too little was measured, like the last forecast that was good. What is
 * usual is found from a sample over the whole history: it takes a fraction of a second at most, on the controller's own thread.
 */
import {
  HistoryDraft,
  sanityBy,
  usualDemand,
  usualWindowsMin,
  type DemandHistory,
  type JudgedMatrix,
  type UsualDemand,
} from "@sluice/forecast";
import { compareText, flowGroupId, ok, type FlowGroup, type FlowGroupId, type Result } from "@sluice/model";
import {
  flowGroupsOf,
  historyIntervalSeconds,
  historyPageMax,
  historySecondsMax,
  type DemandColumns,
  type ForecastReason,
  type ForecastStore,
} from "@sluice/store";
import type { Judged } from "./upload.js";
import { nextTurn, type StagedWindow } from "./windows.js";

/** Rates of the sample. */
const sampleRatesMax = 400_000;
/** Matrices of the sample: every two hours of two weeks. */
const sampleMatricesMax = 168;
/** Windows of the last good forecast that stand in for a history. */
const forecastWindowsUsed = 24;
/** Demands that are judged before others have their turn. */
const demandsPerTurn = 20_000;

export type JudgeStore = Pick<ForecastStore, "listDemandHistory" | "listForecastWindows" | "getForecastWindow">;

export async function judgeWindows(store: JudgeStore, nowMs: number, windows: readonly StagedWindow[]): Promise<Result<readonly Judged[]>> {
  const history = await sampledHistory(store, nowMs);
  if (!history.ok) return history;
  let usual = history.value === undefined ? undefined : usualDemand(history.value);
  if (usual === undefined || usual.windows < usualWindowsMin) {
    const forecast = await lastGoodForecast(store, nowMs, windows);
    if (!forecast.ok) return forecast;
    if (forecast.value !== undefined) usual = usualDemand(forecast.value);
  }
  return ok(await judgedBy(usual, windows));
}

async function judgedBy(usual: UsualDemand | undefined, windows: readonly StagedWindow[]): Promise<readonly Judged[]> {
  const nothing: UsualDemand = { windows: 0, groups: new Map(), totals: new Map(), totalsByHour: new Map() };
  const judged: Judged[] = [];
  const reader = demandsReader();
  let sinceTurn = 0;
  for (const { columns, windowStart, windowSeconds } of windows) {
    const demands = reader(columns);
    // The middle of the window: an hour of the day that all of it is about.
    const matrix: JudgedMatrix = { demands, startMs: Date.parse(windowStart) + windowSeconds * 500 };
    const { verdict, reasons } = sanityBy(usual ?? nothing, matrix);
    judged.push({
      state: verdict === "good" ? "ready" : "quarantined",
      reasons: reasons.map(({ code, subject, value, bound, message }): ForecastReason => ({
        code,
        subject,
        // JSON has no NaN.
        ...(Number.isFinite(value) ? { value } : {}),
        ...(Number.isFinite(bound) ? { bound } : {}),
        message,
      })),
    });
    sinceTurn += demands.length;
    if (sinceTurn < demandsPerTurn) continue;
    sinceTurn = 0;
    await nextTurn();
  }
  return judged;
}

/**
 * Reads the demands of one window after the other. Those of the window before serve again where the flow groups are the same, as they mostly are:
 * a million objects that nobody needs any more would stay in memory for as long as the garbage collector sees no need.
 */
export function demandsReader(): (columns: DemandColumns) => JudgedMatrix["demands"] {
  let before: DemandColumns | undefined;
  let demands: (FlowGroup & { rateBps: number })[] = [];
  return (columns) => {
    if (before === undefined || !haveSameGroups(before, columns)) {
      demands = flowGroupsOf(columns).map(({ src, dst, trafficClass }) => ({ src, dst, trafficClass, rateBps: 0 }));
    }
    before = columns;
    for (let i = 0; i < demands.length; i += 1) {
      const demand = demands[i];
      if (demand !== undefined) demand.rateBps = columns.rateBps[i] ?? 0;
    }
    return demands;
  };
}

function haveSameGroups(a: DemandColumns, b: DemandColumns): boolean {
  const isSame = (one: Uint8Array | Uint16Array, other: Uint8Array | Uint16Array): boolean =>
    one.length === other.length && one.every((value, i) => value === other[i]);
  return (
    a.nodeIds.length === b.nodeIds.length &&
    a.nodeIds.every((id, i) => id === b.nodeIds[i]) &&
    isSame(a.src, b.src) &&
    isSame(a.dst, b.dst) &&
    isSame(a.trafficClass, b.trafficClass)
  );
}

/**
 * Measured matrices at equal distances over what there is; undefined where nothing was measured. Which interval of each distance is taken
 * follows from the times alone.
 */
async function sampledHistory(store: JudgeStore, nowMs: number): Promise<Result<DemandHistory | undefined>> {
  const intervalMs = historyIntervalSeconds * 1_000;
  const to = nowMs + intervalMs;
  const oldest = await store.listDemandHistory({ from: isoTime(nowMs - historySecondsMax * 1_000), to: isoTime(to), limit: 1 });
  if (!oldest.ok) return oldest;
  const [first] = oldest.value;
  if (first === undefined) return ok(undefined);
  const from = Date.parse(first.windowStart);
  const width = await newestWidth(store, from, to);
  if (!width.ok) return width;
  const matrices = Math.max(usualWindowsMin, Math.min(sampleMatricesMax, Math.floor(sampleRatesMax / Math.max(1, width.value))));
  const stepMs = Math.max(1, Math.ceil((to - from) / intervalMs / matrices)) * intervalMs;
  const draft = new HistoryDraft(stepMs);
  let count = 0;
  for (let at = Math.floor(to / stepMs) * stepMs; at > from - stepMs; at -= stepMs) {
    const page = await store.listDemandHistory({ from: isoTime(at), to: isoTime(at + stepMs), limit: 1 });
    if (!page.ok) return page;
    const [entry] = page.value;
    if (entry === undefined) continue;
    const demands = entry.flowGroups.map((group, i) => ({ ...group, rateBps: entry.ratesBps[i] ?? 0 }));
    const added = draft.addMatrix(Date.parse(entry.windowStart), { demands });
    if (!added.ok) return added;
    count += 1;
  }
  return count === 0 ? ok(undefined) : draft.finish();
}

/** How many flow groups the newest of the history has. */
async function newestWidth(store: JudgeStore, fromMs: number, toMs: number): Promise<Result<number>> {
  const pageMs = historyPageMax * historyIntervalSeconds * 1_000;
  for (let end = toMs; end > fromMs; end -= pageMs) {
    const page = await store.listDemandHistory({ from: isoTime(end - pageMs), to: isoTime(end), limit: 1 });
    if (!page.ok) return page;
    const [entry] = page.value;
    if (entry !== undefined) return ok(entry.flowGroups.length);
  }
  return ok(0);
}

/** Windows of the newest batch that is ready, at the same hours as far as there are any; undefined where there is none. */
async function lastGoodForecast(
  store: JudgeStore,
  nowMs: number,
  windows: readonly StagedWindow[],
): Promise<Result<DemandHistory | undefined>> {
  const [first] = windows;
  if (first === undefined) return ok(undefined);
  const dayMs = 86_400_000;
  const found = await store.listForecastWindows({
    from: isoTime(nowMs - dayMs),
    to: isoTime(nowMs + dayMs),
    quantile: first.quantile,
    limit: 1_000,
  });
  if (!found.ok) return found;
  const ready = found.value.filter(({ state, windowSeconds }) => state === "ready" && windowSeconds === first.windowSeconds);
  const [newest] = ready.toSorted((a, b) => compareText(b.batchCompletedAt, a.batchCompletedAt) || compareText(a.batchId, b.batchId));
  if (newest === undefined) return ok(undefined);
  const used = ready.filter(({ batchId }) => batchId === newest.batchId).slice(0, forecastWindowsUsed);
  const draft = new HistoryDraft(first.windowSeconds * 1_000);
  const seen = new Set<FlowGroupId>();
  for (const window of used) {
    const { batchId, windowStart, windowSeconds, quantile } = window;
    const matrix = await store.getForecastWindow(batchId, { windowStart, windowSeconds, quantile });
    if (!matrix.ok) return matrix;
    for (const demand of matrix.value.demands) seen.add(flowGroupId(demand));
    const added = draft.addMatrix(Date.parse(windowStart), matrix.value);
    if (!added.ok) return added;
    if (seen.size * used.length > sampleRatesMax * 4) break;
  }
  return draft.finish();
}

function isoTime(ms: number): string {
  return new Date(Math.max(0, ms)).toISOString();
}
