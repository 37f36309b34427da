/**
 * What to plan for now: the newest measurement and the forecast together. A measurement is right about a moment that is past, a forecast is
 * late to notice what is new; docs/forecasting.md has the figures from which the weights below are.
 */
import { compareFlowGroups, flowGroupId, type Demand, type DemandMatrix, type FlowGroup, type FlowGroupId } from "@sluice/model";
import type { Forecast } from "./forecast.js";
import { quantileNames, type QuantileName } from "./quantile.js";

/** Weight of a measurement of this moment, and the age at which it counts half as much. */
export const measuredWeight = 0.7;
export const measuredHalfLifeMs = 12 * 3_600_000;

/** A flow group's forecast for one window, bps by quantile: those that were made. */
export interface ForecastDemand extends FlowGroup {
  readonly ratesBps: Readonly<Partial<Record<QuantileName, number>>>;
}

export interface BlendOptions {
  /** Which quantile is planned for: its margin above the median stays whole, whatever the weight. */
  readonly quantile: QuantileName;
  /** Of the measurement, 0 to 1, in place of the one that follows from its age. */
  readonly weight?: number;
  /** Age of the measurement: from the middle of its window to the middle of the one planned for, ms. */
  readonly ageMs: number;
}

export interface BlendedDemand {
  readonly matrix: DemandMatrix;
  /** Of the measurement. */
  readonly weight: number;
  /** Flow groups by what their rate is from. */
  readonly used: { readonly both: number; readonly measured: number; readonly forecast: number };
  /** Flow groups that lack the quantile asked for, and have a higher one, or else the highest there is. */
  readonly otherQuantile: number;
}

export function measuredWeightAt(ageMs: number): number {
  return measuredWeight * 2 ** (-Math.max(0, ageMs) / measuredHalfLifeMs);
}

/**
 * For each flow group: weight * measured + (1 - weight) * median + (quantile - median). A flow group that only one side has: where it is
 * not measured, its measurement is 0 if the matrix is there at all; where it is not forecast, the measurement stands alone. Bandwidth
 * functions are the measured demand's. O(demands log demands).
 */
export function blendDemands(measured: DemandMatrix, forecast: readonly ForecastDemand[], options: BlendOptions): BlendedDemand {
  const weight = options.weight ?? measuredWeightAt(options.ageMs);
  const byId = new Map<FlowGroupId, Demand>(measured.demands.map((demand) => [flowGroupId(demand), demand]));
  const used = { both: 0, measured: 0, forecast: 0 };
  let otherQuantile = 0;
  const demands: Demand[] = [];
  for (const { src, dst, trafficClass, ratesBps } of forecast) {
    const id = flowGroupId({ src, dst, trafficClass });
    const now = byId.get(id);
    byId.delete(id);
    const wanted = rateAt(ratesBps, options.quantile);
    if (wanted === undefined) {
      if (now !== undefined) {
        demands.push(now);
        used.measured += 1;
      }
      continue;
    }
    if (ratesBps[options.quantile] === undefined) otherQuantile += 1;
    used[now === undefined ? "forecast" : "both"] += 1;
    const median = ratesBps.p50 ?? wanted;
    const rateBps = blendedRate({ measured: now?.rateBps ?? 0, median, wanted, weight });
    if (rateBps > 0)
      demands.push({ src, dst, trafficClass, rateBps, ...(now?.bandwidthFunction && { bandwidthFunction: now.bandwidthFunction }) });
  }
  for (const demand of byId.values()) {
    demands.push(demand);
    used.measured += 1;
  }
  const name = `${measured.name}, with its forecast (${options.quantile})`.slice(0, 256);
  return { matrix: { kind: "demand-matrix", name, demands: demands.sort(compareFlowGroups) }, weight, used, otherQuantile };
}

/** bps: the median between the two, and the quantile's whole margin above it. */
export function blendedRate({
  measured,
  median,
  wanted,
  weight,
}: {
  readonly measured: number;
  readonly median: number;
  readonly wanted: number;
  readonly weight: number;
}): number {
  return weight * measured + (1 - weight) * median + Math.max(0, wanted - median);
}

/** The quantile, else the next higher one, else the highest there is. */
function rateAt(ratesBps: ForecastDemand["ratesBps"], quantile: QuantileName): number | undefined {
  const at = quantileNames.indexOf(quantile);
  const order = [...quantileNames.slice(at), ...quantileNames.slice(0, at).toReversed()];
  for (const name of order) {
    const rate = ratesBps[name];
    if (rate !== undefined) return rate;
  }
  return undefined;
}

/** One window of a forecast, for `blendDemands`. */
export function forecastDemandsAt(forecast: Forecast, window: number): readonly ForecastDemand[] {
  const { quantiles, windows, ratesBps } = forecast;
  return forecast.groups.map((group, g) => {
    const rates: Partial<Record<QuantileName, number>> = {};
    quantiles.forEach((name, q) => {
      const rate = ratesBps[(g * windows + window) * quantiles.length + q];
      if (rate !== undefined) rates[name] = rate;
    });
    return { ...group, ratesBps: rates };
  });
}
