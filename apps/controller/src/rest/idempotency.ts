/**
 * Idempotency-Key: a client that does not know what came of its request sends it again under the same key, and it is done once
 * (draft-ietf-httpapi-idempotency-key-header). A key belongs to its actor, and is written down before anything is done, so that this
 * holds over a restart as well:
 *
 *   done               the answer is kept, and given again
 *   refused            nothing was changed: the key is free again
 *   under way          409 `in-flight`
 *   nobody knows       409 `in-flight`, and what to do: the controller died meanwhile, or the store did not say what it did
 *   asked for other    422 `key-reused`
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { canonicalJson, fault, ok, refuse, type FaultCode, type Faults, type Result, type Term } from "@sluice/model";
import type { KeyedRequest, KeyedRequestRecord, Store } from "@sluice/store";
import type { FastifyBaseLogger, FastifyRequest } from "fastify";

/** An answer as it goes out for the first time. */
export interface Done<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: T;
}

/** And as it is given again: the text of the body. */
export interface Replayed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Repeats {
  /** Does it unless it was done. Faults: those of `act`, `in-flight`, `key-reused`, and of the store where the key could not be written down. */
  once<T>(asked: KeyedRequest, act: () => Promise<Result<Done<T>>>): Promise<Result<Done<T> | Replayed>>;
}

export interface RepeatsParts {
  readonly store: Pick<Store, "beginRequest" | "endRequest">;
  readonly term: () => Term;
  readonly nowMs: () => number;
  readonly log?: Pick<FastifyBaseLogger, "warn"> | undefined;
}

/** Refusals after which nobody knows whether it was done. */
const unknownOutcome: ReadonlySet<FaultCode> = new Set([
  "unavailable",
  "deadline-exceeded",
  "cancelled",
  "stale-term",
  "store-failed",
  "internal",
]);

export function repeatsOn({ store, term, nowMs, log }: RepeatsParts): Repeats {
  /** What this process is doing, by actor and key. */
  const underWay = new Map<string, string>();
  return {
    async once(asked, act) {
      const id = JSON.stringify([asked.actor, asked.key]);
      const other = underWay.get(id);
      if (other !== undefined) return other === asked.fingerprint ? stillUnderWay() : keyReused();
      underWay.set(id, asked.fingerprint);
      try {
        const begun = await store.beginRequest(term(), { ...asked, at: new Date(nowMs()).toISOString() });
        if (!begun.ok) return begun;
        if (begun.value !== undefined) return replayOf(begun.value, asked);
        const done = await act();
        if (done.ok) {
          const { status, headers, value } = done.value;
          const kept = await store.endRequest(term(), asked, { status, headers, body: JSON.stringify(value) });
          // It was done all the same, and the client hears so; only who asks again will hear that nobody knows.
          if (!kept.ok) log?.warn({ faults: kept.faults }, "the answer to a request under a key could not be kept");
        } else if (isUndone(done.faults)) {
          const freed = await store.endRequest(term(), asked, undefined);
          if (!freed.ok) log?.warn({ faults: freed.faults }, "the key of a refused request could not be freed");
        }
        return done;
      } finally {
        underWay.delete(id);
      }
    },
  };
}

/** A refusal says `accepted: false` where it is certain that the request was not even begun: a queue was full. */
function isUndone(faults: Faults): boolean {
  return faults.every(({ code, data }) => !unknownOutcome.has(code) || data?.["accepted"] === false);
}

function replayOf(known: KeyedRequestRecord, asked: KeyedRequest): Result<Replayed> {
  if (known.fingerprint !== asked.fingerprint) return keyReused();
  return known.answer === undefined ? outcomeUnknown(known.at) : ok(known.answer);
}

const at = { pointer: "/headers/idempotency-key" };

function stillUnderWay(): Result<never> {
  return refuse(fault("in-flight", "The request under this key is still under way: ask again in a moment, under the same key.", at));
}

function outcomeUnknown(since: string): Result<never> {
  const message =
    `The request under this key was begun at ${since}, and nobody knows what came of it. ` +
    "Read what it was to change; where that has not happened, send it again under a new key.";
  return refuse(fault("in-flight", message, at));
}

function keyReused(): Result<never> {
  return refuse(fault("key-reused", "This key was used for another request: take a new key for each request that you mean.", at));
}

/** Printable ASCII; the quotation marks of the draft are taken off. */
export function idempotencyKeyOf(header: string | readonly string[] | undefined): Result<string | undefined> {
  if (header === undefined) return ok(undefined);
  const key = typeof header === "string" ? (/^"(.*)"$/.exec(header)?.[1] ?? header) : "";
  if (/^[\x21-\x7e]{1,128}$/.test(key)) return ok(key);
  return refuse(fault("malformed", "An Idempotency-Key is 1 to 128 printable ASCII characters without blanks, e.g. a UUID.", at));
}

/** Of all that decides what is done: method, address and body. SHA-256, hex. */
export function fingerprintOf({ method, url, body }: Pick<FastifyRequest, "method" | "url" | "body">): Result<string> {
  try {
    // What is streamed is not here yet: a route that takes it knows a repetition by itself.
    const known = body instanceof Readable ? undefined : body;
    return ok(
      createHash("sha256")
        .update(`${method} ${url}\n${canonicalJson(known)}`)
        .digest("hex"),
    );
  } catch (cause) {
    // Numbers that are not finite, nesting beyond all measure: no route takes such a body.
    if (cause instanceof RangeError)
      return refuse(fault("malformed", "The body is nested too deep, or holds a number that is not finite.", { pointer: "/body" }));
    throw cause;
  }
}
