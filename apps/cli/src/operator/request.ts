/** A request to a controller, its answer, and what sends it. */
import type { Readable } from "node:stream";
import type { Result } from "@sluice/model";
import type { z } from "zod";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What came back, of whatever status. */
export interface Answered {
  readonly status: number;
  /** By its name in lower case. */
  header(name: string): string | undefined;
  readonly body: Readable;
}

/** An answer of status 2xx. */
export interface Answer<T> {
  readonly value: T;
  readonly status: number;
  /** `"v7"`: what `ifMatch` of a change takes. */
  readonly etag: string | undefined;
  /** Path where to look for what came of long work. */
  readonly location: string | undefined;
  /** The controller had done it already, under the same idempotency key. */
  readonly replayed: boolean;
  readonly requestId: string | undefined;
}

/** A request as it is, its answer unread: for bodies that are streamed either way. */
export interface RawRequest {
  readonly method: Method;
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Readable | undefined;
  readonly accept?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly signal?: AbortSignal | undefined;
}

/** What sends requests to one controller. */
export interface Requester {
  /** Aborted when the command is interrupted. */
  readonly signal: AbortSignal;
  /** For messages. */
  readonly origin: string;
  get<T>(path: string, schema: z.ZodType<T>, query?: Query): Promise<Result<Answer<T>>>;
  /** The answer, whose status is 2xx, with its body unread. Sent once. */
  request(asked: RawRequest): Promise<Result<Answered>>;
}

/** Pieces of an answer's body. Throws where it is cut off. */
export async function* piecesOf({ body }: Pick<Answered, "body">): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of body) yield decoder.decode(chunk as Uint8Array, { stream: true });
  yield decoder.decode();
}
