/** Forecasts as the rest of the controller sees them: uploads, operators' words about batches, and who is told of a change. */
import type { ControllerView } from "@sluice/control";
import { fault, refuse, type Faults, type RequestedBy, type Result, type Snapshot, type Term } from "@sluice/model";
import type { ForecastBatch, ForecastStore } from "@sluice/store";
import type { ForecastInput } from "../driver.js";
import type { OptimizeResult } from "../solver/solver-message.js";
import { startForecastFeed } from "./feed.js";
import { judgeWindows } from "./judge.js";
import { startOutlook, type Outlook, type OutlookWindow } from "./outlook.js";
import { forecastUploads, type ForecastUploads } from "./upload.js";

export interface Forecasts extends ForecastUploads {
  /** Its quarantined windows count from now on. Faults: `not-found`, `not-allowed`, `quarantined` where a rate is no number. */
  release(batchId: string, by: RequestedBy): Promise<Result<ForecastBatch>>;
  /** It counts no more. `not-found`. */
  remove(batchId: string, by: RequestedBy): Promise<Result<void>>;
  outlook(): Outlook;
  get(batchId: string): Promise<Result<ForecastBatch>>;
}

export interface RunningForecasts extends Forecasts {
  close(): void;
}

export interface ForecastParts {
  readonly store: ForecastStore;
  readonly term: Term;
  view(): ControllerView;
  tell(input: ForecastInput): void;
  watch(watcher: (event: { readonly kind: string }) => void): () => void;
  /** With low priority, one at a time. */
  solve(snapshot: Snapshot): Promise<OptimizeResult>;
  nowMs(): number;
  onFaults(faults: Faults): void;
  readonly limits?: { readonly rowsMax?: number; readonly chunkRows?: number };
}

/** What the outlook is made from, and what the machine plans on. */
const kindsOfOutlook: ReadonlySet<string> = new Set(["topology-changed", "settings-changed", "operation-changed", "link-down", "link-up"]);
/** Windows whose reasons are looked through for a rate that is no number. */
const windowsMax = 25_000;

export function startForecasts(parts: ForecastParts): RunningForecasts {
  const { store, term, view, tell, nowMs, onFaults } = parts;
  const feed = startForecastFeed({ store, view, tell, nowMs, onFaults });
  const outlook = startOutlook({ store, view, solve: parts.solve, nowMs, onFaults, warn });
  const unwatch = parts.watch(({ kind }) => {
    if (kind === "operation-changed") void feed.refresh();
    if (kindsOfOutlook.has(kind)) outlook.touch();
  });
  const uploads = forecastUploads({
    store,
    term,
    view,
    nowMs,
    judge: (windows) => judgeWindows(store, nowMs(), windows),
    onSettled(batch) {
      const { batchId, state, rows, windows, windowsQuarantined, errorCount, by } = batch;
      const data = { batchId, rows, windows, ...(state === "refused" ? { errorCount } : { windowsQuarantined }), ...(by && { actor: by }) };
      if (state !== "receiving") tell({ kind: "forecast-noted", note: `forecast-${state}`, data });
      if (state === "ready" || state === "quarantined") changed();
    },
    ...(parts.limits === undefined ? {} : { limits: parts.limits }),
  });

  function changed(): void {
    void feed.refresh();
    outlook.touch();
  }

  function warn({ batchId, windowStart, windowSeconds, quantile, classes, link }: OutlookWindow): void {
    const admittedShare = Object.fromEntries(classes.map((each) => [each.trafficClass, each.admittedShare]));
    const data = {
      batchId,
      windowStart,
      windowSeconds,
      quantile,
      admittedShare,
      ...(link && { linkId: link.linkId, utilization: link.utilization }),
    };
    tell({ kind: "forecast-noted", note: "outlook-warning", data });
  }

  return {
    receive: uploads.receive,
    async release(batchId, by) {
      const sound = await isSound(store, batchId);
      if (!sound.ok) return sound;
      const released = await store.releaseForecast(term, batchId, { releasedAt: new Date(nowMs()).toISOString(), releasedBy: by.actor });
      if (!released.ok) return released;
      tell({ kind: "forecast-noted", note: "forecast-released", data: { batchId }, by });
      changed();
      return store.getForecast(batchId);
    },
    async remove(batchId, by) {
      const removed = await store.removeForecast(term, batchId);
      if (!removed.ok) return removed;
      tell({ kind: "forecast-noted", note: "forecast-removed", data: { batchId }, by });
      changed();
      return removed;
    },
    outlook: outlook.outlook,
    get: (batchId) => store.getForecast(batchId),
    close() {
      unwatch();
      feed.close();
      outlook.close();
    },
  };
}

/** Nobody can plan on what is no number, whoever releases it. */
async function isSound(store: ForecastStore, batchId: string): Promise<Result<void>> {
  const always = { from: new Date(0).toISOString(), to: "9999-12-31T23:59:59.999Z" };
  const windows = await store.listForecastWindows({ ...always, batchId, limit: windowsMax });
  if (!windows.ok) return windows;
  const unsound = windows.value.find(({ reasons }) => reasons.some(({ code }) => code === "not-a-number"));
  if (unsound === undefined) return { ok: true, value: undefined };
  const message = `The window ${unsound.windowStart} of ${batchId} has rates that are no numbers: it cannot be planned on.`;
  return refuse(fault("quarantined", message, { pointer: "/path/batchId" }));
}
