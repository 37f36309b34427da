/** What comes in passes the gate of the model, and what goes out is what its schema promises. */
import { admit, assert } from "@sluice/model";
import type { FastifySchemaCompiler, FastifySerializerCompiler } from "fastify";
import type { z } from "zod";
import { answerText } from "./kept-bodies.js";
import { Refused } from "./problem.js";

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

export const plainSerializer: FastifySerializerCompiler<z.ZodType> = () => answerText;
