/**
 * One upload of a batch of forecasts: header, windows and their demands, completion, half-close. Demands go where rows of REST go, and are
 * numbered over all messages.
 */
import { createHash, type Hash } from "node:crypto";
import type { Metadata, ServerReadableStream } from "@grpc/grpc-js";
import { fault, ok, pointerOf, refuse, trafficClasses, type Fault, type FaultCode, type Result } from "@sluice/model";
import { quantiles, type ForecastBatch, type ForecastState } from "@sluice/store";
import {
  demandFromWire,
  faultToWire,
  forecastHeaderFromWire,
  forecastWindowFromWire,
  messageBytes,
  v1,
  type ForecastWindow,
} from "@sluice/wire";
import { BodyInterrupted, BodyRefused, type RowSource } from "../forecast/body.js";
import type { ParsedRow } from "../forecast/row.js";
import type { ForecastUpload } from "../forecast/upload.js";
import { nextTurn } from "../forecast/windows.js";
import type { GrpcLimits } from "./limits.js";
import { askedBy, attempt, noteRefusal } from "./audit-calls.js";
import type { GrpcParts } from "./ports.js";
import { createReader, type Reader } from "./reader.js";

type Message = Result<v1.UploadForecastsRequest>;
type Upload = ServerReadableStream<Message, v1.UploadForecastsResponse>;

/** Demands that are taken in before others have their turn. */
const rowsPerTurn = 2_000;

export async function receiveForecast(
  { forecasts, audit, callers, log }: GrpcParts,
  limits: GrpcLimits,
  call: Upload,
  trailer: Metadata,
): Promise<Result<v1.UploadForecastsResponse>> {
  const reader = createReader(call, limits.uploadPauseMsMax);
  const first = await reader.next();
  if (first.kind !== "message") return refuse(faultOfEnd(first.kind, limits));
  const header = headerOf(first.message);
  if (!header.ok) {
    const unread = askedBy(callers, call);
    if (unread.ok) await noteRefusal(audit, unread.value, header.faults);
    return header;
  }
  const known = askedBy(callers, call, { resource: header.value.batchId });
  if (!known.ok) return known;
  const asked = { ...known.value, trailer };
  const { batchId, name, window, resumeAt } = header.value;
  const upload: ForecastUpload = {
    batchId,
    name,
    by: asked.by.actor,
    resumeAt,
    ...(window === undefined ? {} : { window: slotOf(window) }),
    pointerOf: (row, field) => pointerOf(["demands", "demands", row, ...(field === undefined ? [] : [field])]),
    resumePointer: "/header/resumeAt",
  };
  const hash = createHash("sha256");
  hash.update(messageBytes(first.message) ?? "");
  const take = async (): Promise<Result<v1.UploadForecastsResponse>> => {
    const batch = await forecasts.receive(upload, rowsOfStream(reader, limits, window, hash));
    return batch.ok ? ok({ batchId, demandCount: BigInt(batch.value.rows), state: stateToWire(batch.value.state) }) : batch;
  };
  return attempt(audit, log, asked, take, () => hash.digest("hex"));
}

function headerOf(message: Message): ReturnType<typeof forecastHeaderFromWire> {
  if (!message.ok) return message;
  const { part } = message.value;
  if (part === undefined) return refuse(noPart());
  if (part.$case !== "header") return refuse(fault("missing-field", "The header comes first.", { pointer: "/header" }));
  return forecastHeaderFromWire(part.value);
}

/** Demands as rows; `line` of a row is its index over all messages and streams of the batch. */
function rowsOfStream(reader: Reader<Message>, limits: GrpcLimits, first: ForecastWindow | undefined, hash: Hash): RowSource {
  return async function* rows(_, rowsBefore) {
    let window = first;
    let index = rowsBefore;
    let complete = false;
    for (let read = await reader.next(); ; read = await reader.next()) {
      if (read.kind === "cancelled") throw new BodyInterrupted("the client went away");
      if (read.kind === "paused") throw new BodyRefused(faultOfEnd(read.kind, limits), false);
      if (read.kind === "ended") {
        if (complete) return;
        const message = "The upload ended without completion: nothing of it counts.";
        throw new BodyRefused(fault("missing-field", message, { pointer: "/completion" }), false);
      }
      hash.update(messageBytes(read.message) ?? "");
      if (!read.message.ok) throw new BodyRefused(read.message.faults[0], false);
      const { part } = read.message.value;
      if (part === undefined) throw new BodyRefused(noPart(), false);
      if (complete) throw refused("not-allowed", "Nothing comes after the completion.", `/${part.$case}`);
      switch (part.$case) {
        case "header":
          throw refused("not-allowed", "An upload has one header.", "/header");
        case "window": {
          const next = forecastWindowFromWire(part.value);
          if (!next.ok) throw new BodyRefused(next.faults[0], false);
          window = next.value;
          break;
        }
        case "demands": {
          const { demands } = part.value;
          const { demandsPerMessageMax } = limits;
          if (demands.length > demandsPerMessageMax) {
            throw refused("too-many", `A message has at most ${demandsPerMessageMax} demands: send more messages.`, "/demands/demands");
          }
          if (window === undefined) throw refused("missing-field", "Before demands comes the window that they are of.", "/window");
          for (let from = 0; from < demands.length; from += rowsPerTurn) {
            const piece = demands.slice(from, from + rowsPerTurn);
            const start = index + from;
            const { startMs, windowSeconds, quantile } = slotOf(window);
            yield piece.map((demand, i) => rowOf(demand, start + i, { startMs, windowSeconds, quantile }));
            await nextTurn();
          }
          index += demands.length;
          break;
        }
        case "completion": {
          const disagreement = countsDisagree(part.value, index);
          if (disagreement !== undefined) throw new BodyRefused(disagreement, false);
          complete = true;
        }
      }
    }
  };
}

function rowOf(message: v1.demand.Demand, line: number, slot: ReturnType<typeof slotOf>): ParsedRow {
  // A forecaster that had no number says NaN: that is for the sanity band to judge.
  const isNumber = message.rateBps === undefined || Number.isFinite(message.rateBps);
  const demand = demandFromWire(isNumber ? message : { ...message, rateBps: 0 }, ["demands", "demands", line]);
  if (!demand.ok) return { line, faults: demand.faults };
  const { src, dst, trafficClass, rateBps, bandwidthFunction } = demand.value;
  if (src === dst) {
    const pointer = pointerOf(["demands", "demands", line, "dst"]);
    return { line, faults: [fault("self-loop", `${pointer}: the demand starts and ends at ${src}.`, { pointer })] };
  }
  return {
    line,
    row: {
      ...slot,
      src,
      dst,
      bandwidthFunction,
      trafficClass: trafficClasses.indexOf(trafficClass),
      rateBps: isNumber ? rateBps : Number.NaN,
    },
  };
}

function slotOf({ windowStart, windowSeconds, quantile }: ForecastWindow) {
  return { startMs: Date.parse(windowStart), windowSeconds, quantile: quantiles.indexOf(quantile) };
}

function countsDisagree({ demandCount }: v1.ForecastCompletion, received: number): Fault | undefined {
  const pointer = "/completion/demandCount";
  if (demandCount === undefined) return fault("missing-field", `${pointer}: say how many demands the batch has.`, { pointer });
  if (demandCount === BigInt(received)) return undefined;
  return fault("out-of-range", `${pointer}: ${demandCount} demands were sent, but ${received} arrived.`, { pointer });
}

function refused(code: FaultCode, message: string, pointer: string): BodyRefused {
  return new BodyRefused(fault(code, message, { pointer }), false);
}

function noPart(): Fault {
  return fault("missing-field", "A message of an upload has exactly one part.", { pointer: "" });
}

function faultOfEnd(kind: "ended" | "cancelled" | "paused", { uploadPauseMsMax }: GrpcLimits): Fault {
  if (kind === "ended") return fault("missing-field", "The upload has no header.", { pointer: "/header" });
  if (kind === "cancelled") return fault("cancelled", "The client went away.");
  return fault("deadline-exceeded", `The upload paused for more than ${uploadPauseMsMax / 1_000} s; it can go on behind what is durable.`);
}

const statesToWire: Readonly<Record<ForecastState, v1.ForecastState>> = {
  receiving: v1.ForecastState.FORECAST_STATE_RECEIVING,
  ready: v1.ForecastState.FORECAST_STATE_READY,
  quarantined: v1.ForecastState.FORECAST_STATE_QUARANTINED,
  refused: v1.ForecastState.FORECAST_STATE_REFUSED,
};

function stateToWire(state: ForecastState): v1.ForecastState {
  return statesToWire[state];
}

export function forecastToWire(batch: ForecastBatch): v1.GetForecastResponse {
  return {
    batchId: batch.batchId,
    state: stateToWire(batch.state),
    demandCount: BigInt(batch.rows),
    windows: batch.windows,
    windowsQuarantined: batch.windowsQuarantined,
    faultCount: BigInt(batch.errorCount),
    faults: batch.errors.map(faultToWire),
  };
}
