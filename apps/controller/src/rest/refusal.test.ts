import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import pino from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createMetrics } from "./metrics.js";
import { buildRest, createServer } from "./server.js";
import { planInForce, type Fixture } from "./testing/plan-in-force.js";

let fixture: Fixture;
let app: FastifyInstance;
beforeAll(async () => {
  fixture = await planInForce();
  app = await buildRest(fixture.deps);
});
afterEach(() => fixture.show(fixture.full));
afterAll(async () => app.close());

describe("refused requests", () => {
  const paths = ["/openapi.json", "/metrics", "/healthz", "/readyz", "/v1/links", "/v1/plans", "/v1/plans/1", "/v1/plans/1/explanation"];

  const table: readonly [string, number, string, string | undefined][] = [
    ["/nowhere", 404, "not-found", undefined],
    ["/v1/plans/", 400, "malformed", "/path/epoch"],
    ["/v1/plans/99", 404, "not-found", undefined],
    ["/v1/plans/0", 400, "malformed", "/path/epoch"],
    ["/v1/plans/-1", 400, "malformed", "/path/epoch"],
    ["/v1/plans/1e3", 400, "malformed", "/path/epoch"],
    ["/v1/plans/9999999999", 400, "malformed", "/path/epoch"],
    ["/v1/plans/newest", 400, "malformed", "/path/epoch"],
    ["/v1/plans/%00", 400, "malformed", "/path/epoch"],
    ["/v1/plans/1?include=everything", 422, "not-allowed", "/query/include"],
    ["/v1/plans/1?include=groups&include=groups", 422, "not-allowed", "/query/include"],
    ["/v1/plans?limit=0", 422, "out-of-range", "/query/limit"],
    ["/v1/plans?limit=201", 422, "out-of-range", "/query/limit"],
    ["/v1/plans?limit=ten", 400, "malformed", "/query/limit"],
    ["/v1/plans?limit=0x10", 400, "malformed", "/query/limit"],
    ["/v1/plans?limit=1e1", 400, "malformed", "/query/limit"],
    ["/v1/plans?limit=", 400, "malformed", "/query/limit"],
    ["/v1/plans?limit=1&limit=2", 400, "wrong-type", "/query/limit"],
    ["/v1/plans?cursor=!", 400, "malformed", "/query/cursor"],
    ["/v1/plans?cursor=YWJj", 400, "malformed", "/query/cursor"],
    ["/v1/plans?cursor=A", 400, "malformed", "/query/cursor"],
    ["/v1/plans?page=2", 400, "unknown-field", "/query/page"],
    ["/v1/topology?verbose=1", 400, "unknown-field", "/query/verbose"],
    ["/v1/topology?__proto__=1", 400, "unknown-field", "/query/__proto__"],
    ["/v1/demands?class=gold", 422, "not-allowed", "/query/class"],
    ["/v1/demands?src=", 400, "malformed", "/query/src"],
    ["/v1/demands?src=a%00", 400, "malformed", "/query/src"],
    [`/v1/demands?src=${"x".repeat(129)}`, 400, "malformed", "/query/src"],
    ["/v1/events?after=-1", 400, "malformed", "/query/after"],
    ["/v1/events?after=9007199254740993", 400, "malformed", "/query/after"],
    ["/v1/plans/3/explanation", 400, "missing-field", "/query"],
    ["/v1/plans/3/explanation?link=a-c&demand=a%3Ec%2Fbulk", 400, "missing-field", "/query"],
    ["/v1/plans/3/explanation?link=no-such", 404, "not-found", "/query/link"],
    ["/v1/plans/3/explanation?demand=a-c-bulk", 400, "malformed", "/query/demand"],
    ["/v1/plans/3/explanation?demand=a%3Ec%2Fgold", 400, "malformed", "/query/demand"],
    ["/v1/plans/3/explanation?demand=a%3Enowhere%2Fbulk", 404, "not-found", "/query/demand"],
    ["/v1/plans/99/explanation?link=a-c", 404, "not-found", undefined],
    ["/v1/plans/1/explanation?link=a-c", 504, "deadline-exceeded", undefined],
    ["/v1/protection?verbose=1", 400, "unknown-field", "/query/verbose"],
    ["/v1/protection/scenarios?kind=meteor", 422, "not-allowed", "/query/kind"],
    ["/v1/protection/split", 400, "missing-field", "/query/scenario"],
    ["/v1/protection/split?scenario=", 422, "out-of-range", "/query/scenario"],
    [`/v1/protection/split?scenario=${"x".repeat(513)}`, 422, "out-of-range", "/query/scenario"],
    ["/v1/protection/split?scenario=link%3Ano-such", 404, "not-found", "/query/scenario"],
    ["/v1/protection/split?scenario=__proto__", 404, "not-found", "/query/scenario"],
    ["/v1/protection/bypasses?link=", 400, "malformed", "/query/link"],
    ["/v1/protection/backups?limit=0", 422, "out-of-range", "/query/limit"],
    ["/v1/protection/backups?link=a-b", 400, "unknown-field", "/query/link"],
    ["/v1/failures?kinds=meteor", 400, "malformed", "/query/kinds"],
    ["/v1/failures?kinds=link,none", 400, "malformed", "/query/kinds"],
    ["/v1/failures?kinds=", 400, "malformed", "/query/kinds"],
    ["/v1/failures?layers=none", 400, "malformed", "/query/layers"],
    ["/v1/failures?layers=new-plan,", 400, "malformed", "/query/layers"],
    ["/v1/failures?pairs=0", 422, "out-of-range", "/query/pairs"],
    ["/v1/failures?pairs=10001", 422, "out-of-range", "/query/pairs"],
    ["/v1/failures?pairs=2&seed=2147483648", 422, "out-of-range", "/query/seed"],
    ["/v1/failures?epoch=0", 422, "out-of-range", "/query/epoch"],
    ["/v1/failures?epoch=99", 404, "not-found", undefined],
    // A page of plan 3 as one of plan 2; a page of another list.
    [`/v1/failures?epoch=2&cursor=${Buffer.from("3:1").toString("base64url")}`, 400, "malformed", "/query/cursor"],
    ["/v1/failures?cursor=YWJj", 400, "malformed", "/query/cursor"],
    ["/v1/failures?top=3", 400, "unknown-field", "/query/top"],
    ["/%zz", 400, "malformed", undefined],
    [`/v1/plans/${"9".repeat(500)}`, 400, "malformed", undefined],
    ["/v1/plans/1e99", 400, "malformed", "/path/epoch"],
    ["/v1/plans/..%2f..%2fetc", 400, "malformed", "/path/epoch"],
    ["/v1%2Fstatus", 404, "not-found", undefined],
    ["/v1/status/", 404, "not-found", undefined],
    [`/v1/plans?cursor=${"A".repeat(5_000)}`, 400, "malformed", "/query/cursor"],
    ["/v1/plans?cursor=%FF%FE", 400, "malformed", "/query/cursor"],
    ["/v1/status?__proto__[x]=1", 400, "unknown-field", "/query/__proto__[x]"],
  ];
  it.each(table)("%s", async (url, status, code, pointer) => {
    const response = await app.inject(url);
    expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
    const problem = response.json<{ status: number; code: string; type: string; faults: { pointer?: string }[]; requestId: string }>();
    expect([response.statusCode, problem.status, problem.code, problem.type, problem.faults[0]?.pointer]).toEqual([
      status,
      status,
      code,
      `/problems/${code}`,
      pointer,
    ]);
    expect(problem.requestId).toBe(response.headers["x-request-id"]);
    expect(response.body).not.toMatch(/node_modules|\.ts:|\.js:/);
  });

  it("finds nothing at paths that no URL can hold, and takes no method that HTTP may have later for a bug", async () => {
    const port = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
    const statusOf = (line: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let answer = "";
        const socket = connect(port, "127.0.0.1", () => socket.write(`${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`));
        socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
        socket.on("close", () => resolve(answer.slice(9, 12)));
        socket.on("error", reject);
      });
    const lines = [
      ["GET //", "404"],
      ["GET //[", "404"],
      ["GET ///", "404"],
      ["GET http://[", "400"],
      ["POST *", "404"],
      ["QUERY /v1/status", "405"],
      ["QUERY /nowhere", "400"],
      ["PROPFIND /v1/status", "404"],
      ["get /v1/status", "400"],
    ] as const;
    for (const [line, status] of lines) expect([line, await statusOf(line)]).toEqual([line, status]);
  });

  it("lists every wrong parameter at once", async () => {
    const { faults } = (await app.inject("/v1/plans?limit=0&page=1&sort=x")).json<{ faults: { pointer: string }[] }>();
    expect(faults.map(({ pointer }) => pointer).sort()).toEqual(["/query/limit", "/query/page", "/query/sort"]);
  });

  it("says so where there is no topology, no demand or no plan yet", async () => {
    fixture.show(fixture.empty);
    for (const url of [
      "/v1/topology",
      "/v1/demands",
      "/v1/tunnels",
      "/v1/links",
      "/v1/protection/scenarios",
      "/v1/protection/split?scenario=x",
      "/v1/protection/bypasses",
      "/v1/protection/backups",
    ]) {
      const response = await app.inject(url);
      expect([url, response.statusCode, response.json<{ code: string }>().code]).toEqual([url, 404, "not-found"]);
    }
  });

  it("refuses other methods on every path, whatever the body, and says which there are", async () => {
    for (const path of paths) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const) {
        const response = await app.inject({ method, url: path, headers: { "content-type": "text/csv" }, payload: "a,b" });
        expect([path, method, response.statusCode, response.headers["allow"]]).toEqual([path, method, 405, "GET, HEAD"]);
        expect(response.json<{ code: string }>().code).toBe("method-not-allowed");
      }
    }
  });

  it("refuses a body where none is read, and media types that are not offered", async () => {
    const body = await app.inject({ method: "GET", url: "/v1/status", headers: { "content-type": "application/json" }, payload: "{}" });
    expect([body.statusCode, body.json<{ faults: { pointer: string }[] }>().faults[0]?.pointer]).toEqual([400, "/body"]);
    const xml = await app.inject({ url: "/v1/status", headers: { accept: "application/xml, text/*;q=0.5" } });
    expect([xml.statusCode, xml.json<{ code: string }>().code]).toEqual([406, "not-acceptable"]);
    expect((await app.inject({ url: "/metrics", headers: { accept: "text/plain;version=0.0.4" } })).statusCode).toBe(200);
  });

  it("hides what happened inside, and keeps it for the log", async () => {
    const logged: string[] = [];
    const broken = await buildRest({
      ...fixture.deps,
      view: () => {
        throw new Error("a secret of the process");
      },
      log: pino({}, { write: (line: string) => void logged.push(line) }),
    });
    const response = await broken.inject("/v1/status");
    expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([500, "internal"]);
    expect(response.body).not.toContain("secret");
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? "")).toMatchObject({
      reqId: response.headers["x-request-id"],
      err: { message: "a secret of the process" },
    });
    await broken.close();
  });

  it("gives 503 with a time to come back when the store is away", async () => {
    const away = await planInForce();
    const server = await buildRest(away.deps);
    await away.store.close();
    const response = await server.inject("/v1/plans");
    expect([response.statusCode, response.headers["retry-after"], response.json<{ code: string }>().code]).toEqual([
      503,
      "5",
      "unavailable",
    ]);
    expect((await server.inject("/readyz")).json()).toMatchObject({ ready: false, reasons: ["The store does not answer."] });
    // What the controller holds in memory is there all the same.
    expect((await server.inject("/v1/plans/3")).statusCode).toBe(200);
    await server.close();
  });
});

describe("what routes that take a body will refuse", () => {
  it("bodies that are too large, of another type, or not JSON", async () => {
    const server = createServer({}, createMetrics("test"));
    server.post("/echo", { schema: { body: z.strictObject({ x: z.number() }) } }, async ({ body }) => body);
    const post = (contentType: string, payload: string) =>
      server.inject({ method: "POST", url: "/echo", headers: { "content-type": contentType }, payload });
    const table = [
      ["application/json", JSON.stringify({ x: "y".repeat(2 << 20) }), 413, "body-too-large"],
      ["text/csv", "x", 415, "unsupported-media-type"],
      ["application/json", "{", 400, "malformed"],
      ["application/json", "", 400, "malformed"],
      ["application/json", '{"x":"1"}', 400, "wrong-type"],
      ["application/json", '{"x":null}', 400, "wrong-type"],
      ["application/json", '{"x":1e999}', 422, "not-finite"],
      ["application/json", '{"x":1,"y":2}', 400, "unknown-field"],
      ["application/json", '{"x":1,"__proto__":{"y":1}}', 400, "malformed"],
    ] as const;
    for (const [type, payload, status, code] of table) {
      const response = await post(type, payload);
      expect([payload.slice(0, 30), response.statusCode, response.json<{ code: string }>().code]).toEqual([
        payload.slice(0, 30),
        status,
        code,
      ]);
      expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
    }
    expect((await post("application/json", '{"x":1}')).statusCode).toBe(200);
    await server.close();
  });
});
