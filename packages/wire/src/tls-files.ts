/**
 * Certificate, key and authorities from files, for either end of a connection. The files are read again now and then and when that is asked for (SIGHUP):
 * what cannot be used leaves what was read before in force, since a renewal writes one file after the other.
 */
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { open } from "node:fs/promises";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Authorities whose certificates are taken from the other side. */
  readonly ca?: string;
}

/** PEM, as `tls.createSecureContext` takes it. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  /** Of our own certificate, as node:crypto writes it. */
  readonly subjectAltName: string | undefined;
  readonly notAfterMs: number;
  /** What the operator should know: the other side will refuse the certificate, or others may read the key. */
  readonly warnings: readonly string[];
  /** Changes with the content of any file. */
  readonly digest: string;
}

export interface TlsSource {
  readonly current: () => TlsMaterial;
  /** Called with what replaced the earlier material. Returns the function that ends the watch. */
  onChange(listener: (material: TlsMaterial) => void): () => void;
  /** Reads the files now. Faults as those of `readTlsFiles`; the earlier material stays in force then. */
  reload(): Promise<Result<TlsMaterial>>;
  close(): void;
}

/** Between two looks at the files, ms. */
export const tlsReloadMs = 10_000;
/** The largest file that is read, bytes. */
const fileBytesMax = 2 ** 20;
/** A certificate that ends sooner is warned of, ms. */
const endsSoonMs = 7 * 86_400_000;

/** Faults: `unavailable` (a file cannot be read), `too-large`, `malformed` (no PEM, or not what it should be), `not-allowed` (the key is another certificate's). */
export async function readTlsFiles({ cert, key, ca }: TlsFiles, nowMs: number): Promise<Result<TlsMaterial>> {
  const files: { readonly bytes: Buffer; readonly isOpen: boolean }[] = [];
  for (const path of [cert, key, ...(ca === undefined ? [] : [ca])]) {
    const read = await readBounded(path);
    if (!read.ok) return read;
    files.push(read.value);
  }
  const [certFile, keyFile, caFile] = files;
  if (certFile === undefined || keyFile === undefined) return refuse(fault("internal", "Two files were read."));
  const own = certificateOf(certFile.bytes, cert);
  if (!own.ok) return own;
  try {
    if (!own.value.checkPrivateKey(createPrivateKey(keyFile.bytes))) {
      return refuse(fault("not-allowed", `The key in ${key} is not the one of the certificate in ${cert}.`));
    }
  } catch {
    return refuse(fault("malformed", `${key} holds no private key (PEM, not encrypted).`));
  }
  if (caFile !== undefined && ca !== undefined) {
    const authority = certificateOf(caFile.bytes, ca);
    if (!authority.ok) return authority;
  }
  const notAfterMs = Date.parse(own.value.validTo);
  const hash = createHash("sha256");
  for (const { bytes } of files) hash.update(createHash("sha256").update(bytes).digest());
  return ok({
    cert: certFile.bytes,
    key: keyFile.bytes,
    ...(caFile && { ca: caFile.bytes }),
    subjectAltName: own.value.subjectAltName,
    notAfterMs,
    warnings: [
      ...validityWarnings(cert, Date.parse(own.value.validFrom), notAfterMs, nowMs),
      ...(keyFile.isOpen ? [`${key} can be read by others on this machine: chmod 600`] : []),
    ],
    digest: hash.digest("hex"),
  });
}

function validityWarnings(file: string, fromMs: number, toMs: number, nowMs: number): readonly string[] {
  const until = new Date(toMs).toISOString();
  if (nowMs > toMs)
    return [`the certificate in ${file} expired at ${until}: the other side refuses it; put a new one in its place, it is read by itself`];
  if (nowMs < fromMs)
    return [`the certificate in ${file} is not valid before ${new Date(fromMs).toISOString()}: the other side refuses it until then`];
  return toMs - nowMs < endsSoonMs ? [`the certificate in ${file} expires soon, at ${until}`] : [];
}

function certificateOf(bytes: Buffer, path: string): Result<X509Certificate> {
  try {
    return ok(new X509Certificate(bytes));
  } catch {
    return refuse(fault("malformed", `${path} holds no certificate (PEM).`));
  }
}

async function readBounded(path: string): Promise<Result<{ readonly bytes: Buffer; readonly isOpen: boolean }>> {
  try {
    const file = await open(path);
    try {
      const { mode } = await file.stat();
      const { bytesRead, buffer } = await file.read(Buffer.alloc(fileBytesMax + 1), 0, fileBytesMax + 1, 0);
      if (bytesRead > fileBytesMax) return refuse(fault("too-large", `${path} is too large for a certificate or key.`));
      return ok({ bytes: Buffer.from(buffer.subarray(0, bytesRead)), isOpen: (mode & 0o077) !== 0 });
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return refuse(fault("unavailable", `${path} cannot be read (${code}).`));
  }
}

export interface TlsSourceOptions {
  readonly onWarning: (message: string, faults?: readonly Fault[]) => void;
  readonly nowMs?: () => number;
  readonly reloadMs?: number;
}

/** Reads the files, which must be usable at the start, and keeps an eye on them until it is closed. */
export async function openTlsSource(files: TlsFiles, options: TlsSourceOptions): Promise<Result<TlsSource>> {
  const { onWarning, nowMs = () => Date.now(), reloadMs = tlsReloadMs } = options;
  const first = await readTlsFiles(files, nowMs());
  if (!first.ok) return first;
  let material = first.value;
  /** What was last complained of: once for each reason. */
  let complaint = "";
  let reading: Promise<Result<TlsMaterial>> | undefined;
  const listeners = new Set<(material: TlsMaterial) => void>();

  function complain(message: string, faults: readonly Fault[] = []): void {
    if (message === complaint) return;
    complaint = message;
    if (message !== "") onWarning(message, faults);
  }

  async function read(): Promise<Result<TlsMaterial>> {
    const again = await readTlsFiles(files, nowMs());
    if (!again.ok) {
      complain(`${again.faults[0].message} What was read before stays in use.`, again.faults);
      return again;
    }
    complain(again.value.warnings.join("; "));
    if (again.value.digest !== material.digest) {
      material = again.value;
      for (const listener of listeners) listener(material);
    }
    return again;
  }

  function reload(): Promise<Result<TlsMaterial>> {
    // What is asked for while the files are read may have come too late for that: they are read once more.
    const fresh = (reading ?? Promise.resolve()).then(read).finally(() => {
      if (reading === fresh) reading = undefined;
    });
    reading = fresh;
    return fresh;
  }

  complain(material.warnings.join("; "));
  const timer = setInterval(() => void (reading ?? reload()), reloadMs);
  timer.unref();
  return ok({
    current: () => material,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reload,
    close: () => clearInterval(timer),
  });
}
