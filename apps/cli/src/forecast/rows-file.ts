/** A file of forecast rows, gzipped or not, read as often as it takes: for its hash, and from behind a line where an upload broke off. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { argumentFault } from "../refusal.js";

/** Longest header of a CSV file, bytes. */
const headerBytesMax = 1 << 16;
const lineFeed = 0x0a;

export interface RowsFile {
  readonly path: string;
  readonly isGzip: boolean;
  /** As it lies there. */
  readonly bytes: number;
  readonly mediaType: "text/csv" | "application/x-ndjson";
  /** Of what is in it, unpacked. */
  readonly hash: string;
  /** The first line, with its line feed. */
  readonly header: Uint8Array;
  readonly firstLine: string;
}

/** Faults: `not-found`, `wrong-type` where it is no plain file, `too-large` header, `malformed` gzip, `cancelled`. */
export async function openRowsFile(path: string, { signal, onRead }: Reading): Promise<Result<RowsFile>> {
  let bytes: number;
  let isGzip: boolean;
  try {
    const about = await stat(path);
    if (!about.isFile())
      return refuse(argumentFault("wrong-type", "FILE", `${path} is no plain file: an upload may have to read it twice.`));
    bytes = about.size;
    isGzip = await beginsAsGzip(path);
  } catch (error) {
    return refuse(argumentFault("not-found", "FILE", `${path} cannot be read: ${(error as Error).message}.`));
  }
  const hash = createHash("sha256");
  const header: Uint8Array[] = [];
  let headerBytes = 0;
  let isHeaderWhole = false;
  try {
    for await (const chunk of chunksOf({ path, isGzip }, { signal, onRead: (read) => onRead(read / bytes) })) {
      hash.update(chunk);
      if (isHeaderWhole) continue;
      const end = chunk.indexOf(lineFeed);
      header.push(end < 0 ? chunk : chunk.subarray(0, end + 1));
      headerBytes += header.at(-1)?.length ?? 0;
      isHeaderWhole = end >= 0;
      if (headerBytes > headerBytesMax)
        return refuse(fault("too-large", "Its first line is longer than any row.", { data: { file: path } }));
    }
  } catch (error) {
    if (signal.aborted) return refuse(fault("cancelled", "The upload was cancelled."));
    return refuse(fault("malformed", `It cannot be read to its end: ${(error as Error).message}.`, { data: { file: path } }));
  }
  const first = Buffer.concat(header);
  const firstLine = first
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trim();
  const mediaType = firstLine.startsWith("{") ? "application/x-ndjson" : "text/csv";
  return ok({ path, isGzip, bytes, mediaType, hash: hash.digest("hex"), header: first, firstLine });
}

interface Reading {
  readonly signal: AbortSignal;
  /** Told the share of the file that was read. */
  readonly onRead: (fraction: number) => void;
}

/** The lines behind this one, as bytes; in front of those of CSV its header. From the start for line 0. */
export async function* behindLine(file: RowsFile, line: number, { signal, onRead }: Reading): AsyncGenerator<Uint8Array> {
  let left = line;
  if (left > 0 && file.mediaType === "text/csv") yield file.header;
  for await (const chunk of chunksOf(file, { signal, onRead: (read) => onRead(read / file.bytes) })) {
    let start = 0;
    while (left > 0 && start < chunk.length) {
      const end = chunk.indexOf(lineFeed, start);
      if (end < 0) {
        start = chunk.length;
      } else {
        start = end + 1;
        left -= 1;
      }
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }
}

async function* chunksOf(
  { path, isGzip }: Pick<RowsFile, "path" | "isGzip">,
  { signal, onRead }: { readonly signal: AbortSignal; readonly onRead: (bytes: number) => void },
): AsyncGenerator<Buffer> {
  const raw = createReadStream(path, { signal, highWaterMark: 1 << 18 });
  const unpacked = isGzip ? raw.pipe(createGunzip()) : raw;
  raw.once("error", (error) => unpacked.destroy(error));
  try {
    for await (const chunk of unpacked) {
      onRead(raw.bytesRead);
      yield chunk as Buffer;
    }
  } finally {
    raw.destroy();
    unpacked.destroy();
  }
}

async function beginsAsGzip(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}
