/** Whole files as bytes, gzipped or not: told by content. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fault, ok, refuse, type Result } from "@sluice/model";

/** Most bytes that a file may unpack to. */
const bytesMax = 2 ** 31 - 1;
/** Deflate packs no better than this: what a file's last bytes say of its size is believed up to there. */
const packedMost = 1032;
/** More room than the size told, so that unpacking sees its end without another chunk. */
const spareBytes = 64;

/** Faults: `not-found`, `unavailable`, `malformed` (not what gzip wrote, or cut off), `too-large`. */
export function readFileBytes(file: string): Result<Buffer> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return refuse(fault("not-found", "The file is not there.", { data: { file } }));
    return refuse(fault("unavailable", `The file cannot be read: ${code}.`, { data: { file } }));
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return ok(bytes);
  try {
    return ok(gunzipSync(bytes, { chunkSize: unpackedSize(bytes) + spareBytes, maxOutputLength: bytesMax }));
  } catch (error) {
    const code = codeOf(error);
    if (code === "ERR_BUFFER_TOO_LARGE")
      return refuse(fault("too-large", `The file unpacks to more than ${bytesMax} bytes.`, { data: { file } }));
    return refuse(fault("malformed", `The file is no whole gzip file: ${code}.`, { data: { file } }));
  }
}

/** Faults: `malformed`. */
export function parseJson(bytes: Buffer, file: string): Result<unknown> {
  try {
    return ok(JSON.parse(bytes.toString("utf8")) as unknown);
  } catch (error) {
    return refuse(
      fault("malformed", `The file is no JSON: ${error instanceof Error ? error.message : String(error)}.`, { data: { file } }),
    );
  }
}

/** The size that gzip writes last (RFC 1952, ISIZE): unpacked into one chunk of that size, nothing is copied together afterwards. */
function unpackedSize(bytes: Buffer): number {
  return bytes.length < 18 ? 0 : Math.min(bytes.readUInt32LE(bytes.length - 4), packedMost * bytes.length);
}

function codeOf(error: unknown): string {
  if (error instanceof Error) return "code" in error && typeof error.code === "string" ? error.code : error.message;
  return String(error);
}
