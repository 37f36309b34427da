/** How a route is declared: schemas in, a function from checked input to a result, and every refusal a problem document. */
import { admit, assert, fault, type Fault, type Result } from "@sluice/model";
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import { z } from "zod";
import { httpProblem, problemMediaType, Refused, sendProblem } from "./problem.js";
import { problemSchema } from "./schemas/problem.js";

/** Methods that a path without them refuses with 405. */
const otherMethods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] as const;

interface RouteSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly url: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: "network" | "plans" | "operation";
  readonly params?: Params;
  readonly query?: Query;
  readonly response: Body;
  /** A status besides 200 with the same body: an answer that is no refusal. */
  readonly alsoStatus?: 503;
}

interface Input<Params, Query> {
  readonly params: Params;
  readonly query: Query;
  readonly reply: FastifyReply;
}

const nothing = z.strictObject({});

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
  const operationId = `get${url.replaceAll(/[^a-z0-9]+([a-z0-9])?/gi, (_, letter: string | undefined) => letter?.toUpperCase() ?? "")}`;
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
          default: { description: "A problem (RFC 9457)", content: { [problemMediaType]: { schema: problemSchema } } },
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
  refuseOtherMethods(app, url);
}

export function refuseOtherMethods(app: FastifyInstance, url: string): void {
  app.route({
    method: [...otherMethods],
    url,
    schema: { hide: true },
    // Before the body is looked at: what it holds does not matter.
    onRequest: async (request, reply) => {
      const problem = httpProblem("method-not-allowed", `${request.method} is not allowed here; GET and HEAD are.`);
      return sendProblem(reply.header("allow", "GET, HEAD"), problem);
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
