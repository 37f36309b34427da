/** Files in and out. Sizes are bounded; an output file is whole or not there. */
import { randomBytes } from "node:crypto";
import { closeSync, constants, createReadStream, fstatSync, openSync } from "node:fs";
import { open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { inFile } from "./refusal.js";

/** Largest file that is read, bytes: a matrix of ten thousand nodes fits. */
export const fileBytesMax = 1 << 30;
/** Most files that a directory given as one network may have. */
export const directoryFilesMax = 64;

export type Input =
  | { readonly kind: "file"; readonly bytes: Uint8Array }
  | { readonly kind: "directory"; readonly files: ReadonlyMap<string, Uint8Array> };

/** Bytes asked of the system at once. */
const chunkBytes = 1 << 20;

export interface ReadLimits {
  /** Ends the read: a pipe may stay silent for ever. */
  readonly signal?: AbortSignal | undefined;
  /** Default `fileBytesMax`. Counted as they are read: a pipe has no size, and a file may grow. */
  readonly bytesMax?: number;
}

/**
 * Reads a file or a pipe (a FIFO, as of process substitution), or all plain files directly in a directory. `option` is the argument
 * that named it. Devices are refused: they have no end. Faults: `not-found`, `unavailable`, `wrong-type`, `too-large`, `too-many`,
 * `cancelled`.
 */
export async function readInput(path: string, option: string, limits: ReadLimits = {}): Promise<Result<Input>> {
  try {
    const about = await stat(path);
    if (about.isDirectory()) return inFile(path, await readDirectory(path, limits));
    const bytes = inFile(path, await readBounded(path, limits));
    return bytes.ok ? ok({ kind: "file", bytes: bytes.value }) : bytes;
  } catch (error) {
    return refuse(
      limits.signal?.aborted === true ? fault("cancelled", `Reading ${path} was interrupted.`) : fileFault(error, path, option),
    );
  }
}

/** Reads what must be one file. */
export async function readOneFile(path: string, option: string, limits: ReadLimits = {}): Promise<Result<Uint8Array>> {
  const input = await readInput(path, option, limits);
  if (!input.ok) return input;
  if (input.value.kind === "file") return ok(input.value.bytes);
  return refuse(fault("wrong-type", `${option} takes one file, and ${path} is a directory.`, { pointer: option }));
}

async function readDirectory(path: string, limits: ReadLimits): Promise<Result<Input>> {
  const entries = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isFile());
  if (entries.length > directoryFilesMax) {
    return refuse(fault("too-many", `The directory has ${entries.length} files; a network has at most ${directoryFilesMax}.`));
  }
  const files = new Map<string, Uint8Array>();
  let bytesLeft = limits.bytesMax ?? fileBytesMax;
  for (const name of entries.map((entry) => entry.name).toSorted()) {
    const bytes = inFile(join(path, name), await readBounded(join(path, name), { ...limits, bytesMax: bytesLeft }));
    if (!bytes.ok) return bytes;
    files.set(name, bytes.value);
    bytesLeft -= bytes.value.length;
  }
  return ok({ kind: "directory", files });
}

/** All bytes of a file or FIFO, in chunks: no more than one chunk above the limit is ever held. Throws what the system refuses. */
async function readBounded(path: string, { signal, bytesMax = fileBytesMax }: ReadLimits): Promise<Result<Uint8Array>> {
  signal?.throwIfAborted();
  const stream = await openStream(path);
  if (stream === undefined) return refuse(fault("wrong-type", "This is neither a file nor a directory nor a pipe."));
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop, by whatever way, closes the file.
  for await (const chunk of signal === undefined ? stream : addAbortSignal(signal, stream)) {
    const bytes = chunk as Uint8Array;
    length += bytes.length;
    if (length > bytesMax) return refuse(fault("too-large", `There is more to read than ${bytesMax} bytes, the most that are read.`));
    chunks.push(bytes);
  }
  return ok(Buffer.concat(chunks, length));
}

/** A stream that owns its file; undefined where it is neither a plain file nor a FIFO. */
async function openStream(path: string): Promise<Readable | undefined> {
  // Asked before it is opened, since opening a device can do something; and again after, since the path may have changed.
  const before = await stat(path);
  if (!before.isFile() && !before.isFIFO()) return undefined;
  // Without O_NONBLOCK, opening a FIFO that nobody writes to would wait where no signal is heard.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const about = fstatSync(fd);
  if (about.isFIFO()) return new Socket({ fd, readable: true, writable: false });
  if (about.isFile()) return createReadStream(path, { fd, highWaterMark: chunkBytes });
  closeSync(fd);
  return undefined;
}

/** Writes beside the target and renames, so that nobody ever reads half a file. */
export async function writeWhole(path: string, text: string, option: string): Promise<Result<void>> {
  // A device or a pipe is written to, not replaced.
  const special = await stat(path).then(
    (about) => !about.isFile() && !about.isDirectory(),
    () => false,
  );
  if (special) return writeInto(path, text, option);
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(beside, "wx");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    return ok(undefined);
  } catch (error) {
    await rm(beside, { force: true });
    return refuse(fileFault(error, path, option));
  }
}

async function writeInto(path: string, text: string, option: string): Promise<Result<void>> {
  try {
    await writeFile(path, text);
    return ok(undefined);
  } catch (error) {
    return refuse(fileFault(error, path, option));
  }
}

/** `NAME` of `dir/NAME.f32.gz`: what a network or matrix is called when its file does not say. */
export function nameOfFile(path: string): string {
  const name = basename(path)
    .replace(/\.gz$/i, "")
    .replace(/(?<=.)\.(?:f32|f64|json|ya?ml|graphml|xml|txt|csv|ndjson|hist|native|graph|demands)$/i, "");
  return name === "" ? "network" : name.slice(0, 200);
}

function fileFault(error: unknown, path: string, option: string) {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const say: Readonly<Record<string, string>> = {
    ENOENT: "is not there",
    EACCES: "may not be opened by this user",
    EPERM: "may not be opened by this user",
    EISDIR: "is a directory",
    ENOTDIR: "has a plain file where a directory should be",
    ENOSPC: "could not be written: the disk is full",
    EROFS: "could not be written: the file system is read-only",
  };
  const known = say[code];
  if (known !== undefined) return fault("not-found", `${option}: ${path} ${known}.`, { pointer: option });
  const reason = error instanceof Error ? error.message : String(error);
  return fault("unavailable", `${option}: ${path} could not be used: ${reason}.`, { pointer: option });
}
