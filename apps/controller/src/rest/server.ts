/** The REST server: limits, request ids, problem documents, the OpenAPI document and the routes. */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import swagger from "@fastify/swagger";
import { fault } from "@sluice/model";
import { problemOf } from "@sluice/wire";
import Fastify, { LogController, type FastifyInstance, type FastifyReply } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { RestDeps } from "./deps.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { handleError, httpProblem, rawProblemResponse, sendProblem } from "./problem.js";
import { checkingSerializer, plainSerializer, refuseOtherMethods, validatorCompiler } from "./route.js";
import { declareFailureRoutes } from "./routes/failures.js";
import { declareNetworkRoutes } from "./routes/network.js";
import { declareOperationRoutes } from "./routes/operation.js";
import { declarePlanRoutes } from "./routes/plans.js";
import { declareProtectionRoutes } from "./routes/protection.js";

/** Largest body, bytes: settings are the only one. */
const bodyBytesMax = 1 << 20;
/** All headers of a request together, bytes. */
const headerBytesMax = 16 << 10;
/** Time for a whole request to arrive, and for its headers, ms. */
const requestMsMax = 30_000;
const headersMsMax = 10_000;
/** An idle connection is kept this long, ms. */
const keepAliveMs = 30_000;
/** Connections at a time; more are closed at once. */
const connectionsMax = 1_000;

/** Ready to listen, or to be asked by `inject`. */
export async function buildRest(deps: RestDeps): Promise<FastifyInstance> {
  const metrics = createMetrics(deps.version ?? "unknown");
  const app = createServer(deps, metrics);
  const unwatch = deps.watch?.(metrics.event);
  if (unwatch !== undefined) app.addHook("onClose", async () => unwatch());
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Sluice",
        description: "Traffic engineering for wide-area networks. Rates are bits per second, refusals are RFC 9457 problems.",
        version: deps.version ?? "0.0.0",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: [
        { name: "network", description: "What is there, what is asked of it, what it carries" },
        { name: "plans", description: "What was planned, and why" },
        { name: "protection", description: "What is promised and prepared for failures" },
        { name: "operation", description: "How the controller and its switches are doing" },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(async (routes) => {
    declareNetworkRoutes(routes, deps);
    declarePlanRoutes(routes, deps);
    declareProtectionRoutes(routes, deps);
    declareFailureRoutes(routes, deps);
    declareOperationRoutes(routes, deps);
    declareMetricsRoute(routes, deps, metrics);
    declareDocumentRoute(routes);
    await Promise.resolve();
  });
  await app.ready();
  return app;
}

/** A server without routes: everything that holds for each of them. */
export function createServer({ log, checkAnswers = true }: Pick<RestDeps, "log" | "checkAnswers">, metrics: Metrics): FastifyInstance {
  const app: FastifyInstance = Fastify({
    ...(log === undefined ? { logger: false } : { loggerInstance: log }),
    // What goes wrong is logged where it is handled; one line for each request would drown it.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMsMax,
    keepAliveTimeout: keepAliveMs,
    http: { maxHeaderSize: headerBytesMax, headersTimeout: headersMsMax },
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers["x-request-id"]),
    // No hook runs for a URL that cannot be parsed.
    frameworkErrors: (error, request, reply) => handleError(error, request, withCommonHeaders(reply)),
    clientErrorHandler(error, socket: Socket) {
      if (error.code !== "ECONNRESET" && socket.writable) socket.end(rawProblemResponse(error.code));
      else socket.destroy();
    },
  });
  app.server.maxConnections = connectionsMax;
  // A text is no JSON: it is refused as another media type, not read as a string.
  app.removeContentTypeParser("text/plain");
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(checkAnswers ? checkingSerializer : plainSerializer);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problemOf([fault("not-found", `There is no ${request.url.split("?")[0]?.slice(0, 200)} here; see /openapi.json.`)])),
  );
  app.addHook("onRequest", async (request, reply) => {
    withCommonHeaders(reply);
    const offered = request.url.split("?")[0] === "/metrics" ? "text/plain" : "application/json";
    if (!accepts(request.headers.accept, offered)) {
      return sendProblem(reply, httpProblem("not-acceptable", `This is offered as ${offered} only.`));
    }
    if ((request.method === "GET" || request.method === "HEAD") && hasBody(request.headers)) {
      // The body is not read, so the connection cannot be used for another request.
      const problem = problemOf([fault("malformed", `${request.method} takes no body.`, { pointer: "/body" })]);
      return sendProblem(reply.header("connection", "close"), problem);
    }
    return undefined;
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.is404 ? "unknown" : (request.routeOptions.url ?? "unknown");
    metrics.observe({ method: request.method, route, status: reply.statusCode, seconds: reply.elapsedTime / 1_000 });
    await Promise.resolve();
  });
  return app;
}

function withCommonHeaders(reply: FastifyReply): FastifyReply {
  return reply.header("x-request-id", reply.request.id).header("x-content-type-options", "nosniff").header("cache-control", "no-store");
}

/** A client's own id is taken over where it is harmless in a log. */
function requestIdOf(given: string | readonly string[] | undefined): string {
  return typeof given === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
}

function hasBody(headers: Readonly<Record<string, string | readonly string[] | undefined>>): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** RFC 9110, section 12.5.1, as far as one offered type needs it: the most specific range that fits decides. */
export function accepts(accept: string | undefined, offered: string): boolean {
  if (accept === undefined || accept.trim() === "") return true;
  const [kind = ""] = offered.split("/");
  const ranges = new Map(
    accept.split(",").map((part) => {
      const [range = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [range, weight === undefined ? 1 : Number(weight)];
    }),
  );
  return (ranges.get(offered) ?? ranges.get(`${kind}/*`) ?? ranges.get("*/*") ?? 0) > 0;
}

function declareMetricsRoute(app: FastifyInstance, { view }: RestDeps, metrics: Metrics): void {
  const schema = {
    operationId: "getMetrics",
    summary: "Metrics in the text format of Prometheus; base units, so rates are bytes per second",
    tags: ["operation"],
    produces: ["text/plain"],
  };
  app.get("/metrics", { schema }, async (_, reply) => reply.type(metrics.contentType).send(await metrics.render(view())));
  refuseOtherMethods(app, "/metrics");
}

function declareDocumentRoute(app: FastifyInstance): void {
  let document: string | undefined;
  app.get("/openapi.json", { schema: { hide: true } }, async (_, reply) => {
    document ??= JSON.stringify(app.swagger());
    return reply.type("application/json").send(document);
  });
  refuseOtherMethods(app, "/openapi.json");
}
