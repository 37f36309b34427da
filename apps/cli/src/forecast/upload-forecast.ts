/**
 * A forecast to a controller (docs/forecasts.md). The batch id is a hash of the rows: who sends the same forecast again, whole or from where
 * it broke off, sends the same batch, and the controller says how far it has it.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { Forecast } from "@sluice/forecast";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { ControllerClient } from "../operator/controller-client.js";
import { forecastRows, rowCount } from "./forecast-rows.js";
import { withRetries, type Retrying } from "./retry.js";

/** Most rows of one batch: the controller's limit. */
export const batchRowsMax = 1_000_000;
/** Longest for one request, ms. */
const uploadMsMax = 300_000;
/** Errors of a refused batch that are shown. */
const errorsShown = 10;

const batchSchema = z.looseObject({
  batchId: z.string(),
  state: z.enum(["receiving", "ready", "quarantined", "refused"]),
  rows: z.int().min(0),
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

/** 128 bits of a SHA-256 over all rows. */
export function batchIdOf(forecast: Forecast): string {
  const hash = createHash("sha256");
  for (const piece of forecastRows(forecast, "ndjson")) hash.update(piece);
  return `forecast-${hash.digest("hex").slice(0, 32)}`;
}

export interface Uploading extends Retrying {
  readonly onProgress: (stage: string, fraction: number) => void;
}

/** Faults: `too-many` rows; those of the rows, where the controller refuses them; `unavailable` where it cannot be reached in some tries. */
export async function uploadForecast(client: ControllerClient, forecast: Forecast, uploading: Uploading): Promise<Result<Upload>> {
  const rows = rowCount(forecast);
  if (rows > batchRowsMax)
    return refuse(
      fault(
        "too-many",
        `The forecast has ${rows} rows; a batch has at most ${batchRowsMax}: take longer windows, fewer quantiles or a shorter horizon.`,
      ),
    );
  const batchId = batchIdOf(forecast);
  return withRetries((number) => attempt(client, { forecast, batchId, rows, isFirst: number === 1 }, uploading), uploading);
}

interface Batch {
  readonly forecast: Forecast;
  readonly batchId: string;
  readonly rows: number;
  readonly isFirst: boolean;
}

async function attempt(client: ControllerClient, batch: Batch, uploading: Uploading): Promise<Result<Upload>> {
  const { batchId } = batch;
  const known = await stateOf(client, batchId);
  if (!known.ok) return known;
  const state = known.value?.state;
  if (known.value !== undefined && (state === "ready" || state === "quarantined"))
    return ok({ batch: known.value, repeated: batch.isFirst });
  const from = state === "receiving" ? (known.value?.rows ?? 0) : 0;
  const sent = await send(client, { ...batch, from }, uploading);
  return sent.ok ? ok({ batch: sent.value, repeated: false }) : sent;
}

/** Undefined where the controller does not have it. */
async function stateOf(client: ControllerClient, batchId: string): Promise<Result<UploadedBatch | undefined>> {
  const path = `/v1/forecasts/${batchId}`;
  const answer = await client.send({ method: "GET", path, timeoutMs: uploadMsMax }, batchSchema);
  if (answer.ok) return ok(answer.value.value);
  const [first] = answer.faults;
  return first.code === "not-found" && first.data?.["status"] === 404 ? ok(undefined) : answer;
}

async function send(
  client: ControllerClient,
  batch: Batch & { readonly from: number },
  uploading: Uploading,
): Promise<Result<UploadedBatch>> {
  const { forecast, batchId, rows, from } = batch;
  uploading.onProgress("upload", from / rows);
  let sent = from;
  const text = function* (): Generator<string> {
    for (const piece of forecastRows(forecast, "ndjson", from)) {
      yield piece;
      sent += piece.split("\n").length - 1;
      uploading.onProgress("upload", sent / rows);
    }
  };
  const gzip = Readable.from(text(), { objectMode: false }).pipe(createGzip());
  const sending = {
    ...(from === 0 ? { method: "POST" as const, path: "/v1/forecasts" } : { method: "PATCH" as const, path: `/v1/forecasts/${batchId}` }),
    query: { ...(from === 0 ? { batchId } : { row: String(from) }), rows: String(rows) },
    headers: { "content-type": "application/x-ndjson", "content-encoding": "gzip" },
    body: gzip,
    timeoutMs: uploadMsMax,
  };
  const answer = await client.send(sending, batchSchema);
  gzip.destroy();
  if (answer.ok) return ok(answer.value.value);
  const [first, ...rest] = answer.faults.slice(0, errorsShown);
  return first === undefined ? answer : refuse(first, ...rest);
}
