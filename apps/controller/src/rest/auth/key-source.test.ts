import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, jwtVerify, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isLoopback, jwksSource, KeysUnavailable, staticKeySource, type KeySource } from "./key-source.js";
import type { Result } from "@sluice/model";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-keys-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const spki = (key: KeyObject) => String(key.export({ type: "spki", format: "pem" }));
const codeOf = (result: Result<unknown>) => (result.ok ? "taken" : result.faults[0].code);

function made(result: Result<KeySource>): KeySource {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

async function isTaken(
  source: KeySource,
  key: KeyObject | Uint8Array,
  header: { readonly alg: string; readonly kid?: string },
): Promise<boolean> {
  const token = await new SignJWT({}).setProtectedHeader(header).sign(key);
  return jwtVerify(token, source.key, { algorithms: [...source.algorithms] }).then(
    () => true,
    () => false,
  );
}

describe("one key in a file", () => {
  it("pins the algorithm by its kind", async () => {
    const ed = generateKeyPairSync("ed25519");
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const secret = "a secret that is long enough for HS256";
    const table = [
      [file("ed.pem", spki(ed.publicKey)), ["EdDSA", "Ed25519"], ed.privateKey],
      [file("ec.pem", spki(ec.publicKey)), ["ES256"], ec.privateKey],
      [file("rsa.pem", spki(rsa.publicKey)), ["RS256"], rsa.privateKey],
      [file("ec.jwk", JSON.stringify(await exportJWK(ec.publicKey))), ["ES256"], ec.privateKey],
      [file("secret.txt", `${secret}\n`), ["HS256"], Buffer.from(secret)],
      [file("oct.jwk", JSON.stringify({ kty: "oct", k: Buffer.from(secret).toString("base64url") })), ["HS256"], Buffer.from(secret)],
    ] as const;
    for (const [path, algorithms, key] of table) {
      const source = made(await staticKeySource(path));
      expect([path, source.algorithms, source.warnings]).toEqual([path, algorithms, []]);
      expect([path, await isTaken(source, key, { alg: algorithms[0] ?? "" })]).toEqual([path, true]);
      // The text of a public key is no secret: who signs with it must get nowhere.
      expect(await isTaken(source, Buffer.from(spki(ed.publicKey)), { alg: "HS256" })).toBe(false);
    }
  });

  it("is refused where it is weak, private, of another kind, or no key", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const ed = generateKeyPairSync("ed25519");
    const table = [
      ["weak.pem", spki(weak.publicKey), "out-of-range"],
      ["p384.pem", spki(p384.publicKey), "not-allowed"],
      ["private.pem", String(ed.privateKey.export({ type: "pkcs8", format: "pem" })), "not-allowed"],
      ["private.jwk", JSON.stringify(await exportJWK(ed.privateKey)), "not-allowed"],
      ["short.txt", "too short", "out-of-range"],
      ["short.jwk", JSON.stringify({ kty: "oct", k: "c2hvcnQ" }), "out-of-range"],
      ["broken.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "malformed"],
      ["broken.jwk", JSON.stringify({ kty: "EC", crv: "P-256" }), "malformed"],
      ["large.txt", "x".repeat(1 << 20), "too-large"],
      ["empty.txt", "", "out-of-range"],
    ] as const;
    for (const [name, content, code] of table) expect([name, codeOf(await staticKeySource(file(name, content)))]).toEqual([name, code]);
    expect(codeOf(await staticKeySource(join(folder, "absent")))).toBe("not-found");
  });

  it("is warned about where others may read the secret", async () => {
    const { warnings } = made(await staticKeySource(file("open.txt", "a secret that is long enough for HS256", 0o644)));
    expect(warnings).toHaveLength(1);
    expect(warnings.join()).not.toContain("a secret");
  });
});

describe("a key set in a file", () => {
  it("is read again for a key that it lacks, but not for every token", async () => {
    const [first, second] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
    const setOf = async (...pairs: readonly (readonly [string, KeyObject])[]) =>
      JSON.stringify({ keys: await Promise.all(pairs.map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid }))) });
    const path = file("jwks.json", await setOf(["1", first.publicKey]));
    let nowMs = 0;
    const source = made(await jwksSource(path, () => nowMs));
    expect(source.algorithms).not.toContain("HS256");
    expect(await isTaken(source, first.privateKey, { alg: "EdDSA", kid: "1" })).toBe(true);
    file("jwks.json", await setOf(["1", first.publicKey], ["2", second.publicKey]));
    nowMs = 29_999;
    expect(await isTaken(source, second.privateKey, { alg: "EdDSA", kid: "2" })).toBe(false);
    nowMs = 30_000;
    expect(await isTaken(source, second.privateKey, { alg: "EdDSA", kid: "2" })).toBe(true);
    // A set that is being written is no set: the one of before stays.
    file("jwks.json", "{");
    nowMs = 900_000;
    expect(await isTaken(source, first.privateKey, { alg: "EdDSA", kid: "1" })).toBe(true);
    // A key that was taken out opens nothing any more once the set has been read again.
    file("jwks.json", await setOf(["2", second.publicKey]));
    nowMs = 1_500_000;
    expect(await isTaken(source, first.privateKey, { alg: "EdDSA", kid: "1" })).toBe(false);
  });

  it("holds public keys only", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const secret = { kty: "oct", k: Buffer.alloc(32, 1).toString("base64url") };
    for (const [content, code] of [
      [JSON.stringify({ keys: [secret] }), "not-allowed"],
      [JSON.stringify({ keys: [await exportJWK(privateKey)] }), "not-allowed"],
      ["{}", "malformed"],
      ['{"keys":[1]}', "malformed"],
      [JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) }), "malformed"],
      ["no json", "malformed"],
    ] as const) {
      expect([content.slice(0, 40), codeOf(await jwksSource(file("bad.json", content), () => 0))]).toEqual([content.slice(0, 40), code]);
    }
  });
});

describe("a key set at a URL", () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  async function serve(
    answer: (asked: number) => { readonly status?: number; readonly body: string; readonly location?: string },
  ): Promise<{ url: string; asked: () => number }> {
    let asked = 0;
    server = createServer((_, response) => {
      const { status = 200, body, location } = answer(asked++);
      response.writeHead(status, { "content-type": "application/json", ...(location && { location }) }).end(body);
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, asked: () => asked };
  }

  it("is fetched once, and not again for tokens of unknown keys", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const body = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] });
    const { url, asked } = await serve(() => ({ body }));
    const source = made(await jwksSource(url, () => 0));
    for (let i = 0; i < 5; i += 1) {
      expect(await isTaken(source, privateKey, { alg: "EdDSA", kid: "1" })).toBe(true);
      expect(await isTaken(source, privateKey, { alg: "EdDSA", kid: "unknown" })).toBe(false);
    }
    expect(asked()).toBe(1);
  });

  it("is unavailable, not a reason to call somebody a stranger, where it cannot be fetched, is too large or no set", async () => {
    const huge = JSON.stringify({ keys: [], padding: "x".repeat(1 << 20) });
    for (const answer of [
      { body: "{}" },
      { body: huge },
      { body: "", status: 500 },
      { body: "", status: 302, location: "http://127.0.0.1:1/elsewhere" },
    ]) {
      const { url } = await serve(() => answer);
      const source = made(await jwksSource(url, () => 0));
      await expect((async () => source.key({ alg: "EdDSA", kid: "1" }, { payload: "", signature: "" }))()).rejects.toBeInstanceOf(
        KeysUnavailable,
      );
      server?.close();
    }
  });

  it("comes by https, or from this machine", async () => {
    for (const [place, code] of [
      ["https://issuer.example/jwks", "taken"],
      ["http://localhost:1/jwks", "taken"],
      ["http://issuer.example/jwks", "not-allowed"],
      ["http://127.0.0.1.evil.example/jwks", "not-allowed"],
      ["https://", "malformed"],
    ] as const) {
      expect([place, codeOf(await jwksSource(place, () => 0))]).toEqual([place, code]);
    }
  });
});

it("knows this machine by its addresses", () => {
  for (const host of ["localhost", "127.0.0.1", "127.255.0.3", "::1", "[::1]"]) expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "localhost.example", ""])
    expect([host, isLoopback(host)]).toEqual([host, false]);
});
