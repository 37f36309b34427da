/** REST by HTTPS over real sockets: its certificate follows its files, and clients need one where authorities are given. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as requestPlain } from "node:http";
import { request, type RequestOptions } from "node:https";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { writeAuthority, writeCertificate } from "@sluice/certs";
import { assert } from "@sluice/model";
import { openTlsSource, type TlsFiles, type TlsSource } from "@sluice/wire";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { FastifyInstance } from "fastify";
import { createMetrics } from "./metrics.js";
import { createServer } from "./server.js";

const directory = mkdtempSync(join(tmpdir(), "sluice-rest-tls-"));
const file = (name: string): string => join(directory, name);
const own = { cert: file("controller.crt"), key: file("controller.key") };
const validity = { nowMs: Date.now(), days: 30 };
const served = { identity: { kind: "controller", name: "c" }, hosts: ["127.0.0.1"] } as const;

let app: FastifyInstance;
let source: TlsSource;
let port = 0;

beforeAll(async () => {
  await writeAuthority(directory, validity, "refuse");
  await writeCertificate(directory, "controller", served, validity, "refuse");
  await writeCertificate(directory, "ada", { identity: { kind: "operator", name: "ada" }, hosts: [] }, validity, "refuse");
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  await app.close();
  source.close();
});

async function serve(files: TlsFiles): Promise<void> {
  const opened = await openTlsSource(files, { onWarning: () => undefined });
  assert(opened.ok, JSON.stringify(opened));
  source = opened.value;
  app = createServer({ tls: source }, createMetrics("test"));
  app.get("/there", async () => Promise.resolve({ there: true }));
  port = Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
}

function get(options: RequestOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(
      { host: "127.0.0.1", port, path: "/there", ca: readFileSync(file("ca.crt")), agent: false, ...options },
      (response) => {
        void text(response).then((body) => resolve(`${response.statusCode} ${body}`));
      },
    );
    asked.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end();
  });
}

const there = '200 {"there":true}';

describe("REST with a certificate", () => {
  it("speaks HTTPS only, TLS 1.2 or newer, and outlives what is neither", async () => {
    await serve(own);
    expect(await get()).toBe(there);
    expect(await get({ maxVersion: "TLSv1.2" })).toBe(there);
    expect(await get({ maxVersion: "TLSv1.1", minVersion: "TLSv1" })).toMatch(/^E/);
    expect(await get({ ca: [] })).toMatch(/SELF_SIGNED|UNABLE/);
    const plain = requestPlain({ host: "127.0.0.1", port, path: "/there", agent: false });
    plain.end();
    await expect(once(plain, "response")).rejects.toThrow(/socket hang up|ECONNRESET|Parse Error/);
    const garbage = connectPlain(port, "127.0.0.1");
    garbage.on("error", () => undefined);
    garbage.write(Buffer.alloc(1_000, 255));
    await once(garbage.resume(), "close");
    expect(await get()).toBe(there);
  });

  it("answers what is no HTTP within TLS with a problem", async () => {
    await serve(own);
    const socket = connect({ host: "127.0.0.1", port, ca: readFileSync(file("ca.crt")) });
    socket.end("nonsense\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json/);
  });

  it("takes up new files for new connections, and keeps the old ones where these cannot be used", async () => {
    await serve(own);
    const serial = async (): Promise<string> => {
      const socket = connect({ host: "127.0.0.1", port, ca: readFileSync(file("ca.crt")) });
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await serial();
    await writeCertificate(directory, "controller", served, validity, "replace");
    await source.reload();
    const after = await serial();
    expect(after).not.toBe(before);
    rmSync(own.key);
    expect((await source.reload()).ok).toBe(false);
    expect(await serial()).toBe(after);
    expect(await get({ maxVersion: "TLSv1.1", minVersion: "TLSv1" })).toMatch(/^E/);
    await writeCertificate(directory, "controller", served, validity, "replace");
  });

  it("needs a certificate of clients where authorities are given", async () => {
    await serve({ ...own, ca: file("ca.crt") });
    expect(await get()).toMatch(/^E/);
    expect(await get({ cert: readFileSync(file("ada.crt")), key: readFileSync(file("ada.key")) })).toBe(there);
    const strange = mkdtempSync(join(directory, "strange-"));
    await writeAuthority(strange, validity, "refuse");
    await writeCertificate(strange, "ada", { identity: { kind: "operator", name: "ada" }, hosts: [] }, validity, "refuse");
    const [cert, key] = [readFileSync(join(strange, "ada.crt")), readFileSync(join(strange, "ada.key"))];
    expect(await get({ cert, key })).toMatch(/^E/);
    expect(await get({ cert: readFileSync(own.cert), key: readFileSync(own.key) })).toMatch(/^E/);
  });
});
