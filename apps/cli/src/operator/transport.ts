/** How requests reach a controller: fetch, with a controller's own CA and a client certificate where they are given, and why they did not. */
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createSecureContext } from "node:tls";
import { ok, refuse, type Result } from "@sluice/model";
import { Agent, request } from "undici";
import { argumentFault } from "../refusal.js";
import type { Answered, Method } from "./request.js";

/** Largest certificate or key file, bytes. */
const pemBytesMax = 1 << 20;

/** Files in PEM. */
export interface TlsFiles {
  /** Whose signature on the controller's certificate counts, in place of the system's. */
  readonly ca?: string | undefined;
  /** What this client shows of itself, with its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface SentRequest {
  readonly method: Method;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly body?: string | Readable;
}

export type Transport = (url: URL, sent: SentRequest) => Promise<Answered>;

/** Faults: `missing-field` where only one of certificate and key is given; `not-found`, `too-large`, `malformed` of a file. */
export async function openTransport(files: TlsFiles): Promise<Result<Transport>> {
  const { ca, cert, key } = files;
  if ((cert === undefined) !== (key === undefined))
    return refuse(
      argumentFault(
        "missing-field",
        cert === undefined ? "--cert" : "--key",
        "A client certificate needs both --cert FILE and --key FILE.",
      ),
    );
  const pems = new Map<string, string>();
  for (const [name, path] of Object.entries({ ca, cert, key })) {
    if (path === undefined) continue;
    const pem = await readPem(path, `--${name}`);
    if (!pem.ok) return pem;
    pems.set(name, pem.value);
  }
  // Streams of events have a heartbeat; everything else has a time-out of its own.
  const idle = { headersTimeout: 0, bodyTimeout: 0 };
  const secure = Object.fromEntries(pems);
  try {
    // Files that do not belong together are told before anything is sent.
    createSecureContext(secure);
  } catch (error) {
    return refuse(
      argumentFault("malformed", pems.has("cert") ? "--cert" : "--ca", `The certificates cannot be used: ${(error as Error).message}.`),
    );
  }
  const dispatcher = new Agent({ ...idle, connect: secure });
  // Not by `fetch`, which sends a request again by itself where the answer is 421. Redirects are not followed: a token would go with them.
  return ok(async (url, { body = null, ...sent }) => {
    const { statusCode, headers, body: answered } = await request(url, { ...sent, body, dispatcher });
    return {
      status: statusCode,
      header(name) {
        const value = headers[name];
        return Array.isArray(value) ? value.join(", ") : value;
      },
      body: answered,
    };
  });
}

async function readPem(path: string, option: string): Promise<Result<string>> {
  let pem: string;
  try {
    pem = await readFile(path, "utf8");
  } catch {
    return refuse(argumentFault("not-found", option, `${option}: ${path} cannot be read.`));
  }
  if (pem.length > pemBytesMax)
    return refuse(argumentFault("too-large", option, `${option}: ${path} is longer than any certificate or key.`));
  if (pem.includes("-----BEGIN ")) return ok(pem);
  return refuse(argumentFault("malformed", option, `${option}: ${path} is no certificate or key in PEM.`));
}

/** System codes of a connection that broke off after it was made. */
const lossCodes = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "ERR_STREAM_PREMATURE_CLOSE"]);
/** And of one that never came to be: the request was not sent. */
const unsentCodes = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

/**
 * `lost`: the request may have been received, though no answer was, and may be answered when it is sent again; `unsent`: nobody received it, and
 * somebody may later; `hopeless`: it will not be otherwise the next time.
 */
export function lossOf(error: unknown): "lost" | "unsent" | "hopeless" {
  const code = innermost(error).code ?? "";
  return lossCodes.has(code) ? "lost" : unsentCodes.has(code) ? "unsent" : "hopeless";
}

/** In words for people, with what to do where that is known. `protocol` is that of the URL. */
export function reasonOf(error: unknown, protocol: string): string {
  const { code = "", message } = innermost(error);
  if (code === "ECONNREFUSED") return "nobody listens there (ECONNREFUSED)";
  if (code === "ENOTFOUND") return "there is no such host (ENOTFOUND)";
  if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") {
    // A server that wants another certificate may end the connection without a word.
    const hint = protocol === "https:" ? " (where it wants a client certificate: --cert FILE and --key FILE)" : "";
    return `the connection broke off${hint}`;
  }
  if (code === "DEPTH_ZERO_SELF_SIGNED_CERT" || code === "SELF_SIGNED_CERT_IN_CHAIN" || code.startsWith("UNABLE_TO_"))
    return `its certificate is signed by nobody who is known here (${code}); give its CA by --ca FILE`;
  if (/CERTIFICATE_REQUIRED|certificate required/i.test(`${code} ${message}`))
    return "it wants a client certificate; give one by --cert FILE and --key FILE";
  return message;
}

function innermost(error: unknown): { readonly code?: string; readonly message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error.cause;
  return inner instanceof Error ? innermost(inner) : error;
}
