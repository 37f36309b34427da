import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { buildRest } from "./server.js";
import { planInForce, type Fixture } from "./testing/plan-in-force.js";

let fixture: Fixture;
let app: FastifyInstance;
beforeAll(async () => {
  fixture = await planInForce();
  app = await buildRest(fixture.deps);
});
afterEach(() => fixture.show(fixture.full));
afterAll(async () => app.close());

interface Document {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly operationId: string;
        readonly requestBody?: { readonly content: Record<string, { schema?: object }> };
        readonly responses: Record<string, { content: Record<string, { schema?: object }> }>;
      }
    >
  >;
  readonly components: { readonly schemas: Record<string, object> };
}

async function document(): Promise<Document> {
  return (await app.inject("/openapi.json")).json<Document>();
}

/** The schema as zod reads it back from the document: what a client that has nothing else would check against. */
function schemaFromDocument({ components }: Document, schema: object): z.ZodType {
  const bundled = JSON.stringify({ ...schema, $defs: components.schemas }).replaceAll("#/components/schemas/", "#/$defs/");
  return z.fromJSONSchema(JSON.parse(bundled) as Parameters<typeof z.fromJSONSchema>[0]);
}

/** Addresses to try for each path of the document. */
const examples: Readonly<Record<string, readonly string[]>> = {
  "/v1/topology": ["/v1/topology"],
  "/v1/demands": ["/v1/demands", "/v1/demands?limit=2", "/v1/demands?src=a&dst=c&class=bulk"],
  "/v1/tunnels": ["/v1/tunnels", "/v1/tunnels?src=a&limit=1"],
  "/v1/links": ["/v1/links", "/v1/links?limit=3"],
  "/v1/plans": ["/v1/plans", "/v1/plans?limit=2"],
  "/v1/plans/{epoch}": ["/v1/plans/3", "/v1/plans/1?include=groups"],
  "/v1/plans/{epoch}/explanation": [
    "/v1/plans/3/explanation?demand=a%3Ec%2Fbulk",
    "/v1/plans/2/explanation?demand=x%3Ey%2Fz%3Ea%2Felastic",
    "/v1/plans/2/explanation?link=a-c",
  ],
  "/v1/settings": ["/v1/settings"],
  "/v1/protection": ["/v1/protection"],
  "/v1/protection/scenarios": ["/v1/protection/scenarios", "/v1/protection/scenarios?kind=node&limit=2"],
  "/v1/protection/split": [
    "/v1/protection/split?scenario=link%3Aa-b",
    "/v1/protection/split?scenario=node%3Ax%3Ey%2Fz",
    "/v1/protection/split?scenario=link%3Ano-such",
  ],
  "/v1/protection/bypasses": ["/v1/protection/bypasses", "/v1/protection/bypasses?limit=1", "/v1/protection/bypasses?link=a-b"],
  "/v1/protection/backups": ["/v1/protection/backups", "/v1/protection/backups?src=a&limit=1"],
  "/v1/failures": [
    "/v1/failures",
    "/v1/failures?kinds=node&layers=unrepaired,new-plan&limit=2",
    "/v1/failures?epoch=1&kinds=none&pairs=3&seed=4&layers=scenario-split",
  ],
  "/v1/agents": ["/v1/agents"],
  "/v1/events": ["/v1/events", "/v1/events?after=2&limit=2"],
  "/v1/status": ["/v1/status"],
  "/healthz": ["/healthz"],
  "/readyz": ["/readyz"],
  "/metrics": ["/metrics"],
};

describe("the OpenAPI document", () => {
  it("is OpenAPI 3.1, names its schemas, and resolves each reference", async () => {
    const { openapi, paths, components } = await document();
    expect(openapi).toBe("3.1.0");
    expect(Object.keys(paths).sort()).toEqual(Object.keys(examples).sort());
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(["Problem", "Plan", "Certificate", "Topology", "LinkState", "Agent", "Status"]),
    );
    const text = JSON.stringify({ paths, components });
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) expect(Object.keys(components.schemas)).toContain(name);
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(Object.keys(examples))("tells what %s really answers, with and without a plan", async (path) => {
    const described = await document();
    const responses = described.paths[path]?.["get"]?.responses ?? {};
    let checked = 0;
    for (const view of [fixture.full, fixture.empty]) {
      fixture.show(view);
      for (const url of examples[path] ?? []) {
        const response = await app.inject(url);
        expect([200, 404, 503]).toContain(response.statusCode);
        if (path === "/metrics") continue;
        const [type = ""] = String(response.headers["content-type"]).split(";");
        const content = (responses[response.statusCode] ?? responses["default"])?.content[type];
        expect({ url, status: response.statusCode, type, described: content?.schema !== undefined }).toMatchObject({ described: true });
        const parsed = schemaFromDocument(described, content?.schema ?? {}).safeParse(response.json());
        expect([url, parsed.error?.issues]).toEqual([url, undefined]);
        checked += 1;
      }
    }
    expect(checked).toBe(path === "/metrics" ? 0 : (examples[path]?.length ?? 0) * 2);
  });

  it("describes what may be written", async () => {
    const described = await document();
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
    const described = await document();
    const schema = schemaFromDocument(described, described.components.schemas["Status"] ?? {});
    const status = (await app.inject("/v1/status")).json<Record<string, unknown>>();
    expect(schema.safeParse(status).success).toBe(true);
    expect(schema.safeParse({ ...status, term: -1 }).success).toBe(false);
    expect(schema.safeParse({ ...status, surprise: 1 }).success).toBe(false);
    const { term: _, ...without } = status;
    expect(schema.safeParse(without).success).toBe(false);
  });
});
