/** Forecasts in, measured history out, and the look ahead. */
import { Readable } from "node:stream";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { historySecondsMax, type ForecastBatch, type FoundForecastWindow } from "@sluice/store";
import { under } from "@sluice/wire";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { passOver, rowsOfBody, type RowFormat, type RowSource } from "../../forecast/body.js";
import { historyText } from "../../forecast/history.js";
import type { Outlook } from "../../forecast/outlook.js";
import type { Forecasts } from "../../forecast/service.js";
import { rowsMax, type ForecastUpload } from "../../forecast/upload.js";
import type { RestDeps } from "../deps.js";
import { cursorSchema, limitSchema, pageOf, wholeNumber } from "../page.js";
import { declareDelete, declareGet, declarePatch, declarePost, declareStream } from "../route.js";
import {
  batchIdSchema,
  forecastBatchesSchema,
  forecastBatchSchema,
  forecastWindowsSchema,
  outlookSchema,
  removedSchema,
} from "../schemas/forecasts.js";

const mediaTypes = { csv: "text/csv", ndjson: "application/x-ndjson" } as const;
const consumes = Object.values(mediaTypes);
/** Batches that are listed, all that are kept. */
const batchesMax = 50;
const windowsMax = 25_000;
const end = "9999-12-31T23:59:59.999Z";
const beginning = "1970-01-01T00:00:00.000Z";

const rowsBody = z
  .string()
  .meta({ description: "Rows, streamed: docs/forecasts.md has the columns. May be gzipped (`content-encoding: gzip`)." });
const isTrue = z.enum(["true", "false"]).optional().meta({ type: "boolean" });
const rows = wholeNumber({ min: 0, max: rowsMax })
  .optional()
  .meta({ description: "How many rows the whole batch has: it is completed with no other number." });
const more = isTrue.meta({ description: "`true` where further rows come by PATCH: the batch stays open." });
const at = { params: z.strictObject({ batchId: batchIdSchema }) };

export async function declareForecastRoutes(app: FastifyInstance, deps: RestDeps & { readonly forecasts: Forecasts }): Promise<void> {
  // The stream itself is the body, and read while it comes; nothing else is taken here.
  await app.register(async (routes) => {
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser([...consumes], (_, payload, done) => done(null, payload));
    declareUploads(routes, deps);
    await Promise.resolve();
  });
  declareBatches(app, deps);
  declareHistory(app, deps);
  declareGet(
    app,
    {
      url: "/v1/outlook",
      tag: "demands",
      role: "viewer",
      summary: "Windows ahead, planned for on their forecasts: which will not fit, and the first link to fill",
      response: outlookSchema,
    },
    () => ok(outlookBody(deps.forecasts.outlook())),
  );
}

function declareUploads(app: FastifyInstance, { forecasts }: { readonly forecasts: Forecasts }): void {
  declarePost(
    app,
    {
      url: "/v1/forecasts",
      tag: "demands",
      role: ["job", "operator"],
      summary: "Uploads a batch of forecast rows",
      description:
        "Applied whole or not at all. The same batch again changes nothing; one of the same id with other content is refused. What was interrupted goes on by PATCH.",
      query: z.strictObject({ batchId: batchIdSchema, name: z.string().min(1).max(256).optional(), more, rows }),
      asked: rowsBody,
      judged: "stream",
      consumes,
      response: forecastBatchSchema,
      refusals: [409, 413, 422, 503],
      idempotent: true,
      isLong: true,
    },
    async ({ query, request, by }) => {
      const { batchId, name, more: open, rows: expected } = query;
      return receive(forecasts, { batchId, name, by: by.actor, more: open === "true", rows: expected }, request);
    },
  );

  declarePatch(
    app,
    {
      url: "/v1/forecasts/:batchId",
      tag: "demands",
      role: ["job", "operator"],
      ...at,
      summary: "Goes on with an upload behind the rows that are durable",
      query: z.strictObject({
        row: wholeNumber({ min: 0, max: rowsMax }).meta({ description: "`rows` of the batch: so many of its rows are left out here." }),
        more,
        rows,
      }),
      asked: rowsBody,
      judged: "stream",
      consumes,
      response: forecastBatchSchema,
      refusals: [404, 409, 413, 422, 503],
      isLong: true,
    },
    async ({ params, query, request, by }) => {
      const upload = { batchId: params.batchId, by: by.actor, resumeAt: query.row, more: query.more === "true", rows: query.rows };
      return receive(forecasts, upload, request);
    },
  );
}

function declareBatches(app: FastifyInstance, { store, forecasts }: RestDeps & { readonly forecasts: Forecasts }): void {
  declareGet(
    app,
    {
      url: "/v1/forecasts",
      tag: "demands",
      role: ["viewer", "job"],
      summary: "Batches of forecasts, newest first",
      response: forecastBatchesSchema,
    },
    async () => {
      const listed = await store.listForecasts({ limit: batchesMax });
      if (!listed.ok) return listed;
      const items = listed.value.map((batch) => parted(batch).summary);
      return ok({ total: items.length, items });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/forecasts/:batchId",
      tag: "demands",
      role: ["viewer", "job"],
      ...at,
      summary: "A batch: its state, how many rows are durable, and what was wrong with them",
      response: forecastBatchSchema,
      refusals: [404],
    },
    async ({ params }) => batchResult(await store.getForecast(params.batchId)),
  );

  declareGet(
    app,
    {
      url: "/v1/forecasts/:batchId/windows",
      tag: "demands",
      role: ["viewer", "job"],
      ...at,
      summary: "The windows of a batch, and why they are quarantined",
      query: z.strictObject({
        state: z.enum(["ready", "quarantined"]).optional(),
        limit: limitSchema(1_000, 100),
        cursor: cursorSchema.optional(),
      }),
      response: forecastWindowsSchema,
      refusals: [404],
    },
    async ({ params: { batchId }, query }) => {
      const batch = await store.getForecast(batchId);
      if (!batch.ok) return batch;
      const windows = await store.listForecastWindows({ batchId, from: beginning, to: end, limit: windowsMax });
      if (!windows.ok) return windows;
      const wanted = windows.value.filter(({ state }) => (query.state ?? state) === state);
      const paged = pageOf(wanted, keyOfWindow, query);
      if (!paged.ok) return paged;
      return ok({ total: wanted.length, ...paged.value, items: paged.value.items.map(windowBody) });
    },
  );

  declarePost(
    app,
    {
      url: "/v1/forecasts/:batchId/release",
      tag: "demands",
      role: "operator",
      ...at,
      summary: "Lets the quarantined windows of a batch count",
      response: forecastBatchSchema,
      refusals: [404, 422],
      idempotent: true,
    },
    async ({ params, by }) => batchResult(await forecasts.release(params.batchId, by)),
  );

  declareDelete(
    app,
    {
      url: "/v1/forecasts/:batchId",
      tag: "demands",
      role: ["job", "operator"],
      ...at,
      summary: "Removes a batch: it counts no more",
      response: removedSchema,
      refusals: [404],
    },
    async ({ params: { batchId }, by }) => {
      const removed = await forecasts.remove(batchId, by);
      return removed.ok ? ok({ batchId, removed: true as const }) : removed;
    },
  );
}

function declareHistory(app: FastifyInstance, { store, view }: RestDeps): void {
  declareStream(
    app,
    {
      url: "/v1/history/demands",
      tag: "demands",
      role: ["viewer", "job"],
      summary: "What was measured, one matrix of each five minutes, as the rows that forecasts are uploaded as",
      query: z.strictObject({
        from: z.iso.datetime({ offset: true }).optional().meta({ description: "Two weeks ago where it is not given." }),
        to: z.iso.datetime({ offset: true }).optional().meta({ description: "Not included; now where it is not given." }),
        format: z.enum(["csv", "ndjson"]).optional().meta({ description: "By the header Accept where it is not given, else CSV." }),
      }),
      offers: [mediaTypes.csv, mediaTypes.ndjson],
      isLong: true,
    },
    async ({ query, request }) => {
      const { nowMs } = view();
      const from = new Date(query.from ?? nowMs - historySecondsMax * 1_000).toISOString();
      const to = new Date(query.to ?? nowMs).toISOString();
      // A store that does not answer is told in a problem, not by a stream that breaks.
      const first = await store.listDemandHistory({ from, to, limit: 1 });
      if (!first.ok) return under(["query"], first);
      const format = query.format ?? formatOf(request.headers.accept);
      return ok({ type: mediaTypes[format], body: Readable.from(historyText(store, { from, to, format })) });
    },
  );
}

function formatOf(accept: string | undefined): RowFormat {
  return accept?.includes(mediaTypes.ndjson) === true && !accept.includes(mediaTypes.csv) ? "ndjson" : "csv";
}

async function receive(forecasts: Forecasts, upload: ForecastUpload, request: FastifyRequest) {
  const source = sourceOf(request);
  try {
    return source.ok ? batchResult(await forecasts.receive(upload, source.value)) : source;
  } finally {
    if (request.body instanceof Readable) passOver(request.body);
  }
}

function sourceOf(request: FastifyRequest): Result<RowSource> {
  const { body, headers } = request;
  const encoding = headers["content-encoding"] ?? "identity";
  if (!(body instanceof Readable)) return refuse(fault("missing-field", "The rows are the body, as CSV or NDJSON.", { pointer: "/body" }));
  if (encoding !== "gzip" && encoding !== "identity") {
    return refuse(
      fault("unknown-format", `The body may be gzipped, or not; ${encoding.slice(0, 40)} is not known.`, {
        pointer: "/headers/content-encoding",
      }),
    );
  }
  const format: RowFormat = headers["content-type"]?.startsWith(mediaTypes.csv) === true ? "csv" : "ndjson";
  return ok(rowsOfBody(body, { format, isGzipped: encoding === "gzip" }));
}

/** Lists leave out what can be long. */
function parted({ errors, ...summary }: ForecastBatch) {
  return { errors, summary };
}

function batchResult(result: Result<ForecastBatch>): Result<z.input<typeof forecastBatchSchema>> {
  if (!result.ok) return result;
  const { errors, ...batch } = result.value;
  return ok({ ...batch, errors: errors.map((each) => ({ ...each, ...(each.data === undefined ? {} : { data: { ...each.data } }) })) });
}

/** Sorts as the store does. */
function keyOfWindow({ windowStart, windowSeconds, quantile }: FoundForecastWindow): string {
  return `${windowStart} ${String(windowSeconds).padStart(9, "0")} ${quantile}`;
}

function windowBody({ windowStart, windowSeconds, quantile, state, flowGroups, rateBps, reasons }: FoundForecastWindow) {
  return { windowStart, windowSeconds, quantile, state, flowGroups, rateBps, reasons: reasons.map((reason) => ({ ...reason })) };
}

function outlookBody({ windows, fault: trouble, basis, ...outlook }: Outlook): z.input<typeof outlookSchema> {
  return {
    ...outlook,
    ...(basis === undefined ? {} : { basis: { ...basis } }),
    ...(trouble === undefined ? {} : { fault: { code: trouble.code, message: trouble.message } }),
    windows: windows.map((window) => ({
      ...window,
      classes: window.classes.map((each) => ({ ...each })),
      ...(window.link === undefined ? {} : { link: { ...window.link } }),
    })),
  };
}
