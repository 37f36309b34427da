/** Settings over REST: the real machine judges and writes them, a store in memory keeps them. */
import { fault, planSettingsDefault, protectionDefault, refuse } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRest } from "./server.js";
import { liveMachine, type LiveMachine } from "./testing/live-machine.js";
import { planInForce } from "./testing/plan-in-force.js";

let live: LiveMachine;
let app: FastifyInstance;
beforeAll(async () => {
  live = await liveMachine((await planInForce()).deps);
  app = await buildRest(live.deps);
});
afterAll(async () => {
  await app.close();
  await live.stop();
});

const patch = (payload: string | object, headers: Record<string, string> = {}) =>
  app.inject({
    method: "PATCH",
    url: "/v1/settings",
    headers: { "content-type": "application/json", "if-match": "*", ...headers },
    payload,
  });

describe("settings", () => {
  it.each([
    [fault("unavailable", "64 changes wait already."), undefined],
    [fault("not-ready", "There is no topology yet."), undefined],
    [fault("deadline-exceeded", "That took too long."), undefined],
    [fault("out-of-range", "That is too much."), "/body"],
    [fault("out-of-range", "That is too much.", { pointer: "/deadlineSeconds" }), "/body/deadlineSeconds"],
  ])("are refused with a pointer where it is they that are refused: %j", async (refused, pointer) => {
    const busy = await buildRest({ ...live.deps, submit: () => Promise.resolve(refuse(refused)) });
    const answer = await busy.inject({
      method: "PATCH",
      url: "/v1/settings",
      headers: { "if-match": "*" },
      payload: { deadlineSeconds: 4 },
    });
    const { faults } = answer.json<{ faults: readonly { code: string; pointer?: string }[] }>();
    expect(faults.map((each) => [each.code, each.pointer])).toEqual([[refused.code, pointer]]);
    await busy.close();
  });

  it("change by field, whole or not at all, and say their version", async () => {
    const { version: before, ...first } = (await app.inject("/v1/settings")).json<{ version: number }>();
    expect(first).toEqual(planSettingsDefault);
    const changed = await patch({ protection: protectionDefault });
    expect([changed.statusCode, changed.json()]).toEqual([
      200,
      { ...planSettingsDefault, protection: protectionDefault, version: before + 1 },
    ]);
    expect((await app.inject("/v1/settings")).json()).toEqual(changed.json());

    const promises = {
      interactive: { kind: "guaranteed", failures: 1 },
      elastic: { kind: "availability", target: 0.999 },
      bulk: { kind: "none" },
    };
    const drains = [{ name: "Wartung Süd", nodeIds: ["a"] }];
    const byClass = await patch({
      protection: { guarantee: promises, localRepair: "node", scenarios: ["link"], drains },
      deadlineSeconds: 3,
    });
    expect(byClass.json()).toEqual({
      ...planSettingsDefault,
      deadlineSeconds: 3,
      protection: {
        guarantee: promises,
        localRepair: "node",
        scenarios: ["link"],
        drains: [{ name: "Wartung Süd", nodeIds: ["a"], linkIds: [] }],
        failureProbability: 0.001,
      },
      version: before + 2,
    });
    // What is not given stays; an empty change is one as well.
    expect((await patch({})).json()).toEqual({ ...byClass.json<object>(), version: before + 3 });
  });

  const protection = (more: object) => ({ protection: { ...protectionDefault, ...more } });
  const drain = (more: object) => protection({ drains: [{ name: "south", nodeIds: [], linkIds: [], ...more }] });
  it.each([
    [{ protection: { localRepair: "link", scenarios: [] } }, 400, "missing-field", "/body/protection/guarantee"],
    [{ protection: null }, 400, "wrong-type", "/body/protection"],
    [protection({ guarantee: { kind: "best" } }), 400, "wrong-type", "/body/protection/guarantee"],
    [protection({ guarantee: { kind: "guaranteed", failures: 4 } }), 422, "out-of-range", "/body/protection/guarantee/failures"],
    [protection({ localRepair: "everything" }), 422, "not-allowed", "/body/protection/localRepair"],
    [protection({ scenarios: ["link", "meteor"] }), 422, "not-allowed", "/body/protection/scenarios/1"],
    [protection({ failureProbability: 0.6 }), 422, "out-of-range", "/body/protection/failureProbability"],
    [protection({ failureProbability: -1 }), 422, "negative", "/body/protection/failureProbability"],
    [protection({ surprise: 1 }), 400, "unknown-field", "/body/protection/surprise"],
    [drain({ name: "" }), 422, "out-of-range", "/body/protection/drains/0/name"],
    [drain({ linkIds: ["a\u0000"] }), 400, "malformed", "/body/protection/drains/0/linkIds/0"],
    [protection({ drains: [{ name: "south" }, { name: "south" }] }), 400, "malformed", "/body/protection/drains"],
    [{ surprise: 1 }, 400, "unknown-field", "/body/surprise"],
    [{ version: 3 }, 400, "unknown-field", "/body/version"],
    [{ gapMax: "small" }, 400, "wrong-type", "/body/gapMax"],
    [[], 400, "wrong-type", "/body"],
    ["null", 400, "wrong-type", "/body"],
    ["{", 400, "malformed", undefined],
    ['{"protection":{"__proto__":{"guarantee":1}}}', 400, "malformed", undefined],
  ] as const)("refuse %j", async (payload, status, code, pointer) => {
    const before = (await app.inject("/v1/settings")).body;
    const response = await patch(payload as string | object);
    const problem = response.json<{ code: string; faults: { pointer?: string }[] }>();
    expect([response.statusCode, problem.code, problem.faults[0]?.pointer]).toEqual([status, code, pointer]);
    expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect((await app.inject("/v1/settings")).body).toBe(before);
  });

  it("are changed from the version that the client has seen, or not at all", async () => {
    const read = await app.inject("/v1/settings");
    const { etag } = read.headers;
    const { version } = read.json<{ version: number }>();
    expect(etag).toBe(`"v${version}"`);
    const changed = await patch({ deadlineSeconds: 4 }, { "if-match": String(etag) });
    expect([changed.statusCode, changed.headers["etag"]]).toEqual([200, `"v${version + 1}"`]);
    const again = await patch({ deadlineSeconds: 5 }, { "if-match": String(etag) });
    expect([again.statusCode, again.json<{ code: string; faults: object[] }>()]).toMatchObject([
      412,
      { code: "stale-version", faults: [{ pointer: "/headers/if-match" }] },
    ]);
    const blind = await app.inject({ method: "PATCH", url: "/v1/settings", payload: { deadlineSeconds: 6 } });
    expect([blind.statusCode, blind.json<{ code: string }>().code]).toEqual([428, "precondition-required"]);
    expect((await app.inject("/v1/settings")).json()).toMatchObject({ deadlineSeconds: 4, version: version + 1 });
  });

  it("of two changes from one version take one", async () => {
    const { etag } = (await app.inject("/v1/settings")).headers;
    const racers = await Promise.all([1, 2, 3].map((deadlineSeconds) => patch({ deadlineSeconds }, { "if-match": String(etag) })));
    expect(racers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 412, 412]);
  });

  it("take JSON only, no query, and no other method", async () => {
    const text = await patch("{}", { "content-type": "text/plain" });
    expect([text.statusCode, text.json<{ code: string }>().code]).toEqual([415, "unsupported-media-type"]);
    const query = await app.inject({ method: "PATCH", url: "/v1/settings?force=1", headers: { "if-match": "*" }, payload: {} });
    expect([query.statusCode, query.json<{ faults: { pointer: string }[] }>().faults[0]?.pointer]).toEqual([400, "/query/force"]);
    const none = await app.inject({ method: "PATCH", url: "/v1/settings", headers: { "if-match": "*" } });
    expect(none.statusCode).toBe(400);
    for (const method of ["PUT", "POST", "DELETE"] as const) {
      const response = await app.inject({ method, url: "/v1/settings", payload: {} });
      expect([response.statusCode, response.headers["allow"]]).toEqual([405, "GET, HEAD, PATCH"]);
    }
  });
});
