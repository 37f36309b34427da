/** Files in and out. Sizes are bounded; an output file is whole or not there. */
import { randomBytes } from "node:crypto";
import { open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { inFile } from "./refusal.js";

/** Largest file that is read, bytes: a matrix of ten thousand nodes fits. */
export const fileBytesMax = 1 << 30;
/** Most files that a directory given as one network may have. */
export const directoryFilesMax = 64;

export type Input =
  | { readonly kind: "file"; readonly bytes: Uint8Array }
  | { readonly kind: "directory"; readonly files: ReadonlyMap<string, Uint8Array> };

/** Reads a file, or all plain files directly in a directory. `option` is the argument that named it. */
export async function readInput(path: string, option: string): Promise<Result<Input>> {
  try {
    const about = await stat(path);
    if (about.isDirectory()) return inFile(path, await readDirectory(path));
    if (!about.isFile() && !about.isFIFO() && !about.isCharacterDevice()) {
      return refuse(fault("wrong-type", `${option} ${path} is neither a file nor a directory.`, { pointer: option }));
    }
    if (about.size > fileBytesMax) {
      return inFile(path, refuse(fault("too-large", `The file has ${about.size} bytes; at most ${fileBytesMax} are read.`)));
    }
    return ok({ kind: "file", bytes: await readFile(path) });
  } catch (error) {
    return refuse(fileFault(error, path, option));
  }
}

/** Reads what must be one file. */
export async function readOneFile(path: string, option: string): Promise<Result<Uint8Array>> {
  const input = await readInput(path, option);
  if (!input.ok) return input;
  if (input.value.kind === "file") return ok(input.value.bytes);
  return refuse(fault("wrong-type", `${option} takes one file, and ${path} is a directory.`, { pointer: option }));
}

async function readDirectory(path: string): Promise<Result<Input>> {
  const entries = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isFile());
  if (entries.length > directoryFilesMax) {
    return refuse(fault("too-many", `The directory has ${entries.length} files; a network has at most ${directoryFilesMax}.`));
  }
  const names = entries.map((entry) => entry.name).toSorted();
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
  if (sizes.reduce((sum, size) => sum + size, 0) > fileBytesMax) {
    return refuse(fault("too-large", `The directory's files are larger than ${fileBytesMax} bytes together.`));
  }
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(path, name))] as const));
  return ok({ kind: "directory", files: new Map(files) });
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
