/** Answers that are there as JSON already: they go out as they are, and nobody on the event loop reads or writes them. */
import { ok, type Result } from "@sluice/model";
import type { FastifyReply } from "fastify";

/** The route's own schema is held to by its tests: the bytes were made by another process. */
export function sendJson(reply: FastifyReply, bytes: Uint8Array): Result<never> {
  void reply.type("application/json; charset=utf-8").send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  // Nothing more is to be sent; Fastify knows by the reply.
  return ok(undefined as never);
}
