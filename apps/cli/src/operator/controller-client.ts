/**
 * A controller's REST as commands use it (docs/rest.md): pages walked to their end, changes that are not made twice, jobs that end with the
 * command that asked for them, and events that go on where they broke off. Refusals come out as faults that say what to do.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import { z } from "zod";
import { followEvents, type EventsAsked, type ServerEvent } from "./event-stream.js";
import { followJob, type JobProgress } from "./job.js";
import { faultsOfRefusal, jsonOf } from "./refused-request.js";
import { piecesOf, type Answer, type Answered, type Method, type Query, type RawRequest, type Requester } from "./request.js";
import { lossOf, reasonOf, type Transport } from "./transport.js";

/** Longest body of an answer that is not streamed, bytes. */
const bodyBytesMax = 1 << 28;
/** Most items that a list is walked to. */
const itemsMax = 2_000_000;
/** Items asked for at a time, where the path allows as many. */
const pageItems = 1_000;
/** Longest wait for an answer that takes no long work, ms. */
export const timeoutMsDefault = 60_000;
/** Pauses before a request whose connection was lost is sent again, ms: a controller that is restarted is back by then. */
const pausesMsDefault: readonly number[] = [250, 500, 1_000, 2_000, 4_000];

export interface ControllerAddress {
  /** Such as http://127.0.0.1:8080. */
  readonly url: URL;
  /** Bearer token, where one is needed. Never shown. */
  readonly token?: string | undefined;
}

export interface ClientOptions {
  readonly transport: Transport;
  /** Aborted: every request ends as `cancelled`, and a job that is followed is cancelled at the controller. */
  readonly signal: AbortSignal;
  /** Longest wait for an answer, ms; default 60 s. */
  readonly timeoutMs?: number | undefined;
  /** Told when a request is sent again, and why. */
  readonly onRetry?: ((message: string) => void) | undefined;
  /** Told once where the controller follows another one, and so answers from what is stored: how old that may be, ms. */
  readonly onStale?: ((staleMs: number) => void) | undefined;
  /** Pauses between tries, ms: as many as there are are made. */
  readonly pausesMs?: readonly number[] | undefined;
}

/** A list, whole. */
export interface Listed<T> {
  readonly items: readonly T[];
  /** What the first page says besides its items. */
  readonly head: Readonly<Record<string, unknown>>;
}

export interface ListAsked {
  /** Most items that are wanted; all without it. */
  readonly most?: number | undefined;
  /** Items a page: 1,000, or what the path allows where that is less. */
  readonly pageItems?: number | undefined;
  /** Longest wait for one page, ms. */
  readonly timeoutMs?: number | undefined;
  readonly onPage?: ((itemsSoFar: number, head: Readonly<Record<string, unknown>>) => void) | undefined;
}

export interface Change<T> {
  readonly schema: z.ZodType<T>;
  readonly query?: Query | undefined;
  /** `"v7"`, or `*` for any version. */
  readonly ifMatch?: string | undefined;
  /** Default: a new one for each POST, and none for the others. Under a key the request is sent again when its connection is lost. */
  readonly idempotencyKey?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly signal?: AbortSignal | undefined;
}

export class ControllerClient implements Requester {
  readonly #base: URL;
  readonly #token: string | undefined;
  readonly #options: ClientOptions;
  #isStaleTold = false;

  constructor({ url, token }: ControllerAddress, options: ClientOptions) {
    this.#base = url;
    this.#token = token;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  /** For messages. */
  get origin(): string {
    return this.#base.origin;
  }

  /** Faults: the controller's own; `unavailable` where nobody answers, or may later; `malformed` where something else does; `cancelled`. */
  get<T>(
    path: string,
    schema: z.ZodType<T>,
    query: Query = {},
    more: { readonly timeoutMs?: number | undefined } = {},
  ): Promise<Result<Answer<T>>> {
    const asked: RawRequest = { method: "GET", path, query, accept: "application/json", ...more };
    return this.#repeated(true, () => this.send(asked, schema));
  }

  /** Every page of a list, or as many as hold `most` items. */
  async list<T>(path: string, itemSchema: z.ZodType<T>, query: Query = {}, asked: ListAsked = {}): Promise<Result<Listed<T>>> {
    const { most = itemsMax, timeoutMs, onPage } = asked;
    const pageSchema = z.looseObject({ items: z.array(itemSchema), nextCursor: z.string().optional() });
    const items: T[] = [];
    let head: Readonly<Record<string, unknown>> | undefined;
    let cursor: string | undefined;
    while (items.length < most) {
      const limit = Math.min(asked.pageItems ?? pageItems, most - items.length);
      const page = await this.get(path, pageSchema, { ...query, limit, cursor }, { timeoutMs });
      if (!page.ok) return page;
      const { items: some, nextCursor, ...rest } = page.value.value;
      head ??= rest;
      items.push(...some);
      onPage?.(items.length, head);
      if (nextCursor === undefined) break;
      if (some.length === 0) return refuse(fault("malformed", `${this.#at(path)} gave an empty page and a cursor.`, pointer));
      cursor = nextCursor;
    }
    return ok({ items, head: head ?? {} });
  }

  /** A change, or a question with a body. Not sent again where that could do it twice: then the fault says so. */
  change<T>(method: Exclude<Method, "GET">, path: string, body: unknown, change: Change<T>): Promise<Result<Answer<T>>> {
    const { schema, query, ifMatch, timeoutMs, signal, idempotencyKey = method === "POST" ? randomUUID() : undefined } = change;
    const asked: RawRequest = {
      method,
      path,
      query,
      accept: "application/json",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs,
      signal,
    };
    return this.#repeated(idempotencyKey !== undefined, () => this.send(asked, schema), signal);
  }

  /** Asks for long work and waits for its end; gives the path of its result. When the signal is aborted, the job is cancelled. */
  async job(path: string, body: unknown, onProgress?: (progress: JobProgress) => void): Promise<Result<string>> {
    // Whoever interrupts while this is asked has asked for a job that must be found to be cancelled: its answer is waited for.
    const accepted = await this.change("POST", path, body, { schema: z.unknown(), signal: new AbortController().signal });
    if (!accepted.ok) return accepted;
    const { location } = accepted.value;
    if (location === undefined)
      return refuse(fault("malformed", `${this.#at(path)} did not say where to look for what comes of it.`, pointer));
    return followJob(this, location, onProgress);
  }

  /** Events as they happen, without gaps: where a connection breaks, the next one goes on behind the last event. */
  stream(path: string, query: Query = {}, asked: EventsAsked = {}): AsyncGenerator<Result<ServerEvent>> {
    return followEvents(this, { path, query }, { onRetry: this.#options.onRetry, ...asked });
  }

  /** The answer, whose status is 2xx, with its body unread. Sent once. */
  async request(asked: RawRequest): Promise<Result<Answered>> {
    const { method, path, query = {}, headers = {}, accept = "application/json", body } = asked;
    const signal = asked.signal ?? this.#options.signal;
    const timeoutMs = asked.timeoutMs ?? this.#options.timeoutMs ?? timeoutMsDefault;
    const target = this.#target(path, query);
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const response = await this.#options.transport(target, {
        method,
        headers: {
          accept: `${accept}, application/problem+json`,
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
          ...headers,
        },
        signal: AbortSignal.any([signal, limit]),
        ...(body === undefined ? {} : { body }),
      });
      this.#tellStale(response);
      if (response.status >= 200 && response.status < 300) return ok(response);
      const text = await textOf(response).catch(() => "");
      const { status } = response;
      const faults = faultsOfRefusal({ status, text, retryAfter: response.header("retry-after"), target: this.#at(path) });
      return { ok: false, faults };
    } catch (error) {
      if (signal.aborted) return refuse(fault("cancelled", "The request was cancelled."));
      if (limit.aborted)
        return refuse(fault("unavailable", `${this.origin} gave no answer within ${timeoutMs / 1000} s.`, doubtful(method)));
      const reason = `${this.origin} could not be reached: ${reasonOf(error, this.#base.protocol)}.`;
      return refuse(lostFault(reason, { loss: lossOf(error), method }));
    }
  }

  /** The answer, read whole. Sent once. */
  async send<T>(asked: RawRequest, schema: z.ZodType<T>): Promise<Result<Answer<T>>> {
    const answer = await this.request(asked);
    if (!answer.ok) return answer;
    const { status } = answer.value;
    const header = (name: string): string | undefined => answer.value.header(name);
    let text: string;
    try {
      text = await textOf(answer.value);
    } catch (error) {
      if (this.signal.aborted) return refuse(fault("cancelled", "The request was cancelled."));
      return refuse(
        lostFault(`The answer of ${this.origin} was cut off: ${reasonOf(error, this.#base.protocol)}.`, {
          loss: "lost",
          method: asked.method,
        }),
      );
    }
    const parsed = schema.safeParse(status === 204 ? undefined : jsonOf(text));
    if (!parsed.success)
      return refuse(fault("malformed", `${this.#at(asked.path)} answered with something that is not what was asked for.`, pointer));
    return ok({
      value: parsed.data,
      status,
      etag: header("etag"),
      location: pathOf(header("location")),
      replayed: header("idempotency-replayed") === "true",
      requestId: header("x-request-id"),
    });
  }

  /** Again while the connection is lost, where a second time does no harm. Who never got a connection at all is told at once. */
  async #repeated<T>(mayRepeat: boolean, attempt: () => Promise<Result<T>>, signal = this.signal): Promise<Result<T>> {
    const { onRetry, pausesMs = pausesMsDefault } = this.#options;
    let wasLost = false;
    for (let number = 0; ; number += 1) {
      const result = await attempt();
      if (result.ok || !mayRepeat || signal.aborted) return result;
      const [{ code, message, data }] = result.faults;
      const loss = data?.["loss"];
      wasLost ||= loss === "lost";
      // What is still under way after a loss is our own request.
      const again = wasLost && (loss === "lost" || loss === "unsent" || code === "in-flight");
      const pauseMs = pausesMs[number];
      if (!again || pauseMs === undefined) return result;
      onRetry?.(`${message} Trying again in ${pauseMs / 1000} s.`);
      await wait(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #tellStale(response: Answered): void {
    const staleMs = response.header("sluice-staleness-ms");
    if (staleMs === undefined || this.#isStaleTold || !/^[0-9]{1,12}$/.test(staleMs)) return;
    this.#isStaleTold = true;
    this.#options.onStale?.(Number(staleMs));
  }

  #target(path: string, query: Query): URL {
    const target = new URL(this.#base);
    target.pathname = `${this.#base.pathname.replace(/\/$/, "")}${path}`;
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      target.searchParams.set(name, Array.isArray(value) ? value.join(",") : String(value));
    }
    return target;
  }

  #at(path: string): string {
    return `${this.origin}${path}`;
  }
}

const pointer = { pointer: "--controller" };

/** What may have been done, though nobody said so. */
function doubtful(method: Method): { readonly pointer: string; readonly data?: Fault["data"] } {
  return method === "GET"
    ? pointer
    : {
        ...pointer,
        data: { advice: "it is not known whether the change was made: look before you send it again (sluice history, sluice events)" },
      };
}

function lostFault(message: string, { loss, method }: { readonly loss: ReturnType<typeof lossOf>; readonly method: Method }): Fault {
  const { data, ...rest } = loss === "lost" ? doubtful(method) : { ...pointer, data: { advice: unreachableAdvice } };
  return fault("unavailable", message, { ...rest, data: { ...data, loss } });
}

const unreachableAdvice =
  "check that the controller runs and that this is the address of its REST: --controller URL, or sluice context add NAME --controller URL";

/** Path and query of a Location; another host's name in it is not followed. */
function pathOf(location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location, "http://x")) return undefined;
  return new URL(location, "http://x").pathname;
}

async function textOf(response: Answered): Promise<string> {
  const pieces: string[] = [];
  let length = 0;
  for await (const piece of piecesOf(response)) {
    length += piece.length;
    if (length > bodyBytesMax) throw new Error("the answer is too long");
    pieces.push(piece);
  }
  return pieces.join("");
}
