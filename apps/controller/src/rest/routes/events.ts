/** The journal: in pages, as it is written, and what it tells of requests and plans. */
import { publishedKinds } from "@sluice/control";
import { fault, ok, refuse, type Result } from "@sluice/model";
import type { EventRecord } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import type { EventWatchers } from "../events/event-watchers.js";
import { historyOf, planHistory } from "../events/history.js";
import { keptBodies, type Made } from "../kept-bodies.js";
import { cursorSchema, limitSchema, wholeNumber } from "../page.js";
import { planPage } from "../plan-page.js";
import { declareGet, declareStream } from "../route.js";
import { eventsSchema, historySchema, planHistorySchema } from "../schemas/events.js";

const kindsSchema = z
  .string()
  .max(2_000)
  .refine((text) => text.split(",").every((kind) => (publishedKinds as readonly string[]).includes(kind)), {
    message: "must be kinds of events with commas between them; docs/protocol.md lists them",
  })
  .transform((text) => new Set(text.split(",")))
  .meta({ description: "Events of these kinds only, e.g. `link-down,link-up`." });

const correlationSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be the id of a request")
  .meta({ description: "The id of a request (`x-request-id`)." });

interface EventsAsked {
  readonly after?: number | undefined;
  readonly kind?: ReadonlySet<string> | undefined;
  readonly correlation?: string | undefined;
  readonly limit: number;
}

const afterSchema = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** What the journal holds is seen this late at most where nobody tells of it, ms. */
const pageAgeMsMax = 1_000;

export function declareEventRoutes(app: FastifyInstance, { store, watchJournal }: RestDeps, watchers: EventWatchers): void {
  const pages = keptBodies({ ageMsMax: pageAgeMsMax });
  let appends = 0;
  const unwatch = watchJournal?.(() => (appends += 1));
  if (unwatch !== undefined) app.addHook("onClose", async () => unwatch());

  declareGet(
    app,
    {
      url: "/v1/events",
      tag: "operation",
      role: "viewer",
      summary: "The journal, oldest first",
      query: z.strictObject({
        after: afterSchema.optional().meta({ description: "Events with a higher sequence number only." }),
        kind: kindsSchema.optional(),
        correlation: correlationSchema.optional(),
        limit: limitSchema(1_000, 100),
      }),
      response: eventsSchema,
      refusals: [422],
    },
    async ({ query }) => {
      const { after = 0, kind, correlation, limit } = query;
      const key = JSON.stringify([after, limit, kind && [...kind], correlation]);
      // Where nobody tells of what is appended, no page that may become another one is kept.
      return pages.get(key, [unwatch === undefined ? NaN : appends], () => eventPage(query));
    },
  );

  async function eventPage({ after = 0, kind, correlation, limit }: EventsAsked): Promise<Result<Made<z.input<typeof eventsSchema>>>> {
    const filter = { ...(kind && { kinds: [...kind] }), ...(correlation !== undefined && { correlationId: correlation }) };
    const through = await throughOf(Object.keys(filter).length > 0);
    if (!through.ok) return through;
    const listed = await store.listEvents({ after, ...filter, ...(through.value !== undefined && { through: through.value }), limit });
    if (!listed.ok) return listed;
    const last = listed.value.at(-1)?.sequence;
    // What was looked at and did not fit need not be looked at again.
    const nextAfter = listed.value.length < limit ? Math.max(through.value ?? 0, last ?? 0, after) : (last ?? after);
    // The journal is only appended to, so a page that is full stays as it is.
    return ok({ body: { items: listed.value.map(eventBody), nextAfter }, isFinal: listed.value.length === limit });
  }

  async function throughOf(isFiltered: boolean): Promise<Result<number | undefined>> {
    return isFiltered ? store.newestEvent() : ok(undefined);
  }

  declareStream(
    app,
    {
      url: "/v1/events/stream",
      tag: "operation",
      role: "viewer",
      summary: "The journal as it is written, by server-sent events",
      description:
        "Each event has its sequence number as id, and is sent once it is durable. With `Last-Event-ID` (or `after`) it goes on behind that event, and nothing is " +
        "left out or comes twice; without either it begins with what comes next. A comment and the number looked at so far come every 15 seconds.",
      query: z.strictObject({
        after: afterSchema.optional().meta({ description: "As `Last-Event-ID`, which wins where both are given." }),
        kind: kindsSchema.optional(),
        limit: wholeNumber({ min: 1, max: 1_000_000 })
          .optional()
          .meta({ description: "Ends after so many events: `kind=plan-applied&limit=1` waits for the next plan." }),
      }),
      offers: ["text/event-stream"],
      isLong: true,
      refusals: [422],
    },
    async ({ query, request, reply }) => {
      const after = placeOf(request.headers["last-event-id"], query.after);
      if (!after.ok) return after;
      if (request.method === "HEAD") return ok({ type: "text/event-stream", body: "" });
      const asked = {
        after: after.value,
        kinds: query.kind,
        limit: query.limit,
        untilMs: request.actor?.expiresAtMs,
        headers: reply.getHeaders(),
      };
      const watching = await watchers.watch(reply.raw, asked, () => reply.hijack());
      if (watching.ok) return ok("taken" as const);
      const [first] = watching.faults;
      const pointer = request.headers["last-event-id"] ? "/headers/last-event-id" : "/query/after";
      return first.code === "out-of-range" ? refuse({ ...first, pointer }) : watching;
    },
  );

  declareGet(
    app,
    {
      url: "/v1/history",
      tag: "operation",
      role: "viewer",
      summary: "What followed from a request",
      query: z.strictObject({ correlation: correlationSchema }),
      response: historySchema,
      refusals: [404],
    },
    async ({ query: { correlation } }) => {
      const found = await historyOf(store, correlation);
      if (!found.ok) return found;
      const { items, epochs, isWhole } = found.value;
      if (items.length === 0)
        return refuse(fault("not-found", `No event names request ${correlation}.`, { pointer: "/query/correlation" }));
      return ok({
        correlationId: correlation,
        items: items.map((item) => ({ ...eventBody(item), follows: item.follows })),
        epochs: [...epochs],
        isWhole,
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/history/plans",
      tag: "operation",
      role: "viewer",
      summary: "Plans, newest first: who asked for each, and what became of it",
      query: z.strictObject({ limit: limitSchema(100, 20), cursor: cursorSchema.optional() }),
      response: planHistorySchema,
      refusals: [422],
    },
    async ({ query }) => {
      const page = await planPage(store, query);
      if (!page.ok) return page;
      const { summaries, next } = page.value;
      const found = await planHistory(store, summaries);
      if (!found.ok) return found;
      return ok({
        items: found.value.map(({ summary: { epoch, createdAt, rung, demandBps, admittedBps }, by, events }) => ({
          epoch,
          createdAt,
          rung,
          demandBps,
          admittedBps,
          ...(by && { by: { ...by } }),
          events: events.map(({ sequence, at, kind }) => ({ sequence, at, kind })),
        })),
        ...next,
      });
    },
  );
}

function eventBody({ sequence, at, kind, data }: EventRecord) {
  return { sequence, at, kind, data: { ...data } };
}

/** Where a watcher goes on. A browser that comes back says it in the header, and repeats the query of its first request. */
function placeOf(last: string | readonly string[] | undefined, after: number | undefined): Result<number | undefined> {
  if (last === undefined || last === "") return ok(after);
  if (typeof last === "string" && /^(0|[1-9][0-9]{0,14})$/.test(last)) return ok(Number(last));
  return refuse(fault("malformed", "Last-Event-ID is the number of an event.", { pointer: "/headers/last-event-id" }));
}
