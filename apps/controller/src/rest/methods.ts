/** Methods that a path does not have are refused with 405 and the list of those that it has. */
import type { FastifyInstance } from "fastify";
import { httpProblem, sendProblem } from "./problem.js";

/** In the order in which `Allow` lists them. */
const methodsKnown = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"] as const;

/** Watches the routes that are declared from here on; the function returned declares the refusals, once they all are. */
export function otherMethodsRefused(app: FastifyInstance): () => void {
  const declared = new Map<string, Set<string>>();
  let closed = false;
  app.addHook("onRoute", ({ url, method }) => {
    if (closed) return;
    const there = declared.get(url) ?? new Set();
    for (const each of [method].flat()) there.add(each.toUpperCase());
    declared.set(url, there);
  });
  return () => {
    closed = true;
    for (const [url, there] of declared) refuseOthers(app, url, there);
  };
}

function refuseOthers(app: FastifyInstance, url: string, there: ReadonlySet<string>): void {
  const allowed = methodsKnown.filter((method) => there.has(method)).join(", ");
  app.route({
    method: methodsKnown.filter((method) => !there.has(method)),
    url,
    schema: { hide: true },
    config: { role: "open" },
    // Before the body is looked at: what it holds does not matter.
    onRequest: async (request, reply) => {
      const problem = httpProblem("method-not-allowed", `${request.method} is not allowed here; allowed: ${allowed}.`);
      return sendProblem(reply.header("allow", allowed), problem);
    },
    handler: async (_, reply) => reply,
  });
}
