/** One request to a controller's REST, and what its refusals mean: problems (RFC 9457) come out as faults. */
import { readFile } from "node:fs/promises";
import { fault, faultCodes, ok, refuse, type Fault, type Result } from "@sluice/model";
import { z } from "zod";
import { argumentFault } from "../refusal.js";

/** Longest body of an answer that is not streamed, bytes. */
const bodyBytesMax = 16 << 20;
/** Longest that a controller's wish to be left alone is heeded, ms. */
const retryAfterMsMax = 60_000;

export interface ControllerAddress {
  /** Such as http://127.0.0.1:8080. */
  readonly url: URL;
  /** Bearer token, where one is needed. Never shown. */
  readonly token?: string;
}

export interface ControllerRequest {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ReadableStream<Uint8Array>;
  readonly accept: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** `--controller`, with the token of `--token-file`, else of SLUICE_TOKEN. Faults: `malformed`, `not-found`. */
export async function controllerAddress(
  { controller, tokenFile }: { readonly controller: string; readonly tokenFile?: string | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<ControllerAddress>> {
  const url = URL.canParse(controller) ? new URL(controller) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    return refuse(
      argumentFault(
        "malformed",
        "--controller",
        `--controller takes a URL such as http://127.0.0.1:8080, not ${JSON.stringify(controller)}.`,
      ),
    );
  let token = env["SLUICE_TOKEN"]?.trim() ?? "";
  if (tokenFile !== undefined) {
    try {
      token = (await readFile(tokenFile, "utf8")).trim();
    } catch {
      return refuse(argumentFault("not-found", "--token-file", `--token-file: ${tokenFile} cannot be read.`));
    }
  }
  if (/[^\x21-\x7e]/.test(token))
    return refuse(argumentFault("malformed", "--token-file", "The token has characters that no token has: it is one line of text."));
  return ok(token === "" ? { url } : { url, token });
}

/** The answer, whose status is 2xx. Faults: the controller's own; `unavailable` where nobody answers or may later; `cancelled`. */
export async function request({ url, token }: ControllerAddress, asked: ControllerRequest): Promise<Result<Response>> {
  const { signal, timeoutMs, method, path, query = {}, accept, headers = {}, body } = asked;
  const target = new URL(path, url);
  for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(target, {
      method,
      headers: {
        accept: `${accept}, application/problem+json`,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      signal: AbortSignal.any([signal, limit]),
      ...(body === undefined ? {} : { body, duplex: "half" }),
    } as RequestInit);
    return response.ok ? ok(response) : { ok: false, faults: await faultsOf(response, target) };
  } catch (error) {
    if (signal.aborted) return refuse(fault("cancelled", "The request was cancelled."));
    if (limit.aborted)
      return refuse(fault("unavailable", `${target.origin} gave no answer within ${timeoutMs / 1000} s.`, { pointer: "--controller" }));
    return refuse(fault("unavailable", `${target.origin} could not be reached: ${reasonOf(error)}.`, { pointer: "--controller" }));
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : error.message;
}

const problemSchema = z.object({
  detail: z.string(),
  faults: z
    .array(
      z.object({
        code: z.string(),
        message: z.string(),
        pointer: z.string().optional(),
        data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
      }),
    )
    .default([]),
});

/** Statuses after which the same request may be answered later. */
const passing = new Set([408, 425, 429, 502, 503, 504]);

async function faultsOf(response: Response, target: URL): Promise<readonly [Fault, ...Fault[]]> {
  const { status } = response;
  const retryAfterMs = retryAfterOf(response.headers.get("retry-after"));
  const data = { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const text = await textOf(response).catch(() => "");
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success) {
    const code = passing.has(status) ? "unavailable" : "malformed";
    return [fault(code, `${target.origin}${target.pathname} answered ${status}, which is none of a controller's answers.`, { data })];
  }
  const { detail, faults } = problem.data;
  if (status === 401)
    return [fault("not-allowed", `The controller wants a token: ${detail} Give it by --token-file or SLUICE_TOKEN.`, { data })];
  if (status === 403) return [fault("not-allowed", `The token may not do this: ${detail}`, { data })];
  const [first, ...rest] = faults.map((each): Fault => {
    const code = faultCodes.find((known) => known === each.code) ?? (passing.has(status) ? "unavailable" : "not-allowed");
    return fault(code, each.message, { ...(each.pointer === undefined ? {} : { pointer: each.pointer }), data: { ...each.data, ...data } });
  });
  return first === undefined ? [fault(passing.has(status) ? "unavailable" : "not-allowed", detail, { data })] : [first, ...rest];
}

function retryAfterOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,6}$/.test(text) ? Math.min(retryAfterMsMax, Number(text) * 1000) : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Pieces of an answer's body. Throws where it is cut off. */
export async function* piecesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) yield decoder.decode(chunk as Uint8Array, { stream: true });
  yield decoder.decode();
}

async function textOf(response: Response): Promise<string> {
  let text = "";
  for await (const piece of piecesOf(response)) {
    text += piece;
    if (text.length > bodyBytesMax) throw new Error("the answer is too long");
  }
  return text;
}

/** The answer's JSON, of the schema. Faults: `malformed`, `unavailable` where it is cut off. */
export async function jsonBody<T>(response: Response, schema: z.ZodType<T>): Promise<Result<T>> {
  let text: string;
  try {
    text = await textOf(response);
  } catch (error) {
    return refuse(fault("unavailable", `The controller's answer was cut off: ${reasonOf(error)}.`, { pointer: "--controller" }));
  }
  const parsed = schema.safeParse(jsonOf(text));
  return parsed.success
    ? ok(parsed.data)
    : refuse(fault("malformed", `${response.url} answered with something that is not what was asked for.`, { pointer: "--controller" }));
}
