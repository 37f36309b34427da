/**
 * Expected failures are values. A `Fault` has a stable code from a closed list, a sentence for people and, where
 * input was refused, a JSON pointer (RFC 6901) to the field. `docs/errors.md` explains every code.
 */

export const faultCodes = [
  // input
  "malformed",
  "unknown-format",
  "missing-field",
  "unknown-field",
  "wrong-type",
  "not-finite",
  "negative",
  "out-of-range",
  "not-allowed",
  "duplicate-id",
  "dangling-reference",
  "self-loop",
  "too-large",
  "too-many",
  // state
  "not-found",
  "not-ready",
  "not-leader",
  "stale-term",
  "stale-epoch",
  "stale-version",
  "precondition-required",
  "blast-radius",
  "in-flight",
  "key-reused",
  "quarantined",
  "unavailable",
  "rate-limited",
  "unauthenticated",
  "forbidden",
  "deadline-exceeded",
  "cancelled",
  // engine, rules, agents
  "solver-failed",
  "check-failed",
  // what the independent checker finds in a plan
  "input-mismatch",
  "tunnel-broken",
  "tunnel-unusable",
  "split-invalid",
  "over-demand",
  "over-capacity",
  "demand-unaccounted",
  "totals-wrong",
  "certificate-wrong",
  "protection-wrong",
  "walk-failed",
  "table-full",
  "labels-exhausted",
  "rule-refused",
  "store-failed",
  "internal",
] as const;

export type FaultCode = (typeof faultCodes)[number];

export interface Fault {
  readonly code: FaultCode;
  /** One sentence that says what is wrong and, where it can, what to do next. */
  readonly message: string;
  /** JSON pointer to the offending field, e.g. `/links/3/capacityBps`. For text files: `/line/12/rate`. */
  readonly pointer?: string;
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

export type Faults = readonly [Fault, ...Fault[]];

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly faults: Faults };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function refuse(...faults: [Fault, ...Fault[]]): { readonly ok: false; readonly faults: Faults } {
  return { ok: false, faults };
}

export function fault(code: FaultCode, message: string, more: { readonly pointer?: string; readonly data?: Fault["data"] } = {}): Fault {
  return {
    code,
    message,
    ...(more.pointer === undefined ? {} : { pointer: more.pointer }),
    ...(more.data === undefined ? {} : { data: more.data }),
  };
}

/** A broken invariant is a bug, not an outcome: it throws, and the process ends. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new InvariantBroken(invariant);
}

export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken";
}

/** Closes an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantBroken(`no case for ${JSON.stringify(value)}`);
}
