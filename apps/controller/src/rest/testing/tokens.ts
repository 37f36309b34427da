/** For the tests of REST: an issuer of tokens, good ones and bad ones. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import { tokenAuthenticator, type Authenticator } from "../auth/authenticator.js";
import { roles, type Role } from "../auth/role.js";
import { createLocalJWKSet } from "jose";

export const issuer = "https://issuer.example";
export const audience = "sluice";

export interface Issuer {
  readonly authenticator: Authenticator;
  readonly publicKey: KeyObject;
  /** Good for an hour, unless the claims say otherwise. */
  token(claims: JWTPayload, header?: { readonly kid?: string }): Promise<string>;
  /** One of each role, by its name. */
  readonly byRole: Readonly<Record<Role, string>>;
  /** Every kind of token that must open nothing. */
  readonly bad: Readonly<Record<string, string>>;
}

/** Signs with Ed25519, as key `one` of a set of two. */
export async function testIssuer(): Promise<Issuer> {
  const [one, two, stranger] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keys = await Promise.all(
    [one, two].map(async ({ publicKey }, i) => ({
      ...(await exportJWK(publicKey)),
      kid: ["one", "two"][i] ?? "",
      alg: "EdDSA",
      use: "sig",
    })),
  );
  const authenticator = tokenAuthenticator({
    keys: { algorithms: ["EdDSA", "ES256", "RS256"], key: createLocalJWKSet({ keys }), warnings: [] },
    issuer,
    audience,
    roleClaim: "role",
  });
  const now = Math.floor(Date.now() / 1_000);
  const usual = { iss: issuer, aud: audience, sub: "somebody", role: "admin", iat: now, exp: now + 3_600 };
  const signed = (claims: JWTPayload, key: KeyObject | Uint8Array = one.privateKey, header: Record<string, string> = {}) =>
    new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: "EdDSA", kid: "one", ...header }).sign(key);
  const without = (claim: keyof typeof usual) => {
    const { [claim]: _, ...rest } = usual;
    return new SignJWT(rest).setProtectedHeader({ alg: "EdDSA", kid: "one" }).sign(one.privateKey);
  };
  const good = await signed({});
  const [head = "", body = "", signature = ""] = good.split(".");
  const stronger = Buffer.from(JSON.stringify({ ...usual, sub: "somebody-else" })).toString("base64url");
  const pem = one.publicKey.export({ type: "spki", format: "pem" });
  return {
    authenticator,
    publicKey: one.publicKey,
    token: (claims, header) => signed(claims, one.privateKey, { ...header }),
    byRole: Object.fromEntries(
      await Promise.all(roles.map(async (role) => [role, await signed({ sub: `a ${role}`, role })] as const)),
    ) as Record<Role, string>,
    bad: {
      expired: await signed({ exp: now - 60 }),
      "not valid yet": await signed({ nbf: now + 3_600 }),
      "for another audience": await signed({ aud: "another" }),
      "of another issuer": await signed({ iss: "https://elsewhere.example" }),
      "without an end": await without("exp"),
      "without a subject": await without("sub"),
      "without an issuer": await without("iss"),
      "without an audience": await without("aud"),
      "of a stranger's key": await signed({}, stranger.privateKey),
      "of another known key": await signed({}, two.privateKey),
      "of an unknown key": await signed({}, stranger.privateKey, { kid: "three" }),
      "with no key named": await new SignJWT(usual).setProtectedHeader({ alg: "EdDSA" }).sign(one.privateKey),
      "by RS256": await signed({}, rsa.privateKey, { alg: "RS256" }),
      "by HS256 with the public key as secret": await signed({}, Buffer.from(pem), { alg: "HS256" }),
      "by no algorithm": new UnsecuredJWT({ ...usual }).encode(),
      "with another body": `${head}.${stronger}.${signature}`,
      "without its signature": `${head}.${body}.`,
      "with a subject that is no name": await signed({ sub: "a\u0000b" }),
      "that is none": "no-token",
    },
  };
}
