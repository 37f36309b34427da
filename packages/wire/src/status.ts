/**
 * The one place where a fault becomes a gRPC status, an HTTP status and an RFC 9457 problem document. The table is total
 * over all fault codes; what happened inside the process is never told to a client.
 */
import { status } from "@grpc/grpc-js";
import type { Fault, FaultCode, Faults } from "@sluice/model";

interface StatusEntry {
  readonly grpc: status;
  readonly http: number;
  /** Short, the same for every occurrence of the code (RFC 9457, section 3.1.3). */
  readonly title: string;
  /** The message may name files, queries or stack frames: clients get the title instead. */
  readonly concealed?: true;
}

function entry(grpc: status, http: number, title: string): StatusEntry {
  return { grpc, http, title };
}

function concealed(grpc: status, http: number, title: string): StatusEntry {
  return { grpc, http, title, concealed: true };
}

const { INVALID_ARGUMENT, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, UNAVAILABLE, INTERNAL } = status;

const statusTable: Readonly<Record<FaultCode, StatusEntry>> = {
  malformed: entry(INVALID_ARGUMENT, 400, "The input is malformed."),
  "unknown-format": entry(INVALID_ARGUMENT, 415, "The input is in no format that is known."),
  "missing-field": entry(INVALID_ARGUMENT, 400, "A required field is missing."),
  "unknown-field": entry(INVALID_ARGUMENT, 400, "There is no such field."),
  "wrong-type": entry(INVALID_ARGUMENT, 400, "A field is of the wrong type."),
  "not-finite": entry(INVALID_ARGUMENT, 422, "A number is not finite."),
  negative: entry(INVALID_ARGUMENT, 422, "A number is negative."),
  "out-of-range": entry(INVALID_ARGUMENT, 422, "A value is out of range."),
  "not-allowed": entry(INVALID_ARGUMENT, 422, "A value is not allowed here."),
  "duplicate-id": entry(INVALID_ARGUMENT, 422, "An id occurs more than once."),
  "dangling-reference": entry(INVALID_ARGUMENT, 422, "An id names nothing."),
  "self-loop": entry(INVALID_ARGUMENT, 422, "Something starts and ends at one node."),
  "too-large": entry(RESOURCE_EXHAUSTED, 413, "The input is too large."),
  "too-many": entry(RESOURCE_EXHAUSTED, 413, "There are too many of something."),

  "not-found": entry(status.NOT_FOUND, 404, "There is no such thing."),
  "not-ready": entry(FAILED_PRECONDITION, 503, "The controller is not ready for this."),
  "not-leader": entry(UNAVAILABLE, 421, "Another controller leads."),
  "stale-term": entry(status.PERMISSION_DENIED, 409, "A newer leader exists."),
  "stale-epoch": entry(FAILED_PRECONDITION, 409, "A newer plan exists."),
  "stale-version": entry(status.ABORTED, 412, "A newer version exists."),
  "precondition-required": entry(FAILED_PRECONDITION, 428, "The version to be changed must be named."),
  "blast-radius": entry(FAILED_PRECONDITION, 409, "The change would do more than is allowed without force."),
  "in-flight": entry(status.ABORTED, 409, "The same request is still under way."),
  "key-reused": entry(INVALID_ARGUMENT, 422, "The idempotency key was used for another request."),
  quarantined: entry(FAILED_PRECONDITION, 422, "The input is too unlikely to be used."),
  unavailable: entry(UNAVAILABLE, 503, "The controller cannot do this now: try again later."),
  "rate-limited": entry(RESOURCE_EXHAUSTED, 429, "Too many requests: try again later."),
  unauthenticated: entry(status.UNAUTHENTICATED, 401, "It is not known who asks."),
  forbidden: entry(status.PERMISSION_DENIED, 403, "Who asks may not do this."),
  "deadline-exceeded": entry(status.DEADLINE_EXCEEDED, 504, "The time for this was not enough."),
  cancelled: entry(status.CANCELLED, 499, "The client went away."),

  "solver-failed": entry(INTERNAL, 500, "The solver gave no plan."),
  // Not always ours: a plan that an operator goes back to need not fit the network of now.
  "check-failed": entry(FAILED_PRECONDITION, 409, "The plan does not stand up to the checks."),
  "input-mismatch": entry(INTERNAL, 500, "The plan was made from another input."),
  "tunnel-broken": entry(INTERNAL, 500, "A tunnel of the plan is no path."),
  "tunnel-unusable": entry(INTERNAL, 500, "A tunnel of the plan uses what is down or drained."),
  "split-invalid": entry(INTERNAL, 500, "A split of the plan is invalid."),
  "over-demand": entry(INTERNAL, 500, "The plan admits more than was asked."),
  "over-capacity": entry(INTERNAL, 500, "The plan puts more on a link than it can carry."),
  "demand-unaccounted": entry(INTERNAL, 500, "A demand is missing from the plan."),
  "totals-wrong": entry(INTERNAL, 500, "The totals of the plan do not add up."),
  "certificate-wrong": entry(INTERNAL, 500, "The plan's certificate does not hold."),
  "protection-wrong": entry(INTERNAL, 500, "What the plan holds ready for failures does not hold."),
  "walk-failed": entry(INTERNAL, 500, "The packet walk refused the rules."),
  "table-full": entry(RESOURCE_EXHAUSTED, 507, "A switch's table is full."),
  "labels-exhausted": entry(RESOURCE_EXHAUSTED, 507, "There are no labels left."),
  "rule-refused": entry(FAILED_PRECONDITION, 409, "A switch refused a rule."),
  "store-failed": concealed(UNAVAILABLE, 503, "The store cannot be used now: try again later."),
  internal: concealed(INTERNAL, 500, "Something went wrong inside: see the controller's log."),
};

/** A fault as clients may see it: without a cause where the code conceals it, and never with its `data`. */
export interface PublicFault {
  readonly code: FaultCode;
  readonly message: string;
  readonly pointer?: string;
}

export function publicFault(fault: Fault): PublicFault {
  const { concealed: hidden, title } = statusTable[fault.code];
  return {
    code: fault.code,
    message: hidden ? title : fault.message,
    ...(fault.pointer === undefined ? {} : { pointer: fault.pointer }),
  };
}

export function grpcStatusOf(fault: Fault): status {
  return statusTable[fault.code].grpc;
}

export function httpStatusOf(fault: Fault): number {
  return statusTable[fault.code].http;
}

/** RFC 9457. `code` and `faults` are extension members; the first fault decides type, title and status. */
export interface Problem {
  /** A URI reference that never changes for a code, e.g. `/problems/duplicate-id`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: FaultCode;
  readonly faults: readonly PublicFault[];
  /** Where the leader serves REST, with `not-leader`, where that is known. */
  readonly leader?: string;
}

export function problemOf(faults: Faults): Problem {
  const listed = faults.map(publicFault);
  const { code, message } = publicFault(faults[0]);
  const leader = faults[0].data?.["restAddress"];
  return {
    type: `/problems/${code}`,
    title: statusTable[code].title,
    status: statusTable[code].http,
    detail: message,
    code,
    faults: listed,
    ...(code === "not-leader" && typeof leader === "string" ? { leader } : {}),
  };
}
