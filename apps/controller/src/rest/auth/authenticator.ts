/** Who asks: by a bearer token (RFC 6750) that is a JWT (RFC 7519), or, in development mode, whoever is on this machine. */
import { fault, isId, ok, refuse, type Result } from "@sluice/model";
import { errors, jwtVerify, type JWTPayload } from "jose";
import { isLoopback, KeysUnavailable, type KeySource } from "./key-source.js";
import { isRole, type Actor } from "./role.js";

/** How far the clocks of issuer and controller may be apart, seconds. */
const clockSkewSeconds = 30;

export interface RequestHeaders {
  readonly authorization?: string | undefined;
  readonly host?: string | undefined;
}

export interface Authenticator {
  /** Faults: `unauthenticated`; `forbidden` (development mode asked from elsewhere); `unavailable` where the keys cannot be had. */
  authenticate(headers: RequestHeaders): Promise<Result<Actor>>;
}

export const developer: Actor = { name: "anonymous", roles: ["admin"] };

/**
 * Everybody who reaches the loopback address is an admin. A page in a browser of this machine reaches it too, under a name that its
 * author made lead here (DNS rebinding), so the name that was asked for has to be one of this machine.
 */
export const developmentMode: Authenticator = {
  authenticate: async ({ host }) => {
    await Promise.resolve();
    const name = host?.replace(/:\d*$/, "");
    if (name === undefined || isLoopback(name)) return ok(developer);
    return refuse(fault("forbidden", "In development mode only this machine is served, under its own name: localhost or 127.0.0.1."));
  },
};

export interface TokenRules {
  readonly keys: KeySource;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that holds a role, or a list of them. */
  readonly roleClaim: string;
  /** Of the clock, for tests. */
  readonly now?: () => Date;
}

export function tokenAuthenticator({ keys, issuer, audience, roleClaim, now }: TokenRules): Authenticator {
  const options = {
    algorithms: [...keys.algorithms],
    issuer,
    audience,
    clockTolerance: clockSkewSeconds,
    requiredClaims: ["exp", "sub", "iss", "aud"],
  };
  return {
    authenticate: async ({ authorization }) => {
      if (authorization === undefined) return refuse(fault("unauthenticated", "This needs a token: Authorization: Bearer TOKEN."));
      const token = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization)?.[1];
      if (token === undefined) return refuse(fault("unauthenticated", "Authorization is written: Bearer TOKEN."));
      try {
        const { payload } = await jwtVerify(token, keys.key, { ...options, ...(now && { currentDate: now() }) });
        return actorOf(payload, roleClaim);
      } catch (error) {
        return refusalOf(error);
      }
    },
  };
}

/** Roles that are not ours are passed over: an issuer may serve others as well. Without one of ours, every route is forbidden. */
function actorOf(payload: JWTPayload, roleClaim: string): Result<Actor> {
  const { sub, exp } = payload;
  // What goes into the journal and the audit log has to be text that can be read there.
  if (typeof sub !== "string" || !isId(sub) || /\p{Cs}/u.test(sub)) {
    return refuse(fault("unauthenticated", "The token's subject is no name: 1 to 128 printable characters."));
  }
  const claim = Object.hasOwn(payload, roleClaim) ? payload[roleClaim] : undefined;
  return ok({ name: sub, roles: [claim].flat().filter(isRole), ...(exp !== undefined && { expiresAtMs: exp * 1_000 }) });
}

/** What is wrong is said as far as who made the token can use it; nothing of the token is repeated. */
function refusalOf(error: unknown): Result<never> {
  if (error instanceof KeysUnavailable) return refuse(fault("unavailable", "Tokens cannot be judged now: the keys cannot be fetched."));
  if (!(error instanceof errors.JOSEError)) throw error;
  return refuse(fault("unauthenticated", sentenceOf(error)));
}

function sentenceOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "The token has expired.";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "nbf") return "The token is not valid yet.";
    return `The token's claim ${/^(iss|aud|exp|sub|iat)$/.test(error.claim) ? error.claim : "set"} is missing, or not the one that is wanted here.`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return "The token is signed with an algorithm that is not taken here.";
  if (error instanceof errors.JWKSNoMatchingKey) return "The token names a key that is not known here.";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "The token has to say which key it is signed with (kid).";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "The token's signature does not hold.";
  return "The token is no signed JWT.";
}
