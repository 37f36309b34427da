/** Histories of small networks for tests. */
import type { FlowGroup, NodeId, TrafficClass } from "@sluice/model";
import type { DemandHistory } from "../demand-history.js";

export function groupOf(src: string, dst: string, trafficClass: TrafficClass = "elastic"): FlowGroup {
  return { src: src as NodeId, dst: dst as NodeId, trafficClass };
}

export interface HistoryShape {
  readonly groups: readonly FlowGroup[];
  readonly windows: number;
  readonly stepMs?: number;
  readonly startMs?: number;
}

export function historyFrom(
  { groups, windows, stepMs = 3_600_000, startMs = 0 }: HistoryShape,
  rateAt: (group: number, window: number) => number,
): DemandHistory {
  const ratesBps = new Float64Array(groups.length * windows);
  for (let g = 0; g < groups.length; g += 1) for (let t = 0; t < windows; t += 1) ratesBps[g * windows + t] = rateAt(g, t);
  return { startMs, stepMs, windows, groups, ratesBps };
}

/** Demand of an ordinary network: each group has a size and a day, and noise. */
export function ordinary(random: () => number): (group: number, window: number) => number {
  return (group, window) => 1e9 * (group + 1) * (1 + 0.5 * Math.sin((2 * Math.PI * (window % 24)) / 24)) * (0.8 + 0.4 * random());
}
