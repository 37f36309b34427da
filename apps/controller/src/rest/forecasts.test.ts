import { request } from "node:http";
import { gzipSync } from "node:zlib";
import type { Demand, NodeId } from "@sluice/model";
import { memoryStore, type Store } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startForecasts, type RunningForecasts } from "../forecast/service.js";
import { csvHeader, csvOf, valueOf, type TestRow } from "../forecast/testing/upload-bench.js";
import { buildRest } from "./server.js";
import { planInForce } from "./testing/plan-in-force.js";

let app: FastifyInstance;
let store: Store;
let forecasts: RunningForecasts;
let nodes: readonly NodeId[];
let nowMs = 0;
const told: { readonly kind: string; readonly note?: string }[] = [];

beforeAll(async () => {
  const fixture = await planInForce();
  store = memoryStore();
  const term = valueOf(await store.acquireTerm("a test"));
  const view = () => fixture.full;
  nowMs = fixture.full.nowMs;
  nodes = (fixture.full.topology?.nodes ?? []).map(({ id }) => id);
  forecasts = startForecasts({
    store,
    term,
    view,
    nowMs: () => nowMs,
    watch: () => () => undefined,
    limits: { rowsMax: 50, chunkRows: 4 },
    tell: (input) => void told.push(input),
    solve: () => Promise.resolve({ ok: false, faults: [{ code: "unavailable", message: "nobody solves here" }] }),
    onFaults: () => {},
  });
  app = await buildRest({ ...fixture.deps, store, view, forecasts });
}, 60_000);
afterAll(async () => {
  forecasts.close();
  await app.close();
});

function rows(count: number, more: Partial<TestRow> = {}): readonly TestRow[] {
  const [src = "", dst = ""] = nodes;
  return Array.from({ length: count }, (_, i) => ({
    windowStart: "2026-03-02T00:00:00Z",
    windowSeconds: i + 1,
    src,
    dst,
    class: "bulk",
    rateBps: 1e6,
    quantile: "p50",
    ...more,
  }));
}

function post(query: string, payload: string | Buffer, headers: Record<string, string> = {}) {
  return app.inject({ method: "POST", url: `/v1/forecasts?${query}`, headers: { "content-type": "text/csv", ...headers }, payload });
}

function patch(batchId: string, query: string, payload: string) {
  return app.inject({ method: "PATCH", url: `/v1/forecasts/${batchId}?${query}`, headers: { "content-type": "text/csv" }, payload });
}

describe("forecasts over REST", () => {
  it("are uploaded, read back, listed and removed", async () => {
    const posted = await post("batchId=one&name=evening", csvOf(rows(3)));
    expect([posted.statusCode, posted.json()]).toMatchObject([
      200,
      { batchId: "one", name: "evening", state: "ready", rows: 3, windows: 3, errors: [] },
    ]);
    expect((await app.inject("/v1/forecasts/one")).json()).toEqual(posted.json());
    expect((await app.inject("/v1/forecasts")).json()).toMatchObject({ total: 1, items: [{ batchId: "one" }] });
    const windows = (await app.inject("/v1/forecasts/one/windows?limit=2")).json<{ items: unknown[]; nextCursor: string }>();
    expect(windows).toMatchObject({ total: 3, items: [{ windowSeconds: 1, quantile: "p50", rateBps: 1e6 }, { windowSeconds: 2 }] });
    const next = await app.inject(`/v1/forecasts/one/windows?limit=2&cursor=${windows.nextCursor}`);
    expect(next.json()).toMatchObject({ items: [{ windowSeconds: 3 }] });
    expect(told).toContainEqual({
      kind: "forecast-noted",
      note: "forecast-ready",
      data: expect.objectContaining({ batchId: "one", rows: 3 }) as unknown,
    });
    const removed = await app.inject({ method: "DELETE", url: "/v1/forecasts/one" });
    expect([removed.statusCode, removed.json()]).toEqual([200, { batchId: "one", removed: true }]);
    for (const url of ["/v1/forecasts/one", "/v1/forecasts/one/windows"]) expect((await app.inject(url)).statusCode).toBe(404);
  });

  it("are taken gzipped, and as NDJSON with a charset", async () => {
    const packed = await post("batchId=gz", gzipSync(csvOf(rows(5))), { "content-encoding": "gzip" });
    expect([packed.statusCode, packed.json()]).toMatchObject([200, { state: "ready", rows: 5 }]);
    const ndjson = rows(5)
      .map((row) => JSON.stringify(row))
      .join("\n");
    const plain = await post("batchId=gz", ndjson, { "content-type": "application/x-ndjson; charset=utf-8" });
    expect([plain.statusCode, plain.json()]).toEqual([200, packed.json()]);
  });

  it("are refused in problem documents", async () => {
    valueOf(await forecasts.remove("gz", { actor: "a", correlationId: "r" }));
    const table: readonly (readonly [Awaited<ReturnType<typeof post>>, number, string, string | undefined])[] = [
      [await post("batchId=x", `${csvHeader}\nnonsense`), 422, "out-of-range", "/line/2"],
      [await post("batchId=x", csvOf(rows(1, { dst: "nowhere" }))), 422, "dangling-reference", "/line/2/dst"],
      [await post("batchId=a%20b", csvOf(rows(1))), 400, "malformed", "/query/batchId"],
      [await post("", csvOf(rows(1))), 400, "missing-field", "/query/batchId"],
      [await post("batchId=x&more=yes", csvOf(rows(1))), 422, "not-allowed", "/query/more"],
      [await post("batchId=x", csvOf(rows(51))), 413, "too-many", "/body"],
      [await post("batchId=x", csvOf(rows(1)), { "content-encoding": "br" }), 415, "unknown-format", "/headers/content-encoding"],
      [await post("batchId=x", "not gzip", { "content-encoding": "gzip" }), 400, "malformed", "/body"],
      [await post("batchId=x", "{}", { "content-type": "application/json" }), 415, "unsupported-media-type", undefined],
      [await patch("none", "row=0", csvOf(rows(1))), 404, "not-found", undefined],
    ];
    for (const [response, status, code, pointer] of table) {
      const problem = response.json<{ code: string; faults: { pointer?: string }[] }>();
      expect([response.statusCode, problem.code, problem.faults[0]?.pointer]).toEqual([status, code, pointer]);
      expect(response.headers["content-type"]).toContain("application/problem+json");
    }
    valueOf(await forecasts.receive({ batchId: "same" }, () => oneRow(1)));
    const other = await post("batchId=same", csvOf(rows(1)));
    expect([other.statusCode, other.json<{ code: string }>().code]).toEqual([422, "duplicate-id"]);
  });

  it("go on in pieces", async () => {
    expect((await post("batchId=parts&more=true", csvOf(rows(6)))).json()).toMatchObject({ state: "receiving", rows: 6, line: 7 });
    const wrong = await patch("parts", "row=5", csvOf(rows(1)));
    expect([wrong.statusCode, wrong.json<{ faults: object[] }>().faults[0]]).toMatchObject([
      422,
      { code: "out-of-range", pointer: "/query/row" },
    ]);
    const done = await patch("parts", "row=6&rows=8", csvOf(rows(8).slice(6)));
    expect([done.statusCode, done.json()]).toMatchObject([200, { state: "ready", rows: 8, line: 9, windows: 8 }]);
  });

  it("go on where a connection broke, gzipped or not", async () => {
    await app.listen({ port: 0, host: "127.0.0.1" });
    const address = app.server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    for (const isGzipped of [false, true]) {
      const batchId = `broken-${isGzipped}`;
      // Rates that do not compress, so that there is something to cut.
      const all = rows(40).map((row, i) => ({ ...row, rateBps: Math.abs(Math.sin(i + 1)) * 1e6 }));
      const whole = isGzipped ? gzipSync(csvOf(all)) : Buffer.from(csvOf(all));
      const headers = { "content-type": "text/csv", "content-length": whole.length, ...(isGzipped && { "content-encoding": "gzip" }) };
      const call = request({ port, host: "127.0.0.1", method: "POST", path: `/v1/forecasts?batchId=${batchId}`, headers });
      const broken = new Promise((resolve) => call.once("close", resolve));
      call.on("error", () => undefined);
      call.write(whole.subarray(0, Math.floor(whole.length / 2)));
      const stateNow = async () => (await app.inject(`/v1/forecasts/${batchId}`)).json<{ state?: string; rows?: number }>();
      while ((await stateNow()).state !== "receiving") await new Promise((resolve) => setTimeout(resolve, 5));
      call.destroy();
      await broken;
      // Until the controller has noticed, the batch is still being uploaded.
      while ((await patch(batchId, "row=50", csvHeader)).statusCode === 409) await new Promise((resolve) => setTimeout(resolve, 5));
      const { state, rows: durable = 0 } = await stateNow();
      expect(state).toBe("receiving");
      const done = await patch(batchId, `row=${durable}&rows=40`, csvOf(all.slice(durable)));
      expect([done.statusCode, done.json()]).toMatchObject([200, { rows: 40, windows: 40 }]);
      const again = await post(`batchId=${batchId}`, csvOf(all));
      expect(again.json()).toEqual(done.json());
    }
  });

  it("are released by an operator, unless a rate is no number", async () => {
    const odd = await post("batchId=odd", csvOf(rows(1)).replace("1000000", "NaN"));
    expect([odd.statusCode, odd.json()]).toMatchObject([200, { state: "quarantined", windowsQuarantined: 1 }]);
    const windows = await app.inject("/v1/forecasts/odd/windows?state=quarantined");
    expect(windows.json()).toMatchObject({ total: 1, items: [{ reasons: [{ code: "not-a-number" }] }] });
    const release = (batchId: string) => app.inject({ method: "POST", url: `/v1/forecasts/${batchId}/release` });
    expect((await release("odd")).json()).toMatchObject({ status: 422, code: "quarantined" });
    expect((await release("none")).statusCode).toBe(404);
    // What was measured decides: ten times as much as ever is held back until an operator says otherwise.
    await measure(1e6);
    const high = await post("batchId=high", csvOf(rows(1)).replace("1000000", "10000000"));
    expect(high.json()).toMatchObject({ state: "quarantined" });
    const released = await release("high");
    expect([released.statusCode, released.json()]).toMatchObject([
      200,
      { state: "ready", windowsQuarantined: 0, releasedBy: expect.any(String) as unknown },
    ]);
    expect((await release("high")).statusCode).toBe(422);
  });
});

describe("measured history over REST", () => {
  it("comes out as rows of forecasts, in either format", async () => {
    await measure(1e6);
    const [src = "", dst = ""] = nodes;
    const csv = await app.inject("/v1/history/demands");
    const lines = csv.body.trimEnd().split("\n");
    expect(csv.headers["content-type"]).toContain("text/csv");
    expect(lines[0]).toBe("windowStart,windowSeconds,src,dst,class,rateBps");
    expect(lines.length).toBe(1 + 24);
    expect(lines[1]).toMatch(new RegExp(`^20[0-9T:-]+Z,300,${src},${dst},bulk,1000000$`));
    const ndjson = await app.inject({ url: "/v1/history/demands", headers: { accept: "application/x-ndjson" } });
    const objects = ndjson.body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(objects).toHaveLength(24);
    expect(objects[0]).toEqual({ windowStart: lines[1]?.split(",")[0], windowSeconds: 300, src, dst, class: "bulk", rateBps: 1e6 });
    const part = await app.inject(`/v1/history/demands?format=csv&from=${new Date(nowMs - 3_600_000).toISOString()}`);
    expect(part.body.trimEnd().split("\n")).toHaveLength(1 + 12);
    expect((await app.inject("/v1/history/demands?from=yesterday")).statusCode).toBe(400);
    // It can be uploaded as it is.
    expect((await post("batchId=again", csv.body)).json()).toMatchObject({ state: "ready", rows: 24 });
  });
});

describe("the outlook over REST", () => {
  it("says what it has, and why it lacks the rest", async () => {
    const outlook = (await app.inject("/v1/outlook")).json<{ state: string; windows: unknown[] }>();
    expect(["none", "computing", "ready"]).toContain(outlook.state);
    expect(outlook.windows).toEqual([]);
  });
});

/** Two hours of one flow group. */
async function measure(rateBps: number): Promise<void> {
  const [src, dst] = nodes;
  if (src === undefined || dst === undefined) throw new Error("the topology has nodes");
  const demands: readonly Demand[] = [{ src, dst, trafficClass: "bulk", rateBps }];
  for (let ms = nowMs - 7_200_000 + 60_000; ms < nowMs; ms += 300_000) {
    valueOf(await store.putDemands(1, { kind: "demand-matrix", name: "m", demands }, new Date(ms).toISOString()));
  }
}

async function* oneRow(rateBps: number) {
  const [src = "", dst = ""] = nodes;
  const row = { startMs: 0, windowSeconds: 1, quantile: 0, src, dst, trafficClass: 0, rateBps };
  yield await Promise.resolve([{ line: 2, row }]);
}
