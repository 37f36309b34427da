/**
 * From the rows of a batch to its windows: each with its demands sorted by flow group. Sorting is by counting, one column after the other,
 * so it is linear, the same whatever order the rows came in, and lets others have their turn in between.
 */
import { createHash, type Hash } from "node:crypto";
import { compareText, trafficClasses, type BandwidthFunction } from "@sluice/model";
import { encodeColumns, quantiles, type DemandColumns, type ForecastWindowKey } from "@sluice/store";
import type { ForecastStaging, Slot } from "./staging.js";

export interface StagedWindow extends ForecastWindowKey {
  readonly columns: DemandColumns;
  /** Sum, bps; rates that are no numbers left out. */
  readonly rateBps: number;
}

/** Rows that are worked on in one turn of the event loop: some milliseconds. */
const rowsPerTurn = 50_000;

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** By start, length and quantile. O(rows + nodes log nodes + windows log windows). */
export async function* windowsOf(staging: ForecastStaging): AsyncGenerator<StagedWindow> {
  const { slots, nodeIds, columns, rows } = staging;
  const slotOrder = orderOf(slots, compareSlots);
  const nodeOrder = orderOf(nodeIds, compareText);
  const [slotRank, nodeRank] = [ranksOf(slotOrder), ranksOf(nodeOrder)];
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) order[row] = row;
  // There and back, twice: two arrays do for all four.
  const other = new Uint32Array(rows);
  await sortBy(order, other, { column: columns.trafficClass, keys: trafficClasses.length });
  await sortBy(other, order, { column: columns.dst, rankOf: nodeRank, keys: nodeIds.length });
  await sortBy(order, other, { column: columns.src, rankOf: nodeRank, keys: nodeIds.length });
  await sortBy(other, order, { column: columns.slot, rankOf: slotRank, keys: slots.length });

  let from = 0;
  let sinceTurn = 0;
  for (const index of slotOrder) {
    let to = from;
    while (to < rows && columns.slot[order[to] ?? 0] === index) to += 1;
    const slot = slots[index];
    if (slot === undefined) throw new RangeError("a row is of a window that there is");
    yield windowOf(staging, slot, order.subarray(from, to), nodeRank);
    sinceTurn += to - from;
    if (sinceTurn >= rowsPerTurn) {
      sinceTurn = 0;
      await nextTurn();
    }
    from = to;
  }
}

function windowOf(staging: ForecastStaging, slot: Slot, order: Uint32Array, nodeRank: Uint32Array): StagedWindow {
  const { columns, nodeIds } = staging;
  const used = new Set<number>();
  // By index, here and in sorting: an iterator makes an object a step, which for a million rows is a hundred megabytes.
  for (let i = 0; i < order.length; i += 1) {
    const row = order[i] ?? 0;
    used.add(columns.src[row] ?? 0).add(columns.dst[row] ?? 0);
  }
  const sorted = [...used].sort((a, b) => (nodeRank[a] ?? 0) - (nodeRank[b] ?? 0));
  const place = new Map(sorted.map((node, i) => [node, i]));
  const own = {
    nodeIds: sorted.flatMap((node) => nodeIds[node] ?? []),
    src: new Uint16Array(order.length),
    dst: new Uint16Array(order.length),
    trafficClass: new Uint8Array(order.length),
    rateBps: new Float64Array(order.length),
  };
  const functions = new Map<number, BandwidthFunction>();
  let rateBps = 0;
  order.forEach((row, i) => {
    own.src[i] = place.get(columns.src[row] ?? 0) ?? 0;
    own.dst[i] = place.get(columns.dst[row] ?? 0) ?? 0;
    own.trafficClass[i] = columns.trafficClass[row] ?? 0;
    const rate = columns.rateBps[row] ?? 0;
    own.rateBps[i] = rate;
    if (!Number.isNaN(rate)) rateBps += rate;
    const bandwidthFunction = staging.bandwidthFunctions.get(row);
    if (bandwidthFunction !== undefined) functions.set(i, bandwidthFunction);
  });
  return {
    windowStart: new Date(slot.startMs).toISOString(),
    windowSeconds: slot.windowSeconds,
    quantile: slot.quantile,
    columns: { ...own, ...(functions.size === 0 ? {} : { bandwidthFunctions: functions }) },
    rateBps,
  };
}

/** Gathers the hash of a batch's content from its windows in their order. */
export class ContentHash {
  readonly #hash: Hash = createHash("sha256");

  add({ windowStart, windowSeconds, quantile, columns }: Omit<StagedWindow, "rateBps">): void {
    const own = createHash("sha256").update(encodeColumns(columns)).digest("hex");
    this.#hash.update(`${windowStart} ${windowSeconds} ${quantile} ${own}\n`);
  }

  digest(): string {
    return this.#hash.digest("hex");
  }
}

interface SortKey {
  readonly column: Uint8Array | Uint16Array;
  /** The key of a row is `rankOf[column[row]]`, or the column's value itself. */
  readonly rankOf?: Uint32Array;
  readonly keys: number;
}

/** Writes the rows of `order` in their new order to `sorted`. Stable, by counting. */
async function sortBy(order: Uint32Array, sorted: Uint32Array, { column, rankOf, keys }: SortKey): Promise<void> {
  const keyOf = (row: number): number => {
    const value = column[row] ?? 0;
    return rankOf === undefined ? value : (rankOf[value] ?? 0);
  };
  const starts = new Uint32Array(keys + 1);
  for (let i = 0; i < order.length; i += 1) {
    const key = keyOf(order[i] ?? 0) + 1;
    starts[key] = (starts[key] ?? 0) + 1;
  }
  for (let key = 1; key <= keys; key += 1) starts[key] = (starts[key] ?? 0) + (starts[key - 1] ?? 0);
  for (let i = 0; i < order.length; i += 1) {
    const row = order[i] ?? 0;
    const key = keyOf(row);
    const at = starts[key] ?? 0;
    sorted[at] = row;
    starts[key] = at + 1;
  }
  await nextTurn();
}

function orderOf<T>(list: readonly T[], compare: (a: T, b: T) => number): readonly number[] {
  return list
    .map((item, index) => ({ item, index }))
    .sort((a, b) => compare(a.item, b.item))
    .map(({ index }) => index);
}

function ranksOf(order: readonly number[]): Uint32Array {
  const ranks = new Uint32Array(order.length);
  order.forEach((index, rank) => (ranks[index] = rank));
  return ranks;
}

function compareSlots(a: Slot, b: Slot): number {
  return a.startMs - b.startMs || a.windowSeconds - b.windowSeconds || quantiles.indexOf(a.quantile) - quantiles.indexOf(b.quantile);
}
