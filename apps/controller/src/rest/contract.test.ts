/**
 * The OpenAPI document against the running server: every route, every status that is documented, and every answer as its schema says.
 * What follows from a declaration is provoked here; a route's own statuses have examples in testing/examples.ts.
 */
import { assert, fault, ok, refuse } from "@sluice/model";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Leadership } from "../leadership/role.js";
import { restLimitsDefault } from "./limits.js";
import { examples, wellDone, type Example } from "./testing/examples.js";
import {
  openApiOf,
  operationCalled,
  operationsOf,
  schemaFromDocument,
  worlds,
  type OpenApi,
  type Operation,
  type Worlds,
} from "./testing/worlds.js";

/** What a follower knows. */
const anotherLeads: Leadership = {
  view: () => ({ role: "follower", term: 2, leader: { holder: "another", restAddress: "http://another:8080" }, leaderships: 0 }),
  stalenessMs: () => 1_000,
  refusal: () => fault("not-leader", "Another controller leads.", { data: { restAddress: "http://another:8080" } }),
  mayHandOver: () => refuse(fault("not-leader", "Another controller leads.")),
  handOver: () => undefined,
};

let usual: Worlds;
let document: OpenApi;
let operations: readonly Operation[];
/** The same, but for one thing each. */
let variants: Readonly<Record<"nothing allowed" | "nobody served" | "under way" | "key taken" | "another leads", Worlds>>;

beforeAll(async () => {
  usual = await worlds();
  document = await openApiOf(await usual.app("full"));
  operations = operationsOf(document);
  const record = (fingerprint: string | undefined) =>
    worlds(({ store }) => ({
      store: {
        ...store,
        beginRequest: (term, request) => Promise.resolve(ok({ ...request, term, ...(fingerprint !== undefined && { fingerprint }) })),
      },
    }));
  variants = {
    "nothing allowed": await worlds(() => ({
      limits: { ...restLimitsDefault, readsPerSecondMax: 0, writesPerSecondMax: 0, loopDelayMsMax: 0 },
    })),
    "nobody served": await worlds(() => ({
      limits: { ...restLimitsDefault, requestsAtOnceMax: 0, watchersMax: 0, loopDelayMsMax: 0 },
    })),
    "under way": await record(undefined),
    "key taken": await record("0".repeat(64)),
    "another leads": await worlds(() => ({ leadership: anotherLeads })),
  };
}, 120_000);
afterAll(async () => {
  await usual.close();
  for (const each of Object.values(variants)) await each.close();
});

async function requestOf(from: Worlds, { method }: Operation, example: Example, token: string): Promise<InjectOptions> {
  const { payload, headers = {} } = example;
  const url = await from.urlOf(example);
  return {
    method,
    url,
    headers: {
      authorization: `Bearer ${token}`,
      ...(typeof payload === "string" ? {} : payload && { "content-type": "application/json" }),
      ...headers,
    },
    ...(payload === undefined ? {} : { payload }),
  };
}

/** Whether the status follows from what the route declares, so that it need not have an example. */
function followsFromDeclaration({ operationId, headers, consumes }: Operation, status: number): boolean {
  switch (status) {
    case 409:
    case 422:
      return headers.includes("idempotency-key");
    case 412:
    case 428:
      return headers.includes("if-match");
    case 413:
      return consumes.includes("application/json");
    case 503:
      // Of a route that has examples of its own it is not certain that it is bounded as the others are: a stream, a probe.
      return examples[operationId]?.[503] === undefined && !provokedElsewhere.has(`${operationId} 503`);
    default:
      return [400, 401, 403, 406, 415, 421, 429].includes(status);
  }
}

/** Statuses that take more than a request to provoke; the tests named do. */
const provokedElsewhere: ReadonlySet<string> = new Set([
  // While another upload of the same batch is under way: forecasts.test.ts.
  "patchV1ForecastsBatchId 409",
  // Streams are not bounded as other requests are; while the store is away: refusal.test.ts, forecasts.test.ts.
  "getV1EventsStream 503",
  "getV1HistoryDemands 503",
]);

interface Provocation {
  readonly from?: Worlds;
  /** Of a request that is in order. */
  change(request: InjectOptions): InjectOptions;
}

function provoked(status: number): Provocation {
  const withHeaders = (more: Record<string, string>) => (request: InjectOptions) => ({
    ...request,
    headers: { ...request.headers, ...more },
  });
  const without = (name: string) => (request: InjectOptions) => ({
    ...request,
    headers: Object.fromEntries(Object.entries(request.headers ?? {}).filter(([each]) => each !== name)),
  });
  const asIs = (request: InjectOptions) => request;
  switch (status) {
    case 400:
      return {
        change: (request) => {
          const url = typeof request.url === "string" ? request.url : "";
          return { ...request, url: `${url}${url.includes("?") ? "&" : "?"}no-such-parameter=1` };
        },
      };
    case 401:
      return { change: without("authorization") };
    case 403:
      return { change: asIs };
    case 406:
      return { change: withHeaders({ accept: "application/x-nothing" }) };
    case 409:
      return { from: variants["under way"], change: withHeaders({ "idempotency-key": "k" }) };
    case 412:
      return { change: withHeaders({ "if-match": '"v999999"' }) };
    case 413:
      return { change: withHeaders({ "content-length": "999999999" }) };
    case 415:
      return { change: withHeaders({ "content-type": "text/x-nothing" }) };
    case 421:
      return { from: variants["another leads"], change: asIs };
    case 422:
      return { from: variants["key taken"], change: withHeaders({ "idempotency-key": "k" }) };
    case 428:
      return { change: without("if-match") };
    case 429:
      return { from: variants["nothing allowed"], change: asIs };
    case 503:
      return { from: variants["nobody served"], change: asIs };
    default:
      throw new Error(`nothing provokes ${status} in general`);
  }
}

function check(operation: Operation, response: LightMyRequestResponse, status: number): void {
  const what = `${operation.method} ${operation.path}`;
  expect([what, response.statusCode, response.statusCode === status ? "" : response.body.slice(0, 500)]).toEqual([what, status, ""]);
  const [type = ""] = String(response.headers["content-type"]).split(";");
  if (type === "text/plain" || type === "text/event-stream" || type === "text/csv" || type === "application/x-ndjson") return;
  const schema = operation.responses[String(status)]?.content?.[type]?.schema;
  expect([what, status, type, schema === undefined ? "not described" : "described"]).toEqual([what, status, type, "described"]);
  const parsed = schemaFromDocument(document, schema ?? {}).safeParse(response.json());
  expect([what, status, parsed.error?.issues]).toEqual([what, status, undefined]);
  expect([what, status, faultsOfHeaders(response, type)]).toEqual([what, status, []]);
}

/** What else is promised of answers, by their status. */
function faultsOfHeaders({ statusCode, headers, json }: LightMyRequestResponse, type: string): readonly string[] {
  const isProblem = type === "application/problem+json";
  const about = isProblem ? json<{ status: number; requestId: string }>() : undefined;
  return [
    ...(isProblem && (about?.status !== statusCode || about.requestId !== headers["x-request-id"]) ? ["another problem's document"] : []),
    ...(isProblem && statusCode === 503 && !/^\d+$/.test(String(headers["retry-after"])) ? ["no Retry-After"] : []),
    ...(statusCode === 421 && !String(headers["location"]).startsWith("http://another:8080/v1/") ? ["no Location of the leader"] : []),
    ...((statusCode === 201 || statusCode === 202) && !String(headers["location"]).startsWith("/v1/") ? ["no Location"] : []),
  ];
}

function statusesOf({ responses }: Operation): readonly number[] {
  return Object.keys(responses)
    .filter((status) => status !== "default")
    .map(Number);
}

it("has examples for the routes that there are, and no others", () => {
  expect(Object.keys(examples).sort()).toEqual(operations.map(({ operationId }) => operationId).sort());
});

it("has a key for every POST that changes something", () => {
  const posts = operations.filter(({ method }) => method === "POST");
  for (const { operationId, headers, isSafe } of posts)
    expect([operationId, headers.includes("idempotency-key") || isSafe]).toEqual([operationId, true]);
});

describe("every status that is documented comes, as it is documented", () => {
  // The list is known only once there is a server, and a test for each route is to be told apart.
  it.each(Object.keys(examples))("%s", { timeout: 60_000 }, async (operationId) => {
    const operation = operationCalled(operations, operationId);
    const own = examples[operationId] ?? {};
    const statuses = statusesOf(operation);
    expect([operationId, statuses]).toEqual([operationId, expect.arrayContaining(Object.keys(own).map(Number))]);
    const usually = wellDone(operationId);
    const token = usual.issuer.byRole.admin;
    for (const status of statuses) {
      const listed = own[status] ?? [];
      for (const example of listed) {
        const request = await requestOf(usual, operation, example, token);
        check(operation, await (await usual.app(example.world)).inject(request), status);
      }
      const follows = followsFromDeclaration(operation, status);
      assert(
        follows || listed.length > 0 || provokedElsewhere.has(`${operationId} ${status}`),
        `${operationId} has an example of ${status}`,
      );
      if (!follows) continue;
      const { from = usual, change } = provoked(status);
      const request = change(await requestOf(from, operation, usually, token));
      await checkProvoked(operation, { from, world: usually.world, request }, status);
    }
  });
});

/** Refusals are provoked, and change nothing. */
async function checkProvoked(
  operation: Operation,
  { from, world, request }: { readonly from: Worlds; readonly world: Example["world"]; readonly request: InjectOptions },
  status: number,
): Promise<void> {
  const token = status === 403 ? await from.issuer.token({ sub: "a stranger", role: [] }) : from.issuer.byRole.admin;
  const headers = { ...request.headers, ...(request.headers?.["authorization"] === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const before = from.state();
  check(operation, await (await from.app(world)).inject({ ...request, headers }), status);
  expect([operation.operationId, status, from.state() === before]).toEqual([operation.operationId, status, true]);
}
