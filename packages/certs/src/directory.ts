/**
 * Certificates and keys as files of one directory: `ca.crt`, `ca.key`, `agent-NODE.crt`, ... Nothing is overwritten unless that is asked for,
 * and keys are for their owner alone from the first byte.
 */
import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import {
  createAuthority,
  issueCertificate,
  readAuthority,
  type Authority,
  type CertificateRequest,
  type KeyPairPem,
  type Validity,
} from "./authority.js";

/** What happens to files that are there: refuse, leave them, or put new ones in their place. */
export type Existing = "refuse" | "keep" | "replace";

export interface WrittenFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** They were there and were left. */
  readonly isKept: boolean;
}

const keyMode = 0o600;
const certificateMode = 0o644;
const directoryMode = 0o700;

/** The files of a name such as `ca` or `agent-ams`; what a file name may not hold is percent-encoded. */
export function certificateFiles(directory: string, name: string): { readonly certificateFile: string; readonly keyFile: string } {
  const file = join(directory, encodeURIComponent(name));
  return { certificateFile: `${file}.crt`, keyFile: `${file}.key` };
}

/** Makes the directory, for its owner alone, and an authority in it. Faults: `not-allowed` where one is there, `unavailable` where files cannot be written. */
export async function writeAuthority(directory: string, validity: Validity, existing: Existing): Promise<Result<WrittenFiles>> {
  try {
    await mkdir(directory, { recursive: true, mode: directoryMode });
  } catch (error) {
    return refuse(fileFault(directory, error));
  }
  return writePair(certificateFiles(directory, "ca"), existing, async () => ok(await createAuthority(validity)));
}

export async function openAuthority(directory: string): Promise<Result<Authority>> {
  const { certificateFile, keyFile } = certificateFiles(directory, "ca");
  const certificate = await readText(certificateFile);
  if (!certificate.ok) return certificate;
  const key = await readText(keyFile);
  return key.ok ? readAuthority({ certificate: certificate.value, key: key.value }) : key;
}

/** A certificate by the directory's authority, beside it. Faults as those of `writeAuthority` and `issueCertificate`; `not-found` where there is no authority. */
export async function writeCertificate(
  directory: string,
  name: string,
  request: CertificateRequest,
  validity: Validity,
  existing: Existing,
): Promise<Result<WrittenFiles>> {
  return writePair(certificateFiles(directory, name), existing, async () => {
    const authority = await openAuthority(directory);
    return authority.ok ? issueCertificate(authority.value, request, validity) : authority;
  });
}

async function writePair(
  files: { readonly certificateFile: string; readonly keyFile: string },
  existing: Existing,
  make: () => Promise<Result<KeyPairPem>>,
): Promise<Result<WrittenFiles>> {
  const { certificateFile, keyFile } = files;
  const there: boolean[] = [];
  for (const file of [certificateFile, keyFile]) there.push((await readText(file)).ok);
  if (existing === "keep" && there.every(Boolean)) return ok({ ...files, isKept: true });
  const inTheWay = [certificateFile, keyFile].find((_, i) => there[i]);
  if (existing !== "replace" && inTheWay !== undefined) return refuse(fault("not-allowed", `${inTheWay} is there already.`));
  const made = await make();
  if (!made.ok) return made;
  const written: [string, string, number][] = [
    // A certificate without its key would be of no use; a key without a certificate is in nobody's way.
    [keyFile, made.value.key, keyMode],
    [certificateFile, made.value.certificate, certificateMode],
  ];
  for (const [file, text, mode] of written) {
    const done = await writeWhole(file, text, mode, existing === "replace");
    if (!done.ok) return done;
  }
  return ok({ ...files, isKept: false });
}

/** All of it or nothing, and in the place of another file only where that is asked for, whoever writes at the same time. */
async function writeWhole(file: string, text: string, mode: number, replace: boolean): Promise<Result<void>> {
  const beside = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(beside, text, { flag: "wx", mode });
    // Whatever the umask took away or left.
    await chmod(beside, mode);
    if (replace) await rename(beside, file);
    else await link(beside, file);
    return ok(undefined);
  } catch (error) {
    return refuse(fileFault(file, error));
  } finally {
    await rm(beside, { force: true });
  }
}

async function readText(file: string): Promise<Result<string>> {
  try {
    return ok(await readFile(file, "utf8"));
  } catch (error) {
    return refuse(fileFault(file, error));
  }
}

function fileFault(file: string, error: unknown): Fault {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  if (code === "ENOENT") return fault("not-found", `${file} is not there.`);
  if (code === "EEXIST") return fault("not-allowed", `${file} is there already.`);
  return fault("unavailable", `${file} cannot be used (${code}).`);
}
