/** Every change request goes through the audit log: before it is attempted, and before it is answered. */
import { createHash } from "node:crypto";
import { pipeline, Transform, type Readable, type TransformCallback } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditedRequest, AuditLog } from "./audit.js";
import { problemMediaType, Refused } from "./problem.js";

const changeMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** As long as the log takes them. */
const routeLengthMax = 256;
const resourceLengthMax = 2_048;

/**
 * Refusals that nobody is named for, or that anybody could fill the log with: in the process's log and the metrics only. Of 503 only what was
 * refused before it was attempted comes here.
 */
const unnoted: ReadonlySet<number> = new Set([401, 404, 405, 429, 503]);

/** Says in an answer that the change has been made, and that its outcome is not in the audit log yet. */
const pendingHeader = "x-audit-outcome";

export function auditChanges(app: FastifyInstance, audit: AuditLog): void {
  const begun = new WeakMap<FastifyRequest, { readonly of: number; readonly request: AuditedRequest }>();
  const bodies = new WeakMap<FastifyRequest, HashedBody>();

  app.addHook("preParsing", async (request, _, payload) => {
    await Promise.resolve();
    if (!isChange(request)) return payload;
    const body = new HashedBody();
    bodies.set(request, body);
    return pipeline(payload as Readable, body, () => undefined);
  });

  app.addHook("preHandler", async (request) => {
    if (!isChange(request) || isSafe(request) || request.is404) return;
    const asked = auditedRequest(request, bodies.get(request)?.digest);
    const written = await audit.begin(asked);
    if (!written.ok) throw new Refused(written.faults);
    begun.set(request, { of: written.value, request: asked });
  });

  app.addHook("onSend", async (request, reply, payload) => {
    if (!isChange(request) || request.isUnled) return payload;
    const attempted = begun.get(request);
    const bodyHash = bodies.get(request)?.digest;
    const outcome = { status: reply.statusCode, ...codeOf(reply, payload) };
    if (attempted !== undefined) {
      const isNew = bodyHash !== undefined && attempted.request.bodyHash === undefined;
      const { bodyHash: _, ...asked } = attempted.request;
      const isWritten = await audit.end(attempted.of, asked, { ...outcome, ...(isNew && { bodyHash }) });
      if (!isWritten) void reply.header(pendingHeader, "pending");
    } else if (request.actor !== undefined && !request.is404 && (isSafe(request) || !unnoted.has(reply.statusCode))) {
      await audit.note(auditedRequest(request, bodyHash), outcome);
    }
    return payload;
  });

  app.addHook("onClose", async () => {
    audit.close();
    await Promise.resolve();
  });
}

function isChange({ method }: FastifyRequest): boolean {
  return changeMethods.has(method);
}

/** It changes nothing: a question that takes a body. */
function isSafe({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.schema !== undefined && "x-safe" in routeOptions.schema;
}

function auditedRequest({ id, actor, method, routeOptions, url }: FastifyRequest, bodyHash: string | undefined): AuditedRequest {
  return {
    requestId: id,
    actor: actor?.name ?? "unknown",
    role: actor === undefined || actor.roles.length === 0 ? "none" : actor.roles.join(","),
    method,
    route: printable(routeOptions.url ?? "unknown", routeLengthMax),
    // Without the query, where clients put what they should not.
    resource: printable(url.split("?")[0] ?? "", resourceLengthMax),
    ...(bodyHash !== undefined && { bodyHash }),
  };
}

function printable(text: string, lengthMax: number): string {
  const shown = text.replaceAll(/[\p{Cc}\p{Cs}]/gu, "?").slice(0, lengthMax);
  return shown === "" ? "/" : shown;
}

/** The code of a problem document; or that nothing was done again. */
function codeOf(reply: FastifyReply, payload: unknown): { readonly code?: string } {
  if (reply.getHeader("idempotency-replayed") !== undefined) return { code: "replayed" };
  if (typeof payload !== "string" || !String(reply.getHeader("content-type")).startsWith(problemMediaType)) return {};
  const { code } = JSON.parse(payload) as { readonly code?: unknown };
  return typeof code === "string" ? { code } : {};
}

/** Lets a body through and knows its hash at its end. */
class HashedBody extends Transform {
  /** Fastify compares it with Content-Length. */
  receivedEncodedLength = 0;
  /** Undefined before the end, and where there was no body. */
  digest: string | undefined;
  readonly #hash = createHash("sha256");

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.receivedEncodedLength += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    if (this.receivedEncodedLength > 0) this.digest = this.#hash.digest("hex");
    done();
  }
}
