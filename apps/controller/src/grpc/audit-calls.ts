/**
 * Changes by gRPC go through the audit log of REST (../rest/audit.ts), by the same rules: a request is written before it is attempted, its outcome before the
 * answer, and what cannot be written down is not done. Routes are methods, statuses are those that REST has for the same codes.
 *
 *   ReplaceTopology, ApplyChanges   an entry for each call
 *   UploadForecasts                 an entry for each upload, once its header is there
 *   StreamMeasurements              an entry for each stream, not for each matrix: what was measured is in the store with its time, and the log would hold little else
 *   calls that are forbidden        refusals of these, and of agents that say that they are others, at most one a minute for each caller and method
 */
import { createHash, randomUUID } from "node:crypto";
import { Metadata, type ServerInterceptingCall } from "@grpc/grpc-js";
import { fault, ok, refuse, type Fault, type Faults, type RequestedBy, type Result } from "@sluice/model";
import { httpStatusOf } from "@sluice/wire";
import type { AuditedOutcome, AuditedRequest, AuditLog } from "../rest/audit.js";
import type { Caller, Callers } from "./callers.js";
import type { GrpcLog } from "./ports.js";
import { faultOfException } from "./refusal.js";

/** What gRPC needs of the log of changes. */
export interface GrpcAudit extends Pick<AuditLog, "begin" | "end" | "note"> {
  /** Why nothing is changed here, where that is so whatever is asked: then nothing can be written either. */
  refusal(): Fault | undefined;
}

/** Methods whose calls change something. */
export const changingMethods: ReadonlySet<string> = new Set([
  "/sluice.v1.TopologyService/ReplaceTopology",
  "/sluice.v1.TopologyService/ApplyChanges",
  "/sluice.v1.DemandService/StreamMeasurements",
  "/sluice.v1.DemandService/UploadForecasts",
  "/sluice.v1.SwitchService/Connect",
]);

/** In the trailing metadata: the change has been made, and its outcome is not in the log yet. */
const pendingKey = "x-audit-outcome";
/** As long as the log takes it. */
const resourceLengthMax = 2_048;
/** A refusal is noted again after this, ms, and so many callers are told apart. */
const refusalMs = 60_000;
const refusalsMax = 10_000;

type AnyCall = Pick<ServerInterceptingCall, "getAuthContext"> & { getPath(): string; readonly metadata: Metadata };

export interface Asked {
  readonly by: RequestedBy;
  /** For the trailing metadata of the answer. */
  readonly trailer: Metadata;
  readonly entry: AuditedRequest;
}

/** Who asks for what. A client's own id is taken over where it is harmless in a log, as on REST. */
export function askedBy(
  callers: Callers,
  call: AnyCall,
  about: { readonly resource?: string; readonly bytes?: Buffer } = {},
): Result<Asked> {
  const caller = callers.callerOf(call);
  if (!caller.ok) return caller;
  const { name, role } = caller.value;
  const [given] = call.metadata.get("x-request-id");
  const requestId = typeof given === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
  const route = call.getPath();
  const resource = about.resource === undefined ? route : `${route}/${encodeURIComponent(about.resource)}`;
  const { bytes } = about;
  return ok({
    by: { actor: name, correlationId: requestId },
    trailer: new Metadata(),
    entry: {
      requestId,
      actor: name,
      role,
      method: "GRPC",
      route,
      resource: resource.slice(0, resourceLengthMax),
      ...(bytes !== undefined && { bodyHash: createHash("sha256").update(bytes).digest("hex") }),
    },
  });
}

/** Attempts a change once its request is durable, and answers once its outcome is, or the answer says that it is not yet. */
export async function attempt<T>(
  audit: GrpcAudit | undefined,
  log: GrpcLog,
  { entry, trailer }: Asked,
  change: () => Promise<Result<T>>,
  /** Of what came in the meantime. */
  bodyHash: () => string | undefined = () => undefined,
): Promise<Result<T>> {
  const unled = audit?.refusal();
  if (unled !== undefined) return refuse(unled);
  const begun = (await audit?.begin(entry)) ?? ok(0);
  if (!begun.ok) return begun;
  let result: Result<T>;
  try {
    result = await change();
  } catch (error) {
    result = refuse(faultOfException(log, entry.route, error));
  }
  const hash = bodyHash();
  const { bodyHash: _, ...asked } = entry;
  const outcome = { ...outcomeOf(result), ...(hash !== undefined && { bodyHash: hash }) };
  if (audit !== undefined && !(await audit.end(begun.value, asked, outcome))) trailer.set(pendingKey, "pending");
  return result;
}

/** A request that was refused before anything could be attempted. */
export async function noteRefusal(audit: GrpcAudit | undefined, { entry }: Asked, faults: Faults): Promise<void> {
  if (audit === undefined || audit.refusal() !== undefined) return;
  await audit.note(entry, outcomeOf({ ok: false, faults }));
}

function outcomeOf(result: Result<unknown>): AuditedOutcome {
  if (result.ok) return { status: 200 };
  const [first] = result.faults;
  return { status: httpStatusOf(first), code: first.code };
}

/** Says that a caller was forbidden something, no more often than the log bears. */
export function forbiddenNotes(audit: GrpcAudit | undefined, nowMs: () => number) {
  const lastMs = new Map<string, number>();
  return async (caller: Pick<Caller, "name"> & { readonly role: string }, route: string): Promise<void> => {
    if (audit === undefined || !changingMethods.has(route) || audit.refusal() !== undefined) return;
    const key = JSON.stringify([caller.role, caller.name, route]);
    const now = nowMs();
    if (now - (lastMs.get(key) ?? Number.NEGATIVE_INFINITY) < refusalMs) return;
    if (lastMs.size >= refusalsMax) lastMs.clear();
    lastMs.set(key, now);
    const entry = { requestId: randomUUID(), actor: caller.name, role: caller.role, method: "GRPC", route, resource: route };
    await audit.note(entry, outcomeOf(refuse(fault("forbidden", "forbidden"))));
  };
}
