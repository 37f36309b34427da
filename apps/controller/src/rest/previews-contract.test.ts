/**
 * The routes of previews and of plans' changes against the OpenAPI document: every status that is documented comes (but for those of limits, which are
 * one for all routes), every answer is as its schema says, and every role is let in or kept out as it should.
 */
import { parseDemandMatrix } from "@sluice/model";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roles } from "./auth/role.js";
import { liveController, type LiveController } from "./testing/live-controller.js";
import { ringDocument } from "./testing/live-machine.js";
import { value } from "./testing/plan-in-force.js";
import { testIssuer, type Issuer } from "./testing/tokens.js";
import { openApiOf, operationCalled, operationsOf, schemaFromDocument, type OpenApi, type Operation } from "./testing/worlds.js";

const looking = "viewer operator admin";
const changing = "operator admin";
/** Written out on purpose: who changes who may do what changes it here as well. */
const access: Readonly<Record<string, string>> = {
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
};

let live: LiveController;
let issuer: Issuer;
let document: OpenApi;
let operations: readonly Operation[];
/** Ids of what is there to be looked at. */
let known: { readonly preview: string; readonly stale: string; readonly reckless: string; readonly whatIf: string };

beforeAll(async () => {
  issuer = await testIssuer();
  const demands = [
    { src: "a", dst: "b", trafficClass: "interactive", rateBps: 8e9 },
    { src: "b", dst: "c", trafficClass: "bulk", rateBps: 9e9 },
  ];
  const network = { topology: ringDocument, demands: value(parseDemandMatrix({ name: "busy", demands })) };
  live = await liveController(network, { auth: issuer.authenticator });
  document = await openApiOf(live.app);
  operations = operationsOf(document).filter(({ operationId }) => operationId in access);
  const made = async (url: string, payload: object): Promise<string> => {
    const asked = await live.app.inject({ method: "POST", url, payload, headers: { authorization: `Bearer ${issuer.byRole.admin}` } });
    const { id } = asked.json<{ id: string }>();
    for (;;) {
      const { state } = (
        await live.app.inject({ url: `/v1/jobs/${id}`, headers: { authorization: `Bearer ${issuer.byRole.admin}` } })
      ).json<{
        state: string;
      }>();
      if (state === "done") return id;
      if (state !== "queued" && state !== "running") throw new Error(`the job ended as ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const stale = await made("/v1/previews", {});
  value(await live.driver.submit({ kind: "change-settings", settings: { splitWeightSumMax: 32 } }));
  await live.settled();
  const drained = ["a-b", "a-c"].map((linkId) => ({ kind: "set-link-state", linkId, drain: "drained" }));
  known = {
    stale,
    preview: await made("/v1/previews", {}),
    reckless: await made("/v1/previews", { topologyChanges: drained }),
    whatIf: await made("/v1/what-ifs", { fail: { srlgIds: ["bridge"] }, failures: { kinds: ["link"], layers: ["unrepaired"] } }),
  };
}, 120_000);
afterAll(() => live.close());

interface Asked {
  readonly url: string;
  readonly payload?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

const nobody = "00000000-0000-0000-0000-000000000000";
const demand = { src: "a", dst: "b", trafficClass: "bulk", rateBps: 1e9 };

/** By operation and status; the first of each operation is the one when all is well. In this order, for some change what others look at. */
const examples: Readonly<Record<string, Readonly<Record<number, () => Asked>>>> = {
  getV1Jobs: { 200: () => ({ url: "/v1/jobs" }) },
  getV1JobsId: { 200: () => ({ url: `/v1/jobs/${known.preview}` }), 404: () => ({ url: `/v1/jobs/${nobody}` }) },
  deleteV1JobsId: { 200: () => ({ url: `/v1/jobs/${known.preview}` }), 404: () => ({ url: `/v1/jobs/${nobody}` }) },
  postV1Previews: {
    202: () => ({ url: "/v1/previews", payload: { settings: { splitWeightSumMax: 8 } } }),
    404: () => ({ url: "/v1/previews", payload: { topologyChanges: [{ kind: "remove-node", nodeId: "zz" }] } }),
    422: () => ({ url: "/v1/previews", payload: { settings: { splitWeightSumMax: 0 } } }),
  },
  getV1PreviewsId: { 200: () => ({ url: `/v1/previews/${known.preview}` }), 404: () => ({ url: `/v1/previews/${known.whatIf}` }) },
  postV1WhatIfs: {
    202: () => ({ url: "/v1/what-ifs", payload: { demands: { scale: 2 } } }),
    404: () => ({ url: "/v1/what-ifs", payload: { drain: { linkIds: ["zz"] } } }),
    422: () => ({ url: "/v1/what-ifs", payload: { demands: { scale: 1e9 } } }),
  },
  getV1WhatIfsId: { 200: () => ({ url: `/v1/what-ifs/${known.whatIf}` }), 404: () => ({ url: `/v1/what-ifs/${known.preview}` }) },
  postV1PathChecks: {
    200: () => ({ url: "/v1/path-checks", payload: demand }),
    404: () => ({ url: "/v1/path-checks", payload: { ...demand, src: "zz" } }),
    422: () => ({ url: "/v1/path-checks", payload: { ...demand, rateBps: -1 } }),
  },
  getV1PlansEpochDifference: {
    200: () => ({ url: "/v1/plans/1/difference" }),
    404: () => ({ url: "/v1/plans/999/difference" }),
  },
  postV1PreviewsIdApply: {
    200: () => ({ url: `/v1/previews/${known.preview}/apply`, payload: {} }),
    404: () => ({ url: `/v1/previews/${nobody}/apply`, payload: {} }),
    409: () => ({ url: `/v1/previews/${known.reckless}/apply`, payload: {} }),
    412: () => ({ url: `/v1/previews/${known.stale}/apply`, payload: {} }),
    422: () => ({ url: `/v1/previews/${known.preview}/apply`, payload: { confirmWithinSeconds: 0 } }),
  },
  postV1PlansEpochRollBack: {
    200: () => ({ url: "/v1/plans/1/roll-back", payload: { force: true, confirmWithinSeconds: 600 } }),
    404: () => ({ url: "/v1/plans/999/roll-back", payload: {} }),
    422: () => ({ url: "/v1/plans/1/roll-back", payload: { confirmWithinSeconds: 0 } }),
  },
  postV1PlansEpochConfirm: {
    200: () => ({ url: `/v1/plans/${live.driver.view().epoch}/confirm` }),
    404: () => ({ url: "/v1/plans/999/confirm" }),
  },
};

function send({ method }: Operation, { url, payload, headers = {} }: Asked, token: string | undefined): Promise<LightMyRequestResponse> {
  const request: InjectOptions = {
    method,
    url,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(typeof payload === "object" ? { "content-type": "application/json" } : {}),
      ...headers,
    },
    ...(payload === undefined ? {} : { payload }),
  };
  return live.app.inject(request);
}

function check(operation: Operation, response: LightMyRequestResponse, status: number): void {
  const { operationId, responses } = operation;
  expect([operationId, response.statusCode, response.statusCode === status ? "" : response.body.slice(0, 300)]).toEqual([
    operationId,
    status,
    "",
  ]);
  const [type = ""] = String(response.headers["content-type"]).split(";");
  const schema = responses[String(status)]?.content?.[type]?.schema;
  expect([operationId, status, type, schema !== undefined]).toEqual([operationId, status, type, true]);
  expect([operationId, status, schemaFromDocument(document, schema ?? {}).safeParse(response.json()).error?.issues]).toEqual([
    operationId,
    status,
    undefined,
  ]);
}

/** Those that follow from what every route has: who asks, and in what form. */
async function provoke(operation: Operation, well: Asked): Promise<ReadonlyMap<number, LightMyRequestResponse>> {
  const admin = issuer.byRole.admin;
  const found = new Map([
    [400, await send(operation, { ...well, url: `${well.url}?no-such-parameter=1` }, admin)],
    [401, await send(operation, well, undefined)],
    [403, await send(operation, well, await issuer.token({ sub: "a stranger", role: [] }))],
    [406, await send(operation, { ...well, headers: { accept: "application/x-nothing" } }, admin)],
  ]);
  if (well.payload !== undefined) {
    found.set(413, await send(operation, { ...well, headers: { "content-length": "999999999" } }, admin));
    found.set(415, await send(operation, { ...well, headers: { "content-type": "text/x-nothing" } }, admin));
  }
  return found;
}

it("are all in the document, and no others of theirs", () => {
  expect(Object.fromEntries(operations.map(({ operationId, roles: may }) => [operationId, may.join(" ")]))).toEqual(access);
  expect(Object.keys(examples).sort()).toEqual(Object.keys(access).sort());
});

describe("every status that is documented comes, as it is documented", () => {
  it.each(Object.keys(examples))("%s", { timeout: 60_000 }, async (operationId) => {
    await live.settled();
    const operation = operationCalled(operations, operationId);
    const own = Object.entries(examples[operationId] ?? {});
    const covered = new Set<number>();
    const [[, well] = []] = own;
    for (const [status, response] of await provoke(operation, well?.() ?? { url: "" })) {
      check(operation, response, status);
      covered.add(status);
    }
    for (const [status, asked] of own) {
      check(operation, await send(operation, asked(), issuer.byRole.admin), Number(status));
      covered.add(Number(status));
    }
    // Of limits, of keys, and of a process that is late: these are tested where they are made.
    const elsewhere = [429, 503, 504, ...(operation.headers.includes("idempotency-key") ? [409, 422] : [])];
    const documented = Object.keys(operation.responses).filter((status) => status !== "default");
    const open = documented.filter((status) => !covered.has(Number(status)) && !elsewhere.includes(Number(status)));
    expect([operationId, open]).toEqual([operationId, []]);
  });
});

describe("each role is let in, or kept out", () => {
  it.each(Object.keys(access))("%s", async (operationId) => {
    const operation = operationCalled(operations, operationId);
    const [well] = Object.values(examples[operationId] ?? {});
    for (const role of roles) {
      const { statusCode } = await send(operation, well?.() ?? { url: "" }, issuer.byRole[role]);
      expect([operationId, role, statusCode === 403]).toEqual([operationId, role, access[operationId]?.split(" ").includes(role) !== true]);
    }
  });
});
