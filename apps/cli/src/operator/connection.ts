/** Which controller is meant, and how to be known there: options, then the environment, then the contexts' file, then this machine. */
import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { argumentFault } from "../refusal.js";
import { contextFilePath, contextNamed, readContexts, type Env, type OperatorContext } from "./context-file.js";
import type { ControllerAddress } from "./controller-client.js";
import type { TlsFiles } from "./transport.js";

/** Where `npm start` serves, for who says nothing else. */
export const controllerDefault = "http://127.0.0.1:8080";
const tokenCharsMax = 16_384;

export interface ConnectionFlags {
  readonly context?: string;
  readonly controller?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Connection {
  readonly address: ControllerAddress;
  readonly tls: TlsFiles;
  /** What should be said to people about it, once. */
  readonly warnings: readonly string[];
}

/**
 * `--controller`, else `--context`, else `SLUICE_CONTROLLER`, else `SLUICE_CONTEXT`, else the current context, else http://127.0.0.1:8080. A
 * context's token goes to that context's controller only. Faults: `malformed`, `not-found`, `not-allowed`, and those of the file.
 */
export async function findConnection(flags: ConnectionFlags, env: Env): Promise<Result<Connection>> {
  const context = await contextOf(flags, env);
  if (!context.ok) return context;
  const { named, warnings } = context.value;
  const text = flags.controller ?? named?.controller ?? nonEmpty(env["SLUICE_CONTROLLER"]) ?? controllerDefault;
  const url = parseControllerUrl(
    text,
    flags.controller === undefined ? (named === undefined ? "SLUICE_CONTROLLER" : `context ${named.name}`) : "--controller",
  );
  if (!url.ok) return url;
  const token = await tokenOf(flags, named, env);
  if (!token.ok) return token;
  const isClear = token.value !== undefined && url.value.protocol === "http:" && !isLoopback(url.value.hostname);
  return ok({
    address: { url: url.value, token: token.value },
    tls: { ca: flags.ca ?? named?.ca, cert: flags.cert ?? named?.cert, key: flags.key ?? named?.key },
    warnings: isClear ? [...warnings, `the token goes to ${url.value.host} unencrypted: use https`] : warnings,
  });
}

async function contextOf(
  flags: ConnectionFlags,
  env: Env,
): Promise<Result<{ readonly named: OperatorContext | undefined; readonly warnings: readonly string[] }>> {
  const nothing = { named: undefined, warnings: [] };
  if (flags.controller !== undefined) {
    if (flags.context === undefined) return ok(nothing);
    return refuse(argumentFault("not-allowed", "--context", "--context names a controller already: leave --controller out."));
  }
  if (flags.context === undefined && nonEmpty(env["SLUICE_CONTROLLER"]) !== undefined) return ok(nothing);
  const path = contextFilePath(env);
  const read = await readContexts(path);
  if (!read.ok) return read;
  const { file, isExposed } = read.value;
  const warnings = isExposed ? [`${path} has a token and can be read by others on this machine: chmod 600 ${path}`] : [];
  const asked = flags.context ?? nonEmpty(env["SLUICE_CONTEXT"]) ?? file.current;
  if (asked === undefined) return ok({ named: undefined, warnings });
  const named = contextNamed(file, asked, flags.context === undefined ? "context" : "--context");
  return named.ok ? ok({ named: named.value, warnings }) : named;
}

/** Faults: `malformed`; `not-allowed` where a password is in it. */
export function parseControllerUrl(text: string, option: string): Result<URL> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    return refuse(argumentFault("malformed", option, `${option} takes a URL such as ${controllerDefault}, not ${JSON.stringify(text)}.`));
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    return refuse(
      argumentFault(
        "not-allowed",
        option,
        `${option} takes a URL without user, query and fragment; tokens come by --token-file or SLUICE_TOKEN.`,
      ),
    );
  return ok(url);
}

/** `--token-file`, else SLUICE_TOKEN, else the context's. */
async function tokenOf(flags: ConnectionFlags, named: OperatorContext | undefined, env: Env): Promise<Result<string | undefined>> {
  const fromEnv = nonEmpty(env["SLUICE_TOKEN"]?.trim());
  if (flags.tokenFile !== undefined) return readToken(flags.tokenFile, "--token-file");
  if (fromEnv !== undefined) return checkedToken(fromEnv, "SLUICE_TOKEN");
  if (named?.tokenFile !== undefined) return readToken(named.tokenFile, `context ${named.name}`);
  return named?.token === undefined ? ok(undefined) : checkedToken(named.token, `context ${named.name}`);
}

async function readToken(path: string, option: string): Promise<Result<string>> {
  try {
    return checkedToken((await readFile(path, "utf8")).trim(), option);
  } catch {
    return refuse(argumentFault("not-found", option, `${option}: ${path} cannot be read.`));
  }
}

export function checkedToken(token: string, option: string): Result<string> {
  if (token !== "" && token.length <= tokenCharsMax && !/[^\x21-\x7e]/.test(token)) return ok(token);
  return refuse(
    fault("malformed", "A token is one line of printable characters without blanks.", {
      pointer: option,
      data: { advice: "give the token alone, as the issuer gave it" },
    }),
  );
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}
