/**
 * The keys that tokens are signed with: a JWKS (RFC 7517) in a file or at a URL, or one static key. Which algorithms are taken follows
 * from the kind of source, never from the token: a public key never serves as an HMAC secret, and `none` is no algorithm.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Largest JWKS or key file, bytes. */
const keyBytesMax = 256 << 10;
/** Most keys in a JWKS. */
const keysMax = 100;
/** A secret shorter than what the hash gives makes HS256 weaker than it looks (RFC 7518, section 3.2), bytes. */
const secretBytesMin = 32;
/** A JWKS is read anew after this time, and for a key that it lacks not sooner than after that, ms. */
const cacheMs = 600_000;
const cooldownMs = 30_000;
const fetchMsMax = 5_000;

/** Of public keys. */
const algorithmsPublic = ["EdDSA", "Ed25519", "ES256", "RS256"] as const;

export interface KeySource {
  readonly algorithms: readonly string[];
  /** Throws what `jose` throws where there is no such key, and `KeysUnavailable`. */
  readonly key: JWTVerifyGetKey;
  /** What to tell the operator at the start; nothing in it is secret. */
  readonly warnings: readonly string[];
}

/** The keys cannot be had: no token can be judged. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

/** `--auth-jwks FILE|URL`. Faults: `malformed`, `not-found`, `not-allowed` (http elsewhere than on this machine). */
export async function jwksSource(place: string, nowMs: () => number): Promise<Result<KeySource>> {
  if (/^https?:/i.test(place)) return remoteSource(place);
  const read = async (): Promise<Result<JWTVerifyGetKey>> => {
    const text = await textOf(place);
    return text.ok ? localSet(text.value, place) : text;
  };
  const first = await read();
  if (!first.ok) return first;
  let current = first.value;
  let readAtMs = nowMs();
  /** The file may have been changed for new keys: it is read again when one is missing, and after some time. */
  const refreshed = async (): Promise<boolean> => {
    readAtMs = nowMs();
    const again = await read();
    if (again.ok) current = again.value;
    return again.ok;
  };
  return ok({
    algorithms: algorithmsPublic,
    warnings: [],
    key: aboutKeys(async (header, token) => {
      if (nowMs() - readAtMs >= cacheMs) await refreshed();
      try {
        return await current(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || nowMs() - readAtMs < cooldownMs || !(await refreshed())) throw error;
        return current(header, token);
      }
    }),
  });
}

function localSet(text: string, place: string): Result<JWTVerifyGetKey> {
  const set = jsonOf(text);
  if (!isKeySet(set)) return refuse(fault("malformed", `${place} holds no JSON Web Key Set: {"keys":[...]} with at most ${keysMax} keys.`));
  const secret = set.keys.findIndex(({ kty, d }) => kty === "oct" || d !== undefined);
  if (secret >= 0) {
    return refuse(
      fault("not-allowed", `Key ${secret} of ${place} is secret: a JWKS holds public keys only.`, { pointer: `/keys/${secret}` }),
    );
  }
  return ok(createLocalJWKSet(set));
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys: unknown = typeof value === "object" && value !== null && "keys" in value ? value.keys : undefined;
  return (
    Array.isArray(keys) && keys.length <= keysMax && keys.every((key) => typeof key === "object" && key !== null && !Array.isArray(key))
  );
}

function remoteSource(place: string): Result<KeySource> {
  const url = URL.canParse(place) ? new URL(place) : undefined;
  if (url === undefined) return refuse(fault("malformed", "The URL of the JWKS cannot be read."));
  if (url.protocol !== "https:" && !isLoopback(url.hostname)) {
    return refuse(
      fault("not-allowed", "A JWKS from another machine is fetched by https only: who can change it on its way can forge tokens."),
    );
  }
  const set = createRemoteJWKSet(url, {
    timeoutDuration: fetchMsMax,
    cooldownDuration: cooldownMs,
    cacheMaxAge: cacheMs,
    [customFetch]: boundedFetch,
  });
  return ok({ algorithms: algorithmsPublic, warnings: [], key: aboutKeys(set) });
}

/** jose says by its classes what is wrong with the token; all else is about the keys. */
function aboutKeys(set: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await set(header, token);
    } catch (error) {
      if (aboutToken.some((kind) => error instanceof kind)) throw error;
      throw new KeysUnavailable("the keys cannot be had", { cause: error });
    }
  };
}

const aboutToken = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/** No redirects (jose asks for none), and no more bytes than a JWKS has. */
async function boundedFetch(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += (part as Uint8Array).length;
    if (length > keyBytesMax) throw new KeysUnavailable("the JWKS is too large");
    parts.push(part as Uint8Array);
  }
  return new Response(new Uint8Array(Buffer.concat(parts)), { status: response.status });
}

/**
 * `--auth-key FILE`: a public key in PEM (SPKI) or as a JWK, or a secret for HS256: a JWK of kind `oct`, or a text of at least 32 bytes.
 * Faults: `not-found`, `malformed`, `not-allowed` (a private key), `out-of-range` (a weak one).
 */
export async function staticKeySource(file: string): Promise<Result<KeySource>> {
  const read = await textOf(file);
  if (!read.ok) return read;
  const text = read.value.trim();
  if (/PRIVATE KEY/.test(text)) return privateKeyGiven(file);
  if (text.startsWith("-----BEGIN")) return publicSource(file, () => createPublicKey(text));
  const jwk = jsonOf(text);
  if (typeof jwk === "object" && jwk !== null && "kty" in jwk) {
    if ("d" in jwk) return privateKeyGiven(file);
    if (jwk.kty === "oct") return secretSource(file, Buffer.from("k" in jwk && typeof jwk.k === "string" ? jwk.k : "", "base64url"));
    return publicSource(file, () => createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }));
  }
  return secretSource(file, Buffer.from(text, "utf8"));
}

function publicSource(file: string, make: () => KeyObject): Result<KeySource> {
  let key: KeyObject;
  try {
    key = make();
  } catch {
    return refuse(fault("malformed", `${file} holds no public key that can be read: PEM (SPKI) or JWK.`));
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const found = Promise.resolve(key);
  const source = (algorithms: readonly string[]) => ok({ algorithms, warnings: [], key: () => found });
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return source(["EdDSA", "Ed25519"]);
    case "ec":
      if (namedCurve === "prime256v1") return source(["ES256"]);
      break;
    case "rsa":
      if (modulusLength >= 2048) return source(["RS256"]);
      return refuse(fault("out-of-range", `The RSA key of ${file} has ${modulusLength} bits: at least 2048 are needed.`));
    default:
  }
  return refuse(fault("not-allowed", `The key of ${file} is of a kind that is not taken: Ed25519, P-256 or RSA.`));
}

async function secretSource(file: string, secret: Uint8Array): Promise<Result<KeySource>> {
  if (secret.length < secretBytesMin) {
    return refuse(fault("out-of-range", `The secret of ${file} has ${secret.length} bytes: at least ${secretBytesMin} are needed.`));
  }
  const { mode } = await stat(file);
  const others = (mode & 0o077) !== 0;
  return ok({
    algorithms: ["HS256"],
    key: () => Promise.resolve(secret),
    warnings: others ? [`Others on this machine may read ${file}, and who can read it can make tokens of any role.`] : [],
  });
}

function privateKeyGiven(file: string): Result<never> {
  return refuse(fault("not-allowed", `${file} is a private key: the controller needs the public one, and should not have the other.`));
}

async function textOf(file: string): Promise<Result<string>> {
  try {
    const { size } = await stat(file);
    if (size > keyBytesMax) return refuse(fault("too-large", `${file} has ${size} bytes: at most ${keyBytesMax} are read.`));
    return ok(await readFile(file, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "no reason given";
    return refuse(fault("not-found", `${file} cannot be read: ${reason}.`));
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of this machine: 127.0.0.0/8, ::1, localhost; with the brackets of URLs or without. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
