/** A batch of forecast rows to a controller (docs/forecasts.md), going on where it broke off: the controller says how far it has it. */
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { ControllerClient } from "../operator/controller-client.js";
import { withRetries, type Retrying } from "./retry.js";

/** Longest for one request, ms. */
const uploadMsMax = 300_000;
/** Errors of a refused batch that are shown. */
const errorsShown = 10;

const batchSchema = z.looseObject({
  batchId: z.string(),
  state: z.enum(["receiving", "ready", "quarantined", "refused"]),
  rows: z.int().min(0),
  line: z.int().min(0).default(0),
  errorCount: z.int().min(0),
  windows: z.int().min(0),
  windowsQuarantined: z.int().min(0),
});
export type UploadedBatch = z.output<typeof batchSchema>;

export interface Upload {
  readonly batch: UploadedBatch;
  /** The controller had it already. */
  readonly repeated: boolean;
}

/** What the controller has of a batch: rows, and the line of the last of them in the upload as one piece. */
export interface Durable {
  readonly rows: number;
  readonly line: number;
}

export interface Batch {
  readonly batchId: string;
  readonly name?: string | undefined;
  readonly mediaType: "text/csv" | "application/x-ndjson";
  /** Rows of the whole batch, where they are known: the controller refuses another number. */
  readonly rows?: number | undefined;
  /** The rows behind those, with a header where the format has one. */
  readonly behind: (durable: Durable) => Iterable<string> | AsyncIterable<Uint8Array>;
}

/** Faults: those of the rows, where the controller refuses them; `unavailable` where it cannot be reached in some tries. */
export function uploadBatch(client: ControllerClient, batch: Batch, retrying: Retrying): Promise<Result<Upload>> {
  return withRetries((number) => attempt(client, batch, number === 1), retrying);
}

async function attempt(client: ControllerClient, batch: Batch, isFirst: boolean): Promise<Result<Upload>> {
  const known = await stateOf(client, batch.batchId);
  if (!known.ok) return known;
  const state = known.value?.state;
  if (known.value !== undefined && (state === "ready" || state === "quarantined")) return ok({ batch: known.value, repeated: isFirst });
  const durable = state === "receiving" && known.value !== undefined ? known.value : { rows: 0, line: 0 };
  const sent = await send(client, batch, durable);
  return sent.ok ? ok({ batch: sent.value, repeated: false }) : sent;
}

/** Undefined where the controller does not have it. */
async function stateOf(client: ControllerClient, batchId: string): Promise<Result<UploadedBatch | undefined>> {
  const path = `/v1/forecasts/${encodeURIComponent(batchId)}`;
  const answer = await client.send({ method: "GET", path, timeoutMs: uploadMsMax }, batchSchema);
  if (answer.ok) return ok(answer.value.value);
  const [first] = answer.faults;
  return first.code === "not-found" && first.data?.["status"] === 404 ? ok(undefined) : answer;
}

async function send(client: ControllerClient, batch: Batch, durable: Durable): Promise<Result<UploadedBatch>> {
  const { batchId, name, mediaType, rows, behind } = batch;
  const isNew = durable.rows === 0;
  const source = Readable.from(behind(durable), { objectMode: false });
  const gzip = source.pipe(createGzip());
  // A file that cannot be read to its end must not look like one that ended.
  source.once("error", (error) => gzip.destroy(error));
  const answer = await client.send(
    {
      ...(isNew
        ? { method: "POST" as const, path: "/v1/forecasts", query: { batchId, name, rows } }
        : { method: "PATCH" as const, path: `/v1/forecasts/${encodeURIComponent(batchId)}`, query: { row: durable.rows, rows } }),
      headers: { "content-type": mediaType, "content-encoding": "gzip" },
      body: gzip,
      timeoutMs: uploadMsMax,
    },
    batchSchema,
  );
  source.destroy();
  gzip.destroy();
  if (answer.ok) return ok(answer.value.value);
  const [first, ...rest] = answer.faults.slice(0, errorsShown);
  return first === undefined ? answer : refuse(first, ...rest);
}
