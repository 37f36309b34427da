/** sluice.v1.DemandService: measurements as they come, forecasts by upload. */
import { Metadata, type sendUnaryData, type ServerDuplexStream, type ServerReadableStream } from "@grpc/grpc-js";
import { fault, ok, refuse, type Faults, type RequestedBy, type Result } from "@sluice/model";
import { createOutgoingQueue, faultToWire, type v1 } from "@sluice/wire";
import { askedBy, attempt } from "./audit-calls.js";
import { createDemandAssembly, type DemandAssembly } from "./demand-assembly.js";
import { forecastToWire, receiveForecast } from "./forecast-upload.js";
import type { GrpcLimits } from "./limits.js";
import type { GrpcParts } from "./ports.js";
import { createReader } from "./reader.js";
import { cutOff, endStream } from "./refusal.js";
import { respond, unary, within } from "./unary.js";

type Measurements = ServerDuplexStream<Result<v1.StreamMeasurementsRequest>, v1.StreamMeasurementsResponse>;
type Upload = ServerReadableStream<Result<v1.UploadForecastsRequest>, v1.UploadForecastsResponse>;

export function demandService(ports: GrpcParts, limits: GrpcLimits) {
  return {
    streamMeasurements(call: Measurements): void {
      void measured(ports, limits, call);
    },

    uploadForecasts(call: Upload, callback: sendUnaryData<v1.UploadForecastsResponse>): void {
      const trailer = new Metadata();
      void respond(ports.log, call, receiveForecast(ports, limits, call, trailer), callback, trailer);
    },

    getForecast: unary(ports, limits, async ({ batchId }: v1.GetForecastRequest): Promise<Result<v1.GetForecastResponse>> => {
      const batch = await ports.forecasts.get(batchId);
      return batch.ok ? ok(forecastToWire(batch.value)) : batch;
    }),
  };
}

/** A matrix whose parts are still coming. */
interface Underway {
  readonly sequence: bigint;
  readonly name: string;
  readonly assembly: DemandAssembly;
}

/** One stream of measurements from its beginning to its end, both of which the audit log is told of. */
async function measured(ports: GrpcParts, limits: GrpcLimits, call: Measurements): Promise<void> {
  const asked = askedBy(ports.callers, call);
  if (!asked.ok) return endStream(call, asked.faults);
  const { by, trailer } = asked.value;
  const ended = await attempt(ports.audit, ports.log, asked.value, () => receiveMeasurements(ports, limits, call, by));
  if (call.cancelled) return;
  if (ended.ok) call.end(trailer);
  else endStream(call, ended.faults);
}

/** Takes one matrix after the other: the next message is read when the one before it was answered. Faults: why the stream has to end. */
async function receiveMeasurements(ports: GrpcParts, limits: GrpcLimits, call: Measurements, by: RequestedBy): Promise<Result<void>> {
  const answers = createOutgoingQueue<v1.StreamMeasurementsResponse>({
    outlet: { write: (message, taken) => void call.write(message, taken) },
    messagesMax: limits.agentMessagesWaitingMax,
    stallMsMax: limits.stallMsMax,
    coalesceKey: () => undefined,
    onStuck: () => cutOff(call),
  });
  call.once("close", answers.close);

  const reader = createReader(call);
  let underway: Underway | undefined;
  let read = await reader.next();
  for (; read.kind === "message"; read = await reader.next()) {
    const request = read.message;
    if (!request.ok) return request;
    const { sequence, matrix, more } = request.value;
    const { assembly, name }: Underway = underway ?? {
      sequence,
      name: matrix?.name ?? "",
      assembly: createDemandAssembly(limits.demandsMax, ["matrix", "demands"]),
    };
    const odd = faultOfPart(request.value, underway);
    if (odd === undefined) assembly.add(matrix?.demands ?? []);
    underway = more && odd === undefined ? { sequence, name, assembly } : undefined;
    if (underway !== undefined) continue;

    const taken = odd === undefined ? await within(limits.requestMsMax, measure(ports, assembly, name, by)) : refuse(odd);
    answers.send(
      taken.ok
        ? { sequence, demandCount: BigInt(taken.value), faults: [] }
        : { sequence, demandCount: 0n, faults: taken.faults.map(faultToWire) },
    );
    // A client that sends faster than it takes is held back by flow control.
    if (answers.waiting > 0) await answers.drained();
  }
  if (read.kind !== "ended") return refuse(fault("cancelled", "The client went away."));
  await answers.drained();
  if (underway === undefined) return ok(undefined);
  return refuse(fault("malformed", "The stream ended in the middle of a matrix.", { pointer: "/more" }));
}

/** A part that does not belong to the matrix under way refuses that matrix. */
function faultOfPart({ sequence, matrix }: v1.StreamMeasurementsRequest, underway: Underway | undefined) {
  if (matrix === undefined) return fault("missing-field", "/matrix: a demand matrix is required.", { pointer: "/matrix" });
  if (underway === undefined) return undefined;
  if (underway.sequence !== sequence) {
    return fault("not-allowed", `Matrix ${underway.sequence} is still to be completed.`, { pointer: "/sequence" });
  }
  if (underway.name !== matrix.name) {
    return fault("not-allowed", "The parts of one matrix have one name.", { pointer: "/matrix/name" });
  }
  return undefined;
}

async function measure({ driver }: GrpcParts, assembly: DemandAssembly, name: string, by: RequestedBy): Promise<Result<number>> {
  const matrix = assembly.finish(name, ["matrix"]);
  if (!matrix.ok) return matrix;
  const stored = await driver.submit({ kind: "measure-demands", matrix: matrix.value, by });
  if (stored.ok) return { ok: true, value: matrix.value.demands.length };
  const faults: Faults = assembly.faultsInRequest(stored.faults, matrix.value, ["matrix"]);
  return { ok: false, faults };
}
