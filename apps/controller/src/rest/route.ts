/**
 * How a route is declared: who may, what comes in, what goes out, which refusals there are besides those that every route has; and a
 * function from checked input to a result. What follows from the declaration (authorization, preconditions, repeated requests, the
 * OpenAPI document) is done here, so that no route can forget it.
 */
import type { Readable } from "node:stream";
import { assert, fault, ok, type Fault, type Faults, type RequestedBy, type Result } from "@sluice/model";
import { problemOf } from "@sluice/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { RouteRole } from "./auth/role.js";
import { fingerprintOf, idempotencyKeyOf, type Done, type Repeats } from "./idempotency.js";
import { etagOf, heldVersion, preconditionOf, type VersionedResource } from "./precondition.js";
import { Refused } from "./problem.js";
import { validatorCompiler } from "./request-gate.js";
import {
  configOf,
  documentOf,
  headersOf,
  refusalsOf,
  writeRefusals,
  type GetSpec,
  type Nothing,
  type PostSpec,
  type StreamSpec,
  type WriteSpec,
} from "./route-spec.js";

declare module "fastify" {
  interface FastifyInstance {
    rest: RouteContext;
  }
  interface FastifyContextConfig {
    /** A route without one is for admins. */
    role?: RouteRole;
    /** The media types of answers where they are not JSON. */
    offers?: readonly string[];
    /** Answered under any load: what orchestrators probe. */
    isProbe?: boolean;
    /** Lasts for as long as its client likes, so it counts for no limit of requests at a time. */
    isLong?: boolean;
  }
}

/** What all routes of a server share. */
export interface RouteContext {
  /** The version that is in force, 0 where there is nothing. */
  versionOf(resource: VersionedResource): number;
  readonly repeats: Repeats;
}

interface Input<Params, Query> {
  readonly params: Params;
  readonly query: Query;
  /** In whose name: goes with a change into events, journal and audit log. */
  readonly by: RequestedBy;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

interface WriteInput<Params, Query, Asked> extends Input<Params, Query> {
  readonly body: Asked;
  /** The version that the change has to find when its turn comes; undefined for any. */
  readonly ifVersion: number | undefined;
}

type Answer<T> = Promise<Result<T>> | Result<T>;

/**
 * Declares GET (and so HEAD) on a path. `answer` returns the body, or faults. What type-checking leaves open of
 * the schema (ranges, further fields) is checked before the body is sent where `RestDeps.checkAnswers` says so.
 */
export function declareGet<Params extends z.ZodType = Nothing, Query extends z.ZodType = Nothing, Body extends z.ZodType = z.ZodType>(
  app: FastifyInstance,
  spec: GetSpec<Params, Query, Body>,
  answer: (input: Input<z.output<Params>, z.output<Query>>) => Answer<z.input<Body>>,
): void {
  const { url, response, alsoStatus } = spec;
  const schema = {
    ...documentOf("get", spec, []),
    response: { ...refusalsOf(spec, [503]), 200: response, ...(alsoStatus && { [alsoStatus]: response }) },
  };
  app.get(url, { schema, config: configOf(spec) }, async (request, reply) => {
    const result = await answer(inputOf(request, reply));
    if (!result.ok) throw new Refused(result.faults);
    if (spec.version !== undefined) void reply.header("etag", etagOf(versionIn(result.value, url)));
    return result.value;
  });
}

/** Declares GET on a path whose answer is no JSON: text, or a stream of it; `taken` where `answer` sends it by itself (`reply.hijack`). */
export function declareStream<Params extends z.ZodType = Nothing, Query extends z.ZodType = Nothing>(
  app: FastifyInstance,
  spec: StreamSpec<Params, Query>,
  answer: (
    input: Input<z.output<Params>, z.output<Query>>,
  ) => Answer<{ readonly type: string; readonly body: string | Readable } | "taken">,
): void {
  const content = Object.fromEntries(spec.offers.map((type) => [type, { schema: z.string() }]));
  const schema = {
    ...documentOf("get", spec, []),
    response: { ...refusalsOf(spec, [503]), 200: { description: "Text, or a stream of it", content } },
  };
  app.get(spec.url, { schema, config: { ...configOf(spec), offers: spec.offers } }, async (request, reply) => {
    const result = await answer(inputOf(request, reply));
    if (!result.ok) throw new Refused(result.faults);
    return result.value === "taken" ? reply : reply.type(result.value.type).send(result.value.body);
  });
}

/** POST: makes something, or asks for something to be done. */
export function declarePost<
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Asked extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodType,
>(app: FastifyInstance, spec: PostSpec<Params, Query, Asked, Body>, answer: WriteAnswer<Params, Query, Asked, Body>): void {
  declareWrite(app, "POST", spec, answer);
}

/** PUT: puts the whole in the place of what was there. */
export function declarePut<
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Asked extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodType,
>(app: FastifyInstance, spec: WriteSpec<Params, Query, Asked, Body>, answer: WriteAnswer<Params, Query, Asked, Body>): void {
  declareWrite(app, "PUT", spec, answer);
}

/** PATCH: changes a part, and leaves the rest as it is. */
export function declarePatch<
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Asked extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodType,
>(app: FastifyInstance, spec: WriteSpec<Params, Query, Asked, Body>, answer: WriteAnswer<Params, Query, Asked, Body>): void {
  declareWrite(app, "PATCH", spec, answer);
}

export function declareDelete<
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Asked extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodType,
>(app: FastifyInstance, spec: WriteSpec<Params, Query, Asked, Body>, answer: WriteAnswer<Params, Query, Asked, Body>): void {
  declareWrite(app, "DELETE", spec, answer);
}

type WriteAnswer<Params extends z.ZodType, Query extends z.ZodType, Asked extends z.ZodType, Body extends z.ZodType> = (
  input: WriteInput<z.output<Params>, z.output<Query>, z.output<Asked>>,
) => Answer<z.input<Body>>;

function declareWrite<Params extends z.ZodType, Query extends z.ZodType, Asked extends z.ZodType, Body extends z.ZodType>(
  app: FastifyInstance,
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  spec: WriteSpec<Params, Query, Asked, Body>,
  answer: WriteAnswer<Params, Query, Asked, Body>,
): void {
  const { url, asked, judged = "gate", version, status = 200, bodyBytesMax, consumes } = spec;
  const headers = headersOf(spec);
  app.route({
    method,
    url,
    ...(bodyBytesMax === undefined ? {} : { bodyLimit: bodyBytesMax }),
    schema: {
      ...documentOf(method.toLowerCase(), spec, headers),
      ...(asked === undefined ? {} : { body: asked }),
      ...(consumes === undefined ? {} : { consumes }),
      ...("isSafe" in spec && { "x-safe": true }),
      response: { [status]: spec.response, ...refusalsOf(spec, [503, ...writeRefusals(spec)]) },
    },
    config: configOf(spec),
    validatorCompiler: (part) =>
      judged !== "gate" && (part.httpPart ?? "body") === "body"
        ? (value) => ({ value })
        : validatorCompiler({ ...part, schema: part.schema as unknown as z.ZodType }),
    handler: async (request, reply) => {
      const act = async (): Promise<Result<Done<z.input<Body>>>> => {
        const held = version === undefined ? ok(undefined) : versionAskedFor(app, request, version);
        if (!held.ok) return held;
        const body = request.body as z.output<Asked>;
        const result = await answer({ ...inputOf<Params, Query>(request, reply), body, ifVersion: held.value });
        if (!result.ok) return { ok: false, faults: placed(result.faults, spec) };
        const { value } = result;
        const more = {
          ...(version !== undefined && { etag: etagOf(versionIn(value, url)) }),
          ...(spec.location && { location: spec.location(value) }),
        };
        return ok({ status, headers: more, value });
      };
      if (asked === undefined && request.body !== undefined && request.body !== null) throw new Refused([noBodyFault()]);
      const done = await (spec.idempotent === true ? onceOf(app, request, judged === "stream" ? undefined : request.body, act) : act());
      if (!done.ok) throw new Refused(done.faults);
      void reply.code(done.value.status).headers(done.value.headers);
      if ("value" in done.value) return done.value.value;
      return reply.header("idempotency-replayed", "true").type("application/json").send(done.value.body);
    },
  });
}

/** A body that is streamed cannot be looked at before it is taken: what it is for is told apart by the address alone. */
function onceOf<T>(app: FastifyInstance, request: FastifyRequest, body: unknown, act: () => Promise<Result<Done<T>>>) {
  const key = idempotencyKeyOf(request.headers["idempotency-key"]);
  if (!key.ok || key.value === undefined) return key.ok ? act() : Promise.resolve(key);
  const fingerprint = fingerprintOf({ method: request.method, url: request.url, body });
  if (!fingerprint.ok) return Promise.resolve(fingerprint);
  return app.rest.repeats.once({ actor: byOf(request).actor, key: key.value, fingerprint: fingerprint.value }, act);
}

function versionAskedFor(app: FastifyInstance, request: FastifyRequest, resource: VersionedResource): Result<number | undefined> {
  const asked = preconditionOf(request.headers["if-match"], resource);
  return asked.ok ? heldVersion(asked.value, app.rest.versionOf(resource), resource) : asked;
}

/** Pointers into what the machine was given become pointers into the request. */
function placed(faults: Faults, { judged, version }: { readonly judged?: unknown; readonly version?: unknown }): Faults {
  const [first, ...rest] = faults.map((each): Fault => {
    if (each.code === "stale-version" && version !== undefined) return { ...each, pointer: "/headers/if-match" };
    return judged === "inside" && isAboutInput(each) ? { ...each, pointer: `/body${each.pointer ?? ""}` } : each;
  });
  return [first ?? faults[0], ...rest];
}

/** What was sent is wrong as a whole, or in the place that is named; and not that nothing can be done now. */
const inputStatuses: ReadonlySet<number> = new Set([400, 413, 415, 422]);

function isAboutInput(each: Fault): boolean {
  return each.code !== "not-ready" && (each.pointer !== undefined || inputStatuses.has(problemOf([each]).status));
}

export function byOf(request: FastifyRequest): RequestedBy {
  assert(request.actor !== undefined, "who asks is known before a route answers");
  return { actor: request.actor.name, correlationId: request.id };
}

function inputOf<Params extends z.ZodType, Query extends z.ZodType>(
  request: FastifyRequest,
  reply: FastifyReply,
): Input<z.output<Params>, z.output<Query>> {
  const { params, query } = request;
  return { params: params as z.output<Params>, query: query as z.output<Query>, by: byOf(request), request, reply };
}

function versionIn(body: unknown, url: string): number {
  const version = typeof body === "object" && body !== null && "version" in body ? body.version : undefined;
  assert(typeof version === "number", `what ${url} answers has a version`);
  return version;
}

function noBodyFault(): Fault {
  return fault("malformed", "This takes no body.", { pointer: "/body" });
}

/** A parameter that is wrong in a way that no schema says. */
export function parameterFault(name: string, message: string): Fault {
  return fault("malformed", message, { pointer: `/query/${name}` });
}
