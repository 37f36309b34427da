import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { accepts, buildRest } from "./server.js";
import { planInForce, type Fixture } from "./testing/plan-in-force.js";

let fixture: Fixture;
let app: FastifyInstance;
beforeAll(async () => {
  fixture = await planInForce();
  app = await buildRest(fixture.deps);
});
afterEach(() => fixture.show(fixture.full));
afterAll(async () => app.close());

describe("answers", () => {
  it("pages that fit together, whatever their size", async () => {
    for (const [path, keyOf] of [
      ["/v1/demands", (item: Record<string, unknown>) => `${String(item["src"])}>${String(item["dst"])}/${String(item["trafficClass"])}`],
      ["/v1/tunnels", (item: Record<string, unknown>) => String(item["id"])],
      ["/v1/links", (item: Record<string, unknown>) => String(item["linkId"])],
      ["/v1/plans", (item: Record<string, unknown>) => String(item["epoch"])],
      ["/v1/agents", (item: Record<string, unknown>) => String(item["nodeId"])],
      ["/v1/protection/scenarios", (item: Record<string, unknown>) => String(item["scenarioId"])],
      ["/v1/protection/bypasses", (item: Record<string, unknown>) => String(item["id"])],
      ["/v1/protection/backups", (item: Record<string, unknown>) => String(item["tunnelId"])],
    ] as const) {
      const all = (await app.inject(path)).json<{ items: Record<string, unknown>[] }>().items.map(keyOf);
      expect(new Set(all).size).toBe(all.length);
      for (const limit of [1, 2, 3]) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = (await app.inject(`${path}?limit=${limit}${cursor === undefined ? "" : `&cursor=${cursor}`}`)).json<{
            items: Record<string, unknown>[];
            nextCursor?: string;
          }>();
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items.map(keyOf));
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(seen).toEqual(all);
      }
    }
  });

  it("agree with the plan about what is admitted, tunnelled and carried", async () => {
    const { plan } = fixture.full.planInForce?.record ?? {};
    const { items: demands } = (await app.inject("/v1/demands")).json<{
      items: { src: string; dst: string; trafficClass: string; admittedBps: number }[];
    }>();
    expect(demands).toHaveLength(5);
    for (const { src, dst, trafficClass, admittedBps } of demands) {
      const group = plan?.groups.find((each) => each.src === src && each.dst === dst && each.trafficClass === trafficClass);
      expect(admittedBps).toBe(group?.admittedBps ?? 0);
    }
    const admitted = plan?.groups.reduce((sum, { admittedBps }) => sum + admittedBps, 0) ?? 0;
    expect(admitted).toBeGreaterThan(1e9);
    const { items: tunnels } = (await app.inject("/v1/tunnels")).json<{
      items: { plannedBps: number; path: string[]; latencyMs: number }[];
    }>();
    expect(tunnels.reduce((sum, { plannedBps }) => sum + plannedBps, 0)).toBeCloseTo(admitted, 3);
    for (const { path, latencyMs } of tunnels) expect(latencyMs).toBe(5 * path.length);
    const { items: links } = (await app.inject("/v1/links")).json<{
      items: { linkId: string; planned: { loadBps: number; utilization: number }; measured?: object }[];
    }>();
    const carried = tunnels.reduce((sum, { plannedBps, path }) => sum + plannedBps * path.length, 0);
    expect(links.reduce((sum, { planned }) => sum + planned.loadBps, 0)).toBeCloseTo(carried, 3);
    expect(links[0]?.measured).toEqual({ transmittedBps: 4e9, droppedBps: 8, utilization: 0.4, measuredAt: "2026-03-01T12:00:00.000Z" });
    const { plan: summary, utilizationMaxMeasured } = (await app.inject("/v1/status")).json<{
      plan: { utilizationMax: number };
      utilizationMaxMeasured: number;
    }>();
    expect(summary.utilizationMax).toBeCloseTo(Math.max(...links.map(({ planned }) => planned.utilization)), 9);
    expect(utilizationMaxMeasured).toBe(0.4);
  });

  it("are in sequence for events, with the place to go on from", async () => {
    const page = (await app.inject("/v1/events?after=3&limit=1")).json<{ items: { sequence: number }[]; nextAfter: number }>();
    expect([page.items.map(({ sequence }) => sequence), page.nextAfter]).toEqual([[4], 4]);
    expect((await app.inject("/v1/events?after=5")).json()).toEqual({ items: [], nextAfter: 5 });
  });

  it("are not ready with the reasons, and healthy all the while", async () => {
    fixture.show(fixture.empty);
    const response = await app.inject("/readyz");
    expect([response.statusCode, response.json()]).toEqual([
      503,
      { ready: false, reasons: ["There is no topology yet."], deletionsAllowed: false, role: "leader" },
    ]);
    expect((await app.inject("/healthz")).statusCode).toBe(200);
  });

  it("carry the client's request id where it is harmless", async () => {
    expect((await app.inject({ url: "/healthz", headers: { "x-request-id": "job-1.2_3" } })).headers["x-request-id"]).toBe("job-1.2_3");
    for (const bad of ["a b", "x".repeat(65), '"}\\n{"forged":1'])
      expect((await app.inject({ url: "/healthz", headers: { "x-request-id": bad } })).headers["x-request-id"]).not.toBe(bad);
  });

  it("weigh what a client accepts", () => {
    const table: readonly [string | undefined, boolean][] = [
      [undefined, true],
      ["", true],
      ["*/*", true],
      ["application/*;q=0.1", true],
      ["APPLICATION/JSON", true],
      ["text/html", false],
      ["application/json;q=0, */*", false],
      ["application/json;q=nonsense", false],
      ["text/html, */*;q=0.001", true],
    ];
    for (const [accept, expected] of table) expect([accept, accepts(accept, "application/json")]).toEqual([accept, expected]);
  });
});

describe("metrics", () => {
  it("are in base units and follow the state", async () => {
    await app.inject("/v1/plans/3");
    const { body } = await app.inject("/metrics");
    expect(body).toContain('sluice_link_capacity_bytes_per_second{link="a-b"} 1250000000');
    expect(body).toContain('sluice_link_transmitted_bytes_per_second{link="a-b"} 500000000');
    expect(body).toContain("# TYPE sluice_solves_total counter\nsluice_solves_total 4");
    expect(body).toContain('sluice_plan_epoch{plan="in-force"} 3');
    expect(body).toContain('sluice_build_info{version="1.2.3"} 1');
    expect(body).toMatch(
      /sluice_http_request_duration_seconds_bucket\{le="\+Inf",method="GET",route="\/v1\/plans\/:epoch",status="200"\} \d+/,
    );
    fixture.show(fixture.empty);
    const { body: later } = await app.inject("/metrics");
    expect(later).not.toContain('link="a-b"');
    expect(later).toContain("sluice_ready 0");
  });

  it("count the same in two scrapes of one state", async () => {
    for (let scrape = 0; scrape < 2; scrape++) {
      const { body } = await app.inject("/metrics");
      expect(body.match(/^sluice_solve\w*_total .*$/gm)).toEqual([
        "sluice_solves_total 4",
        expect.stringMatching(/^sluice_solve_failures_total \d+$/),
      ]);
    }
  });

  it("have names that Prometheus takes, and no route but those that exist", async () => {
    await app.inject("/v1/plans/12345");
    await app.inject("/never/seen/before");
    const { body } = await app.inject("/metrics");
    for (const line of body.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
      expect(line).toMatch(/^[a-z_][a-z0-9_]*(\{[a-z_]+="[^\n]*"\})? [-+0-9.eNaInf]+$/i);
    }
    const routes = new Set([...body.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    expect(routes).toContain("unknown");
    expect(routes).not.toContain("/never/seen/before");
  });
});

describe("over a socket", () => {
  let port: number;
  beforeAll(async () => {
    port = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
  });

  function raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
      socket.on("close", () => resolve(answer));
      socket.on("error", reject);
    });
  }

  it("serves", async () => {
    const { status, type, body } = await new Promise<{ status: number | undefined; type: string | undefined; body: string }>((resolve) => {
      httpRequest({ host: "127.0.0.1", port, path: "/v1/status" }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"], body: text }));
      }).end();
    });
    expect([status, type]).toEqual([200, "application/json; charset=utf-8"]);
    expect(JSON.parse(body)).toMatchObject({ ready: true, plan: { epoch: 3, check: "pass", walk: "pass" } });
  });

  it("answers with a problem what is no HTTP, or has headers without end", async () => {
    const nonsense = await raw("nonsense\r\n\r\n");
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 /);
    expect(nonsense).toContain("application/problem+json");
    const endless = await raw(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: ${"y".repeat(20_000)}\r\n\r\n`);
    expect(endless).toMatch(/^HTTP\/1\.1 431 /);
    expect(endless).toContain('"code":"headers-too-large"');
  });

  it("closes the connection on a body that it does not read", async () => {
    const answer = await raw("GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\npart of it");
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.toLowerCase()).toContain("connection: close");
  });
});
