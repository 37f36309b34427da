/** From the command line to who may ask. */
import { ok, type Result } from "@sluice/model";
import { developmentMode, tokenAuthenticator, type Authenticator } from "./authenticator.js";
import { jwksSource, staticKeySource } from "./key-source.js";

export interface AuthOptions {
  /** Where the keys are: a JWKS by file or URL, or one key in a file. */
  readonly keys: { readonly kind: "jwks" | "key"; readonly place: string };
  readonly issuer: string;
  readonly audience: string;
  readonly roleClaim: string;
}

export interface AuthSetup {
  readonly authenticator: Authenticator;
  /** What the operator should know, for the log. */
  readonly notes: readonly string[];
}

/** Without options: development mode, which the command line allows on loopback addresses only. */
export async function setUpAuth(options: AuthOptions | undefined): Promise<Result<AuthSetup>> {
  if (options === undefined) {
    const note = "development mode: no tokens are asked for, and everybody on this machine is an admin; --auth-jwks or --auth-key end that";
    return ok({ authenticator: developmentMode, notes: [note] });
  }
  const { kind, place } = options.keys;
  const keys = await (kind === "jwks" ? jwksSource(place, () => performance.now()) : staticKeySource(place));
  if (!keys.ok) return keys;
  const { issuer, audience, roleClaim } = options;
  return ok({ authenticator: tokenAuthenticator({ keys: keys.value, issuer, audience, roleClaim }), notes: keys.value.warnings });
}
