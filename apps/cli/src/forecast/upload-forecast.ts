/**
 * A forecast to a controller. The batch id is a hash of the rows: who sends the same forecast again, whole or from where it broke off, sends
 * the same batch.
 */
import { createHash } from "node:crypto";
import type { Forecast } from "@sluice/forecast";
import { fault, refuse, type Result } from "@sluice/model";
import type { ControllerClient } from "../operator/controller-client.js";
import { forecastRows, rowCount } from "./forecast-rows.js";
import type { Retrying } from "./retry.js";
import { uploadBatch, type Durable, type Upload } from "./upload-batch.js";

/** Most rows of one batch: the controller's limit. */
export const batchRowsMax = 1_000_000;

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
  function* behind({ rows: from }: Durable): Generator<string> {
    let sent = from;
    uploading.onProgress("upload", sent / rows);
    for (const piece of forecastRows(forecast, "ndjson", from)) {
      yield piece;
      sent += piece.split("\n").length - 1;
      uploading.onProgress("upload", sent / rows);
    }
  }
  return uploadBatch(client, { batchId: batchIdOf(forecast), mediaType: "application/x-ndjson", rows, behind }, uploading);
}
