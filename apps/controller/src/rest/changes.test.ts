/** Changes of the network over REST: the real machine judges and writes them. And what is looked at one by one. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildRest } from "./server.js";
import { liveMachine, ringDemands, ringDocument, type LiveMachine } from "./testing/live-machine.js";
import { planInForce, type Fixture } from "./testing/plan-in-force.js";

let fixture: Fixture;
let live: LiveMachine;
let app: FastifyInstance;
let shown: FastifyInstance;
beforeAll(async () => {
  fixture = await planInForce();
  live = await liveMachine(fixture.deps);
  app = await buildRest(live.deps);
  shown = await buildRest({ ...fixture.deps, view: () => fixture.full });
}, 60_000);
afterAll(async () => {
  await app.close();
  await shown.close();
  await live.stop();
});

const send = (method: "POST" | "PUT" | "PATCH" | "DELETE", url: string, payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method, url, headers: { "if-match": "*", ...headers }, payload });
const get = async <T>(url: string): Promise<T> => (await app.inject(url)).json<T>();
const versionNow = async () => (await get<{ version: number }>("/v1/topology")).version;

beforeEach(async () => {
  await send("PUT", "/v1/topology", ringDocument);
});

describe("the topology", () => {
  it("is put, read as it was put, and changed in parts, all or none", async () => {
    const stored = await get<{ version: number; linksReportedDown: unknown } & Record<string, unknown>>("/v1/topology?states=stored");
    const { version, linksReportedDown: _, ...document } = stored;
    const again = await send("PUT", "/v1/topology", document, { "if-match": `"v${version}"` });
    expect([again.statusCode, again.headers["etag"], again.json()]).toEqual([
      200,
      `"v${version + 1}"`,
      { version: version + 1, nodes: 3, links: 6 },
    ]);
    const half = await send("PATCH", "/v1/topology", {
      changes: [
        { kind: "remove-link", linkId: "a-b" },
        { kind: "remove-link", linkId: "no-such" },
      ],
    });
    expect([half.statusCode, half.json()]).toMatchObject([404, { faults: [{ pointer: "/body/changes/1/linkId" }] }]);
    expect(await get("/v1/topology")).toMatchObject({ version: version + 1, links: { length: 6 } });
    const changed = await send("PATCH", "/v1/topology", { changes: [{ kind: "remove-link", linkId: "a-b" }] });
    expect(changed.json()).toEqual({ version: version + 2, nodes: 3, links: 5 });
  });
});

describe("drains", () => {
  it("name links, nodes and shared-risk link groups, and end the same way", async () => {
    const drained = await send("POST", "/v1/drains", { linkIds: ["b-c"], nodeIds: ["c"], srlgIds: ["bridge"] });
    expect(drained.json()).toMatchObject({
      nodes: [{ id: "c", kind: "hard" }],
      links: [
        { id: "a-b", kind: "hard" },
        { id: "b-a", kind: "hard" },
        { id: "b-c", kind: "hard" },
      ],
    });
    expect(await get("/v1/drains")).toEqual(drained.json());
    expect(await get("/v1/srlgs")).toMatchObject({
      items: [
        { id: "bridge", linkIds: ["a-b", "b-a"], capacityBps: 2e10, linksDrained: 2 },
        { id: "duct", linksDrained: 3, linksDown: 0 },
      ],
    });
    const part = await send("DELETE", "/v1/drains", { srlgIds: ["bridge"], nodeIds: ["c"] });
    expect(part.json()).toMatchObject({ nodes: [], links: [{ id: "b-c" }] });
  });

  it("are hard, or soft where that is asked for", async () => {
    const soft = await send("POST", "/v1/drains", { linkIds: ["a-b"], nodeIds: ["b"], kind: "soft" });
    expect(soft.json()).toMatchObject({ nodes: [{ id: "b", kind: "soft" }], links: [{ id: "a-b", kind: "soft" }] });
    const hard = await send("POST", "/v1/drains", { linkIds: ["a-b"] });
    expect(hard.json()).toMatchObject({ nodes: [{ id: "b", kind: "soft" }], links: [{ id: "a-b", kind: "hard" }] });
  });

  it("are made as a whole or not at all, and say what is wrong", async () => {
    const before = await versionNow();
    const wrong = await send("POST", "/v1/drains", { linkIds: ["a-b", "x"], nodeIds: ["y"], srlgIds: ["z"] });
    expect([wrong.statusCode, wrong.json()]).toMatchObject([
      422,
      { faults: [{ pointer: "/body/linkIds/1" }, { pointer: "/body/nodeIds/0" }, { pointer: "/body/srlgIds/0" }] },
    ]);
    expect((await send("POST", "/v1/drains", {})).statusCode).toBe(400);
    expect((await send("POST", "/v1/drains", { linkIds: ["a-b"] }, { "if-match": `"v${before - 1}"` })).statusCode).toBe(412);
    expect([await versionNow(), await get("/v1/drains")]).toMatchObject([before, { nodes: [], links: [] }]);
  });

  it("under a key are made once, also when they are asked for from an old version the second time", async () => {
    const from = { "if-match": `"v${await versionNow()}"`, "idempotency-key": "a-drain" };
    const first = await send("POST", "/v1/drains", { nodeIds: ["a"] }, from);
    const again = await send("POST", "/v1/drains", { nodeIds: ["a"] }, from);
    expect([first.statusCode, first.headers["idempotency-replayed"]]).toEqual([200, undefined]);
    expect([again.statusCode, again.headers["idempotency-replayed"], again.body]).toEqual([200, "true", first.body]);
    expect(again.headers["etag"]).toBe(first.headers["etag"]);
    expect(await versionNow()).toBe(first.json<{ version: number }>().version);
    const other = await send("POST", "/v1/drains", { nodeIds: ["b"] }, from);
    expect([other.statusCode, other.json<{ code: string }>().code]).toEqual([422, "key-reused"]);
    // What was refused has changed nothing, so its key may be used again.
    const stale = { "if-match": '"v0"', "idempotency-key": "another" };
    expect((await send("POST", "/v1/drains", { nodeIds: ["b"] }, stale)).statusCode).toBe(412);
    expect((await send("POST", "/v1/drains", { nodeIds: ["b"] }, { ...stale, "if-match": "*" })).statusCode).toBe(200);
  });
});

describe("demands", () => {
  it("are put as a measurement would, and asked for at the ends of a node", async () => {
    const put = await send("PUT", "/v1/demands", ringDemands);
    expect([put.statusCode, put.json()]).toMatchObject([200, { demands: 2, superseded: false }]);
    const { version } = put.json<{ version: number }>();
    expect((await app.inject("/v1/demands")).headers["etag"]).toBe(`"v${version}"`);
    expect(await get("/v1/nodes/a")).toMatchObject({
      sends: { demandBps: 7e9 },
      receives: { demandBps: 0 },
      linksOut: ["a-b", "a-c"],
      linksIn: ["b-a", "c-a"],
      agent: "absent",
    });
    const twice = await send("PUT", "/v1/demands", { ...ringDemands, demands: [ringDemands.demands[0], ringDemands.demands[0]] });
    expect([twice.statusCode, twice.json()]).toMatchObject([422, { code: "duplicate-id", faults: [{ pointer: "/body/demands/1" }] }]);
  });
});

describe("a switch's rules against those that it should hold", () => {
  it("are told apart: missing, unexpected, different; nothing is claimed of what is not known", async () => {
    const ask = async (url: string) =>
      (await shown.inject(url)).json<{ items: { state: string; key: string }[] } & Record<string, unknown>>();
    expect(await ask("/v1/agents/a/rules?compare=intended")).toMatchObject({ known: false, installed: 0, missing: 0, total: 0, items: [] });
    const odd = await ask("/v1/agents/b/rules?compare=intended");
    expect(odd).toMatchObject({ known: true, missing: 1, unexpected: 1, different: 1, total: 3 });
    expect(odd.items.map(({ state }) => state).sort()).toEqual(["different", "missing", "unexpected"]);
    expect(odd.items.find(({ state }) => state === "unexpected")).toMatchObject({ key: "label/77", installed: { kind: "label" } });
    expect(odd.items.find(({ state }) => state === "missing")).not.toHaveProperty("installed");
    const right = await ask("/v1/agents/c/rules");
    expect(right).toMatchObject({
      known: true,
      missing: 0,
      unexpected: 0,
      different: 0,
      installed: right["intended"],
      total: right["intended"],
    });
    expect(new Set(right.items.map(({ state }) => state))).toEqual(new Set(["same"]));
  });
});
