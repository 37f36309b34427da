/**
 * What demands a cycle is planned for: those that were measured, or those blended with the forecast of the window of now. The driver
 * hands windows in ahead of time; which one counts follows from the machine's clock alone, so a window rolls over without anybody
 * having to say so. The blended matrix is a part of the cycle's input and says what it is from: the cycle can be run again.
 */
import { blendDemands } from "@sluice/forecast";
import type { DemandBasis, DemandMatrix } from "@sluice/model";
import type { ForecastAbsence, LoadedForecast } from "../controller-event.js";
import { publish } from "./journal.js";
import { touchDemands } from "./replan.js";
import type { ControllerState } from "./state.js";

/** Age that is assumed of a measurement that is older than this process, beyond the time since its start, ms. */
const ageBeforeStartMs = 3_600_000;
/** Windows that are kept: the one of now and those that follow. */
export const windowsLoadedMax = 8;

export interface ForecastState {
  /** By start; none overlaps another. */
  windows: readonly (LoadedForecast & { readonly startMs: number; readonly endMs: number })[];
  /** Why there is none for times that no window is of. */
  absence: ForecastAbsence;
  /** What the newest cycle was told to plan on: a change asks for a plan. */
  source: string | undefined;
  /** The measurement as of now, and when it came; undefined for one that was there at the start. */
  measured: { readonly matrix: DemandMatrix; readonly atMs: number | undefined } | undefined;
}

export function noForecast(): ForecastState {
  return { windows: [], absence: "not-loaded", source: undefined, measured: undefined };
}

/** Takes the place of what was loaded before. */
export function forecastLoaded(
  state: ControllerState,
  { windows, absence }: { readonly windows: readonly LoadedForecast[]; readonly absence: ForecastAbsence },
): void {
  state.forecast.windows = windows
    .map((window) => {
      const startMs = Date.parse(window.windowStart);
      return { ...window, startMs, endMs: startMs + window.windowSeconds * 1_000 };
    })
    .sort((a, b) => a.startMs - b.startMs)
    .slice(0, windowsLoadedMax);
  state.forecast.absence = absence;
}

/** Notes when a measurement came, and asks for a plan where what is planned on has become another. O(windows). */
export function advanceForecast(state: ControllerState): void {
  const { forecast, inventory, nowMs } = state;
  if (inventory.demands !== undefined && forecast.measured?.matrix !== inventory.demands) {
    forecast.measured = { matrix: inventory.demands, atMs: forecast.measured === undefined ? undefined : nowMs };
  }
  if (inventory.demands === undefined) return;
  const source = sourceOf(state);
  if (source.key === forecast.source) return;
  const isFirst = forecast.source === undefined;
  forecast.source = source.key;
  // A controller that was never asked to blend says nothing.
  if (isFirst && source.kind === "measured") return;
  publish(state, "demand-source-changed", source.data);
  touchDemands(state);
}

interface Source {
  readonly kind: "measured" | "blended" | "absent";
  readonly key: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function sourceOf(state: ControllerState): Source {
  const { kind, quantile } = state.operation.settings.demandSource;
  if (kind === "measured") return { kind, key: kind, data: { source: kind } };
  const window = windowNow(state);
  if (window === undefined) {
    const why = absenceNow(state);
    return { kind: "absent", key: `absent ${why}`, data: { source: "measured", why } };
  }
  const { batchId, windowStart, windowSeconds } = window;
  return {
    kind,
    key: JSON.stringify([batchId, windowStart, windowSeconds, quantile, window.revision]),
    data: { source: kind, batchId, windowStart, windowSeconds, quantile },
  };
}

function windowNow({ forecast, nowMs }: ControllerState) {
  return forecast.windows.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
}

/** The driver says why there is no window for the time at which it looked; behind the last that it found nobody has looked yet. */
function absenceNow({ forecast, nowMs }: ControllerState): ForecastAbsence {
  const last = forecast.windows.at(-1);
  return last !== undefined && nowMs >= last.endMs ? "stale" : forecast.absence;
}

/** What the next cycle is for; undefined where nothing was measured. O(demands log demands) where it blends. */
export function plannedDemands(state: ControllerState): DemandMatrix | undefined {
  const { inventory, forecast, operation, nowMs } = state;
  const { demands } = inventory;
  const { kind, quantile } = operation.settings.demandSource;
  if (demands === undefined || kind === "measured") return demands;
  const window = windowNow(state);
  if (window === undefined) return { ...demands, basis: { kind: "measured", why: absenceNow(state) } };
  const atMs = forecast.measured?.matrix === demands ? forecast.measured.atMs : nowMs;
  const ageMs = atMs === undefined ? nowMs - (state.startedAtMs ?? nowMs) + ageBeforeStartMs : nowMs - atMs;
  const { matrix, weight, used, otherQuantile } = blendDemands(demands, window.demands, { quantile, ageMs });
  const { batchId, windowStart, windowSeconds } = window;
  const basis: DemandBasis = {
    kind,
    batchId,
    windowStart,
    windowSeconds,
    quantile,
    measuredWeight: weight,
    flowGroups: used,
    otherQuantile,
  };
  return { ...matrix, basis };
}

/** What events say of it. */
export function basisOf({ basis }: Pick<DemandMatrix, "basis">): Readonly<Record<string, unknown>> {
  return basis === undefined ? {} : { demandBasis: basis };
}
