/** One request, one answer: the frame around a unary handler. */
import type { handleUnaryCall, Metadata, sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { fault, refuse, type RequestedBy, type Result } from "@sluice/model";
import { messageBytes } from "@sluice/wire";
import { askedBy, attempt, noteRefusal } from "./audit-calls.js";
import type { GrpcLimits } from "./limits.js";
import type { GrpcLog, GrpcParts, GrpcPorts } from "./ports.js";
import { errorOf, faultOfException } from "./refusal.js";

/**
 * Answers faults with a status and details, exceptions with `internal`, and a reply that takes too long with
 * `deadline-exceeded`. What was asked for may still take effect then: requests can be repeated without harm.
 */
export function unary<Request, Response>(
  { log }: Pick<GrpcPorts, "log">,
  { requestMsMax }: Pick<GrpcLimits, "requestMsMax">,
  handle: (request: Request) => Promise<Result<Response>> | Result<Response>,
): handleUnaryCall<Result<Request>, Response> {
  return (call: ServerUnaryCall<Result<Request>, Response>, callback: sendUnaryData<Response>) => {
    const { request } = call;
    const answer = async (): Promise<Result<Response>> => (request.ok ? handle(request.value) : request);
    void respond(log, call, within(requestMsMax, answer()), callback);
  };
}

/** A call that changes something: the same frame, with the audit log around what is done. */
export function changingCall<Request, Response>(
  { log, audit, callers }: GrpcParts,
  { requestMsMax }: Pick<GrpcLimits, "requestMsMax">,
  handle: (request: Request, by: RequestedBy) => Promise<Result<Response>>,
): handleUnaryCall<Result<Request>, Response> {
  return (call: ServerUnaryCall<Result<Request>, Response>, callback: sendUnaryData<Response>) => {
    const { request } = call;
    const bytes = messageBytes(request);
    const asked = askedBy(callers, call, bytes === undefined ? {} : { bytes });
    const answer = async (): Promise<Result<Response>> => {
      if (!asked.ok) return asked;
      const { by } = asked.value;
      if (request.ok) return attempt(audit, log, asked.value, () => within(requestMsMax, handle(request.value, by)));
      await noteRefusal(audit, asked.value, request.faults);
      return request;
    };
    void respond(log, call, answer(), callback, asked.ok ? asked.value.trailer : undefined);
  };
}

/** Tells a result to a client that is still there. */
export async function respond<Response>(
  log: GrpcLog,
  call: { readonly cancelled: boolean; getPath(): string },
  result: Promise<Result<Response>>,
  callback: sendUnaryData<Response>,
  trailer?: Metadata,
): Promise<void> {
  const settled = await settle(log, call.getPath(), result);
  if (call.cancelled) return;
  if (settled.ok) return callback(null, settled.value, trailer);
  const error = errorOf(settled.faults);
  if (trailer !== undefined) error.metadata.merge(trailer);
  callback(error);
}

async function settle<T>(log: GrpcLog, path: string, result: Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await result;
  } catch (error) {
    return refuse(faultOfException(log, path, error));
  }
}

/** The result, or `deadline-exceeded` where it takes longer. */
export async function within<T>(ms: number, result: Promise<Result<T>>): Promise<Result<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Result<T>>((resolve) => {
    timer = setTimeout(
      () => resolve(refuse(fault("deadline-exceeded", `There was no reply within ${ms / 1_000} s; it may still come to pass.`))),
      ms,
    );
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}
