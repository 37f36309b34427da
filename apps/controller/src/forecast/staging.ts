/**
 * The rows of an upload while they come in: typed columns over interned windows and nodes, fifteen bytes a row, and a table of keys that
 * finds a row that was there before. What has come in goes to the store in chunks, and comes back from them where an upload goes on.
 */
import {
  fault,
  ok,
  refuse,
  trafficClasses,
  type BandwidthFunction,
  type FaultCode,
  type NodeId,
  type Result,
  type Topology,
} from "@sluice/model";
import { columnNodesMax, forecastWindowsMax, quantiles, type Quantile } from "@sluice/store";
import type { ForecastRow } from "./row.js";

/** A window and quantile that rows are of. */
export interface Slot {
  readonly startMs: number;
  readonly windowSeconds: number;
  readonly quantile: Quantile;
}

/** Why a row was not taken. */
export interface RowRefusal {
  readonly code: FaultCode;
  readonly message: string;
  readonly field?: "src" | "dst" | "windowStart" | "bandwidthFunction";
}

interface Columns {
  readonly slot: Uint16Array;
  readonly src: Uint16Array;
  readonly dst: Uint16Array;
  readonly trafficClass: Uint8Array;
  readonly rateBps: Float64Array;
}

interface ChunkHeader {
  /** Those that occur here for the first time, in this order. */
  readonly slots: readonly Slot[];
  readonly nodeIds: readonly NodeId[];
  readonly rows: number;
  readonly bandwidthFunctions: readonly (readonly [row: number, BandwidthFunction])[];
}

const rowsAtFirst = 4_096;
/** An upload that has more rows than these is taken for a large one: copies on the way up would stay in memory for a while. Untouched room costs none. */
const rowsSmall = 65_536;
const rowsLarge = 1 << 20;
const bytesPerRow = 15;

export class ForecastStaging {
  readonly #nodeById: Pick<Topology["nodeById"], "get">;
  #columns = columnsFor(rowsAtFirst);
  /** Row plus one by hash of its key, open addressing; at most half full. */
  #table = new Int32Array(rowsAtFirst * 2);
  #rows = 0;
  readonly #slots: Slot[] = [];
  readonly #slotIndex = new Map<string, number>();
  readonly #nodeIds: NodeId[] = [];
  readonly #nodeIndex = new Map<string, number>();
  readonly #functions = new Map<number, BandwidthFunction>();
  #chunkedRows = 0;
  #chunkedSlots = 0;
  #chunkedNodes = 0;
  /** Of the row before. */
  #last: { readonly startMs: number; readonly windowSeconds: number; readonly quantile: number; readonly slot: number } | undefined;

  constructor(topology: Pick<Topology, "nodeById">) {
    this.#nodeById = topology.nodeById;
  }

  /** Rows that were taken. */
  get rows(): number {
    return this.#rows;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  get nodeIds(): readonly NodeId[] {
    return this.#nodeIds;
  }

  get columns(): Columns {
    return this.#columns;
  }

  get bandwidthFunctions(): ReadonlyMap<number, BandwidthFunction> {
    return this.#functions;
  }

  /** O(1), amortized. */
  add(row: ForecastRow): RowRefusal | undefined {
    const src = this.#nodeOf(row.src);
    if (typeof src !== "number") return { ...src, field: "src" };
    const dst = this.#nodeOf(row.dst);
    if (typeof dst !== "number") return { ...dst, field: "dst" };
    const slot = this.#slotOf(row);
    if (typeof slot !== "number") return slot;
    const { trafficClass, rateBps, bandwidthFunction } = row;
    const place = this.#placeOf(slot, src, dst, trafficClass);
    if (place < 0) {
      const name = `${row.src}>${row.dst}/${trafficClasses[trafficClass]}`;
      return { code: "duplicate-id", message: `there is a row for ${name} in this window and quantile already.` };
    }
    this.#put({ slot, src, dst, trafficClass, rateBps }, place);
    if (bandwidthFunction !== undefined) this.#functions.set(this.#rows - 1, bandwidthFunction);
    return undefined;
  }

  /** A window is there, even without rows. */
  declare(window: Pick<ForecastRow, "startMs" | "windowSeconds" | "quantile">): RowRefusal | undefined {
    const slot = this.#slotOf(window);
    return typeof slot === "number" ? undefined : slot;
  }

  /** No row comes any more: what finds one that was there before is given back. */
  seal(): void {
    this.#table = new Int32Array(0);
  }

  /** Gives its memory back: nothing of it is read any more. */
  release(): void {
    this.#columns = columnsFor(0);
    this.#table = new Int32Array(0);
  }

  /** What was taken since the last chunk, as bytes. */
  takeChunk(): Uint8Array {
    const [from, rows] = [this.#chunkedRows, this.#rows - this.#chunkedRows];
    const header: ChunkHeader = {
      slots: this.#slots.slice(this.#chunkedSlots),
      nodeIds: this.#nodeIds.slice(this.#chunkedNodes),
      rows,
      bandwidthFunctions: [...this.#functions].filter(([row]) => row >= from).map(([row, each]) => [row - from, each]),
    };
    const text = Buffer.from(JSON.stringify(header));
    const bytes = Buffer.alloc(4 + text.length + rows * bytesPerRow);
    bytes.writeUInt32LE(text.length, 0);
    text.copy(bytes, 4);
    let at = 4 + text.length;
    const { rateBps, slot, src, dst, trafficClass } = this.#columns;
    for (const column of [rateBps, slot, src, dst, trafficClass]) {
      const part = column.subarray(from, this.#rows);
      bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
    this.#chunkedRows = this.#rows;
    this.#chunkedSlots = this.#slots.length;
    this.#chunkedNodes = this.#nodeIds.length;
    return bytes;
  }

  /** The next chunk of those that `takeChunk` gave. Refuses with `store-failed` what does not fit those before. */
  addChunk(bytes: Uint8Array): Result<void> {
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = whole.readUInt32LE(0);
    const { slots, nodeIds, rows, bandwidthFunctions } = JSON.parse(whole.toString("utf8", 4, 4 + length)) as ChunkHeader;
    // A copy of its own starts at a multiple of eight.
    const body = new Uint8Array(whole.subarray(4 + length)).buffer;
    if (body.byteLength !== rows * bytesPerRow) return damaged();
    for (const each of slots) this.#slotOf({ ...each, quantile: quantiles.indexOf(each.quantile) });
    for (const id of nodeIds) this.#intern(id);
    const first = this.#rows;
    const rateBps = new Float64Array(body, 0, rows);
    const [slot, src, dst] = [8, 10, 12].map((at) => new Uint16Array(body, rows * at, rows));
    const trafficClass = new Uint8Array(body, rows * 14, rows);
    for (let i = 0; i < rows; i += 1) {
      const row = {
        slot: slot?.[i] ?? 0,
        src: src?.[i] ?? 0,
        dst: dst?.[i] ?? 0,
        trafficClass: trafficClass[i] ?? 0,
        rateBps: rateBps[i] ?? 0,
      };
      if (row.slot >= this.#slots.length || Math.max(row.src, row.dst) >= this.#nodeIds.length) return damaged();
      const place = this.#placeOf(row.slot, row.src, row.dst, row.trafficClass);
      if (place < 0) return damaged();
      this.#put(row, place);
    }
    for (const [row, each] of bandwidthFunctions) this.#functions.set(first + row, each);
    this.#chunkedRows = this.#rows;
    this.#chunkedSlots = this.#slots.length;
    this.#chunkedNodes = this.#nodeIds.length;
    return ok(undefined);
  }

  #nodeOf(id: string): number | RowRefusal {
    const known = this.#nodeIndex.get(id);
    if (known !== undefined) return known;
    // The topology's own string is kept: one cut out of the text of an upload would keep the whole piece of it in memory.
    const node = this.#nodeById.get(id as NodeId);
    if (node === undefined) return { code: "dangling-reference", message: `the topology has no node ${id}.` };
    if (this.#nodeIds.length >= columnNodesMax) return { code: "too-many", message: `a batch has at most ${columnNodesMax} nodes.` };
    return this.#intern(node.id);
  }

  #intern(id: NodeId): number {
    const index = this.#nodeIds.length;
    this.#nodeIds.push(id);
    this.#nodeIndex.set(id, index);
    return index;
  }

  #slotOf({ startMs, windowSeconds, quantile }: Pick<ForecastRow, "startMs" | "windowSeconds" | "quantile">): number | RowRefusal {
    const last = this.#last;
    if (last?.startMs === startMs && last.windowSeconds === windowSeconds && last.quantile === quantile) return last.slot;
    const key = `${startMs}/${windowSeconds}/${quantile}`;
    let slot = this.#slotIndex.get(key);
    if (slot === undefined) {
      if (this.#slots.length >= forecastWindowsMax) {
        return { code: "too-many", message: `a batch has at most ${forecastWindowsMax} windows, quantiles counted.`, field: "windowStart" };
      }
      slot = this.#slots.length;
      this.#slots.push({ startMs, windowSeconds, quantile: quantiles[quantile] ?? "p50" });
      this.#slotIndex.set(key, slot);
    }
    this.#last = { startMs, windowSeconds, quantile, slot };
    return slot;
  }

  /** Where a row of this key would stand in the table; -1 where one stands already. */
  #placeOf(slot: number, src: number, dst: number, trafficClass: number): number {
    const { slot: slots, src: srcs, dst: dsts, trafficClass: classes } = this.#columns;
    if (this.#table.length === 0) throw new RangeError("a row came after the last");
    const mask = this.#table.length - 1;
    let place = hashOf(slot, src, dst, trafficClass) & mask;
    for (let row = this.#table[place] ?? 0; row !== 0; row = this.#table[place] ?? 0) {
      const i = row - 1;
      if (slots[i] === slot && srcs[i] === src && dsts[i] === dst && classes[i] === trafficClass) return -1;
      place = (place + 1) & mask;
    }
    return place;
  }

  #put(
    row: { readonly slot: number; readonly src: number; readonly dst: number; readonly trafficClass: number; readonly rateBps: number },
    place: number,
  ): void {
    const { slot, src, dst, trafficClass, rateBps } = this.#columns;
    const i = this.#rows;
    slot[i] = row.slot;
    src[i] = row.src;
    dst[i] = row.dst;
    trafficClass[i] = row.trafficClass;
    rateBps[i] = row.rateBps;
    this.#table[place] = i + 1;
    this.#rows += 1;
    if (this.#rows === rateBps.length) this.#grow();
  }

  #grow(): void {
    const old = this.#columns;
    const rows = old.rateBps.length;
    const columns = columnsFor(rows >= rowsSmall && rows < rowsLarge ? rowsLarge : rows * 2);
    columns.slot.set(old.slot);
    columns.src.set(old.src);
    columns.dst.set(old.dst);
    columns.trafficClass.set(old.trafficClass);
    columns.rateBps.set(old.rateBps);
    this.#columns = columns;
    const table = new Int32Array(columns.rateBps.length * 2);
    const mask = table.length - 1;
    for (let i = 0; i < this.#rows; i += 1) {
      let place = hashOf(old.slot[i] ?? 0, old.src[i] ?? 0, old.dst[i] ?? 0, old.trafficClass[i] ?? 0) & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = i + 1;
    }
    this.#table = table;
  }
}

function columnsFor(rows: number): Columns {
  return {
    slot: new Uint16Array(rows),
    src: new Uint16Array(rows),
    dst: new Uint16Array(rows),
    trafficClass: new Uint8Array(rows),
    rateBps: new Float64Array(rows),
  };
}

/** Mixes as MurmurHash3 ends: every bit of the key counts in every bit of the hash. */
function hashOf(slot: number, src: number, dst: number, trafficClass: number): number {
  let hash = Math.imul(slot * 3 + trafficClass, 0x9e3779b1) ^ Math.imul((src << 16) | dst, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function damaged(): Result<never> {
  return refuse(fault("store-failed", "A stored part of the upload is damaged: begin the upload again."));
}
