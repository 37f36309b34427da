import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { restLimitsDefault, type RestLimits } from "./limits.js";
import { buildRest } from "./server.js";
import { planInForce } from "./testing/plan-in-force.js";
import { testIssuer } from "./testing/tokens.js";

let app: FastifyInstance | undefined;
afterEach(async () => app?.close());

const generous: RestLimits = {
  ...restLimitsDefault,
  readsPerSecondMax: 1e6,
  writesPerSecondMax: 1e6,
  requestsAtOnceMax: 1e6,
  loopDelayMsMax: 0,
};

async function serve(limits: Partial<RestLimits>) {
  const { deps } = await planInForce();
  const issuer = await testIssuer();
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  app = await buildRest({
    ...deps,
    auth: issuer.authenticator,
    limits: { ...generous, ...limits },
    explain: async (...asked) => {
      await held;
      return deps.explain(...asked);
    },
  });
  const server = app;
  const get = (url: string, token?: string) =>
    server.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return { get, server, issuer, release };
}

describe("what one actor may ask for", () => {
  it("is counted for each by himself, reads and changes apart, and probes not at all", async () => {
    const { get, server, issuer } = await serve({ readsPerSecondMax: 0 });
    const refused = await get("/v1/status", issuer.byRole.viewer);
    expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([429, "rate-limited"]);
    expect(refused.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await get("/healthz")).statusCode).toBe(200);
    const headers = { authorization: `Bearer ${issuer.byRole.admin}`, "if-match": "*" };
    expect((await server.inject({ method: "PATCH", url: "/v1/settings", headers, payload: {} })).statusCode).not.toBe(429);
  });

  it("of many is counted apart: who asks too much is refused, others are served", async () => {
    const { get, issuer } = await serve({ readsPerSecondMax: 5 });
    // More than the limit at once: whichever second they fall into, some are beyond it unless they fall into many.
    const mine = await Promise.all(Array.from({ length: 50 }, () => get("/v1/status", issuer.byRole.viewer)));
    const statuses = mine.map(({ statusCode }) => statusCode);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await get("/v1/status", issuer.byRole.operator)).statusCode).toBe(200);
  });

  it("counts strangers by their address, so that guessing tokens is slow", async () => {
    const { get } = await serve({ readsPerSecondMax: 0 });
    expect((await get("/v1/status", "no-token")).statusCode).toBe(429);
    expect((await get("/v1/status")).statusCode).toBe(429);
  });
});

describe("what all may ask for", () => {
  it("is bounded at a time: others hear when to come back, and a place is free again when an answer is out", async () => {
    const { get, issuer, release } = await serve({ requestsAtOnceMax: 1 });
    const url = "/v1/plans/3/explanation?link=a-c";
    const first = get(url, issuer.byRole.viewer);
    // It has its place once the server has begun with it: until then the next one would be first.
    await new Promise((resolve) => setImmediate(resolve));
    const second = await get("/v1/status", issuer.byRole.viewer);
    expect([second.statusCode, second.headers["retry-after"], second.json<{ code: string }>().code]).toEqual([503, "5", "unavailable"]);
    expect((await get("/healthz")).statusCode).toBe(200);
    expect((await get("/readyz")).statusCode).toBe(200);
    release();
    expect((await first).statusCode).toBe(200);
    expect((await get("/v1/status", issuer.byRole.viewer)).statusCode).toBe(200);
  });

  it("is turned away while the event loop is late, but not probes", async () => {
    // Any delay is too much here; the first sample comes after some seconds.
    const { get, issuer } = await serve({ loopDelayMsMax: 1e-9 });
    let answer = await get("/v1/status", issuer.byRole.viewer);
    while (answer.statusCode === 200) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer = await get("/v1/status", issuer.byRole.viewer);
    }
    expect([answer.statusCode, answer.headers["retry-after"], answer.json<{ code: string }>().code]).toEqual([503, "5", "unavailable"]);
    expect((await get("/healthz")).statusCode).toBe(200);
  });

  it("is by default far above what a benchmark of a thousand reads a second asks for", () => {
    expect(restLimitsDefault.readsPerSecondMax).toBeGreaterThanOrEqual(2_000);
  });
});
