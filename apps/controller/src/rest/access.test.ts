/** Who may use which route: each route with each role, and with every kind of token that must open nothing. */
import type { InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roles, rolesThatMay } from "./auth/role.js";
import { wellDone } from "./testing/examples.js";
import { openApiOf, operationCalled, operationsOf, worlds, type Operation, type Worlds } from "./testing/worlds.js";

const looking = "viewer operator admin";
const lookingOrFeeding = "viewer operator admin job";
const changing = "operator admin";
const changingOrFeeding = "operator admin job";
const everybody = "open";

/** Written out on purpose: who changes who may do what changes it here as well. */
const access: Readonly<Record<string, string>> = {
  getV1Topology: lookingOrFeeding,
  putV1Topology: changing,
  patchV1Topology: changing,
  getV1Nodes: looking,
  getV1NodesNodeId: looking,
  getV1Links: looking,
  getV1LinksLinkId: looking,
  getV1Srlgs: looking,
  getV1Drains: looking,
  postV1Drains: changing,
  deleteV1Drains: changing,
  getV1Demands: lookingOrFeeding,
  putV1Demands: changingOrFeeding,
  getV1Tunnels: looking,
  getV1Plans: looking,
  getV1PlansEpoch: looking,
  getV1PlansEpochExplanation: looking,
  getV1Settings: looking,
  patchV1Settings: changing,
  getV1Protection: looking,
  getV1ProtectionScenarios: looking,
  getV1ProtectionSplit: looking,
  getV1ProtectionBypasses: looking,
  getV1ProtectionBackups: looking,
  getV1Failures: looking,
  getV1Operation: looking,
  patchV1Operation: changing,
  getV1Agents: looking,
  getV1AgentsNodeId: looking,
  getV1AgentsNodeIdRules: looking,
  postV1AgentsNodeIdResync: changing,
  getV1Events: looking,
  getV1EventsStream: looking,
  getV1History: looking,
  getV1HistoryPlans: looking,
  getV1Audit: "admin",
  getV1AuditVerification: "admin",
  getV1Jobs: looking,
  getV1JobsId: looking,
  deleteV1JobsId: changing,
  postV1Previews: changing,
  getV1PreviewsId: looking,
  postV1PreviewsIdApply: changing,
  postV1WhatIfs: looking,
  getV1WhatIfsId: looking,
  postV1PathChecks: looking,
  getV1PlansEpochDifference: looking,
  postV1PlansEpochRollBack: changing,
  postV1PlansEpochConfirm: changing,
  postV1Forecasts: changingOrFeeding,
  patchV1ForecastsBatchId: changingOrFeeding,
  getV1Forecasts: lookingOrFeeding,
  getV1ForecastsBatchId: lookingOrFeeding,
  deleteV1ForecastsBatchId: changingOrFeeding,
  getV1ForecastsBatchIdWindows: lookingOrFeeding,
  postV1ForecastsBatchIdRelease: changing,
  getV1Outlook: looking,
  getV1HistoryDemands: lookingOrFeeding,
  getV1Status: lookingOrFeeding,
  getHealthz: everybody,
  getReadyz: everybody,
  getMetrics: looking,
};

let world: Worlds;
let operations: readonly Operation[];
beforeAll(async () => {
  world = await worlds();
  operations = operationsOf(await openApiOf(await world.app("full")));
}, 60_000);
afterAll(async () => world.close());

/** Sends a request of the route that is in order but for who asks. */
function asking({ operationId, method }: Operation) {
  const example = wellDone(operationId);
  const { payload, headers = {} } = example;
  return async (token: string | undefined) => {
    const url = await world.urlOf(example);
    const all = { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const request: InjectOptions = { method, url, headers: all, ...(payload === undefined ? {} : { payload }) };
    return (await world.app(example.world)).inject(request);
  };
}

it("is written down for every route, here and in the document", () => {
  expect(Object.fromEntries(operations.map(({ operationId, roles: may }) => [operationId, may.join(" ")]))).toEqual(access);
});

describe("each route", () => {
  it.each(Object.keys(access))("%s", { timeout: 60_000 }, async (operationId) => {
    const ask = asking(operationCalled(operations, operationId));
    const allowed = access[operationId] ?? "";
    for (const role of roles) {
      const { statusCode, headers } = await ask(world.issuer.byRole[role]);
      const isLetIn = allowed === everybody || allowed.split(" ").includes(role);
      const outcome = { outcome: statusCode === 403 ? "forbidden" : "let in", challenge: headers["www-authenticate"] };
      const challenge = isLetIn ? undefined : 'Bearer realm="sluice", error="insufficient_scope"';
      expect([operationId, role, outcome]).toEqual([operationId, role, { outcome: isLetIn ? "let in" : "forbidden", challenge }]);
      expect(statusCode).not.toBe(401);
    }
  });
});

describe("a token that is none, or no good", () => {
  const open = Object.keys(access).filter((operationId) => access[operationId] === everybody);
  it.each(open)("does no harm where everybody may: %s", async (operationId) => {
    const ask = asking(operationCalled(operations, operationId));
    for (const token of [undefined, ...Object.values(world.issuer.bad)]) expect((await ask(token)).statusCode).toBeLessThan(400);
  });

  const guarded = Object.keys(access).filter((operationId) => access[operationId] !== everybody);
  it.each(guarded)("opens nothing: %s", { timeout: 60_000 }, async (operationId) => {
    const ask = asking(operationCalled(operations, operationId));
    const before = world.state();
    const stranger = await ask(undefined);
    expect([stranger.statusCode, stranger.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="sluice"']);
    for (const [kind, token] of Object.entries(world.issuer.bad)) {
      const { statusCode, headers, body } = await ask(token);
      expect([operationId, kind, statusCode]).toEqual([operationId, kind, 401]);
      expect(headers["www-authenticate"]).toMatch(/^Bearer realm="sluice", error="invalid_token", error_description="[^"]+"$/);
      expect(body).not.toContain(token);
    }
    expect(world.state()).toBe(before);
  });
});

it("is decided before the body is read", async () => {
  const response = await (
    await world.app("live")
  ).inject({
    method: "PUT",
    url: "/v1/topology",
    headers: { "content-type": "application/json", "if-match": "*", authorization: `Bearer ${world.issuer.byRole.viewer}` },
    payload: "{ this is no JSON",
  });
  expect(response.statusCode).toBe(403);
});

it("names the least role, and those that include it", () => {
  expect(rolesThatMay("viewer")).toEqual(["viewer", "operator", "admin"]);
  expect(rolesThatMay("operator")).toEqual(["operator", "admin"]);
  expect(rolesThatMay("admin")).toEqual(["admin"]);
  expect(rolesThatMay("job")).toEqual(["admin", "job"]);
  expect(rolesThatMay(["operator", "job"])).toEqual(["operator", "admin", "job"]);
  expect(rolesThatMay([])).toEqual([]);
  expect(rolesThatMay("open")).toEqual(roles);
});
