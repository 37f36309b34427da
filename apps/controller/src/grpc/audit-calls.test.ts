/** Changes by gRPC in the audit log: who, what, with which outcome; and nothing is done that cannot be written down. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { writeAuthority, writeCertificate } from "@sluice/certs";
import { assert, toId, type NodeId } from "@sluice/model";
import { agentMessageToWire, openTlsSource, v1, type TlsSource } from "@sluice/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { definitionFromFiles } from "./testdata/stock-client.js";
import { liveGrpc, type LiveGrpc } from "./testing/live-grpc.js";
import { framed, rawClient, type RawClient } from "./testing/raw-call.js";

const definition = definitionFromFiles() as unknown as Record<string, Record<string, { requestSerialize(message: object): Buffer }>>;
const bytesOf = (service: string, method: string, message: object): Buffer => {
  const found = definition[`sluice.v1.${service}`]?.[method];
  assert(found !== undefined, `there is ${method}`);
  return found.requestSerialize(message);
};
const hashOf = (...messages: readonly Buffer[]): string => createHash("sha256").update(Buffer.concat(messages)).digest("hex");

const nodes = [{ id: "a" }, { id: "b" }];
const topology = { name: "pair", nodes, links: [{ id: "a-b", from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1 }] };
const demand = { src: "a", dst: "b", trafficClass: 2, rateBps: 1e6 };

/** What the journal holds. */
async function told({ store }: LiveGrpc, filter: { readonly kinds?: readonly string[]; readonly correlationId?: string }) {
  const events = await store.listEvents({ ...filter, limit: 100 });
  assert(events.ok, "the journal can be read");
  return events.value;
}

describe("in development mode", () => {
  let live: LiveGrpc;
  let client: RawClient;
  beforeAll(async () => {
    live = await liveGrpc();
    client = rawClient(live.server.port);
  });
  afterAll(async () => {
    client.close();
    await live.close();
  });
  afterEach(() => {
    live.auditAway = false;
  });
  const replace = "/sluice.v1.TopologyService/ReplaceTopology";

  it("a change is written before and after, with the hash of what came, and its id goes on into the journal", async () => {
    const bytes = bytesOf("TopologyService", "ReplaceTopology", { topology });
    expect((await client.call(replace, framed(bytes), { "x-request-id": "op-7" })).status).toBe(status.OK);
    const [asked, done] = (await live.audit()).slice(-2);
    const common = { requestId: "op-7", actor: "anonymous", role: "admin", method: "GRPC", route: replace, resource: replace };
    expect(asked).toMatchObject({ ...common, phase: "request", bodyHash: hashOf(bytes) });
    expect(done).toMatchObject({ ...common, phase: "outcome", of: asked?.sequence, status: 200 });
    await expect.poll(() => told(live, { correlationId: "op-7" })).toContainEqual(expect.objectContaining({ kind: "topology-changed" }));
  });

  it("a refusal is its outcome; what is no message was never attempted; a question is nobody's business", async () => {
    const before = (await live.audit()).length;
    const bad = bytesOf("TopologyService", "ReplaceTopology", { topology: { ...topology, nodes: [...nodes, ...nodes] } });
    expect((await client.call(replace, framed(bad))).status).toBe(status.INVALID_ARGUMENT);
    expect((await client.call(replace, framed(Buffer.from([255, 255])))).status).toBe(status.INVALID_ARGUMENT);
    expect((await client.call("/sluice.v1.TopologyService/GetTopology", framed(Buffer.alloc(0)))).status).toBe(status.OK);
    const entries = (await live.audit()).slice(before);
    expect(entries.map(({ phase, status: code, code: word }) => [phase, code, word])).toEqual([
      ["request", undefined, undefined],
      ["outcome", 422, "duplicate-id"],
      ["both", 400, "malformed"],
    ]);
  });

  it("what cannot be written down is not done", async () => {
    const before = await live.state();
    live.auditAway = true;
    const changed = { topology: { ...topology, name: "other" } };
    const calls = [
      [replace, [bytesOf("TopologyService", "ReplaceTopology", changed)]],
      ["/sluice.v1.TopologyService/ApplyChanges", [bytesOf("TopologyService", "ApplyChanges", { changes: [{ putNode: { id: "z" } }] })]],
      [
        "/sluice.v1.DemandService/StreamMeasurements",
        [bytesOf("DemandService", "StreamMeasurements", { matrix: { name: "m", demands: [demand] } })],
      ],
      ["/sluice.v1.DemandService/UploadForecasts", upload("away")],
    ] as const;
    for (const [path, messages] of calls) {
      const { status: code, message } = await client.call(path, Buffer.concat(messages.map((each) => framed(each))));
      expect([path, code, message]).toEqual([path, status.UNAVAILABLE, expect.stringContaining("audit log cannot be written")]);
    }
    live.auditAway = false;
    expect(await live.state()).toBe(before);
    expect((await client.call(replace, framed(bytesOf("TopologyService", "ReplaceTopology", { topology })))).status).toBe(status.OK);
  });

  function upload(batchId: string): readonly Buffer[] {
    const windowStart = { seconds: "1800000000", nanos: 0 };
    return [
      { header: { batchId, windowStart, windowSeconds: 3_600, name: "evening" } },
      { demands: { demands: [demand] } },
      { completion: { demandCount: "1" } },
    ].map((message) => bytesOf("DemandService", "UploadForecasts", message));
  }

  it("a stream of measurements is one entry, an upload one with its batch and the hash of all of it", async () => {
    const before = (await live.audit()).length;
    const measures = ["1", "2", "3"].map((sequence) =>
      bytesOf("DemandService", "StreamMeasurements", { sequence, matrix: { name: `m${sequence}`, demands: [demand] } }),
    );
    await client.call("/sluice.v1.DemandService/StreamMeasurements", Buffer.concat(measures.map((each) => framed(each))));
    const messages = upload("evening-1");
    const { status: code } = await client.call(
      "/sluice.v1.DemandService/UploadForecasts",
      Buffer.concat(messages.map((each) => framed(each))),
    );
    expect(code).toBe(status.OK);
    const entries = (await live.audit()).slice(before);
    expect(entries.map(({ phase, route, status: word }) => [phase, route.split("/").at(-1), word])).toEqual([
      ["request", "StreamMeasurements", undefined],
      ["outcome", "StreamMeasurements", 200],
      ["request", "UploadForecasts", undefined],
      ["outcome", "UploadForecasts", 200],
    ]);
    expect(entries[3]).toMatchObject({
      resource: "/sluice.v1.DemandService/UploadForecasts/evening-1",
      bodyHash: hashOf(...messages),
    });
    const batch = await live.store.getForecast("evening-1");
    expect(batch).toMatchObject({ ok: true, value: { by: "anonymous" } });
  });
});

describe("with certificates", () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-grpc-audit-"));
  const file = (name: string): string => join(directory, name);
  let live: LiveGrpc;
  let source: TlsSource;
  beforeAll(async () => {
    const validity = { nowMs: Date.now(), days: 1 };
    await writeAuthority(directory, validity, "refuse");
    await writeCertificate(
      directory,
      "controller",
      { identity: { kind: "controller", name: "c" }, hosts: ["127.0.0.1"] },
      validity,
      "refuse",
    );
    for (const [name, kind] of [
      ["ada", "operator"],
      ["evening", "job"],
      ["a", "agent"],
    ] as const) {
      await writeCertificate(directory, name, { identity: { kind, name }, hosts: [] }, validity, "refuse");
    }
    const files = { cert: file("controller.crt"), key: file("controller.key"), ca: file("ca.crt") };
    const opened = await openTlsSource(files, { onWarning: () => undefined });
    assert(opened.ok, JSON.stringify(opened));
    source = opened.value;
    live = await liveGrpc({ tls: source });
  });
  afterAll(async () => {
    await live.close();
    source.close();
    rmSync(directory, { recursive: true });
  });
  const security = (name: string) =>
    credentials.createSsl(readFileSync(file("ca.crt")), readFileSync(file(`${name}.key`)), readFileSync(file(`${name}.crt`)));
  const replaceAs = (name: string): Promise<number> => {
    const client = new v1.TopologyServiceClient(`127.0.0.1:${live.server.port}`, security(name));
    const wire = v1.ReplaceTopologyRequest.decode(bytesOf("TopologyService", "ReplaceTopology", { topology }));
    return new Promise((resolve) => {
      client.replaceTopology(wire, new Metadata(), (error: ServiceError | null) => {
        client.close();
        resolve(error?.code ?? status.OK);
      });
    });
  };

  it("the actor is who the certificate names, and who may not is noted once, not each time", async () => {
    expect(await replaceAs("ada")).toBe(status.OK);
    for (let i = 0; i < 3; i += 1) expect(await replaceAs("evening")).toBe(status.PERMISSION_DENIED);
    expect((await live.audit()).map(({ actor, role, phase, status: code }) => [actor, role, phase, code])).toEqual([
      ["ada", "operator", "request", undefined],
      ["ada", "operator", "outcome", 200],
      ["evening", "job", "both", 403],
    ]);
  });

  it("an agent that says that it is another is refused, and is in the journal and in the audit log", async () => {
    const before = (await live.audit()).length;
    const client = new v1.SwitchServiceClient(`127.0.0.1:${live.server.port}`, security("a"));
    const hello = agentMessageToWire({
      kind: "hello",
      nodeId: toId<NodeId>("b"),
      bootId: "boot",
      termSeen: 0,
      epochSeen: 0,
      digest: "",
      ruleCount: 0,
      ruleCountMax: 10,
      links: [],
    });
    const { code, details } = await new Promise<ServiceError>((resolve) => {
      const stream = client.connect();
      stream.on("error", resolve);
      stream.on("data", () => undefined);
      stream.write(hello);
    });
    client.close();
    expect([code, details]).toEqual([status.PERMISSION_DENIED, "The certificate is that of the agent of a, which says that it is b."]);
    expect((await live.audit()).slice(before)).toMatchObject([
      { actor: "a", role: "agent", phase: "both", status: 403, code: "forbidden" },
    ]);
    const wanted = { nodeId: "b", code: "forbidden", certified: "a" };
    await expect
      .poll(() => told(live, { kinds: ["agent-refused"] }))
      .toContainEqual(expect.objectContaining({ data: expect.objectContaining(wanted) as unknown }));
  });
});
