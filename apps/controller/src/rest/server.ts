/** The REST server: limits, request ids, problem documents, the OpenAPI document and the routes. */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { fault, idLengthMax, ok } from "@sluice/model";
import { problemOf } from "@sluice/wire";
import Fastify, { LogController, type FastifyInstance, type FastifyReply } from "fastify";
import { arrivalLimitsDefault, limitArrival, streamedRequestMsMax } from "./arrival.js";
import { developmentMode } from "./auth/authenticator.js";
import { authorize } from "./auth/authorization.js";
import type { RestDeps } from "./deps.js";
import { documentRoutes, serveDocument } from "./document.js";
import { repeatsOn } from "./idempotency.js";
import { failureReports } from "./failure-reports.js";
import { answerFollowing } from "./following.js";
import { limitActors, limitLoad } from "./limits.js";
import { otherMethodsRefused } from "./methods.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { handleError, httpProblem, rawProblemResponse, sendProblem } from "./problem.js";
import { keepRecords } from "./records.js";
import { checkingSerializer, plainSerializer, validatorCompiler } from "./request-gate.js";
import { declareStream, type RouteContext } from "./route.js";
import { declareAgentRoutes } from "./routes/agents.js";
import { declareAuditRoutes } from "./routes/audit.js";
import { declareDemandRoutes } from "./routes/demands.js";
import { declareDrainRoutes } from "./routes/drains.js";
import { declareElementRoutes } from "./routes/elements.js";
import { declareEventRoutes } from "./routes/events.js";
import { declareFailureRoutes } from "./routes/failures.js";
import { declareForecastRoutes } from "./routes/forecasts.js";
import { declareLeadershipRoutes } from "./routes/leadership.js";
import { declareNetworkRoutes } from "./routes/network.js";
import { declareOperationRoutes } from "./routes/operation.js";
import { declareOperationSettingsRoutes } from "./routes/operation-settings.js";
import { declarePlanChangeRoutes } from "./routes/plan-changes.js";
import { declarePlanRoutes } from "./routes/plans.js";
import { declarePreviewRoutes } from "./routes/previews.js";
import { declareProtectionRoutes } from "./routes/protection.js";
import { declareSettingsRoutes } from "./routes/settings.js";
import { declareTopologyRoutes } from "./routes/topology.js";
import { followTls, restTlsOptions } from "./tls.js";

/** Largest body, bytes, where a route does not say otherwise. */
const bodyBytesMax = 1 << 20;
/** All headers of a request together, bytes. */
const headerBytesMax = 16 << 10;
/** Time for the headers of a request to arrive, ms; arrival.ts has that for the whole. */
const headersMsMax = 10_000;
/** An idle connection is kept this long, ms. */
const keepAliveMs = 30_000;
/** Connections at a time; more are closed at once. Most of them may watch the journal. */
const connectionsMax = 2_000;

/** Ready to listen, or to be asked by `inject`. */
export async function buildRest(deps: RestDeps): Promise<FastifyInstance> {
  const metrics = createMetrics(deps.version ?? "unknown");
  const app = createServer(deps, metrics);
  const unwatch = deps.watch?.(metrics.event);
  if (unwatch !== undefined) app.addHook("onClose", async () => unwatch());
  app.decorate("rest", contextOf(deps));
  if (deps.limits !== undefined) await limitLoad(app, deps.limits);
  authorize(app, deps.auth ?? developmentMode);
  if (deps.leadership !== undefined) {
    answerFollowing(app, deps.leadership);
    metrics.readFrom({ leadership: deps.leadership.view });
  }
  const watchers = keepRecords(app, deps, metrics);
  const reports = failureReports(() => performance.now());
  metrics.readFrom({ reports: reports.counts });
  await documentRoutes(app, deps.version ?? "0.0.0");
  await app.register(async (routes) => {
    if (deps.limits !== undefined) await limitActors(routes, deps.limits);
    const refuseOtherMethods = otherMethodsRefused(routes);
    declareTopologyRoutes(routes, deps);
    declareElementRoutes(routes, deps);
    declareDrainRoutes(routes, deps);
    declareDemandRoutes(routes, deps);
    declareNetworkRoutes(routes, deps);
    declarePlanRoutes(routes, deps);
    if (deps.solvers !== undefined) {
      declarePlanChangeRoutes(routes, { ...deps, solvers: deps.solvers });
      const jobs = declarePreviewRoutes(routes, { ...deps, solvers: deps.solvers });
      metrics.readFrom({ jobs: jobs.counts });
    }
    declareSettingsRoutes(routes, deps);
    declareProtectionRoutes(routes, deps);
    declareFailureRoutes(routes, deps, reports);
    declareOperationRoutes(routes, deps);
    if (deps.leadership !== undefined) declareLeadershipRoutes(routes, deps.leadership);
    declareEventRoutes(routes, deps, watchers);
    declareAuditRoutes(routes, deps);
    declareOperationSettingsRoutes(routes, deps);
    declareAgentRoutes(routes, deps);
    if (deps.forecasts !== undefined) await declareForecastRoutes(routes, { ...deps, forecasts: deps.forecasts });
    declareMetricsRoute(routes, deps, metrics);
    serveDocument(routes);
    refuseOtherMethods();
  });
  await app.ready();
  return app;
}

function contextOf({ view, term = () => view().term, store, log }: RestDeps): RouteContext {
  return {
    versionOf: (resource) => {
      const { topologyVersion = 0, demandsVersion = 0, settingsVersion, operationVersion } = view();
      return { topology: topologyVersion, demands: demandsVersion, settings: settingsVersion, operation: operationVersion }[resource];
    },
    repeats: repeatsOn({ store, term, nowMs: Date.now, log }),
  };
}

/** A server without routes: everything that holds for each of them. */
export function createServer(
  { log, checkAnswers = true, tls }: Pick<RestDeps, "log" | "checkAnswers" | "tls">,
  metrics: Metrics,
): FastifyInstance {
  const http = { maxHeaderSize: headerBytesMax, headersTimeout: headersMsMax };
  // An instance is used the same way with and without.
  const secure: object = tls === undefined ? {} : { https: { ...http, ...restTlsOptions(tls) } };
  const app: FastifyInstance = Fastify({
    ...(log === undefined ? { logger: false } : { loggerInstance: log }),
    // What goes wrong is logged where it is handled; one line for each request would drown it.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    requestTimeout: streamedRequestMsMax,
    keepAliveTimeout: keepAliveMs,
    http,
    ...secure,
    routerOptions: { maxParamLength: idLengthMax },
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers["x-request-id"]),
    // No hook runs for a URL that cannot be parsed.
    frameworkErrors: (error, request, reply) => handleError(error, request, withCommonHeaders(reply)),
    clientErrorHandler(error, socket: Socket) {
      const isHandshake = tls !== undefined && !/^(HPE_|ERR_HTTP_)/.test(error.code ?? "");
      if (isHandshake) log?.debug({ code: error.code }, "hands could not be shaken with a client of REST");
      if (!isHandshake && error.code !== "ECONNRESET" && socket.writable) socket.end(rawProblemResponse(error.code));
      else socket.destroy();
    },
  });
  app.server.maxConnections = connectionsMax;
  if (tls !== undefined) followTls(app, tls);
  limitArrival(app, arrivalLimitsDefault);
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
    const { offers = ["application/json"] } = request.routeOptions.config;
    if (!offers.some((offered) => offered === "*/*" || accepts(request.headers.accept, offered))) {
      return sendProblem(reply, httpProblem("not-acceptable", `This is offered as ${offers.join(" or ")} only.`));
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
  declareStream(
    app,
    {
      url: "/metrics",
      tag: "operation",
      role: "viewer",
      summary: "Metrics in the text format of Prometheus; base units, so rates are bytes per second",
      offers: ["text/plain"],
    },
    async () => ok({ type: metrics.contentType, body: await metrics.render(view()) }),
  );
}
