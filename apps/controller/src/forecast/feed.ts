/** Hands forecast windows to the machine ahead of time, so that it never waits for the store when one rolls over. */
import type { ControllerView, LoadedForecast } from "@sluice/control";
import type { ForecastDemand } from "@sluice/forecast";
import { flowGroupId, ok, type Faults, type FlowGroupId, type Result } from "@sluice/model";
import type { ForecastStore, Quantile } from "@sluice/store";
import type { ForecastInput } from "../driver.js";
import { chainOf, keyOfWindow, type ChainWindow } from "./chain.js";

/** How far ahead windows are loaded, ms, and how many. */
const aheadMs = 2 * 3_600_000;
const windowsMax = 3;
/** The store is looked at again after this, ms: windows come nearer. */
const refreshMs = 60_000;

export interface FeedParts {
  readonly store: Pick<ForecastStore, "listForecastWindows" | "getForecastWindow">;
  view(): Pick<ControllerView, "operation">;
  tell(input: Extract<ForecastInput, { readonly kind: "forecast-loaded" }>): void;
  nowMs(): number;
  onFaults(faults: Faults): void;
}

export interface ForecastFeed {
  /** Batches or settings have changed; resolves when the machine was told. */
  refresh(): Promise<void>;
  close(): void;
}

export function startForecastFeed(parts: FeedParts): ForecastFeed {
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;

  async function run(): Promise<void> {
    do {
      again = false;
      const loaded = await loadForecasts(parts);
      if (closed) return;
      if (loaded.ok) parts.tell({ kind: "forecast-loaded", ...loaded.value });
      // What is loaded goes on to hold until its windows end.
      else parts.onFaults(loaded.faults);
    } while (again);
  }

  function refresh(): Promise<void> {
    if (closed) return Promise.resolve();
    if (running !== undefined) {
      again = true;
      return running;
    }
    running = run().finally(() => {
      running = undefined;
    });
    return running;
  }

  const timer = setInterval(() => void refresh(), refreshMs);
  void refresh();
  return {
    refresh,
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}

type Loaded = Omit<Extract<ForecastInput, { readonly kind: "forecast-loaded" }>, "kind">;

/** Nothing is read where nothing is planned on forecasts. */
export async function loadForecasts({ store, view, nowMs }: Pick<FeedParts, "store" | "view" | "nowMs">): Promise<Result<Loaded>> {
  if (view().operation.demandSource.kind === "measured") return ok({ windows: [], absence: "not-loaded" });
  const chain = await chainOf(store, { nowMs: nowMs(), aheadMs, count: windowsMax });
  if (!chain.ok) return chain;
  const windows: LoadedForecast[] = [];
  for (const window of chain.value.windows) {
    const demands = await demandsOfWindow(store, window);
    if (!demands.ok) return demands;
    const { batchId, windowStart, windowSeconds } = window;
    windows.push({ batchId, windowStart, windowSeconds, demands: demands.value, revision: window.quantiles.join(" ") });
  }
  return ok({ windows, absence: chain.value.absence });
}

/** All quantiles of a window, by flow group. O(rows). */
export async function demandsOfWindow(
  store: Pick<ForecastStore, "getForecastWindow">,
  window: ChainWindow,
): Promise<Result<readonly ForecastDemand[]>> {
  const groups = new Map<FlowGroupId, Omit<ForecastDemand, "ratesBps"> & { readonly ratesBps: Partial<Record<Quantile, number>> }>();
  for (const quantile of window.quantiles) {
    const matrix = await store.getForecastWindow(window.batchId, keyOfWindow(window, quantile));
    if (!matrix.ok) return matrix;
    for (const demand of matrix.value.demands) {
      const id = flowGroupId(demand);
      const { src, dst, trafficClass, rateBps } = demand;
      const known = groups.get(id) ?? { src, dst, trafficClass, ratesBps: {} };
      known.ratesBps[quantile] = rateBps;
      groups.set(id, known);
    }
  }
  return ok([...groups.values()]);
}
