/** What is usual: medians, deviations and extremes of each flow group, and of each class's total by hour of the day. Robust: a bad hour moves no median. */
import { flowGroupId, trafficClasses, type FlowGroupId, type TrafficClass } from "@sluice/model";
import { seriesOf, type DemandHistory } from "./demand-history.js";
import { quantileOfSorted } from "./quantile.js";

/** bps. */
export interface UsualRate {
  readonly median: number;
  /** Median absolute deviation from the median, times 1.4826: the standard deviation, if it were a normal distribution. */
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
}

export interface UsualDemand {
  /** Windows in which something was measured. */
  readonly windows: number;
  readonly groups: ReadonlyMap<FlowGroupId, UsualRate & { readonly trafficClass: TrafficClass }>;
  /** Of a class's total, over all windows. Only classes that the history has. */
  readonly totals: ReadonlyMap<TrafficClass, UsualRate>;
  /** Of a class's total around each hour of the day (UTC), where enough windows are. */
  readonly totalsByHour: ReadonlyMap<TrafficClass, readonly (UsualRate | undefined)[]>;
}

/** Hours to either side that an hour is judged with. */
const hoursAround = 1;
/** Fewest windows of an hour that say what is usual in it. */
const hourWindowsMin = 6;

/** O(rates log windows). */
export function usualDemand(history: DemandHistory): UsualDemand {
  const { windows } = history;
  const groups = new Map<FlowGroupId, UsualRate & { trafficClass: TrafficClass }>();
  const totals = new Map<TrafficClass, Float64Array>();
  history.groups.forEach((group, g) => {
    const series = seriesOf(history, g);
    const usual = usualRate(series);
    if (usual === undefined) return;
    groups.set(flowGroupId(group), { ...usual, trafficClass: group.trafficClass });
    const total = totals.get(group.trafficClass) ?? new Float64Array(windows).fill(Number.NaN);
    series.forEach((rate, t) => {
      if (!Number.isNaN(rate)) total[t] = (Number.isNaN(total[t]) ? 0 : (total[t] ?? 0)) + rate;
    });
    totals.set(group.trafficClass, total);
  });
  const there = new Set<number>();
  for (const total of totals.values()) total.forEach((rate, t) => Number.isNaN(rate) || there.add(t));

  const usualTotals = new Map<TrafficClass, UsualRate>();
  const byHour = new Map<TrafficClass, readonly (UsualRate | undefined)[]>();
  for (const name of trafficClasses) {
    const total = totals.get(name);
    const usual = total && usualRate(total);
    if (total === undefined || usual === undefined) continue;
    usualTotals.set(name, usual);
    byHour.set(name, usualByHour(total, history));
  }
  return { windows: there.size, groups, totals: usualTotals, totalsByHour: byHour };
}

export function hourOf(timeMs: number): number {
  const hours = Math.floor(timeMs / 3_600_000) % 24;
  return hours < 0 ? hours + 24 : hours;
}

function usualByHour(total: Float64Array, { startMs, stepMs }: DemandHistory): readonly (UsualRate | undefined)[] {
  const hours = Array.from({ length: 24 }, (): number[] => []);
  total.forEach((rate, t) => {
    const hour = hourOf(startMs + t * stepMs);
    for (let off = -hoursAround; off <= hoursAround; off += 1) hours[(hour + off + 24) % 24]?.push(rate);
  });
  return hours.map((rates) => {
    const sample = Float64Array.from(rates);
    return sample.filter((rate) => !Number.isNaN(rate)).length < hourWindowsMin ? undefined : usualRate(sample);
  });
}

/** Undefined where everything is missing. */
function usualRate(series: Float64Array): UsualRate | undefined {
  const sorted = series.filter((rate) => !Number.isNaN(rate)).sort();
  if (sorted.length === 0) return undefined;
  const median = quantileOfSorted(sorted, sorted.length, 0.5);
  const away = sorted.map((rate) => Math.abs(rate - median)).sort();
  return {
    median,
    deviation: 1.4826 * quantileOfSorted(away, away.length, 0.5),
    least: sorted[0] ?? 0,
    most: sorted.at(-1) ?? 0,
  };
}
