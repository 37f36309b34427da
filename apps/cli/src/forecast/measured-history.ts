/** What a controller measured, streamed from its REST into a history. */
import type { DemandHistory } from "@sluice/forecast";
import { fault, refuse, type Result } from "@sluice/model";
import type { ControllerClient } from "../operator/controller-client.js";
import { piecesOf } from "../operator/request.js";
import { MeasuredLines } from "./forecast-rows.js";
import { withRetries, type Retrying } from "./retry.js";

/** Longest that a history may take to arrive, ms. */
const historyMsMax = 300_000;

export interface HistoryQuery {
  /** ms since 1970: windows that begin in [fromMs, toMs). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** Faults: those of the request and of the rows; `missing-field` where nothing was measured in that time. */
export function measuredHistory(client: ControllerClient, query: HistoryQuery, retrying: Retrying): Promise<Result<DemandHistory>> {
  return withRetries(() => readOnce(client, query), retrying);
}

async function readOnce(client: ControllerClient, { fromMs, toMs, stepMs }: HistoryQuery): Promise<Result<DemandHistory>> {
  const answer = await client.request({
    method: "GET",
    path: "/v1/history/demands",
    query: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
    accept: "application/x-ndjson",
    timeoutMs: historyMsMax,
  });
  if (!answer.ok) return answer;
  const lines = new MeasuredLines(stepMs);
  try {
    for await (const piece of piecesOf(answer.value)) {
      const taken = lines.push(piece);
      if (!taken.ok) return taken;
    }
  } catch {
    if (client.signal.aborted) return refuse(fault("cancelled", "Reading the history was cancelled."));
    return refuse(fault("unavailable", `The history was cut off after ${lines.rows} rows.`, { pointer: "--controller" }));
  }
  return lines.finish(toMs);
}
