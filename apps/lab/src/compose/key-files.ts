/**
 * The secrets of a network in containers (docs/deploy.md), each where only the one that needs it looks: a directory for each service, which
 * compose mounts there. What is there is kept, but tokens are made anew each time, since they end.
 *
 *     authority/   ca.crt ca.key, every certificate, rest.key: what others are made from; mounted nowhere else
 *     controller/  ca.crt controller.crt controller.key, rest.pem (the tokens' public key), pgpass
 *     agents/      ca.crt agent-NODE.crt agent-NODE.key
 *     feeder/      ca.crt client-feeder.crt client-feeder.key
 *     postgres/    password
 *     prometheus/  token (viewer)
 *     operator/    token (admin)
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { certificateFiles, writeAuthority, writeCertificate } from "@sluice/certs";
import { fault, ok, refuse, type Identity, type NodeId, type Result } from "@sluice/model";
import { SignJWT } from "jose";

export const tokenIssuer = "sluice-compose";
export const tokenAudience = "sluice";
/** Of certificates and tokens: a network that is tried is seldom up for longer, and each start makes new tokens. */
const daysValid = 90;

export interface KeyFilesOptions {
  readonly directory: string;
  readonly nodeIds: readonly NodeId[];
  /** Names by which the controller is reached. */
  readonly controllerHosts: readonly string[];
  readonly database: { readonly host: string; readonly name: string; readonly user: string };
  readonly nowMs: number;
}

/** Faults: `not-allowed` and `unavailable` of files that cannot be written. */
export async function writeKeyFiles(options: KeyFilesOptions): Promise<Result<void>> {
  const { directory, nodeIds, controllerHosts, nowMs } = options;
  const place = (service: string): string => join(directory, service);
  const authority = place("authority");
  const validity = { nowMs, days: daysValid };
  try {
    for (const service of ["authority", "controller", "agents", "feeder", "postgres", "prometheus", "operator"]) {
      await mkdir(place(service), { recursive: true });
    }
    const made = await writeAuthority(authority, validity, "keep");
    if (!made.ok) return made;
    const wanted: readonly (readonly [service: string, name: string, identity: Identity, hosts: readonly string[]])[] = [
      ["controller", "controller", { kind: "controller", name: "controller" }, controllerHosts],
      ["feeder", "client-feeder", { kind: "operator", name: "feeder" }, []],
      ...nodeIds.map((name) => ["agents", `agent-${name}`, { kind: "agent", name }, []] as const),
    ];
    for (const [service, name, identity, hosts] of wanted) {
      const written = await writeCertificate(authority, name, { identity, hosts }, validity, "keep");
      if (!written.ok) return written;
      await copyPair(name, authority, place(service));
    }
    for (const service of ["controller", "agents", "feeder"]) await copyFile(join(authority, "ca.crt"), join(place(service), "ca.crt"));

    const key = await tokenKey(join(authority, "rest.key"));
    const publicPem = createPublicKey(key).export({ type: "spki", format: "pem" });
    await put(join(place("controller"), "rest.pem"), publicPem.toString(), 0o644);
    // Prometheus runs as an account of its own: the directory is mounted there alone.
    await put(join(place("prometheus"), "token"), await token(key, { subject: "prometheus", role: "viewer", nowMs }), 0o644);
    await put(join(place("operator"), "token"), await token(key, { subject: "operator", role: "admin", nowMs }), 0o600);

    const { host, name, user } = options.database;
    const password = await kept(join(authority, "database-password"), () => randomBytes(24).toString("hex"));
    await put(join(place("postgres"), "password"), password, 0o600);
    await put(join(place("controller"), "pgpass"), `${host}:5432:${name}:${user}:${password}\n`, 0o600);
    return ok(undefined);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(fault("unavailable", `The keys cannot be written: ${reason}.`));
  }
}

async function copyPair(name: string, from: string, to: string): Promise<void> {
  const [source, target] = [certificateFiles(from, name), certificateFiles(to, name)];
  await put(target.keyFile, await readFile(source.keyFile, "utf8"), 0o600);
  await put(target.certificateFile, await readFile(source.certificateFile, "utf8"), 0o644);
}

/** The key that tokens are signed with: Ed25519. */
async function tokenKey(file: string): Promise<KeyObject> {
  const make = (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return createPrivateKey(await kept(file, make));
}

function token(
  key: KeyObject,
  { subject, role, nowMs }: { readonly subject: string; readonly role: string; readonly nowMs: number },
): Promise<string> {
  return new SignJWT({ role })
    .setProtectedHeader({ alg: "EdDSA" })
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setSubject(subject)
    .setIssuedAt(new Date(nowMs))
    .setExpirationTime(new Date(nowMs + daysValid * 86_400_000))
    .sign(key);
}

/** What stands in the file; where it is not there, what `make` gives, kept for its owner alone. */
async function kept(file: string, make: () => string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    const text = make();
    await put(file, text, 0o600);
    return text;
  }
}

/** Never half of it: a service may be reading. */
async function put(file: string, text: string, mode: number): Promise<void> {
  const beside = `${file}.new`;
  await writeFile(beside, text, { mode });
  // Whatever the umask took away, and where a file from an earlier start was left.
  await chmod(beside, mode);
  await rename(beside, file);
}
