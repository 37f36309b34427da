/** Waits for long work at a controller: tells how far it is, and cancels it when the command is interrupted. */
import { setTimeout as wait } from "node:timers/promises";
import { fault, faultCodes, ok, refuse, type Fault, type Result } from "@sluice/model";
import { z } from "zod";
import type { Requester } from "./request.js";

/** First and longest pause between two looks, ms. */
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** Longest that cancelling a job may hold up the end of the command, ms. */
const cancelMsMax = 3_000;

export interface JobProgress {
  readonly stage: string;
  /** Share that is done, from 0 to 1. */
  readonly fraction: number;
}

const jobSchema = z.looseObject({
  id: z.string(),
  state: z.enum(["queued", "running", "done", "failed", "cancelled"]),
  stage: z.string().optional(),
  progress: z.number(),
  result: z.string().optional(),
  faults: z.array(z.looseObject({ code: z.string(), message: z.string(), pointer: z.string().optional() })).optional(),
});

/** The path of the job's result. Faults: why it failed; `cancelled`, by the client's signal or by somebody else. */
export async function followJob(client: Requester, path: string, onProgress?: (progress: JobProgress) => void): Promise<Result<string>> {
  const { signal } = client;
  for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMsMax, pauseMs * 1.5)) {
    if (signal.aborted) return cancel(client, path);
    const looked = await client.get(path, jobSchema);
    if (signal.aborted) return cancel(client, path);
    if (!looked.ok) return looked;
    const { state, stage, progress, result, faults } = looked.value.value;
    switch (state) {
      case "queued":
      case "running":
        onProgress?.({ stage: state === "queued" ? "wait for its turn" : (stage ?? "compute"), fraction: progress });
        break;
      case "done":
        return result === undefined ? refuse(fault("malformed", `${client.origin}${path} is done and names no result.`)) : ok(result);
      case "failed":
        return refusedJob(faults ?? []);
      case "cancelled":
        return refuse(fault("cancelled", "Somebody else cancelled it at the controller.", { data: { byOthers: true } }));
    }
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

async function cancel(client: Requester, path: string): Promise<Result<never>> {
  const limits = { signal: AbortSignal.timeout(cancelMsMax), timeoutMs: cancelMsMax };
  const answer = await client.request({ method: "DELETE", path, ...limits });
  if (answer.ok) answer.value.body.resume();
  return refuse(fault("cancelled", "The job was cancelled."));
}

function refusedJob(
  faults: readonly { readonly code: string; readonly message: string; readonly pointer?: string | undefined }[],
): Result<never> {
  const [first, ...rest] = faults.map(({ code, message, pointer }): Fault => {
    return fault(faultCodes.find((known) => known === code) ?? "unavailable", message, pointer === undefined ? {} : { pointer });
  });
  return first === undefined ? refuse(fault("unavailable", "The job failed without saying why.")) : refuse(first, ...rest);
}
