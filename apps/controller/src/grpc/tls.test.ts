/** Mutual TLS over real sockets: who is let in, who is not and is told why, and certificates that change. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { Client, credentials, Metadata, status, type ChannelCredentials, type ServiceError } from "@grpc/grpc-js";
import { createAuthority, issueCertificate, writeAuthority, writeCertificate, type Authority, type KeyPairPem } from "@sluice/certs";
import { assert, identityKinds, type Identity, type IdentityKind } from "@sluice/model";
import { channelSecurity, openTlsSource, v1, type TlsSource } from "@sluice/wire";
import { service as healthService } from "grpc-health-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { callersOf, certifiedCallers } from "./callers.js";
import { startGrpc, type GrpcServer } from "./server.js";
import { createMemoryDriver, type MemoryDriver } from "./testdata/memory-driver.js";
import { framed } from "./testing/raw-call.js";

const day = 86_400_000;
const directory = mkdtempSync(join(tmpdir(), "sluice-grpc-tls-"));
const file = (name: string): string => join(directory, name);
const files = { cert: file("controller.crt"), key: file("controller.key"), ca: file("ca.crt") };
const validity = { nowMs: Date.now(), days: 90 };
const serverName = { identity: { kind: "controller", name: "controller" }, hosts: ["127.0.0.1", "localhost"] } as const;

let driver: MemoryDriver;
let source: TlsSource;
let server: GrpcServer;
let clockAheadMs = 0;
const logged: { readonly data: Record<string, unknown>; readonly message: string }[] = [];
const complaints: string[] = [];
const toLog = (data: object, message: string): void => void logged.push({ data: data as Record<string, unknown>, message });
const closers: (() => void)[] = [];

beforeAll(async () => {
  await writeAuthority(directory, validity, "refuse");
  await writeCertificate(directory, "controller", serverName, validity, "refuse");
  for (const kind of ["agent", "job", "operator"] as const) {
    await writeCertificate(directory, kind, { identity: { kind, name: "a" }, hosts: [] }, validity, "refuse");
  }
  const opened = await openTlsSource(files, { onWarning: (message) => complaints.push(message) });
  assert(opened.ok, JSON.stringify(opened));
  source = opened.value;
  driver = createMemoryDriver();
  const log = { debug: toLog, info: toLog, warn: toLog, error: toLog };
  const nowMs = (): number => Date.now() + clockAheadMs;
  const address = { host: "127.0.0.1", port: 0 };
  const started = await startGrpc({ address, driver, forecasts: driver.forecasts, log, tls: source, nowMs, limits: { stopMsMax: 50 } });
  assert(started.ok, JSON.stringify(started));
  server = started.value;
});
afterAll(async () => {
  await server.stop();
  source.close();
  rmSync(directory, { recursive: true });
});
afterEach(() => {
  clockAheadMs = 0;
  for (const close of closers.splice(0)) close();
});

function authority(): Authority {
  return { kind: "authority", certificate: readFileSync(files.ca, "utf8"), key: readFileSync(file("ca.key"), "utf8") };
}

async function certificate(identity: Identity, by = authority(), when = validity): Promise<KeyPairPem> {
  const made = await issueCertificate(by, { identity, hosts: [] }, when);
  assert(made.ok, JSON.stringify(made));
  return made.value;
}

function written(name: string): KeyPairPem {
  return { certificate: readFileSync(file(`${name}.crt`), "utf8"), key: readFileSync(file(`${name}.key`), "utf8") };
}

function security(pair: KeyPairPem | undefined, ca = readFileSync(files.ca)): ChannelCredentials {
  if (pair === undefined) return credentials.createSsl(ca);
  return credentials.createSsl(ca, Buffer.from(pair.key), Buffer.from(pair.certificate));
}

function clientOf(creds: ChannelCredentials, host = "127.0.0.1"): Client {
  const client = new Client(`${host}:${server.port}`, creds, { "grpc.use_local_subchannel_pool": 1 });
  closers.push(() => client.close());
  return client;
}

const letIn = { code: status.OK, details: "let in" };

/** How a call without a message ends; `letIn` where somebody answers, whatever. */
function call(client: Client, path: string): Promise<{ readonly code: number; readonly details: string }> {
  return new Promise((resolve) => {
    const bytes = (value: Buffer): Buffer => value;
    const stream = client.makeBidiStreamRequest(path, bytes, bytes, new Metadata(), { deadline: Date.now() + 20_000 });
    stream.on("data", () => {
      resolve(letIn);
      stream.cancel();
    });
    stream.on("error", ({ code, details }: ServiceError) => {
      const isRefused =
        code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED || code === status.UNAVAILABLE || details === "";
      resolve(isRefused ? { code, details } : letIn);
    });
    stream.on("end", () => resolve(letIn));
    // Of Watch and the like: an empty message is a question. The others may find it odd.
    stream.write(Buffer.alloc(0));
    stream.end();
  });
}

const getTopology = "/sluice.v1.TopologyService/GetTopology";

describe("who may call what", () => {
  const ours = [v1.TopologyServiceService, v1.DemandServiceService, v1.SwitchServiceService, healthService];
  const paths = ours.flatMap((each) => Object.values(each).map(({ path }) => path));
  const reflection = ["v1", "v1alpha"].map((version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);

  it("is said of every method that is served, and of nothing else", () => {
    expect([...callersOf.keys()].toSorted()).toEqual([...paths, ...reflection].toSorted());
  });

  const changes = ["/sluice.v1.TopologyService/ReplaceTopology", "/sluice.v1.TopologyService/ApplyChanges"];
  const feeds = ["StreamMeasurements", "UploadForecasts", "GetForecast"].map((name) => `/sluice.v1.DemandService/${name}`);
  const health = ["Check", "Watch", "List"].map((name) => `/grpc.health.v1.Health/${name}`);
  /** Written down once more. */
  const wanted: Readonly<Record<IdentityKind, readonly string[]>> = {
    operator: [...changes, getTopology, ...feeds, ...reflection, ...health],
    job: [getTopology, ...feeds, ...reflection, ...health],
    agent: ["/sluice.v1.SwitchService/Connect", ...health],
    // Certificates of controllers do not call at all: they are not for clients.
    controller: [],
  };

  it.each(identityKinds)("%s", async (kind) => {
    const client = clientOf(security(kind === "controller" ? written("controller") : written(kind)));
    for (const path of callersOf.keys()) {
      const { code, details } = await call(client, path);
      const refusal = kind === "controller" ? [status.UNAUTHENTICATED, false] : [status.PERMISSION_DENIED, true];
      const saysWhy = details.startsWith(`${path} is for `) && details.endsWith(`; a is ${kind}.`);
      expect([path, code, saysWhy]).toEqual([path, ...(wanted[kind].includes(path) ? [status.OK, false] : refusal)]);
    }
  });
});

describe("who is not let in, and is told why on both sides", () => {
  const agent = { kind: "agent", name: "a" } as const;
  let tests = 0;
  beforeEach(() => {
    // The log is told of a number of strangers in a minute, and each test causes some.
    tests += 1;
    clockAheadMs = tests * 2 * 60_000;
  });

  it("no certificate", async () => {
    const { code, details } = await call(clientOf(security(undefined)), getTopology);
    expect([code, details]).toEqual([status.UNAUTHENTICATED, "There is no client certificate: this controller takes calls with one only."]);
    expect(logged).toContainEqual(expect.objectContaining({ message: `a connection was refused: ${details}` }));
  });

  it("an expired one, one that is not valid yet, one by another authority, one for something else", async () => {
    const other = await createAuthority(validity);
    const agentsBefore = driver.agents.size;
    const now = Date.now();
    const cases: readonly (readonly [string, KeyPairPem, RegExp])[] = [
      ["expired", await certificate(agent, authority(), { nowMs: now - 10 * day, days: 1 }), /^The certificate expired at .*Z\.$/],
      ["early", await certificate(agent, authority(), { nowMs: now + 10 * day, days: 1 }), /^The certificate is not valid before .*Z\.$/],
      ["foreign", await certificate(agent, other), /^The certificate is by no authority that is trusted here\.$/],
      ["self-signed", other, /^The certificate is /],
      ["the authority's own", authority(), /^The certificate is not one for clients\.$/],
    ];
    for (const [name, pair, sentence] of cases) {
      for (const path of [getTopology, "/sluice.v1.SwitchService/Connect", "/grpc.health.v1.Health/Check"]) {
        const { code, details } = await call(clientOf(security(pair)), path);
        expect([name, path, code, details]).toEqual([name, path, status.UNAUTHENTICATED, expect.stringMatching(sentence)]);
        expect(logged).toContainEqual(expect.objectContaining({ message: `a connection was refused: ${details}` }));
      }
    }
    expect(driver.agents.size).toBe(agentsBefore);
  });

  it("does not keep such a connection, nor any number of them", async () => {
    const options = { host: "127.0.0.1", port: server.port, ca: readFileSync(files.ca), ALPNProtocols: ["h2"] };
    const open = async (): Promise<TLSSocket> => {
      const socket = connect(options);
      socket.on("error", () => undefined);
      await once(socket, "secureConnect");
      return socket;
    };
    const sockets = await Promise.all(Array.from({ length: 80 }, open));
    for (const socket of sockets) if (!socket.closed) await once(socket.resume(), "close");
    const { code } = await call(clientOf(security(written("operator"))), getTopology);
    expect(code).toBe(status.OK);
  });

  it("a controller under another name, by another authority, or whose certificate has expired, is not spoken to", async () => {
    const opened = async (cert: string): Promise<TlsSource> => {
      const read = await openTlsSource(
        { cert: file(`${cert}.crt`), key: file(`${cert}.key`), ca: files.ca },
        { onWarning: () => undefined },
      );
      assert(read.ok, JSON.stringify(read));
      closers.push(read.value.close);
      return read.value;
    };
    const operator = await opened("operator");
    const asking = (name: string, port: number): Client => {
      const { credentials: creds, options } = channelSecurity(operator, `${name}:${port}`);
      const client = new Client(`127.0.0.1:${port}`, creds, { ...options, "grpc.use_local_subchannel_pool": 1 });
      closers.push(() => client.close());
      return client;
    };
    const stranger = await createAuthority(validity);
    await writeCertificate(directory, "late", serverName, { nowMs: Date.now() - 10 * day, days: 1 }, "refuse");
    const log = { debug: toLog, info: toLog, warn: toLog, error: toLog };
    const address = { host: "127.0.0.1", port: 0 };
    const late = await startGrpc({
      address,
      driver,
      forecasts: driver.forecasts,
      log,
      tls: await opened("late"),
      limits: { stopMsMax: 50 },
    });
    assert(late.ok, JSON.stringify(late));
    const cases: readonly (readonly [Client, RegExp])[] = [
      [asking("127.0.0.2", server.port), /altnames: IP: 127\.0\.0\.2 is not in the cert's list: 127\.0\.0\.1/],
      [clientOf(security(written("operator"), Buffer.from(stranger.certificate))), /self-signed certificate in certificate chain/],
      [asking("127.0.0.1", late.value.port), /certificate has expired/],
    ];
    for (const [client, reason] of cases) {
      expect(await call(client, getTopology)).toEqual({ code: status.UNAVAILABLE, details: expect.stringMatching(reason) as string });
    }
    await late.value.stop();
  });

  it("who speaks no TLS, or an old one", async () => {
    expect(await call(clientOf(credentials.createInsecure()), getTopology)).toMatchObject({ code: status.UNAVAILABLE });
    await expect.poll(() => logged.map(({ message }) => message)).toContainEqual(expect.stringMatching(/the peer does not speak TLS/));
    const old = connect({ host: "127.0.0.1", port: server.port, ca: readFileSync(files.ca), maxVersion: "TLSv1.2" });
    await expect(once(old, "secureConnect")).rejects.toThrow(/protocol version|alert/i);
    const silent = connectPlain(server.port, "127.0.0.1");
    await once(silent, "connect");
    silent.destroy();
  });

  it("whose agent it is goes to the machine with the stream, whatever the agent says", async () => {
    const client = new v1.SwitchServiceClient(`127.0.0.1:${server.port}`, security(written("agent")));
    closers.push(() => client.close());
    const opened = new Promise<number>((resolve) => (driver.onAgentOpened = resolve));
    const stream = client.connect();
    stream.on("error", () => undefined);
    expect(driver.agents.get(await opened)?.stream.certified).toBe("a");
    stream.cancel();
  });
});

describe("a caller that goes away", () => {
  it("at whatever moment of whatever call leaves nothing behind", async () => {
    const topology = { name: "one", sites: [], nodes: [], links: [] };
    const body = framed(v1.ReplaceTopologyRequest.encode({ topology }).finish());
    const paths = [...callersOf.keys()];
    for (let i = 0; i < 120; i += 1) {
      const pair = written(i % 2 === 0 ? "operator" : "agent");
      const session = connectHttp2(`https://127.0.0.1:${server.port}`, {
        ca: readFileSync(files.ca),
        cert: pair.certificate,
        key: pair.key,
      });
      session.on("error", () => undefined);
      await once(session, "connect");
      const stream = session.request({
        ":method": "POST",
        ":path": paths[i % paths.length],
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => undefined);
      stream.write(body);
      for (let turns = i % 7; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      session.destroy();
    }
    expect((await call(clientOf(security(written("operator"))), "/grpc.health.v1.Health/Check")).code).toBe(status.OK);
    expect(logged.filter(({ message }) => message === "a gRPC handler failed")).toEqual([]);
  });

  it("is nobody once its connection is gone", () => {
    const gone = { getAuthContext: () => ({}) };
    expect(certifiedCallers.callerOf(gone)).toMatchObject({ ok: false, faults: [{ code: "unauthenticated" }] });
    expect(certifiedCallers.agentOf(gone)).toMatchObject({ ok: false, faults: [{ code: "unauthenticated" }] });
  });
});

describe("certificates that change", () => {
  it("the server's, and the client's, are taken from their files; half a pair changes nothing", async () => {
    const clientFiles = { cert: file("job.crt"), key: file("job.key"), ca: files.ca };
    const clientSource = await openTlsSource(clientFiles, { onWarning: () => undefined });
    assert(clientSource.ok, JSON.stringify(clientSource));
    closers.push(clientSource.value.close);
    const fresh = (): Client => {
      const { credentials: creds, options } = channelSecurity(clientSource.value, `127.0.0.1:${server.port}`);
      const client = new Client(`127.0.0.1:${server.port}`, creds, { ...options, "grpc.use_local_subchannel_pool": 1 });
      closers.push(() => client.close());
      return client;
    };
    const serial = async (): Promise<string> => {
      const socket = connect({ host: "127.0.0.1", port: server.port, ca: readFileSync(files.ca), ALPNProtocols: ["h2"] });
      socket.on("error", () => undefined);
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    expect((await call(fresh(), getTopology)).code).toBe(status.OK);
    const before = await serial();
    await writeCertificate(directory, "controller", serverName, validity, "replace");
    expect((await source.reload()).ok).toBe(true);
    expect(await serial()).not.toBe(before);

    await writeCertificate(directory, "job", { identity: { kind: "operator", name: "risen" }, hosts: [] }, validity, "replace");
    expect((await call(fresh(), getTopology)).code).toBe(status.OK);
    expect((await clientSource.value.reload()).ok).toBe(true);
    expect(await call(fresh(), "/sluice.v1.SwitchService/Connect")).toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining("risen is operator") as string,
    });

    const used = await serial();
    rmSync(files.key);
    expect(await source.reload()).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
    expect(await serial()).toBe(used);
    await writeCertificate(directory, "other", serverName, validity, "refuse");
    const { writeFileSync } = await import("node:fs");
    writeFileSync(files.key, readFileSync(file("other.key")));
    expect(await source.reload()).toMatchObject({ ok: false, faults: [{ code: "not-allowed" }] });
    expect(complaints).toContainEqual(expect.stringContaining("What was read before stays in use."));
    expect(await serial()).toBe(used);
    expect((await call(fresh(), getTopology)).code).toBe(status.OK);
    await writeCertificate(directory, "controller", serverName, validity, "replace");
    expect((await source.reload()).ok).toBe(true);
  });

  it("a connection does not outlast its certificate", async () => {
    const client = clientOf(security(written("operator")));
    expect((await call(client, getTopology)).code).toBe(status.OK);
    const stream = new v1.SwitchServiceClient(`127.0.0.1:${server.port}`, security(written("agent")), {
      "grpc.use_local_subchannel_pool": 1,
    });
    closers.push(() => stream.close());
    const opened = new Promise((resolve) => (driver.onAgentOpened = resolve));
    const connection = stream.connect();
    const ended = new Promise<ServiceError>((resolve) => connection.on("error", resolve));
    connection.on("data", () => undefined);
    await opened;
    clockAheadMs = 100 * day;
    expect(await call(client, getTopology)).toMatchObject({
      code: expect.toBeOneOf([status.UNAUTHENTICATED, status.UNAVAILABLE]) as number,
    });
    expect((await ended).code).toBe(status.UNAVAILABLE);
    expect(logged).toContainEqual(expect.objectContaining({ message: "a connection was closed: its certificate has expired" }));
  });

  it("nobody stays on the word of an authority that was taken away", async () => {
    const stream = new v1.SwitchServiceClient(`127.0.0.1:${server.port}`, security(written("agent")), {
      "grpc.use_local_subchannel_pool": 1,
    });
    closers.push(() => stream.close());
    const opened = new Promise((resolve) => (driver.onAgentOpened = resolve));
    const connection = stream.connect();
    const ended = new Promise<ServiceError>((resolve) => connection.on("error", resolve));
    connection.on("data", () => undefined);
    await opened;
    const old = written("operator");
    const oldAuthority = readFileSync(files.ca);
    await writeAuthority(directory, validity, "replace");
    await writeCertificate(directory, "controller", serverName, validity, "replace");
    expect((await source.reload()).ok).toBe(true);
    expect((await ended).code).toBe(status.UNAVAILABLE);
    expect(await call(clientOf(security(old)), getTopology)).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(await call(clientOf(security(old, oldAuthority)), getTopology)).toMatchObject({ code: status.UNAVAILABLE });
    const renewed = await certificate({ kind: "operator", name: "ada" });
    expect((await call(clientOf(security(renewed)), getTopology)).code).toBe(status.OK);
  });
});
