/**
 * What was measured, window by window: the one input of all forecasters. Unlike the model's series it says when it was, and a rate may be
 * missing, which is not the same as 0: a controller that was down has measured nothing.
 */
import {
  compareFlowGroups,
  fault,
  flowGroupId,
  ok,
  refuse,
  type DemandMatrix,
  type DemandSeries,
  type FlowGroup,
  type FlowGroupId,
  type Result,
} from "@sluice/model";

/** Most windows of a history: a year of five minutes. */
export const windowsMax = 105_408;
/** Most rates of a history (windows times flow groups), 8 bytes each. */
export const ratesMax = 32_000_000;

export interface DemandHistory {
  /** Start of the first window: ms since 1970 (UTC), or since any other beginning where the source does not say. */
  readonly startMs: number;
  /** Length of a window, ms. */
  readonly stepMs: number;
  readonly windows: number;
  /** Sorted by source, destination, class; each once. */
  readonly groups: readonly FlowGroup[];
  /** bps, `rates[g * windows + t]`: a flow group's series lies in one piece. NaN where nothing was measured. */
  readonly ratesBps: Float64Array;
}

/** The series of one flow group; shares the history's memory. */
export function seriesOf({ windows, ratesBps }: DemandHistory, group: number): Float64Array {
  return ratesBps.subarray(group * windows, (group + 1) * windows);
}

/** Windows `from` (included) to `to` (not included). O(rates). */
export function historyBetween(history: DemandHistory, from: number, to: number): DemandHistory {
  const windows = to - from;
  const ratesBps = new Float64Array(windows * history.groups.length);
  for (let g = 0; g < history.groups.length; g += 1) ratesBps.set(seriesOf(history, g).subarray(from, to), g * windows);
  return { ...history, startMs: history.startMs + from * history.stepMs, windows, ratesBps };
}

/** The history of a series that misses nothing. `startMs` is the start of its first interval. */
export function historyOfSeries(series: DemandSeries, startMs: number): Result<DemandHistory> {
  const windows = series.ratesBps.length;
  const tooMuch = sizeFault(windows, series.flowGroups.length);
  if (tooMuch !== undefined) return refuse(tooMuch);
  const order = series.flowGroups.map((_, i) => i).sort((a, b) => compareAt(series.flowGroups, a, b));
  const ratesBps = new Float64Array(windows * order.length);
  order.forEach((column, g) => {
    for (let t = 0; t < windows; t += 1) ratesBps[g * windows + t] = series.ratesBps[t]?.[column] ?? Number.NaN;
  });
  const groups = order.flatMap((i) => series.flowGroups[i] ?? []).map(({ src, dst, trafficClass }) => ({ src, dst, trafficClass }));
  return ok({ startMs, stepMs: Math.round(series.intervalSeconds * 1000), windows, groups, ratesBps });
}

function compareAt(groups: readonly FlowGroup[], a: number, b: number): number {
  const [left, right] = [groups[a], groups[b]];
  return left === undefined || right === undefined ? 0 : compareFlowGroups(left, right);
}

function sizeFault(windows: number, groups: number) {
  if (windows > windowsMax) return fault("too-many", `The history has ${windows} windows; ${windowsMax} are the most.`);
  if (windows * groups > ratesMax)
    return fault("too-large", `The history has ${windows} windows of ${groups} flow groups; ${ratesMax} rates are the most.`);
  return undefined;
}

/** One measured rate and when its measurement began. */
export interface MeasuredRow extends FlowGroup {
  readonly startMs: number;
  readonly rateBps: number;
}

/**
 * Gathers rows in any order. A matrix is all rows of one start; what a matrix does not name is 0 in it. A window holds the mean of the
 * matrices that start in it, and a window in which none starts is missing whole. Windows begin at multiples of `stepMs`, so that
 * measurements that come a little early or late fall into the window that they are of.
 */
export class HistoryDraft {
  readonly #stepMs: number;
  readonly #matrices = new Map<number, Map<number, number>>();
  readonly #groups: FlowGroup[] = [];
  readonly #indexOf = new Map<FlowGroupId, number>();
  #rows = 0;

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Faults: `not-finite`, `negative`, `duplicate-id` (a flow group twice in one matrix), `too-large`. */
  add({ startMs, src, dst, trafficClass, rateBps }: MeasuredRow): Result<void> {
    if (!Number.isFinite(rateBps) || !Number.isFinite(startMs))
      return refuse(fault("not-finite", "A rate and its start are finite numbers."));
    if (rateBps < 0) return refuse(fault("negative", `The rate ${rateBps} is below 0.`));
    if (this.#rows >= ratesMax) return refuse(fault("too-large", `There are more than ${ratesMax} measured rates.`));
    const id = flowGroupId({ src, dst, trafficClass });
    let group = this.#indexOf.get(id);
    if (group === undefined) {
      group = this.#groups.length;
      this.#groups.push({ src, dst, trafficClass });
      this.#indexOf.set(id, group);
    }
    const matrix = this.#matrixAt(startMs);
    if (matrix.has(group)) return refuse(fault("duplicate-id", `There is more than one rate for ${id} at ${startMs} ms.`));
    matrix.set(group, rateBps);
    this.#rows += 1;
    return ok(undefined);
  }

  /** A whole matrix; also where it is empty, which is a measurement of 0 for all. */
  addMatrix(startMs: number, { demands }: Pick<DemandMatrix, "demands">): Result<void> {
    this.#matrixAt(startMs);
    for (const demand of demands) {
      const added = this.add({ ...demand, startMs });
      if (!added.ok) return added;
    }
    return ok(undefined);
  }

  #matrixAt(startMs: number): Map<number, number> {
    let matrix = this.#matrices.get(startMs);
    if (matrix === undefined) {
      matrix = new Map();
      this.#matrices.set(startMs, matrix);
    }
    return matrix;
  }

  /**
   * `untilMs`: where the history is to end, if nothing was measured up to then: what is missing at the end is missing, too. Faults:
   * `missing-field` where there is no matrix at all, `too-many`, `too-large`. O(rates + rows).
   */
  finish(untilMs = -Infinity): Result<DemandHistory> {
    const starts = [...this.#matrices.keys()];
    if (starts.length === 0) return refuse(fault("missing-field", "The history is empty."));
    const windowOf = (startMs: number): number => Math.floor(startMs / this.#stepMs);
    const first = starts.reduce((least, start) => Math.min(least, windowOf(start)), Infinity);
    const last = starts.reduce((most, start) => Math.max(most, windowOf(start)), windowOf(untilMs) - 1);
    const windows = last - first + 1;
    const tooMuch = sizeFault(windows, this.#groups.length);
    if (tooMuch !== undefined) return refuse(tooMuch);
    const order = this.#groups.map((_, i) => i).sort((a, b) => compareAt(this.#groups, a, b));
    const place = new Int32Array(order.length);
    order.forEach((group, g) => (place[group] = g));

    const matricesIn = new Int32Array(windows);
    const ratesBps = new Float64Array(windows * order.length);
    for (const [startMs, matrix] of this.#matrices) {
      const t = windowOf(startMs) - first;
      matricesIn[t] = (matricesIn[t] ?? 0) + 1;
      for (const [group, rate] of matrix) {
        const at = (place[group] ?? 0) * windows + t;
        ratesBps[at] = (ratesBps[at] ?? 0) + rate;
      }
    }
    for (let at = 0; at < ratesBps.length; at += 1) {
      const count = matricesIn[at % windows] ?? 0;
      ratesBps[at] = count === 0 ? Number.NaN : (ratesBps[at] ?? 0) / count;
    }
    return ok({
      startMs: first * this.#stepMs,
      stepMs: this.#stepMs,
      windows,
      groups: order.flatMap((i) => this.#groups[i] ?? []),
      ratesBps,
    });
  }
}

/**
 * Windows `factor` times as long, each the mean of what it has; missing where fewer than half of its parts are there. Parts at the
 * start that fill no whole window are left out, so that the newest are kept.
 */
export function inLongerWindows(history: DemandHistory, factor: number): DemandHistory {
  if (factor === 1) return history;
  const windows = Math.floor(history.windows / factor);
  const skipped = history.windows - windows * factor;
  const ratesBps = new Float64Array(windows * history.groups.length);
  for (let g = 0; g < history.groups.length; g += 1) {
    const series = seriesOf(history, g);
    for (let w = 0; w < windows; w += 1) {
      let sum = 0;
      let count = 0;
      for (let t = skipped + w * factor; t < skipped + (w + 1) * factor; t += 1) {
        const rate = series[t] ?? Number.NaN;
        if (Number.isNaN(rate)) continue;
        sum += rate;
        count += 1;
      }
      ratesBps[g * windows + w] = 2 * count < factor ? Number.NaN : sum / count;
    }
  }
  return { ...history, startMs: history.startMs + skipped * history.stepMs, stepMs: history.stepMs * factor, windows, ratesBps };
}

export interface Missing {
  /** Windows in which nothing at all was measured. */
  readonly windows: number;
  /** Rates that are missing, those of whole windows counted as well. */
  readonly rates: number;
  /** Flow groups without a single rate. */
  readonly groups: number;
}

export function missingOf(history: DemandHistory): Missing {
  const there = new Int32Array(history.windows);
  let rates = 0;
  let groups = 0;
  for (let g = 0; g < history.groups.length; g += 1) {
    let count = 0;
    seriesOf(history, g).forEach((rate, t) => {
      if (Number.isNaN(rate)) return;
      there[t] = (there[t] ?? 0) + 1;
      count += 1;
    });
    rates += history.windows - count;
    if (count === 0) groups += 1;
  }
  return { windows: there.filter((count) => count === 0).length, rates, groups };
}
