/**
 * Requests that their sender may repeat without their being done twice: each is written down under the sender's key before it is done,
 * and its answer after it. They are kept for a day at most, and no more than `keyedRequestsMax` of them.
 */
import { z } from "zod";
import { admit, fault, ok, refuse, type Result, type Term } from "@sluice/model";
import { instantSchema } from "./instant.js";

/** Older ones are forgotten, ms. */
export const keyedRequestMsMax = 24 * 3_600_000;
/** Where there are more, the oldest are forgotten. */
export const keyedRequestsMax = 10_000;
/** Longest answer that is kept, UTF-16 code units. */
export const keyedAnswerLengthMax = 1 << 20;

/** Whose request, under which of his keys. */
export interface RequestKey {
  readonly actor: string;
  readonly key: string;
}

export interface KeyedRequest extends RequestKey {
  /** SHA-256 of what was asked, hex. */
  readonly fingerprint: string;
}

export interface KeyedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface KeyedRequestRecord extends KeyedRequest {
  /** Of the leadership under which it was begun. */
  readonly term: Term;
  readonly at: string;
  /** Absent while it is under way, and for good where nobody heard what came of it. */
  readonly answer?: KeyedAnswer;
}

export interface KeyedRequestStore {
  /** Writes down that a request is begun; where there is one under its key, that is returned and nothing changes. */
  beginRequest(term: Term, request: KeyedRequest & { readonly at: string }): Promise<Result<KeyedRequestRecord | undefined>>;
  /** Keeps the answer; without one the key is free again. `not-found` where nothing was begun under the key, or it has ended. */
  endRequest(term: Term, key: RequestKey, answer: KeyedAnswer | undefined): Promise<Result<void>>;
}

const keyFields = {
  /** What every database keeps as it is: no control characters, no lone surrogates. */
  actor: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be printable"),
  key: z.string().regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters"),
};
const keySchema = z.object(keyFields);
const requestSchema = z.object({
  ...keyFields,
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex"),
  at: instantSchema,
});
const answerSchema = z.strictObject({
  status: z.int().min(100).max(599),
  headers: z.record(z.string().max(64), z.string().max(4_096)),
  body: z.string().max(keyedAnswerLengthMax),
});

export type AdmittedRequest = z.output<typeof requestSchema>;
export interface AdmittedEnd extends RequestKey {
  readonly answer?: KeyedAnswer;
}

export function admitRequest(request: KeyedRequest & { readonly at: string }): Result<AdmittedRequest> {
  return admit(requestSchema, request, ["request"]);
}

export function admitEnd(key: RequestKey, answer: KeyedAnswer | undefined): Result<AdmittedEnd> {
  const admitted = admit(keySchema, key, ["request"]);
  if (!admitted.ok || answer === undefined) return admitted;
  const kept = admit(answerSchema, answer, ["answer"]);
  return kept.ok ? ok({ ...admitted.value, answer: kept.value }) : kept;
}

/** Those that began before this are forgotten when one begins at `at`. */
export function forgottenBefore(at: string): string {
  return new Date(Math.max(0, Date.parse(at) - keyedRequestMsMax)).toISOString();
}

export function nothingBegun({ key }: RequestKey): Extract<Result<never>, { ok: false }> {
  return refuse(fault("not-found", `No request is under way under the key ${key}.`));
}
