/** How a route is declared: schemas in, a function from checked input to a result, and every refusal a problem document. */
import { admit, assert, fault, type Fault, type Result } from "@sluice/model";
import { under } from "@sluice/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import { z } from "zod";
import { httpProblem, problemMediaType, Refused, sendProblem } from "./problem.js";
import { problemSchema } from "./schemas/problem.js";

/** Methods that a path without them refuses with 405. */
const otherMethods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] as const;

type Tag = "network" | "plans" | "protection" | "operation";

interface RouteSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly url: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: Tag;
  readonly params?: Params;
  readonly query?: Query;
  readonly response: Body;
  /** A status besides 200 with the same body: an answer that is no refusal. */
  readonly alsoStatus?: 503;
  /** PATCH is declared on the same path. */
  readonly isChangeable?: boolean;
}

interface Input<Params, Query> {
  readonly params: Params;
  readonly query: Query;
  readonly reply: FastifyReply;
}

const nothing = z.strictObject({});

const problemResponse = { description: "A problem (RFC 9457)", content: { [problemMediaType]: { schema: problemSchema } } };

/** `/v1/plans/:epoch` as `V1PlansEpoch`. */
function camelOf(url: string): string {
  return url.replaceAll(/[^a-z0-9]+([a-z0-9])?/gi, (_, letter: string | undefined) => letter?.toUpperCase() ?? "");
}

/**
 * Declares GET (and so HEAD) on a path. `answer` returns the body, or faults. What type-checking leaves open of
 * the schema (ranges, further fields) is checked before the body is sent where `RestDeps.checkAnswers` says so.
 */
export function declareGet<
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = z.ZodType,
>(
  app: FastifyInstance,
  spec: RouteSpec<Params, Query, Body>,
  answer: (input: Input<z.output<Params>, z.output<Query>>) => Promise<Result<z.input<Body>>> | Result<z.input<Body>>,
): void {
  const { url, params = nothing, query = nothing, response, alsoStatus } = spec;
  const operationId = `get${camelOf(url)}`;
  app.get(
    url,
    {
      schema: {
        operationId,
        summary: spec.summary,
        ...(spec.description === undefined ? {} : { description: spec.description }),
        tags: [spec.tag],
        // A path without parameters has none to document.
        ...(spec.params === undefined ? {} : { params }),
        querystring: query,
        response: {
          200: response,
          ...(alsoStatus === undefined ? {} : { [alsoStatus]: response }),
          default: problemResponse,
        },
      },
    },
    async (request: FastifyRequest, reply) => {
      const result = await answer({
        params: request.params as z.output<Params>,
        query: request.query as z.output<Query>,
        reply,
      });
      if (!result.ok) throw new Refused(result.faults);
      return result.value;
    },
  );
  if (spec.isChangeable !== true) refuseOtherMethods(app, url);
}

interface PatchSpec<Asked extends z.ZodType, Body extends z.ZodType> {
  readonly url: string;
  readonly summary: string;
  readonly description: string;
  readonly tag: Tag;
  /** For the document; what comes in is judged by `answer`, so that every ingress judges alike. */
  readonly asked: Asked;
  readonly response: Body;
}

/** Declares PATCH with a body of JSON on a path that GET was declared on as changeable; refuses the other methods there. */
export function declarePatch<Asked extends z.ZodType, Body extends z.ZodType>(
  app: FastifyInstance,
  { url, summary, description, tag, asked, response }: PatchSpec<Asked, Body>,
  answer: (body: unknown) => Promise<Result<z.input<Body>>>,
): void {
  app.patch(
    url,
    {
      schema: {
        operationId: `patch${camelOf(url)}`,
        summary,
        description,
        tags: [tag],
        querystring: nothing,
        body: asked,
        response: { 200: response, default: problemResponse },
      },
      validatorCompiler: ({ schema, httpPart = "body" }) =>
        httpPart === "body" ? (value) => ({ value }) : validatorCompiler({ schema: schema as z.ZodType, httpPart, method: "PATCH", url }),
    },
    async (request: FastifyRequest) => {
      const result = under(["body"], await answer(request.body));
      if (!result.ok) throw new Refused(result.faults);
      return result.value;
    },
  );
  refuseOtherMethods(app, url, ["PATCH"]);
}

export function refuseOtherMethods(app: FastifyInstance, url: string, more: readonly "PATCH"[] = []): void {
  const allowed = ["GET", "HEAD", ...more];
  app.route({
    method: otherMethods.filter((method) => !allowed.includes(method)),
    url,
    schema: { hide: true },
    // Before the body is looked at: what it holds does not matter.
    onRequest: async (request, reply) => {
      const problem = httpProblem("method-not-allowed", `${request.method} is not allowed here; allowed: ${allowed.join(", ")}.`);
      return sendProblem(reply.header("allow", allowed.join(", ")), problem);
    },
    handler: async (_, reply) => reply,
  });
}

/** Where Fastify finds a part of a request, and how pointers in problems name it. */
const partNames: Readonly<Record<string, string>> = { querystring: "query", params: "path", headers: "headers", body: "body" };

/** Input passes the one gate of the model: nothing is coerced, unknown fields are refused. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart = "body" }) =>
  (data) => {
    const admitted = admit(schema, data, [partNames[httpPart] ?? httpPart]);
    return admitted.ok ? { value: admitted.value } : { error: new Refused(admitted.faults) };
  };

/** An answer that is not what its schema promises is a bug, and becomes a 500 before a byte of it is sent. */
export const checkingSerializer: FastifySerializerCompiler<z.ZodType> =
  ({ schema, url }) =>
  (data) => {
    const checked = schema.safeEncode(data);
    if (!checked.success) throw new Error(`the answer of ${url} is not what its schema promises: ${checked.error.message}`);
    const text = JSON.stringify(checked.data);
    // A schema that changes what it checks would make the unchecked answer another one.
    assert(text.length === JSON.stringify(data).length, `the schema of ${url} changes what it checks`);
    return text;
  };

export const plainSerializer: FastifySerializerCompiler<z.ZodType> = () => JSON.stringify;

/** A parameter that is wrong in a way that no schema says. */
export function parameterFault(name: string, message: string): Fault {
  return fault("malformed", message, { pointer: `/query/${name}` });
}
