/** The OpenAPI document and the page that shows it. That it tells the truth about answers is contract.test.ts's. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRest } from "./server.js";
import { planInForce } from "./testing/plan-in-force.js";
import { openApiOf, operationsOf, schemaFromDocument } from "./testing/worlds.js";

let app: FastifyInstance;
beforeAll(async () => {
  app = await buildRest((await planInForce()).deps);
});
afterAll(async () => app.close());

describe("the OpenAPI document", () => {
  it("is OpenAPI 3.1, names its schemas, and resolves each reference", async () => {
    const { openapi, paths, components } = await openApiOf(app);
    expect(openapi).toBe("3.1.0");
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(["Problem", "Plan", "Certificate", "Topology", "LinkState", "Agent", "Status"]),
    );
    const text = JSON.stringify({ paths, components });
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) expect(Object.keys(components.schemas)).toContain(name);
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("says of every route who may, what it refuses, and for changes which headers they take", async () => {
    const operations = operationsOf(await openApiOf(app));
    for (const { operationId, roles, responses, method, headers, consumes } of operations) {
      expect([operationId, roles.length > 0]).toEqual([operationId, true]);
      const isOpen = roles.includes("open");
      expect([operationId, "401" in responses, "403" in responses]).toEqual([operationId, !isOpen, !isOpen]);
      expect([operationId, "400" in responses]).toEqual([operationId, true]);
      expect([operationId, "429" in responses]).toEqual([operationId, !["getHealthz", "getReadyz"].includes(operationId)]);
      expect([operationId, method === "GET" ? [...headers, ...consumes] : []]).toEqual([operationId, []]);
    }
    expect(operations.find(({ operationId }) => operationId === "postV1Drains")?.headers).toEqual(["if-match", "idempotency-key"]);
    expect(operations.find(({ operationId }) => operationId === "patchV1Settings")?.headers).toEqual(["if-match"]);
  });

  it("describes what may be written", async () => {
    const described = await openApiOf(app);
    const { content = {} } = described.paths["/v1/settings"]?.["patch"]?.requestBody ?? {};
    const schema = schemaFromDocument(described, content["application/json"]?.schema ?? {});
    const guarantee = { kind: "guaranteed", failures: 1 };
    const protection = { guarantee, localRepair: "link", scenarios: ["link"], drains: [{ name: "south", nodeIds: ["a"] }] };
    expect(schema.safeParse({ protection }).error?.issues).toBeUndefined();
    expect(schema.safeParse({ deadlineSeconds: 3 }).success).toBe(true);
    expect(schema.safeParse({ protection: { ...protection, localRepair: "everything" } }).success).toBe(false);
    expect(schema.safeParse({ surprise: 1 }).success).toBe(false);
  });

  it("would notice an answer that it does not describe", async () => {
    const described = await openApiOf(app);
    const schema = schemaFromDocument(described, described.components.schemas["Status"] ?? {});
    const status = (await app.inject("/v1/status")).json<Record<string, unknown>>();
    expect(schema.safeParse(status).success).toBe(true);
    expect(schema.safeParse({ ...status, term: -1 }).success).toBe(false);
    expect(schema.safeParse({ ...status, surprise: 1 }).success).toBe(false);
    const { term: _, ...without } = status;
    expect(schema.safeParse(without).success).toBe(false);
  });
});

describe("the page that shows it", () => {
  it("is served whole from here: no address of elsewhere in it, and a policy that allows none", async () => {
    const page = await app.inject({ url: "/docs/", headers: { accept: "text/html" } });
    expect([page.statusCode, String(page.headers["content-type"]).split(";")[0]]).toEqual([200, "text/html"]);
    expect(page.headers["content-security-policy"]).toMatch(/default-src 'self'|script-src/);
    const addresses = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = ""]) => address);
    expect(addresses.length).toBeGreaterThan(2);
    for (const address of addresses) {
      expect(address).not.toMatch(/^(https?:)?\/\//);
      const asset = await app.inject(new URL(address, "http://localhost/docs/").pathname);
      expect([address, asset.statusCode]).toEqual([address, 200]);
    }
    const shown = (await app.inject("/docs/json")).json<{ paths: object }>();
    expect(Object.keys(shown.paths)).toEqual(Object.keys((await openApiOf(app)).paths));
  });
});
