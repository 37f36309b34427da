import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { audience, issuer, testIssuer } from "../testing/tokens.js";
import { developmentMode, tokenAuthenticator } from "./authenticator.js";
import { KeysUnavailable } from "./key-source.js";

const bearer = (token: string) => ({ authorization: `Bearer ${token}`, host: "sluice.example" });

describe("tokens", () => {
  it("say who asks, and in which roles; roles that are not ours count for nothing", async () => {
    const { authenticator, token } = await testIssuer();
    const actorOf = async (claims: Record<string, unknown>) => authenticator.authenticate(bearer(await token(claims)));
    for (const [claims, actor] of [
      [
        { sub: "ada", role: "viewer" },
        { name: "ada", roles: ["viewer"] },
      ],
      [
        { sub: "batch", role: ["job", "auditor", "viewer"] },
        { name: "batch", roles: ["job", "viewer"] },
      ],
      [
        { sub: "ada", role: "superuser" },
        { name: "ada", roles: [] },
      ],
      [
        { sub: "ada", role: { admin: true } },
        { name: "ada", roles: [] },
      ],
      [
        { sub: "ada", role: undefined },
        { name: "ada", roles: [] },
      ],
      [
        { sub: "ada", aud: ["another", audience], role: "admin" },
        { name: "ada", roles: ["admin"] },
      ],
    ] as const) {
      expect([claims, await actorOf(claims)]).toEqual([
        claims,
        { ok: true, value: { ...actor, expiresAtMs: expect.any(Number) as number } },
      ]);
    }
  });

  it("are read from the claim that the operator names, never from what objects inherit", async () => {
    const { publicKey, token } = await testIssuer();
    const rules = { issuer, audience, keys: { algorithms: ["EdDSA"], key: () => Promise.resolve(publicKey), warnings: [] } };
    const named = (roleClaim: string) => tokenAuthenticator({ ...rules, roleClaim });
    const own = await token({ sub: "ada", "https://sluice/role": "operator" });
    expect(await named("https://sluice/role").authenticate(bearer(own))).toMatchObject({ value: { roles: ["operator"] } });
    expect(await named("constructor").authenticate(bearer(own))).toMatchObject({ value: { roles: [] } });
  });

  it("open nothing when anything about them is wrong, and what is said repeats nothing of them", async () => {
    const { authenticator, bad } = await testIssuer();
    for (const [kind, token] of Object.entries(bad)) {
      const result = await authenticator.authenticate(bearer(token));
      expect([kind, result.ok ? "let in" : result.faults[0].code]).toEqual([kind, "unauthenticated"]);
      // It goes into a header: plain text without quotation marks.
      expect(result.ok ? "" : result.faults[0].message).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
    }
  });

  it("come by Authorization: Bearer alone", async () => {
    const { authenticator, byRole } = await testIssuer();
    const codeOf = async (authorization: string | undefined) => {
      const result = await authenticator.authenticate({ authorization });
      return result.ok ? "let in" : result.faults[0].code;
    };
    expect(await codeOf(`bearer  ${byRole.viewer}`)).toBe("let in");
    for (const header of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      byRole.viewer,
      `Basic ${byRole.viewer}`,
      `Bearer ${byRole.viewer} x`,
      "Bearer ö",
    ]) {
      expect([header, await codeOf(header)]).toEqual([header, "unauthenticated"]);
    }
  });

  it("may be half a minute early or late, and no more", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const at = 1_800_000_000;
    const token = await new SignJWT({ iss: issuer, aud: audience, sub: "ada", role: "viewer", nbf: at, exp: at + 60 })
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(privateKey);
    const keys = { algorithms: ["EdDSA"], key: () => Promise.resolve(publicKey), warnings: [] };
    const isTakenAt = async (seconds: number) =>
      (
        await tokenAuthenticator({ keys, issuer, audience, roleClaim: "role", now: () => new Date(seconds * 1_000) }).authenticate(
          bearer(token),
        )
      ).ok;
    expect(await Promise.all([-31, -30, 0, 60, 89, 90, 91].map((s) => isTakenAt(at + s)))).toEqual([
      false,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it("cannot be judged while the keys cannot be had: then nobody is called a stranger", async () => {
    const { byRole } = await testIssuer();
    const keys = { algorithms: ["EdDSA"], key: () => Promise.reject(new KeysUnavailable("away")), warnings: [] };
    const result = await tokenAuthenticator({ keys, issuer, audience, roleClaim: "role" }).authenticate(bearer(byRole.viewer));
    expect(result.ok ? "let in" : result.faults[0].code).toBe("unavailable");
  });
});

describe("development mode", () => {
  it("serves this machine under its own names only", async () => {
    const codeOf = async (host: string | undefined) => {
      const result = await developmentMode.authenticate({ host });
      return result.ok ? result.value : result.faults[0].code;
    };
    for (const host of [undefined, "localhost", "localhost:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080"]) {
      expect([host, await codeOf(host)]).toEqual([host, { name: "anonymous", roles: ["admin"] }]);
    }
    for (const host of ["sluice.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "x"]) {
      expect([host, await codeOf(host)]).toEqual([host, "forbidden"]);
    }
  });
});
