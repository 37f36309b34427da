/** The controller's command line. */
import type { TlsFiles } from "@sluice/wire";
import { Command, InvalidArgumentError } from "commander";
import { isLoopback } from "./rest/auth/key-source.js";
import type { AuthOptions } from "./rest/auth/setup.js";

export interface ControllerOptions {
  readonly dataDir: string;
  readonly databaseUrl?: string;
  readonly grpc: { readonly host: string; readonly port: number };
  readonly rest: { readonly host: string; readonly port: number };
  /** Certificate, key and the authorities of clients; without it gRPC is plaintext, on loopback addresses only. */
  readonly grpcTls?: Required<TlsFiles>;
  /** Without it REST is plain HTTP. With `ca`, clients need a certificate besides their token. */
  readonly restTls?: TlsFiles;
  /** Who may use REST; without it everybody on this machine. */
  readonly auth?: AuthOptions;
  readonly controllerId: string;
  /** How long a lease lasts, where several controllers share a database. */
  readonly leaseSeconds: number;
  /** Where others reach this controller, where that is not what it listens on. */
  readonly advertiseRest?: string;
  readonly advertiseGrpc?: string;
  readonly cycleSeconds: number;
  /** Fields of `PlanSettings` to change at the start; validated by the machine. */
  readonly settings?: unknown;
  readonly exitWithStdin: boolean;
  readonly logLevel: string;
}

const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** Reads arguments and `DATABASE_URL`; commander prints help and usage errors (exit code 2) itself. */
export function parseOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): ControllerOptions {
  const command = new Command("sluice-controller")
    .description(
      "Takes topology and demand over gRPC, plans, and programs the switches. One JSON line on stdout says when it serves; logs go to stderr.",
    )
    .requiredOption("--data-dir <dir>", "where the embedded database lives (made when absent); with DATABASE_URL set it is not used")
    .option("--grpc <host:port>", "where gRPC is served; port 0 takes a free one", address, { host: "127.0.0.1", port: 50051 })
    .option("--rest <host:port>", "where REST is served; port 0 takes a free one", address, { host: "127.0.0.1", port: 8080 })
    .option("--grpc-tls-cert <file>", "certificate (PEM) of gRPC; all three of --grpc-tls-* or none")
    .option("--grpc-tls-key <file>", "its private key (PEM)")
    .option(
      "--grpc-tls-ca <file>",
      "authorities (PEM) of agents and clients: each needs a certificate that says who it is (docs/security.md)",
    )
    .option("--rest-tls-cert <file>", "certificate (PEM) of REST, with --rest-tls-key")
    .option("--rest-tls-key <file>", "its private key (PEM)")
    .option("--rest-tls-ca <file>", "authorities (PEM): clients of REST need a certificate of theirs, besides a token")
    .option("--auth-jwks <file|url>", "keys that REST's tokens are signed with: a JSON Web Key Set")
    .option("--auth-key <file>", "the one key instead: a public key (PEM or JWK), or a secret of 32 bytes or more for HS256")
    .option("--auth-issuer <name>", "who makes the tokens (claim iss); needed with either")
    .option("--auth-audience <name>", "for whom they are made (claim aud)", "sluice")
    .option("--auth-role-claim <name>", "the claim that says viewer, operator, admin or job, or a list of them", "role")
    .option("--id <name>", "this controller's name in events and logs", "controller-1")
    .option("--lease-seconds <seconds>", "with DATABASE_URL: how long this controller leads without renewing it", leaseSeconds, 5)
    .option("--advertise-rest <url>", "with DATABASE_URL: where clients reach this controller's REST, e.g. https://c1.example:8080")
    .option("--advertise-grpc <host:port>", "with DATABASE_URL: where agents reach its gRPC; both default to where it listens")
    .option("--cycle-seconds <seconds>", "at least this long between two plans that demand asks for", seconds, 5)
    .option("--settings <json>", 'plan settings to change at the start, e.g. \'{"objective":"max-min-fair"}\'', json)
    .option("--exit-with-stdin", "end when stdin closes: for a parent process that must leave nothing behind", false)
    .option("--log-level <level>", logLevels.join(", "), level, "info")
    .addHelpText(
      "after",
      `
Environment:
  DATABASE_URL   a PostgreSQL database to use instead of the embedded one, e.g. postgresql://sluice@localhost/sluice

Without --auth-jwks or --auth-key REST is in development mode: no tokens, everybody is an admin, on loopback addresses only (docs/security.md).
So is gRPC without --grpc-tls-*. Files of certificates are read again when they change, and on SIGHUP. \`sluice certs\` makes some.

Example:
  sluice-controller --data-dir ./data --grpc 127.0.0.1:50051 --rest 127.0.0.1:8080
  sluice-controller --data-dir ./data --grpc 0.0.0.0:50051 --grpc-tls-cert certs/controller.crt --grpc-tls-key certs/controller.key \\
    --grpc-tls-ca certs/ca.crt`,
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse([...argv], { from: "user" });
  const given = command.opts<
    AuthGiven &
      TlsGiven & {
        dataDir: string;
        grpc: ControllerOptions["grpc"];
        rest: ControllerOptions["rest"];
        id: string;
        leaseSeconds: number;
        advertiseRest?: string;
        advertiseGrpc?: string;
        cycleSeconds: number;
        settings?: unknown;
        exitWithStdin: boolean;
        logLevel: string;
      }
  >();
  const databaseUrl = environment["DATABASE_URL"];
  const auth = authOf(given, (message) => command.error(`error: ${message}`));
  if (auth === undefined && !isLoopback(given.rest.host)) {
    command.error(`error: --rest ${given.rest.host} is no loopback address: others need tokens, so say --auth-jwks or --auth-key`);
  }
  const grpcTls = grpcTlsOf(given, (message) => command.error(`error: ${message}`));
  const restTls = restTlsOf(given, (message) => command.error(`error: ${message}`));
  if (grpcTls === undefined && !isLoopback(given.grpc.host)) {
    command.error(
      `error: --grpc ${given.grpc.host} is no loopback address: whoever reaches it could program the network, so say --grpc-tls-cert, --grpc-tls-key and --grpc-tls-ca (sluice certs makes them)`,
    );
  }
  return {
    dataDir: given.dataDir,
    ...(databaseUrl === undefined || databaseUrl === "" ? {} : { databaseUrl }),
    grpc: given.grpc,
    rest: given.rest,
    ...(grpcTls && { grpcTls }),
    ...(restTls && { restTls }),
    ...(auth === undefined ? {} : { auth }),
    controllerId: given.id,
    leaseSeconds: given.leaseSeconds,
    ...(given.advertiseRest === undefined ? {} : { advertiseRest: given.advertiseRest }),
    ...(given.advertiseGrpc === undefined ? {} : { advertiseGrpc: given.advertiseGrpc }),
    cycleSeconds: given.cycleSeconds,
    ...(given.settings === undefined ? {} : { settings: given.settings }),
    exitWithStdin: given.exitWithStdin,
    logLevel: given.logLevel,
  };
}

interface AuthGiven {
  authJwks?: string;
  authKey?: string;
  authIssuer?: string;
  authAudience: string;
  authRoleClaim: string;
}

function authOf(given: AuthGiven, refuse: (message: string) => never): AuthOptions | undefined {
  const { authJwks, authKey, authIssuer: issuer, authAudience: audience, authRoleClaim: roleClaim } = given;
  if (authJwks !== undefined && authKey !== undefined) refuse("--auth-jwks and --auth-key do not go together");
  const place = authJwks ?? authKey;
  if (place === undefined) {
    // A controller that was meant to ask for tokens does not serve without.
    if (issuer !== undefined) refuse("--auth-issuer says who makes tokens, but not --auth-jwks or --auth-key how they are signed");
    return undefined;
  }
  if (issuer === undefined || issuer === "") return refuse("--auth-issuer is needed: whose tokens are taken");
  if (audience === "") return refuse("--auth-audience is needed: for whom the tokens are made");
  return { keys: { kind: authJwks === undefined ? "key" : "jwks", place }, issuer, audience, roleClaim };
}

interface TlsGiven {
  grpcTlsCert?: string;
  grpcTlsKey?: string;
  grpcTlsCa?: string;
  restTlsCert?: string;
  restTlsKey?: string;
  restTlsCa?: string;
}

/** A controller that was meant to ask for certificates does not serve without. */
function grpcTlsOf(
  { grpcTlsCert: cert, grpcTlsKey: key, grpcTlsCa: ca }: TlsGiven,
  refuse: (message: string) => never,
): Required<TlsFiles> | undefined {
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined || ca === undefined)
    return refuse("--grpc-tls-cert, --grpc-tls-key and --grpc-tls-ca go together");
  return { cert, key, ca };
}

function restTlsOf(
  { restTlsCert: cert, restTlsKey: key, restTlsCa: ca }: TlsGiven,
  refuse: (message: string) => never,
): TlsFiles | undefined {
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined)
    return refuse("--rest-tls-cert and --rest-tls-key go together, and --rest-tls-ca needs them");
  return { cert, key, ...(ca !== undefined && { ca }) };
}

function address(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:]+)\]|([^:]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65_535)) throw new InvalidArgumentError("Write it as HOST:PORT, e.g. 127.0.0.1:8080.");
  return { host, port };
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.1 || value > 86_400) throw new InvalidArgumentError("Give seconds from 0.1 to 86400.");
  return value;
}

function leaseSeconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 1 || value > 600) throw new InvalidArgumentError("Give seconds from 1 to 600.");
  return value;
}

function level(text: string): string {
  if (!(logLevels as readonly string[]).includes(text)) throw new InvalidArgumentError(`Choose one of ${logLevels.join(", ")}.`);
  return text;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("Give JSON.");
  }
}
