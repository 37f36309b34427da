/** The services behind a real server on a loopback port, called by clients that know only the protocol. */
import { execFile } from "node:child_process";
import { connect, constants } from "node:http2";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { status, type ClientDuplexStream, type ClientWritableStream } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { assert } from "@sluice/model";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GrpcLimits } from "./limits.js";
import type { GrpcLog } from "./ports.js";
import { startGrpc, type GrpcServer } from "./server.js";
import { createMemoryDriver, type MemoryDriver } from "./testdata/memory-driver.js";
import {
  callStream,
  callUnary,
  callUpload,
  definitionByReflection,
  definitionFromFiles,
  faultsIn,
  stockClient,
  type AnyClient,
} from "./testdata/stock-client.js";
import { topologyOf, uploadBench } from "../forecast/testing/upload-bench.js";

const run = promisify(execFile);
const logged: { data: object; message: string }[] = [];
const logTo = (data: object, message: string): void => void logged.push({ data, message });
const log: GrpcLog = { debug: logTo, info: logTo, warn: logTo, error: logTo };

async function serve(driver: MemoryDriver, limits: Partial<GrpcLimits> = {}): Promise<GrpcServer> {
  const started = await startGrpc({ address: { host: "127.0.0.1", port: 0 }, driver, forecasts: driver.forecasts, log, limits });
  assert(started.ok, JSON.stringify(started));
  return started.value;
}

const link = { id: "a-b", from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1 };
const triangle = {
  name: "triangle",
  nodes: [{ id: "a" }, { id: "b" }, { id: "c" }],
  links: [link, { ...link, id: "b-c", from: "b", to: "c" }, { ...link, id: "c-a", from: "c", to: "a", drain: "DRAIN_STATE_DRAINED" }],
};
const demand = { src: "a", dst: "b", trafficClass: "TRAFFIC_CLASS_ELASTIC", rateBps: 1e6 };
const header = { batchId: "f1", windowStart: { seconds: 1_800_000_000, nanos: 0 }, windowSeconds: 3_600, name: "evening" };

let driver = createMemoryDriver();
let server: GrpcServer;
let definition: PackageDefinition;
let topology: AnyClient;
let demands: AnyClient;
let switches: AnyClient;

beforeAll(async () => {
  server = await serve(driver, { requestBytesMax: 1_000_000, requestMsMax: 400, uploadPauseMsMax: 200, demandsPerMessageMax: 2_000 });
  definition = definitionFromFiles();
  topology = stockClient(definition, "sluice.v1.TopologyService", server.port);
  demands = stockClient(definition, "sluice.v1.DemandService", server.port);
  switches = stockClient(definition, "sluice.v1.SwitchService", server.port);
});
afterAll(async () => {
  for (const client of [topology, demands, switches]) client.close();
  await server.stop();
});
beforeEach(async () => {
  driver.stalled = false;
  const { error } = await callUnary(topology, "replaceTopology", { topology: triangle });
  assert(error === undefined, String(error));
  driver.matrices.length = 0;
  driver.batches.length = 0;
});

describe("a stock client", () => {
  it("finds the services by reflection and uses what it finds", async () => {
    const { services, definition: found } = await definitionByReflection(server.port);
    expect(services).toEqual(expect.arrayContaining(["sluice.v1.TopologyService", "sluice.v1.DemandService", "sluice.v1.SwitchService"]));
    const client = stockClient(found, "sluice.v1.TopologyService", server.port);
    const { response } = await callUnary(client, "getTopology", {});
    client.close();
    expect(response?.["topology"]).toMatchObject({ name: "triangle" });
  });

  it("can use reflection with a strict client, which resolves every import and type", async () => {
    const buf = fileURLToPath(new URL("../../../../node_modules/.bin/buf", import.meta.url));
    const target = `http://127.0.0.1:${server.port}`;
    const curl = async (...args: string[]) => (await run(buf, ["curl", "--http2-prior-knowledge", "--protocol", "grpc", ...args])).stdout;
    expect(await curl("--list-methods", target)).toMatch(/sluice\.v1\.DemandService\/UploadForecasts/);
    const read = JSON.parse(await curl("-d", "{}", `${target}/sluice.v1.TopologyService/GetTopology`)) as object;
    expect(read).toMatchObject({ topology: { name: "triangle", links: [{ id: "a-b", capacityBps: 1e9 }, {}, {}] } });
    const health = await curl("-d", '{"service":"sluice.v1.SwitchService"}', `${target}/grpc.health.v1.Health/Check`);
    expect(JSON.parse(health)).toEqual({ status: "SERVING" });
  });

  it("sees health", async () => {
    const { protoPath } = await import("grpc-health-check");
    const { loadSync } = await import("@grpc/proto-loader");
    const client = stockClient(loadSync(protoPath, { enums: String }), "grpc.health.v1.Health", server.port);
    const check = async (service: string) => (await callUnary(client, "check", { service })).response?.["status"];
    expect(await check("sluice.v1.SwitchService")).toBe("SERVING");
    server.setServing(false);
    expect(await check("")).toBe("NOT_SERVING");
    server.setServing(true);
    expect((await callUnary(client, "check", { service: "no.such.Service" })).error?.code).toBe(status.NOT_FOUND);
    client.close();
  });

  it("replaces, changes and reads the topology", async () => {
    const changed = await callUnary(topology, "applyChanges", {
      changes: [
        { setLinkState: { linkId: "a-b", operational: "OPERATIONAL_STATE_DOWN" } },
        { removeLinkId: "c-a" },
        { putNode: { id: "d" } },
      ],
    });
    expect(changed.error).toBeUndefined();
    const { response } = await callUnary(topology, "getTopology", {});
    const read = response?.["topology"] as { links: { id: string; operational: string }[]; nodes: { id: string; prefix: string }[] };
    expect(read.links.map(({ id, operational }) => [id, operational])).toEqual([
      ["a-b", "OPERATIONAL_STATE_DOWN"],
      ["b-c", "OPERATIONAL_STATE_UP"],
    ]);
    expect(read.nodes.map(({ id }) => id)).toEqual(["a", "b", "c", "d"]);
    expect(response?.["version"]).toBe((changed.response?.["version"] as number) ?? -1);
  });

  it("is told not found where there is no topology", async () => {
    const fresh = await serve(createMemoryDriver());
    const client = stockClient(definition, "sluice.v1.TopologyService", fresh.port);
    const { error } = await callUnary(client, "getTopology", {});
    client.close();
    await fresh.stop();
    expect(error?.code).toBe(status.NOT_FOUND);
    expect(faultsIn(error)[0]?.code).toBe("not-found");
  });

  it("streams 1,000 measurements and has each answered", async () => {
    const requests = Array.from({ length: 1_000 }, (_, i) => ({
      sequence: i + 1,
      matrix: { name: `m${i}`, demands: [{ ...demand, rateBps: i }] },
    }));
    const { answers, error } = await callStream(demands, "streamMeasurements", requests);
    expect(error).toBeUndefined();
    expect(answers.map(({ sequence, demandCount, faults }) => [sequence, demandCount, faults])).toEqual(
      requests.map(({ sequence }) => [sequence, 1, []]),
    );
    expect(driver.matrices.map(({ demands: [first] }) => first?.rateBps)).toEqual(requests.map((_, i) => i));
  });

  it("sends 1,000 demands in parts as one matrix", async () => {
    const nodes = Array.from({ length: 1_001 }, (_, i) => ({ id: `n${String(i).padStart(4, "0")}` }));
    await callUnary(topology, "replaceTopology", { topology: { name: "many", nodes, links: [] } });
    const all = nodes.slice(1).map(({ id }, i) => ({ ...demand, src: "n0000", dst: id, rateBps: i }));
    const requests = Array.from({ length: 10 }, (_, i) => ({
      sequence: 7,
      more: i < 9,
      matrix: { name: "parts", demands: all.slice(i * 100, (i + 1) * 100) },
    }));
    const { answers } = await callStream(demands, "streamMeasurements", requests);
    expect(answers).toEqual([expect.objectContaining({ sequence: 7, demandCount: 1_000, faults: [] })]);
    expect(driver.matrices[0]?.demands).toHaveLength(1_000);
  });

  it("answers each of many matrices that are sent at once, also behind a half-close", async () => {
    const { answers, error } = await callStream(
      demands,
      "streamMeasurements",
      Array.from({ length: 2_000 }, (_, sequence) => ({ sequence })),
    );
    expect(error).toBeUndefined();
    expect(answers.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 2_000 }, (_, sequence) => sequence));
  });

  it("goes on after a measurement that was refused, and is told where in its own order", async () => {
    const matrix = { name: "m", demands: [{ ...demand, src: "c", dst: "zz" }, demand] };
    const { answers, error } = await callStream(demands, "streamMeasurements", [
      { sequence: 1, matrix },
      { sequence: 2, matrix: { name: "m", demands: [demand] } },
    ]);
    expect(error).toBeUndefined();
    expect(answers[0]?.["faults"]).toEqual([expect.objectContaining({ code: "dangling-reference", pointer: "/matrix/demands/0/dst" })]);
    expect(answers[1]).toMatchObject({ sequence: 2, demandCount: 1, faults: [] });
    expect(driver.matrices).toHaveLength(1);
  });

  it("uploads a forecast in parts", async () => {
    const { response, error } = await callUpload(demands, "uploadForecasts", [
      { header },
      { demands: { demands: [demand] } },
      { demands: { demands: [{ ...demand, dst: "c" }] } },
      { completion: { demandCount: 2 } },
    ]);
    expect(error).toBeUndefined();
    expect(response).toMatchObject({ batchId: "f1", demandCount: 2, state: "FORECAST_STATE_READY" });
    expect(driver.batches).toEqual([
      expect.objectContaining({ batchId: "f1", state: "ready", rows: 2, windows: 1, firstWindowStart: "2027-01-15T08:00:00.000Z" }),
    ]);
  });

  const window = (hour: number, quantile: string) => ({
    window: { windowStart: { seconds: 1_800_000_000 + hour * 3_600, nanos: 0 }, windowSeconds: 3_600, quantile },
  });
  const { windowStart: _, windowSeconds: _s, ...plainHeader } = header;

  it("takes windows and quantiles of one batch, the same as rows over REST", async () => {
    const batch = { header: { ...plainHeader, batchId: "windows" } };
    const { response, error } = await callUpload(demands, "uploadForecasts", [
      batch,
      window(0, "QUANTILE_P50"),
      { demands: { demands: [demand] } },
      window(0, "QUANTILE_P90"),
      { demands: { demands: [{ ...demand, rateBps: 2e6 }] } },
      window(1, "QUANTILE_UNSPECIFIED"),
      { demands: { demands: [demand] } },
      { completion: { demandCount: 3 } },
    ]);
    expect(error).toBeUndefined();
    expect(response).toMatchObject({ demandCount: 3, state: "FORECAST_STATE_READY" });
    const rest = uploadBench({}, topologyOf(["a", "b", "c"]));
    const rows = [
      ["2027-01-15T08:00:00Z", "p50", 1e6],
      ["2027-01-15T08:00:00Z", "p90", 2e6],
      ["2027-01-15T09:00:00Z", "", 1e6],
    ] as const;
    const csv = rows.map(([start, quantile, rateBps]) => `${start},3600,a,b,elastic,${rateBps},${quantile}\n`).join("");
    const same = await rest.send({}, `windowStart,windowSeconds,src,dst,class,rateBps,quantile\n${csv}`);
    expect(driver.batches.at(-1)).toMatchObject({ windows: 3, contentHash: same.ok ? same.value.contentHash : "" });
  });

  it("goes on behind what is durable of an upload that was cut off, and says where that is", async () => {
    const batch = { ...plainHeader, batchId: "cut" };
    const first = await callUpload(demands, "uploadForecasts", [
      { header: batch },
      window(0, "QUANTILE_P50"),
      { demands: { demands: [demand] } },
    ]);
    expect(first.error?.code).toBe(status.INVALID_ARGUMENT);
    const { response } = await callUnary(demands, "getForecast", { batchId: "cut" });
    expect(response).toMatchObject({ batchId: "cut", state: "FORECAST_STATE_RECEIVING", demandCount: 1, windows: 0, faults: [] });
    const wrong = await callUpload(demands, "uploadForecasts", [{ header: { ...batch, resumeAt: 7 } }, { completion: { demandCount: 7 } }]);
    expect(faultsIn(wrong.error)).toContainEqual(expect.objectContaining({ code: "out-of-range", pointer: "/header/resumeAt" }));
    const rest = await callUpload(demands, "uploadForecasts", [
      { header: { ...batch, resumeAt: 1 } },
      window(0, "QUANTILE_P50"),
      { demands: { demands: [{ ...demand, dst: "c" }, demand] } },
      { completion: { demandCount: 3 } },
    ]);
    expect(faultsIn(rest.error)).toContainEqual(expect.objectContaining({ code: "duplicate-id", pointer: "/demands/demands/2" }));
    expect((await callUnary(demands, "getForecast", { batchId: "cut" })).response).toMatchObject({
      state: "FORECAST_STATE_REFUSED",
      demandCount: 3,
      faultCount: 1,
      faults: [expect.objectContaining({ code: "duplicate-id", pointer: "/demands/demands/2" })],
    });
    expect((await callUnary(demands, "getForecast", { batchId: "no-such" })).error?.code).toBe(status.NOT_FOUND);
  });

  it("needs a window before demands", async () => {
    const refused = await callUpload(demands, "uploadForecasts", [
      { header: { ...plainHeader, batchId: "bare" } },
      { demands: { demands: [demand] } },
    ]);
    expect(faultsIn(refused.error)).toContainEqual(expect.objectContaining({ code: "missing-field", pointer: "/window" }));
  });

  it("hands a rate that is no number to the sanity band", async () => {
    const { response } = await callUpload(demands, "uploadForecasts", [
      { header: { ...header, batchId: "nan" } },
      { demands: { demands: [{ ...demand, rateBps: Number.NaN }] } },
      { completion: { demandCount: 1 } },
    ]);
    expect(response).toMatchObject({ demandCount: 1 });
  });
});

describe("refused input", () => {
  const withLink = (more: object) => ({ topology: { ...triangle, links: [{ ...link, ...more }] } });
  const unaryCases: readonly (readonly [string, string, object, status, string, string])[] = [
    ["no topology", "replaceTopology", {}, status.INVALID_ARGUMENT, "missing-field", "/topology"],
    [
      "NaN",
      "replaceTopology",
      withLink({ capacityBps: Number.NaN }),
      status.INVALID_ARGUMENT,
      "not-finite",
      "/topology/links/0/capacityBps",
    ],
    [
      "Infinity",
      "replaceTopology",
      withLink({ latencyMs: Infinity }),
      status.INVALID_ARGUMENT,
      "not-finite",
      "/topology/links/0/latencyMs",
    ],
    ["a negative", "replaceTopology", withLink({ metric: -1 }), status.INVALID_ARGUMENT, "negative", "/topology/links/0/metric"],
    [
      "2^53",
      "replaceTopology",
      withLink({ capacityBps: 2 ** 53 }),
      status.INVALID_ARGUMENT,
      "out-of-range",
      "/topology/links/0/capacityBps",
    ],
    ["a dangling end", "replaceTopology", withLink({ to: "zz" }), status.INVALID_ARGUMENT, "dangling-reference", "/topology/links/0/to"],
    ["an unknown enum", "replaceTopology", withLink({ drain: 17 }), status.INVALID_ARGUMENT, "not-allowed", "/topology/links/0/drain"],
    [
      "__proto__",
      "replaceTopology",
      { topology: { ...triangle, nodes: [{ id: "__proto__" }] } },
      status.INVALID_ARGUMENT,
      "malformed",
      "/topology/nodes/0/id",
    ],
    ["no changes", "applyChanges", {}, status.INVALID_ARGUMENT, "missing-field", "/changes"],
    ["an empty change", "applyChanges", { changes: [{}] }, status.INVALID_ARGUMENT, "missing-field", "/changes/0"],
    [
      "a removal of the unknown",
      "applyChanges",
      { changes: [{ putNode: { id: "d" } }, { removeNodeId: "zz" }] },
      status.NOT_FOUND,
      "not-found",
      "/changes/1/removeNodeId",
    ],
    [
      "a change that leaves an end dangling",
      "applyChanges",
      { changes: [{ removeNodeId: "a" }] },
      status.INVALID_ARGUMENT,
      "dangling-reference",
      "",
    ],
    [
      "a link without capacity",
      "applyChanges",
      { changes: [{ putLink: { ...link, capacityBps: undefined } }] },
      status.INVALID_ARGUMENT,
      "missing-field",
      "/changes/0/putLink/capacityBps",
    ],
  ];
  it.each(unaryCases)("refuses %s of %s and keeps the earlier state", async (_name, method, request, code, faultCode, pointer) => {
    const before = driver.view();
    const { error } = await callUnary(topology, method, request);
    expect(error?.code).toBe(code);
    expect(faultsIn(error)).toContainEqual({ code: faultCode, pointer, message: expect.stringMatching(/./) as string });
    expect(driver.view()).toEqual(before);
  });

  const measured: readonly (readonly [string, object, string, string])[] = [
    ["no matrix", { sequence: 1 }, "missing-field", "/matrix"],
    ["no name", { sequence: 1, matrix: { demands: [demand] } }, "missing-field", "/matrix/name"],
    [
      "no class",
      { sequence: 1, matrix: { name: "m", demands: [{ ...demand, trafficClass: 0 }] } },
      "missing-field",
      "/matrix/demands/0/trafficClass",
    ],
    [
      "an unknown class",
      { sequence: 1, matrix: { name: "m", demands: [{ ...demand, trafficClass: 99 }] } },
      "not-allowed",
      "/matrix/demands/0/trafficClass",
    ],
    [
      "NaN",
      { sequence: 1, matrix: { name: "m", demands: [{ ...demand, rateBps: Number.NaN }] } },
      "not-finite",
      "/matrix/demands/0/rateBps",
    ],
    [
      "a negative rate",
      { sequence: 1, matrix: { name: "m", demands: [{ ...demand, rateBps: -1 }] } },
      "negative",
      "/matrix/demands/0/rateBps",
    ],
    ["a demand twice", { sequence: 1, matrix: { name: "m", demands: [demand, demand] } }, "duplicate-id", "/matrix/demands/1"],
    [
      "an unknown node",
      { sequence: 1, matrix: { name: "m", demands: [{ ...demand, src: "zz" }] } },
      "dangling-reference",
      "/matrix/demands/0/src",
    ],
  ];
  it.each(measured)("refuses a measurement with %s, in its answer", async (_name, request, code, pointer) => {
    const { answers } = await callStream(demands, "streamMeasurements", [request]);
    expect(answers[0]?.["faults"]).toContainEqual(expect.objectContaining({ code, pointer }));
    expect(driver.matrices).toEqual([]);
  });

  const part = (demandsOfPart: object[]) => ({ demands: { demands: demandsOfPart } });
  const uploads: readonly (readonly [string, object[], status, string, string])[] = [
    ["nothing", [], status.INVALID_ARGUMENT, "missing-field", "/header"],
    ["no header first", [part([demand])], status.INVALID_ARGUMENT, "missing-field", "/header"],
    ["two headers", [{ header }, { header }], status.INVALID_ARGUMENT, "not-allowed", "/header"],
    ["a part of nothing", [{ header }, {}], status.INVALID_ARGUMENT, "missing-field", ""],
    ["no completion", [{ header }, part([demand])], status.INVALID_ARGUMENT, "missing-field", "/completion"],
    [
      "a wrong count",
      [{ header }, part([demand]), { completion: { demandCount: 2 } }],
      status.INVALID_ARGUMENT,
      "out-of-range",
      "/completion/demandCount",
    ],
    [
      "an afterthought",
      [{ header }, { completion: { demandCount: 0 } }, part([demand])],
      status.INVALID_ARGUMENT,
      "not-allowed",
      "/demands",
    ],
    ["no batch id", [{ header: { ...header, batchId: "" } }], status.INVALID_ARGUMENT, "missing-field", "/header/batchId"],
    [
      "a window of NaN",
      [{ header: { ...header, windowSeconds: Number.NaN } }],
      status.INVALID_ARGUMENT,
      "not-finite",
      "/header/windowSeconds",
    ],
    [
      "a bad demand in the second part",
      [{ header }, part([demand]), part([{ ...demand, dst: "c", rateBps: -1 }])],
      status.INVALID_ARGUMENT,
      "negative",
      "/demands/demands/1/rateBps",
    ],
    [
      "a demand twice, in two parts",
      [{ header }, part([demand]), part([demand]), { completion: { demandCount: 2 } }],
      status.INVALID_ARGUMENT,
      "duplicate-id",
      "/demands/demands/1",
    ],
    [
      "an unknown node",
      [
        { header },
        part([
          { ...demand, src: "c" },
          { ...demand, dst: "zz" },
        ]),
        { completion: { demandCount: 2 } },
      ],
      status.INVALID_ARGUMENT,
      "dangling-reference",
      "/demands/demands/1/dst",
    ],
    [
      "too many demands in a message",
      [{ header }, part(Array.from({ length: 2_001 }, () => demand))],
      status.RESOURCE_EXHAUSTED,
      "too-many",
      "/demands/demands",
    ],
  ];
  it.each(uploads)("refuses a forecast with %s and stores nothing", async (_name, requests, code, faultCode, pointer) => {
    const { error } = await callUpload(demands, "uploadForecasts", requests);
    expect(error?.code).toBe(code);
    expect(faultsIn(error)).toContainEqual(expect.objectContaining({ code: faultCode, pointer }));
    expect(driver.batches.filter(({ state }) => state !== "refused")).toEqual([]);
  });

  const hello = { nodeId: "a", bootId: "boot", digest: "" };
  const spoken: readonly (readonly [string, object, string, string])[] = [
    ["nothing in it", {}, "missing-field", "/message"],
    ["no node", { hello: { ...hello, nodeId: "" } }, "missing-field", "/hello/nodeId"],
    ["an ack without status", { ack: { term: 1 } }, "missing-field", "/ack/status"],
    ["a rule of nothing", { rules: { requestId: 1, rules: [{}] } }, "missing-field", "/rules/rules/0"],
    [
      "NaN in a meter",
      { rules: { requestId: 1, rules: [{ meter: { meterId: 1, rateBps: Number.NaN } }] } },
      "not-finite",
      "/rules/rules/0/meter/rateBps",
    ],
    ["a term beyond 2^53", { hello: { ...hello, termSeen: "9007199254740992" } }, "out-of-range", "/hello/termSeen"],
  ];
  it.each(spoken)("ends the stream of an agent for a message with %s", async (_name, message, code, pointer) => {
    const { error } = await callStream(switches, "connect", [message]);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(faultsIn(error)).toContainEqual(expect.objectContaining({ code, pointer }));
  });

  it("refuses an oversized message", async () => {
    const before = driver.view();
    const nodes = Array.from({ length: 12_000 }, (_, i) => ({ id: `n${i}`.padEnd(100, "x") }));
    const { error } = await callUnary(topology, "replaceTopology", { topology: { ...triangle, nodes } });
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(driver.view()).toEqual(before);
  });

  it("refuses an unknown method and an unknown service", async () => {
    for (const path of ["/sluice.v1.TopologyService/DropEverything", "/sluice.v9.Service/Get"]) {
      expect(await rawCall(path, Buffer.alloc(0))).toMatchObject({ "grpc-status": String(status.UNIMPLEMENTED) });
    }
  });

  it("calls bytes that are no message malformed, not an internal error", async () => {
    const trailers = await rawCall("/sluice.v1.TopologyService/ReplaceTopology", Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]));
    expect(trailers["grpc-status"]).toBe(String(status.INVALID_ARGUMENT));
    expect(decodeURIComponent(String(trailers["grpc-message"]))).toMatch(/no protobuf message/);
  });

  /** A unary call with bytes of one's own choice, over bare HTTP/2. */
  function rawCall(path: string, message: Buffer): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const session = connect(`http://127.0.0.1:${server.port}`);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: path,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
        [constants.HTTP2_HEADER_TE]: "trailers",
      });
      let seen: Record<string, unknown> = {};
      stream.on("response", (headers) => (seen = { ...seen, ...headers }));
      stream.on("trailers", (headers) => (seen = { ...seen, ...headers }));
      stream.on("error", reject);
      stream.on("close", () => {
        session.close();
        resolve(seen);
      });
      const frame = Buffer.alloc(5);
      frame.writeUInt32BE(message.length, 1);
      stream.resume();
      stream.end(Buffer.concat([frame, message]));
    });
  }
});

describe("time and absence", () => {
  it("keeps the client's deadline", async () => {
    driver.stalled = true;
    const { error } = await callUnary(topology, "replaceTopology", { topology: triangle }, { deadline: Date.now() + 50 });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  });

  it("has a deadline of its own", async () => {
    driver.stalled = true;
    const { error } = await callUnary(topology, "replaceTopology", { topology: triangle });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(faultsIn(error)[0]?.code).toBe("deadline-exceeded");
  });

  it("stores nothing of an upload that the client cancels, whether before or after its completion", async () => {
    for (const count of [2, 3]) {
      const call = demands["uploadForecasts"]?.(() => {}) as ClientWritableStream<object>;
      const ended = new Promise((resolve) => call.on("status", resolve));
      for (const request of [{ header }, { demands: { demands: [demand] } }, { completion: { demandCount: 1 } }].slice(0, count)) {
        await new Promise((resolve) => call.write(request, resolve));
      }
      // The connection keeps its order: once another upload was answered, the server has read all of this one.
      const other = (batchId: string) =>
        callUpload(demands, "uploadForecasts", [{ header: { ...header, batchId } }, { completion: { demandCount: 0 } }]);
      await other(`before-${count}`);
      call.cancel();
      await ended;
      // And once a later one was answered, the cancelled one is history.
      await other(`after-${count}`);
    }
    expect(driver.batches.map(({ batchId }) => batchId)).toEqual(["before-2", "after-2", "before-3", "after-3"]);
  });

  it("ends an upload that pauses for too long", async () => {
    const ended = new Promise<{ code: number }>((resolve) => {
      const call = demands["uploadForecasts"]?.((error: { code: number }) => resolve(error)) as ClientWritableStream<object>;
      call.write({ header });
    });
    expect((await ended).code).toBe(status.DEADLINE_EXCEEDED);
    expect(driver.batches.filter(({ state }) => state !== "refused")).toEqual([]);
  });

  it("applies no matrix of which parts are missing", async () => {
    const { error } = await callStream(demands, "streamMeasurements", [
      { sequence: 1, more: true, matrix: { name: "m", demands: [demand] } },
    ]);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(driver.matrices).toEqual([]);
  });

  it("stops although a stream is open, and says that it is unavailable on a second port in use", async () => {
    const other = await serve(createMemoryDriver(), { stopMsMax: 50 });
    const taken = await startGrpc({ address: { host: "127.0.0.1", port: other.port }, driver, forecasts: driver.forecasts, log });
    expect(taken.ok ? undefined : taken.faults[0].code).toBe("unavailable");
    const client = stockClient(definition, "sluice.v1.SwitchService", other.port);
    const call = client["connect"]?.() as ClientDuplexStream<object, object>;
    const ended = new Promise<{ code: number }>((resolve) => call.on("error", resolve));
    call.write({ hello: { nodeId: "a", bootId: "b" } });
    await other.stop();
    expect((await ended).code).toBeGreaterThan(0);
    client.close();
  });
});
