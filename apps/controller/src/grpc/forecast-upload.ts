/** One upload of a forecast: header, demands, completion, half-close. Whatever else happens, nothing is stored. */
import type { ServerReadableStream } from "@grpc/grpc-js";
import { checkDemandEnds, fault, ok, refuse, type Result } from "@sluice/model";
import { forecastHeaderFromWire, type ForecastHeader, type v1 } from "@sluice/wire";
import { createDemandAssembly, type DemandAssembly } from "./demand-assembly.js";
import type { GrpcLimits } from "./limits.js";
import type { GrpcPorts } from "./ports.js";
import { createReader } from "./reader.js";
import { within } from "./unary.js";

type Upload = ServerReadableStream<Result<v1.UploadForecastsRequest>, v1.UploadForecastsResponse>;

export async function receiveForecast(ports: GrpcPorts, limits: GrpcLimits, call: Upload): Promise<Result<v1.UploadForecastsResponse>> {
  const parts = collectParts(limits);
  const reader = createReader(call, limits.uploadPauseMsMax);
  let read = await reader.next();
  for (; read.kind === "message"; read = await reader.next()) {
    const request = read.message;
    const taken = request.ok ? parts.take(request.value) : request;
    if (!taken.ok) return taken;
  }
  if (read.kind === "paused") {
    const seconds = limits.uploadPauseMsMax / 1_000;
    return refuse(fault("deadline-exceeded", `The upload paused for more than ${seconds} s; nothing was stored.`));
  }
  if (read.kind === "cancelled") {
    return refuse(fault("cancelled", "The client went away in the middle of the upload; nothing was stored."));
  }
  const whole = parts.finish();
  return whole.ok ? within(limits.requestMsMax, store(ports, whole.value)) : whole;
}

interface Whole {
  readonly header: ForecastHeader;
  readonly assembly: DemandAssembly;
}

function collectParts({ demandsMax, demandsPerMessageMax }: GrpcLimits) {
  const assembly = createDemandAssembly(demandsMax, ["demands", "demands"]);
  let header: ForecastHeader | undefined;
  let complete = false;
  return {
    take({ part }: v1.UploadForecastsRequest): Result<void> {
      if (part === undefined) return refuse(fault("missing-field", "A message of an upload has exactly one part.", { pointer: "" }));
      if (complete) return refuse(fault("not-allowed", "Nothing comes after the completion.", { pointer: `/${part.$case}` }));
      if (part.$case === "header") {
        if (header !== undefined) return refuse(fault("not-allowed", "An upload has one header.", { pointer: "/header" }));
        const admitted = forecastHeaderFromWire(part.value);
        if (!admitted.ok) return admitted;
        header = admitted.value;
        return ok(undefined);
      }
      if (header === undefined) return refuse(fault("missing-field", "The header comes first.", { pointer: "/header" }));
      if (part.$case === "demands") {
        if (part.value.demands.length > demandsPerMessageMax) {
          return refuse(
            fault("too-many", `A message has at most ${demandsPerMessageMax} demands: send more messages.`, {
              pointer: "/demands/demands",
            }),
          );
        }
        return assembly.add(part.value.demands);
      }
      complete = true;
      return countsAgree(part.value, assembly.demands.length);
    },
    finish(): Result<Whole> {
      if (header === undefined) return refuse(fault("missing-field", "The upload has no header.", { pointer: "/header" }));
      if (!complete)
        return refuse(fault("missing-field", "The upload ended without completion; nothing was stored.", { pointer: "/completion" }));
      return ok({ header, assembly });
    },
  };
}

function countsAgree({ demandCount }: v1.ForecastCompletion, received: number): Result<void> {
  const pointer = "/completion/demandCount";
  if (demandCount === undefined) return refuse(fault("missing-field", `${pointer}: say how many demands were sent.`, { pointer }));
  if (demandCount === BigInt(received)) return ok(undefined);
  return refuse(fault("out-of-range", `${pointer}: ${demandCount} demands were sent, but ${received} arrived.`, { pointer }));
}

async function store(
  { driver, store: forecasts, term }: GrpcPorts,
  { header, assembly }: Whole,
): Promise<Result<v1.UploadForecastsResponse>> {
  const matrix = assembly.finish(header.name, ["demands"]);
  if (!matrix.ok) return matrix;
  const { topology } = driver.view();
  if (topology === undefined) return refuse(fault("not-ready", "A forecast needs a topology: send one first."));
  const ends = checkDemandEnds(topology, matrix.value);
  if (!ends.ok) return { ok: false, faults: assembly.faultsInRequest(ends.faults, matrix.value, ["demands"]) };
  const { batchId, windowStart, windowSeconds } = header;
  const receivedAt = new Date().toISOString();
  const stored = await forecasts.putForecast(term, { batchId, receivedAt, windowStart, windowSeconds, matrix: matrix.value });
  return stored.ok ? ok({ batchId, demandCount: BigInt(matrix.value.demands.length) }) : stored;
}
