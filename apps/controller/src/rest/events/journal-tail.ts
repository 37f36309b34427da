/**
 * The end of the journal, read once for all who watch: events as the store has numbered them, so what is told is durable, in order, and
 * the same to everybody. The newest are kept in a ring, ready to be sent; what is older is read from the store for those who ask.
 */
import { ok, type Result } from "@sluice/model";
import type { EventPage, EventRecord, Store } from "@sluice/store";

export interface TailLimits {
  /** Events in the ring, and bytes of them: whichever comes first. */
  readonly ringCountMax: number;
  readonly ringBytesMax: number;
  /** Events in one read of the store, and bytes of them, as far as the size of events can be told before. */
  readonly pageMax: number;
  readonly pageBytes: number;
  /** Bytes in one piece for a watcher; one event may be larger. */
  readonly pieceBytesMax: number;
  /** Reads of the store at a time for watchers that catch up: the embedded database has one session. */
  readonly readsMax: number;
  /** After a read that failed, ms. */
  readonly retryMs: number;
}

export const tailLimitsDefault: TailLimits = {
  ringCountMax: 4_096,
  ringBytesMax: 4 << 20,
  pageMax: 500,
  pageBytes: 256 << 10,
  pieceBytesMax: 64 << 10,
  readsMax: 2,
  retryMs: 1_000,
};

/** Pieces up to the head that are kept until it moves: most watchers are at the same place and want the same. */
const piecesMax = 64;

/** What a watcher is sent next. */
export interface Piece {
  /** Empty where nothing in it is of a kind that was asked for. */
  readonly bytes: Buffer;
  /** Events in it. */
  readonly count: number;
  /** The number of the last event that was looked at. */
  readonly through: number;
}

export interface Wish {
  readonly after: number;
  /** Undefined for all. */
  readonly kinds: ReadonlySet<string> | undefined;
  /** Events in the piece at most. */
  readonly countMax: number;
}

export interface JournalTailParts {
  readonly store: Pick<Store, "listEvents" | "newestEvent">;
  readonly render: (event: EventRecord) => string;
  /** While nobody watches nothing is read. */
  readonly isWatched: () => boolean;
  /** The head has moved. */
  readonly onMoved: () => void;
  readonly limits: TailLimits;
}

export interface JournalTail {
  /** Reads what is new; resolves with the newest number, at least that of the moment of the call. Faults: those of the store. */
  refresh(): Promise<Result<number>>;
  /** The newest number that was read; 0 before the first read. */
  head(): number;
  /** Whether the ring has all that follows a number. */
  covers(after: number): boolean;
  /** The next piece from the ring, which must cover what follows. */
  recent(wish: Wish): Piece;
  /** The next pieces from the store, one at least. */
  stored(wish: Wish): Promise<Result<readonly Piece[]>>;
  /** Forgets everything. */
  reset(): void;
}

interface Framed {
  readonly sequence: number;
  readonly kind: string;
  readonly bytes: Buffer;
}

export function journalTail({ store, render, isWatched, onMoved, limits }: JournalTailParts): JournalTail {
  let head: number | undefined;
  /** Rises with each `reset`: what was read before it counts no more. */
  let generation = 0;
  let ring: Framed[] = [];
  let ringBytes = 0;
  let wanted = 0;
  let running: Promise<Result<number>> | undefined;
  let retry: NodeJS.Timeout | undefined;
  /** What many watchers want at once is put together once. */
  const pieces = new Map<string, Piece>();
  const reads = new Map<string, Promise<Result<readonly Piece[]>>>();
  /** Of an event, as those read lately were. */
  let meanBytes = 512;
  const gate = limitedTo(limits.readsMax);

  const frame = (event: EventRecord): Framed => ({ sequence: event.sequence, kind: event.kind, bytes: Buffer.from(render(event)) });

  function take(events: readonly EventRecord[]): void {
    for (const event of events) {
      const framed = frame(event);
      ring.push(framed);
      ringBytes += framed.bytes.length;
      head = event.sequence;
    }
    let gone = 0;
    while (ring.length - gone > limits.ringCountMax || (ringBytes > limits.ringBytesMax && ring.length - gone > 1)) {
      ringBytes -= ring[gone]?.bytes.length ?? 0;
      gone += 1;
    }
    ring = ring.slice(gone);
    pieces.clear();
    onMoved();
  }

  async function readOn(): Promise<Result<number>> {
    for (;;) {
      const before = generation;
      const read = head === undefined ? await store.newestEvent() : await store.listEvents({ after: head, limit: limits.pageMax });
      if (before !== generation) continue;
      if (!read.ok) return read;
      if (typeof read.value === "number") {
        head = read.value;
        return ok(head);
      }
      if (read.value.length > 0) take(read.value);
      if (read.value.length < limits.pageMax) return ok(head ?? 0);
    }
  }

  async function readUntilNothingIsWanted(): Promise<Result<number>> {
    clearTimeout(retry);
    for (;;) {
      const seen = wanted;
      const result = await readOn();
      if (result.ok && wanted !== seen) continue;
      running = undefined;
      if (!result.ok && isWatched()) retry = setTimeout(() => void tail.refresh(), limits.retryMs);
      return result;
    }
  }

  function pieceOf(frames: readonly Framed[], { kinds, countMax }: Wish, through: number): Piece {
    const chosen: Buffer[] = [];
    let bytes = 0;
    for (const { sequence, kind, bytes: frameBytes } of frames) {
      if (kinds !== undefined && !kinds.has(kind)) continue;
      if (chosen.length === countMax || (chosen.length > 0 && bytes + frameBytes.length > limits.pieceBytesMax)) {
        return { bytes: Buffer.concat(chosen), count: chosen.length, through: sequence - 1 };
      }
      chosen.push(frameBytes);
      bytes += frameBytes.length;
    }
    return { bytes: Buffer.concat(chosen), count: chosen.length, through };
  }

  async function readPieces(wish: Wish): Promise<Result<readonly Piece[]>> {
    const { after, kinds } = wish;
    const through = head ?? after;
    const limit = Math.min(limits.pageMax, Math.max(1, Math.floor(limits.pageBytes / meanBytes)));
    const page: EventPage = { after, through, limit, ...(kinds !== undefined && { kinds: [...kinds] }) };
    const listed = await gate(() => store.listEvents(page));
    if (!listed.ok) return listed;
    const frames = listed.value.map(frame);
    const last = frames.at(-1);
    if (last !== undefined) meanBytes = (meanBytes + frames.reduce((sum, { bytes }) => sum + bytes.length, 0) / frames.length) / 2;
    return ok(piecesOf(frames, wish, last === undefined || frames.length < limit ? through : last.sequence));
  }

  function piecesOf(frames: readonly Framed[], wish: Wish, through: number): readonly Piece[] {
    const list: Piece[] = [];
    let left = wish.countMax;
    let rest = frames;
    do {
      const piece = pieceOf(rest, { ...wish, countMax: left }, through);
      list.push(piece);
      left -= piece.count;
      rest = rest.slice(piece.count);
    } while (rest.length > 0 && left > 0);
    return list;
  }

  const tail: JournalTail = {
    refresh() {
      wanted += 1;
      running ??= readUntilNothingIsWanted();
      return running;
    },
    head: () => head ?? 0,
    covers: (after) => after >= (head ?? Infinity) || (ring[0] !== undefined && after >= ring[0].sequence - 1),
    recent(wish) {
      const key = keyOf(wish);
      const known = pieces.get(key);
      if (known !== undefined) return known;
      const { after } = wish;
      const piece = pieceOf(ring.slice(ring.findLastIndex(({ sequence }) => sequence <= after) + 1), wish, head ?? after);
      if (piece.through === head && pieces.size < piecesMax) pieces.set(key, piece);
      return piece;
    },
    async stored(wish) {
      const key = keyOf(wish);
      let reading = reads.get(key);
      if (reading === undefined) {
        reading = readPieces(wish).finally(() => reads.delete(key));
        reads.set(key, reading);
      }
      return reading;
    },
    reset() {
      clearTimeout(retry);
      generation += 1;
      head = undefined;
      ring = [];
      ringBytes = 0;
      pieces.clear();
    },
  };
  return tail;
}

function keyOf({ after, kinds, countMax }: Wish): string {
  return `${after} ${countMax} ${kinds === undefined ? "" : [...kinds].join(" ")}`;
}

/** Runs no more than so many at a time; the others wait in their order. */
function limitedTo(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      // The place is handed on.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
