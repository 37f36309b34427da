/**
 * Every refusal is an RFC 9457 problem document. Faults become problems in `packages/wire`; here are those of HTTP itself.
 * What happened inside goes to the log under the request's id, never to the client.
 */
import { STATUS_CODES } from "node:http";
import { fault, type Faults } from "@sluice/model";
import { problemOf, type Problem as FaultProblem } from "@sluice/wire";
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";

export const problemMediaType = "application/problem+json";

/** Seconds after which a client may try again what was refused with 503. */
const retryAfterSeconds = 5;

export interface Problem extends Omit<FaultProblem, "code"> {
  readonly code: string;
}

/** Problems of HTTP that are no faults of the input. Types are stable; docs/rest.md lists them. */
const httpProblems = {
  "method-not-allowed": { status: 405, title: "The method is not allowed here." },
  "not-acceptable": { status: 406, title: "No acceptable media type is offered." },
  timeout: { status: 408, title: "The request took too long to arrive." },
  "body-too-large": { status: 413, title: "The body is too large." },
  "unsupported-media-type": { status: 415, title: "The media type of the body is not supported." },
  "headers-too-large": { status: 431, title: "The headers are too large." },
} as const;
export type HttpProblemCode = keyof typeof httpProblems;

export function httpProblem(code: HttpProblemCode, detail: string): Problem {
  return { type: `/problems/${code}`, ...httpProblems[code], detail, code, faults: [] };
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 503) void reply.header("retry-after", retryAfterSeconds);
  if (problem.leader !== undefined) void reply.header("location", `${problem.leader}${reply.request.url}`);
  return reply
    .code(problem.status)
    .type(problemMediaType)
    .send({ ...problem, requestId: reply.request.id });
}

/** A refusal on its way through Fastify, which knows errors only. */
export class Refused extends Error {
  override readonly name = "Refused";
  constructor(readonly faults: Faults) {
    super(faults[0].message);
  }
}

/** Fastify's own errors by code. */
const httpProblemOfCode: Readonly<Record<string, HttpProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
};
const malformedCodes = new Set([
  "FST_ERR_CTP_INVALID_JSON_BODY",
  "FST_ERR_CTP_EMPTY_JSON_BODY",
  "FST_ERR_CTP_INVALID_CONTENT_LENGTH",
  "FST_ERR_BAD_URL",
]);

export function problemOfError(error: unknown, log: FastifyBaseLogger): Problem {
  if (error instanceof Refused) return problemOf(error.faults);
  const { code = "", message = "", statusCode = 500 } = error as { code?: string; message?: string; statusCode?: number };
  const known = httpProblemOfCode[code];
  if (known !== undefined) return httpProblem(known, `${message}.`);
  if (malformedCodes.has(code))
    return problemOf([fault("malformed", code === "FST_ERR_BAD_URL" ? "The URL is malformed." : `${message}.`)]);
  if (code === "FST_ERR_MAX_PARAM_LENGTH") return problemOf([fault("malformed", "A part of the path is too long.")]);
  // What Fastify blames the client for is never a fault of ours, whatever its next version finds to blame.
  if (code.startsWith("FST_ERR_") && statusCode >= 400 && statusCode < 500)
    return problemOf([fault("malformed", "The request is malformed.")]);
  log.error({ err: error }, "a request failed inside");
  return problemOf([fault("internal", "")]);
}

export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, problemOfError(error, request.log));
}

/** The whole answer to what did not even parse as a request: there is no reply object yet. */
export function rawProblemResponse(code: string | undefined): string {
  const problem =
    code === "HPE_HEADER_OVERFLOW"
      ? httpProblem("headers-too-large", "The headers are longer than this server reads.")
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? httpProblem("timeout", "The request did not arrive in time.")
        : problemOf([fault("malformed", "This is no HTTP/1.1 request.")]);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
