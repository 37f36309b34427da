import { X509Certificate } from "node:crypto";
import { connect, createServer, type ConnectionOptions, type TlsOptions } from "node:tls";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { assert, identityOfAlternativeNames, type Identity } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { createAuthority, issueCertificate, readAuthority, type Authority, type KeyPairPem } from "./authority.js";

const nowMs = Date.now();
const day = 86_400_000;

async function issued(authority: Authority, identity: Identity, hosts: readonly string[] = [], days = 90): Promise<KeyPairPem> {
  const made = await issueCertificate(authority, { identity, hosts }, { nowMs, days });
  assert(made.ok, JSON.stringify(made));
  return made.value;
}

/** What a client with these options gets from a server with these: the bytes that it sends, or an error's code. */
async function shaken(serverOptions: TlsOptions, clientOptions: ConnectionOptions): Promise<string> {
  const server = createServer(serverOptions, (socket) => socket.on("error", () => undefined).end("well"));
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const socket = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, ...clientOptions });
    return await new Promise((resolve) => {
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("end", () => resolve("closed"));
    });
  } finally {
    server.close();
  }
}

describe("the authority", () => {
  it("signs what TLS takes on both sides, for the hosts named and nothing else", async () => {
    const authority = await createAuthority({ nowMs, days: 365 });
    const server = await issued(authority, { kind: "controller", name: "c1" }, ["localhost", "127.0.0.1", "::1", "*.example.com"]);
    const agent = await issued(authority, { kind: "agent", name: "a/ä b" });
    const serves = {
      ca: authority.certificate,
      cert: server.certificate,
      key: server.key,
      requestCert: true,
      rejectUnauthorized: true,
    } as const;
    const calls = { ca: authority.certificate, cert: agent.certificate, key: agent.key } as const;
    expect(await shaken(serves, calls)).toBe("well");
    expect(await shaken(serves, { ...calls, servername: "localhost" })).toBe("well");
    // A client's certificate does not serve, and a server's does not call.
    expect(await shaken({ ...serves, cert: agent.certificate, key: agent.key }, calls)).toBe("INVALID_PURPOSE");
    expect(await shaken(serves, { ...calls, cert: server.certificate, key: server.key })).not.toBe("well");
    // Another authority of the same name.
    const other = await createAuthority({ nowMs, days: 365 });
    const stranger = await issued(other, { kind: "agent", name: "a" });
    expect(await shaken(serves, { ...calls, cert: stranger.certificate, key: stranger.key })).not.toBe("well");
    expect(await shaken(serves, { ...calls, ca: other.certificate })).toMatch(/SIGNATURE|UNABLE|SELF_SIGNED/);
    const elsewhere = await issued(authority, { kind: "controller", name: "c1" }, ["10.0.0.1", "example.com"]);
    expect(await shaken({ ...serves, cert: elsewhere.certificate, key: elsewhere.key }, calls)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  it("says in the certificate whose it is and until when, not beyond its own end", async () => {
    const authority = await createAuthority({ nowMs, days: 30 });
    const { certificate } = await issued(authority, { kind: "job", name: 'evening, URI:spiffe://sluice/operator/x "' }, [], 90);
    const read = new X509Certificate(certificate);
    expect(identityOfAlternativeNames(read.subjectAltName)).toEqual({
      ok: true,
      value: { kind: "job", name: 'evening, URI:spiffe://sluice/operator/x "' },
    });
    expect(Math.abs(Date.parse(read.validTo) - (nowMs + 30 * day))).toBeLessThan(1_000);
    expect(Date.parse(read.validFrom)).toBeLessThan(nowMs);
    expect(read.ca).toBe(false);
    expect(read.serialNumber).not.toBe(new X509Certificate((await issued(authority, { kind: "job", name: "b" })).certificate).serialNumber);
  });

  it("refuses hosts that are none, and signs nothing once it has expired", async () => {
    const authority = await createAuthority({ nowMs: nowMs - 10 * day, days: 1 });
    const request = { identity: { kind: "controller", name: "c" }, hosts: ["a"] } as const;
    expect(await issueCertificate(authority, request, { nowMs, days: 1 })).toMatchObject({ ok: false, faults: [{ code: "out-of-range" }] });
    for (const host of ["", "a b", "-a", "a..b", "a_b", "*", "a.*.b", `${"a".repeat(64)}.b`, "1.2.3.4/8", "\u0000", "localhost:80"]) {
      const refused = await issueCertificate(authority, { ...request, hosts: [host] }, { nowMs: nowMs - 10 * day, days: 1 });
      expect([host, refused]).toMatchObject([host, { ok: false, faults: [{ code: "malformed" }] }]);
    }
  });

  it("is read again only where certificate and key belong together", async () => {
    const [one, two] = [await createAuthority({ nowMs, days: 1 }), await createAuthority({ nowMs, days: 1 })];
    const leaf = await issued(one, { kind: "agent", name: "a" });
    expect(readAuthority(one)).toEqual({ ok: true, value: one });
    expect(readAuthority({ certificate: one.certificate, key: two.key })).toMatchObject({ faults: [{ code: "not-allowed" }] });
    expect(readAuthority(leaf)).toMatchObject({ faults: [{ code: "not-allowed" }] });
    expect(readAuthority({ certificate: "no", key: one.key })).toMatchObject({ faults: [{ code: "malformed" }] });
    expect(readAuthority({ certificate: one.certificate, key: "" })).toMatchObject({ faults: [{ code: "malformed" }] });
  });
});
