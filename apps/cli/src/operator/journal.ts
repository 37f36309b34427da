/** The journal of a controller, as far as it is now. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { createParser } from "eventsource-parser";
import { z } from "zod";
import type { ControllerClient } from "./controller-client.js";
import { eventSchema, type JournalEvent } from "./event-text.js";
import { piecesOf } from "./request.js";

/** Events of one page. */
const pageEvents = 1_000;
/** Longest wait for the stream's first word, ms. */
const firstWordMsMax = 30_000;

export interface EventsWanted {
  /** Behind this one. */
  readonly after: number;
  /** Kinds with commas between them. */
  readonly kind?: string | undefined;
  readonly correlation?: string | undefined;
  readonly most?: number | undefined;
}

export interface EventsRead {
  readonly items: readonly JournalEvent[];
  /** What comes next is behind this one. */
  readonly nextAfter: number;
}

/** Oldest first, to the end of the journal or to `most`. */
export async function readEvents(
  client: ControllerClient,
  wanted: EventsWanted,
  onPage?: (count: number) => void,
): Promise<Result<EventsRead>> {
  const { kind, correlation, most = 2_000_000 } = wanted;
  const items: JournalEvent[] = [];
  let after = wanted.after;
  for (;;) {
    const limit = Math.min(pageEvents, most - items.length);
    const page = await client.get("/v1/events", z.object({ items: z.array(eventSchema), nextAfter: z.number() }), {
      after,
      kind,
      correlation,
      limit,
    });
    if (!page.ok) return page;
    items.push(...page.value.value.items);
    after = page.value.value.nextAfter;
    onPage?.(items.length);
    if (page.value.value.items.length < limit || items.length >= most) return ok({ items, nextAfter: after });
  }
}

/** The number of the newest event: a stream of events says first where it begins. */
export async function newestSequence(client: ControllerClient): Promise<Result<number>> {
  const done = new AbortController();
  const answer = await client.request({
    method: "GET",
    path: "/v1/events/stream",
    accept: "text/event-stream",
    timeoutMs: firstWordMsMax,
    signal: AbortSignal.any([client.signal, done.signal]),
  });
  if (!answer.ok) return answer;
  let sequence: number | undefined;
  const parser = createParser({
    onComment(comment) {
      const [, text] = /^ ?events after ([0-9]+)$/.exec(comment) ?? [];
      if (text !== undefined) sequence ??= Number(text);
    },
  });
  try {
    for await (const piece of piecesOf(answer.value)) {
      parser.feed(piece);
      if (sequence !== undefined) return ok(sequence);
    }
  } catch {
    if (client.signal.aborted) return refuse(fault("cancelled", "The request was cancelled."));
  } finally {
    done.abort();
  }
  return refuse(fault("unavailable", `${client.origin} did not say how far its journal is.`, { pointer: "--controller" }));
}
