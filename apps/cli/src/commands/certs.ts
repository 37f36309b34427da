/** `sluice certs`: an authority for development and labs, and certificates by it. */
import { open } from "node:fs/promises";
import type { CertificateDescription, CertificateRequest, Existing, WrittenFiles } from "@sluice/certs";
import { fault, isId, ok, refuse, type Identity, type IdentityKind, type Result } from "@sluice/model";
import { parseWhole } from "../argument.js";
import { jsonText, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { argumentFault } from "../refusal.js";

export interface CertsFlags {
  readonly dir: string;
  readonly days: string;
  readonly keep?: boolean;
  readonly replace?: boolean;
}

export interface CertsClientFlags extends CertsFlags {
  readonly role: "job" | "operator";
}

export interface CertsControllerFlags extends CertsFlags {
  readonly name: string;
}

export interface CertsShowFlags {
  readonly output: "table" | "json";
}

/** Longer than an authority for development should live, days. */
const daysMost = 3_650;
/** The largest file with certificates that is read, bytes. */
const fileBytesMax = 2 ** 20;

export async function certsInitCommand(flags: CertsFlags, context: CommandContext): Promise<ExitCode> {
  const days = daysOf(flags);
  if (!days.ok) return refused(context, days.faults);
  const { writeAuthority } = await import("@sluice/certs");
  return tell(await writeAuthority(flags.dir, { nowMs: Date.now(), days: days.value }, existingOf(flags)), context);
}

export async function certsAgentCommand(nodes: readonly string[], flags: CertsFlags, context: CommandContext): Promise<ExitCode> {
  // All names are looked at before anything is written.
  const identities: Identity[] = [];
  for (const node of nodes) {
    const identity = identityOf("agent", node, "NODE");
    if (!identity.ok) return refused(context, identity.faults);
    identities.push(identity.value);
  }
  for (const identity of identities) {
    const code = await issue(`agent-${identity.name}`, { identity, hosts: [] }, flags, context);
    if (code !== exitCode.ok) return code;
  }
  return exitCode.ok;
}

export async function certsClientCommand(name: string, flags: CertsClientFlags, context: CommandContext): Promise<ExitCode> {
  const identity = identityOf(flags.role, name, "NAME");
  if (!identity.ok) return refused(context, identity.faults);
  return issue(`client-${name}`, { identity: identity.value, hosts: [] }, flags, context);
}

export async function certsControllerCommand(
  hosts: readonly string[],
  flags: CertsControllerFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const identity = identityOf("controller", flags.name, "--name");
  if (!identity.ok) return refused(context, identity.faults);
  return issue(flags.name, { identity: identity.value, hosts }, flags, context);
}

export async function certsShowCommand(file: string, flags: CertsShowFlags, context: CommandContext): Promise<ExitCode> {
  const text = await readBounded(file);
  if (!text.ok) return refused(context, text.faults);
  const { describeCertificates } = await import("@sluice/certs");
  const described = describeCertificates(text.value, Date.now());
  if (!described.ok) return refused(context, described.faults);
  await context.terminal.write(flags.output === "json" ? jsonText(described.value) : described.value.map(descriptionText).join("\n"));
  return exitCode.ok;
}

async function issue(name: string, request: CertificateRequest, flags: CertsFlags, context: CommandContext): Promise<ExitCode> {
  const days = daysOf(flags);
  if (!days.ok) return refused(context, days.faults);
  if (name === "ca") return refused(context, [argumentFault("not-allowed", "--name", "ca is the authority's name.")]);
  const { writeCertificate } = await import("@sluice/certs");
  const validity = { nowMs: Date.now(), days: days.value };
  return tell(await writeCertificate(flags.dir, name, request, validity, existingOf(flags)), context);
}

async function tell(written: Result<WrittenFiles>, context: CommandContext): Promise<ExitCode> {
  if (!written.ok) return refused(context, written.faults);
  const { certificateFile, keyFile, isKept } = written.value;
  await context.terminal.write(`${certificateFile} and ${keyFile} ${isKept ? "are there already" : "written"}\n`);
  return exitCode.ok;
}

function existingOf({ keep, replace }: CertsFlags): Existing {
  return keep === true ? "keep" : replace === true ? "replace" : "refuse";
}

function daysOf({ days }: CertsFlags): Result<number> {
  return parseWhole(days, "--days", { least: 1, most: daysMost });
}

function identityOf(kind: IdentityKind, name: string, argument: string): Result<Identity> {
  // A text that is no Unicode cannot be told in a URI.
  if (isId(name) && !/\p{Cs}/u.test(name)) return ok({ kind, name });
  return refuse(argumentFault("malformed", argument, "A name has 1 to 128 printable characters."));
}

async function readBounded(path: string): Promise<Result<string>> {
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(fileBytesMax + 1), 0, fileBytesMax + 1, 0);
      if (bytesRead > fileBytesMax) return refuse(fault("too-large", `${path} is no file with certificates: it is too large.`));
      return ok(buffer.toString("utf8", 0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return refuse(fault("not-found", `${path} cannot be read (${code}).`));
  }
}

function descriptionText(each: CertificateDescription): string {
  const rows: readonly (readonly [string, string])[] = [
    ["identity", each.identity ?? (each.isAuthority ? "an authority" : "none: it cannot be used for gRPC")],
    ["subject", each.subject],
    ["issuer", each.issuer],
    ["hosts", each.hosts.length === 0 ? "none" : each.hosts.join(", ")],
    ["purposes", each.purposes.length === 0 ? "any" : each.purposes.join(", ")],
    ["valid", `${each.notBefore} to ${each.notAfter}${each.state === "valid" ? "" : `: ${each.state.replaceAll("-", " ")}`}`],
    ["SHA-256", each.fingerprint],
  ];
  return rows.map(([name, value]) => `${name.padEnd(9)} ${value}\n`).join("");
}
