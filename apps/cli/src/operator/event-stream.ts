/** Server-sent events of a controller (docs/rest.md, Events), over as many connections as it takes. */
import { setTimeout as wait } from "node:timers/promises";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { piecesOf, type Query, type Requester } from "./request.js";

/** Longest that one connection is held, ms: a day. */
const connectionMsMax = 86_400_000;
/** Heartbeats come every 15 s: after this long without a byte the connection is dead, ms. */
const silentMsMax = 45_000;
/** Where the controller does not say when to come back, ms. */
const comeBackMsDefault = 2_000;
const comeBackMsMax = 30_000;
/** Longest without any connection before it is given up, ms. */
const lostMsMax = 600_000;
/** Longest event, characters. */
const eventCharsMax = 16 << 20;

export interface ServerEvent {
  readonly id: string | undefined;
  readonly data: string;
}

export interface EventsAsked {
  readonly onRetry?: ((message: string) => void) | undefined;
  /** Pause before a lost connection is made again, ms, in place of what the controller says. */
  readonly comeBackMs?: number | undefined;
  readonly silentMs?: number | undefined;
  readonly lostMs?: number | undefined;
}

interface Read {
  readonly events: ServerEvent[];
  /** Of the last event; before the first one, where the stream began. */
  lastId: string | undefined;
  comeBackMs: number | undefined;
}

/**
 * Events without end: the reader stops it. The last item is a refusal, where there is one: the controller's own, or `unavailable` after ten
 * minutes without it. Aborting the client's signal ends it without a refusal.
 */
export async function* followEvents(
  client: Requester,
  { path, query }: { readonly path: string; readonly query: Query },
  { onRetry, comeBackMs, silentMs = silentMsMax, lostMs = lostMsMax }: EventsAsked,
): AsyncGenerator<Result<ServerEvent>> {
  const { signal } = client;
  const read: Read = { events: [], lastId: undefined, comeBackMs };
  let lostSinceMs: number | undefined;
  let wasConnected = false;
  while (!signal.aborted) {
    const silence = new AbortController();
    const answer = await client.request({
      method: "GET",
      path,
      query: read.lastId === undefined ? query : { ...query, after: undefined },
      headers: read.lastId === undefined ? {} : { "last-event-id": read.lastId },
      accept: "text/event-stream",
      timeoutMs: connectionMsMax,
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (answer.ok) {
      lostSinceMs = undefined;
      wasConnected = true;
      const parser = parserInto(read, comeBackMs);
      const timer = setTimeout(() => silence.abort(), silentMs);
      try {
        for await (const piece of piecesOf(answer.value)) {
          timer.refresh();
          parser.feed(piece);
          yield* read.events.splice(0).map((event) => ok(event));
        }
      } catch {
        // Cut off: what was read has been given, and the next connection goes on behind it.
      } finally {
        clearTimeout(timer);
        silence.abort();
      }
      if (signal.aborted) return;
      onRetry?.(`The stream of events from ${client.origin} ended; it goes on behind the last one.`);
    } else {
      if (signal.aborted) return;
      const [{ code, message }] = answer.faults;
      lostSinceMs ??= performance.now();
      const isPassing = code === "unavailable" || code === "rate-limited";
      // The first connection must come to be: a wrong address is told at once.
      if (!isPassing || !wasConnected) return yield answer;
      if (performance.now() - lostSinceMs > lostMs)
        return yield refuse(fault("unavailable", `${client.origin} has not come back: ${message}`, { pointer: "--controller" }));
      onRetry?.(message);
    }
    const pauseMs = Math.min(comeBackMsMax, read.comeBackMs ?? comeBackMsDefault);
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function parserInto(read: Read, comeBackMs: number | undefined) {
  return createParser({
    maxBufferSize: eventCharsMax,
    onEvent({ id, data }: EventSourceMessage) {
      if (id !== undefined) read.lastId = id;
      read.events.push({ id, data });
    },
    onComment(comment) {
      read.lastId ??= /^ ?events after ([0-9]+)$/.exec(comment)?.[1];
    },
    onRetry(retryMs) {
      read.comeBackMs = comeBackMs ?? retryMs;
    },
  });
}
