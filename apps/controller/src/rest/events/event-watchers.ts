/**
 * Those who watch the journal as it is written, over server-sent events (WHATWG HTML, section 9.2). Each has a place in the journal and is
 * sent what follows it whenever its socket takes it: so nothing is skipped or repeated, nobody waits for anybody, and for each no more
 * than one piece is in memory. Who takes nothing any more is cut off, and can come back to where he was.
 */
import type { ServerResponse } from "node:http";
import { fault, ok, refuse, type Result } from "@sluice/model";
import type { EventRecord, Store } from "@sluice/store";
import { journalTail, tailLimitsDefault, type Piece, type TailLimits } from "./journal-tail.js";

export interface WatcherLimits extends TailLimits {
  readonly watchersMax: number;
  /** Between two signs of life, ms. */
  readonly heartbeatMs: number;
  /** Longest wait for a socket to take the end, ms. */
  readonly endMsMax: number;
  /** After which a client should come back, ms. */
  readonly comeBackMs: number;
}

export const watcherLimitsDefault: WatcherLimits = {
  ...tailLimitsDefault,
  watchersMax: 1_000,
  heartbeatMs: 15_000,
  endMsMax: 1_000,
  comeBackMs: 2_000,
};

/** `slow`: the journal has gone on beyond what is kept ready; `stalled`: its socket took nothing between two heartbeats. */
export type DropReason = "slow" | "stalled";

export interface WatcherCounts {
  readonly watching: number;
  readonly refused: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

export interface WatchRequest {
  /** Events with a higher number; undefined for those to come. */
  readonly after: number | undefined;
  readonly kinds: ReadonlySet<string> | undefined;
  /** Ends after so many events; undefined for never. */
  readonly limit?: number | undefined;
  /** Ends at this time, ms since the epoch, with the next heartbeat. */
  readonly untilMs?: number | undefined;
  readonly headers: Readonly<Record<string, number | string | string[] | undefined>>;
}

export interface EventWatchers {
  /**
   * Takes the response over, once it is clear that it can be served: `take` is called right before its first byte. Faults: `unavailable` (too many
   * watch, or the store is away), `out-of-range` where the journal does not reach as far as `after`.
   */
  watch(response: ServerResponse, request: WatchRequest, take: () => void): Promise<Result<void>>;
  /** Events have become durable. */
  durable(): void;
  counts(): WatcherCounts;
  /** Ends all; more are refused. */
  close(): void;
}

interface Watcher {
  readonly response: ServerResponse;
  readonly kinds: ReadonlySet<string> | undefined;
  position: number;
  /** Events that it still wants. */
  left: number;
  readonly untilMs: number;
  /** It had all there was at some time: from then on it has to keep up. */
  isLive: boolean;
  /** It is being sent something, or waits until its socket takes more. */
  isBusy: boolean;
  /** At the last heartbeat, where bytes waited then: how many its socket had taken. */
  takenBefore: number | undefined;
}

/** Calls back at intervals until the function returned is called. */
export type Every = (ms: number, run: () => void) => () => void;

function everyInterval(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms);
  return () => clearInterval(timer);
}

export function eventWatchers(
  store: Pick<Store, "listEvents" | "newestEvent">,
  limits: WatcherLimits = watcherLimitsDefault,
  { every = everyInterval, nowMs = Date.now }: { readonly every?: Every; readonly nowMs?: () => number } = {},
): EventWatchers {
  const watchers = new Set<Watcher>();
  const dropped = { slow: 0, stalled: 0 };
  let joining = 0;
  let refused = 0;
  let closed = false;
  let endHeartbeat: (() => void) | undefined;
  const isWatched = (): boolean => watchers.size + joining > 0;
  const tail = journalTail({ store, render: frameOf, isWatched, onMoved: moved, limits });

  function moved(): void {
    for (const watcher of watchers) {
      if (!watcher.isBusy) void send(watcher);
      else if (watcher.isLive && !tail.covers(watcher.position)) drop(watcher, "slow");
    }
  }

  /** Sends what there is, piece by piece. */
  async function send(watcher: Watcher): Promise<void> {
    const { kinds } = watcher;
    watcher.isBusy = true;
    try {
      while (watchers.has(watcher)) {
        const { position } = watcher;
        if (position >= tail.head()) {
          watcher.isLive = true;
          return;
        }
        const wish = { after: position, kinds, countMax: watcher.left };
        const pieces = tail.covers(position) ? ok([tail.recent(wish)]) : await tail.stored(wish);
        // The client comes back, and hears then whether the store does.
        if (!pieces.ok) return end(watcher, "the journal cannot be read");
        for (const piece of pieces.value) if (!(await sendPiece(watcher, piece))) return;
      }
    } finally {
      watcher.isBusy = false;
    }
  }

  /** Resolves when the socket takes more, with whether more is wanted. */
  async function sendPiece(watcher: Watcher, { bytes, count, through }: Piece): Promise<boolean> {
    const { response } = watcher;
    if (!watchers.has(watcher)) return false;
    watcher.position = through;
    watcher.left -= count;
    const isFlowing = count === 0 || response.write(bytes);
    if (watcher.left === 0) {
      response.end();
      left(watcher);
      return false;
    }
    if (!isFlowing) await drained(response);
    return true;
  }

  function beat(): void {
    for (const watcher of watchers) {
      const { response, position } = watcher;
      const waiting = response.writableLength;
      const taken = (response.socket?.bytesWritten ?? 0) - (response.socket?.writableLength ?? 0);
      if (watcher.untilMs <= nowMs()) end(watcher, "the token has expired");
      else if (waiting > 0 && watcher.takenBefore === taken) drop(watcher, "stalled");
      else if (waiting > 0) watcher.takenBefore = taken;
      else {
        watcher.takenBefore = undefined;
        // The number alone moves the place to come back to, where nothing of the kinds asked for came for a long time.
        response.write(`: heartbeat\nid: ${position}\n\n`);
      }
    }
    // Where news of what is durable was missed, this is the latest that it is seen.
    void tail.refresh();
  }

  function drop(watcher: Watcher, reason: DropReason): void {
    dropped[reason] += 1;
    watcher.response.destroy();
    left(watcher);
  }

  function end(watcher: Watcher, why: string): void {
    if (!watchers.has(watcher)) return;
    const { response } = watcher;
    response.end(`: ${why}\n\n`);
    // Whose socket takes nothing would be waited for at the stop.
    const timer = setTimeout(() => response.destroy(), limits.endMsMax);
    response.once("close", () => clearTimeout(timer));
    left(watcher);
  }

  function left(watcher: Watcher): void {
    if (!watchers.delete(watcher) || isWatched()) return;
    endHeartbeat?.();
    endHeartbeat = undefined;
    tail.reset();
  }

  async function join(
    response: ServerResponse,
    { after, kinds, limit, untilMs, headers }: WatchRequest,
    take: () => void,
  ): Promise<Result<void>> {
    const newest = await tail.refresh();
    if (!newest.ok) return newest;
    if (closed) return refuse(fault("unavailable", "The controller is stopping."));
    if (after !== undefined && after > newest.value) {
      const message = `The journal ends with event ${newest.value}: event ${after} is of another one, or was lost. Begin anew.`;
      return refuse(fault("out-of-range", message, { data: { newest: newest.value } }));
    }
    if (response.destroyed) return ok(undefined);
    const position = after ?? newest.value;
    const watcher: Watcher = {
      response,
      kinds,
      position,
      left: limit ?? Infinity,
      untilMs: untilMs ?? Infinity,
      isLive: false,
      isBusy: false,
      takenBefore: undefined,
    };
    watchers.add(watcher);
    endHeartbeat ??= every(limits.heartbeatMs, beat);
    response.once("close", () => left(watcher));
    // What breaks is told by `close` as well.
    response.on("error", () => undefined);
    take();
    response.writeHead(200, { ...headers, "content-type": "text/event-stream", connection: "close", "x-accel-buffering": "no" });
    response.write(`retry: ${limits.comeBackMs}\n: events after ${position}\n\n`);
    void send(watcher);
    return ok(undefined);
  }

  return {
    async watch(response, request, take) {
      if (closed || watchers.size + joining >= limits.watchersMax) {
        refused += 1;
        return refuse(fault("unavailable", `${watchers.size + joining} watch the journal already; try again later.`));
      }
      joining += 1;
      try {
        return await join(response, request, take);
      } finally {
        joining -= 1;
        if (!isWatched()) tail.reset();
      }
    },
    durable() {
      if (isWatched()) void tail.refresh();
    },
    counts: () => ({ watching: watchers.size, refused, dropped: { ...dropped } }),
    close() {
      closed = true;
      for (const watcher of watchers) end(watcher, "the controller is stopping");
      endHeartbeat?.();
      endHeartbeat = undefined;
      tail.reset();
    },
  };
}

/** JSON has no line feed, so an event is one line of data. */
export function frameOf({ sequence, at, kind, data }: EventRecord): string {
  return `id: ${sequence}\ndata: ${JSON.stringify({ sequence, at, kind, data })}\n\n`;
}

/** When the socket takes more, or never will. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
    if (response.destroyed) done();
  });
}
