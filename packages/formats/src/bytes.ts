/** From the bytes of a file to text: gunzip by magic bytes, bounded, then strict UTF-8. */
import { gunzipSync } from "node:zlib";
import { fault, ok, refuse, type Result } from "@sluice/model";

/** Most bytes that a file may have, after decompression: twice the largest path set of the peers' benchmark (122 MB). */
export const fileBytesMax = 256 * 2 ** 20;

/** Decompresses gzip (RFC 1952) where the magic bytes say so. Faults: `too-large`, `malformed`. */
export function unpack(bytes: Uint8Array): Result<Uint8Array> {
  if (bytes.length > fileBytesMax) return refuse(tooLarge());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return ok(bytes);
  try {
    const unpacked = gunzipSync(bytes, { maxOutputLength: fileBytesMax });
    return ok(new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_BUFFER_TOO_LARGE") return refuse(tooLarge());
    return refuse(fault("malformed", "The file starts like gzip but does not decompress."));
  }
}

/** The text, without a byte order mark; undefined where the bytes are not UTF-8 or hold control characters that no text format has. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (holdsControlBytes(bytes)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined; // Not UTF-8 is an answer, not a failure: the caller tells what it wanted.
  }
}

/** Bytes below blank other than tab, line feed, form feed and carriage return. */
function holdsControlBytes(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d) return true;
  }
  return false;
}

function tooLarge() {
  return fault("too-large", `The file has more than ${fileBytesMax / 2 ** 20} MiB after decompression.`);
}
