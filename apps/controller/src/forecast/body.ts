/**
 * The body of an upload as rows: unpacked, cut into lines and read, some at a time. What ends it early is told apart: the client went
 * away (what came before counts, and the upload can go on), or the body is not what it says it is.
 */
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { fault, type Fault, type Result } from "@sluice/model";
import { csvRows, type RowReader } from "./csv-rows.js";
import { linesOf, type Line } from "./lines.js";
import { ndjsonRows } from "./ndjson-rows.js";
import type { ParsedRow } from "./row.js";

/** Text of one upload after unpacking, bytes: a million rows of two hundred take less than half. */
const unpackedBytesMaxDefault = 512 << 20;
/** Lines of one upload, empty ones counted. */
const linesMaxDefault = 4_000_000;

export interface BodyFormat {
  readonly format: RowFormat;
  readonly isGzipped: boolean;
  readonly unpackedBytesMax?: number;
  readonly linesMax?: number;
}

export type RowFormat = "csv" | "ndjson";

/** Ends the reading of a body; `fault` is what the client is told. */
export class BodyRefused extends Error {
  override readonly name = "BodyRefused";
  constructor(
    readonly reason: Fault,
    /** No further rows would make it good. */
    readonly isFinal: boolean,
  ) {
    super(reason.message);
  }
}

/** The client went away in the middle of the body. */
export class BodyInterrupted extends Error {
  override readonly name = "BodyInterrupted";
}

/** Rows in the order and pieces in which they come, behind those that were uploaded before: the line of the last, and how many. */
export type RowSource = (lineBefore: number, rowsBefore: number) => AsyncIterable<readonly ParsedRow[]>;

/** Throws `BodyRefused` or `BodyInterrupted` from the iteration. */
export function rowsOfBody(
  body: Readable,
  { format, isGzipped, unpackedBytesMax = unpackedBytesMaxDefault, linesMax = linesMaxDefault }: BodyFormat,
): RowSource {
  return async function* rows(lineBefore) {
    const reading = createReading(format, { lineBefore, linesMax });
    for await (const lines of linesOf(bounded(isGzipped ? unpacked(body) : whole(body), unpackedBytesMax))) {
      const parsed = reading(lines);
      if (parsed.length > 0) yield parsed;
    }
  };
}

function createReading(
  format: RowFormat,
  { lineBefore, linesMax }: { readonly lineBefore: number; readonly linesMax: number },
): (lines: readonly Line[]) => readonly ParsedRow[] {
  let reader: RowReader | undefined = format === "ndjson" ? ndjsonRows() : undefined;
  // A header that goes with each piece of an upload counts once.
  const offset = format === "csv" && lineBefore > 0 ? lineBefore - 1 : lineBefore;
  return (lines) => {
    const parsed: ParsedRow[] = [];
    for (const line of lines) {
      if (line.number > linesMax)
        throw new BodyRefused(fault("too-many", `An upload has at most ${linesMax} lines.`, { pointer: "/body" }), true);
      if (reader === undefined) {
        const header: Result<RowReader> = csvRows(line);
        if (!header.ok) throw new BodyRefused(header.faults[0], true);
        reader = header.value;
        continue;
      }
      const row = reader({ number: line.number + offset, text: line.text });
      if (row !== undefined) parsed.push(row);
    }
    return parsed;
  };
}

async function* bounded(pieces: AsyncIterable<Uint8Array>, unpackedBytesMax: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > unpackedBytesMax) {
      const message = `An upload has at most ${unpackedBytesMax} bytes after unpacking.`;
      throw new BodyRefused(fault("too-large", message, { pointer: "/body" }), true);
    }
    yield piece;
  }
}

async function* whole(body: Readable): AsyncGenerator<Uint8Array> {
  try {
    // A body that is given up is still to be answered, on the connection that it comes by.
    for await (const piece of body.iterator({ destroyOnReturn: false })) yield piece as Uint8Array;
  } catch (cause) {
    throw new BodyInterrupted("the client went away", { cause });
  } finally {
    passOver(body);
  }
}

/** Several members of gzip may follow each other. */
async function* unpacked(body: Readable): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  let isGone = false;
  const gone = (): void => {
    if (body.readableEnded) return;
    isGone = true;
    gunzip.destroy(new Error("the client went away"));
  };
  body.once("error", gone).once("close", gone).pipe(gunzip);
  try {
    for await (const piece of gunzip) yield piece as Uint8Array;
  } catch (cause) {
    if (isGone) throw new BodyInterrupted("the client went away", { cause });
    throw new BodyRefused(fault("malformed", "The body is no whole gzip.", { pointer: "/body" }), false);
  } finally {
    body.off("error", gone).off("close", gone).unpipe(gunzip);
    gunzip.destroy();
    passOver(body);
  }
}

/** Whatever still comes is not kept: the answer is not held up by it. A client that goes away now is nobody's trouble. */
export function passOver(body: Readable): void {
  if (body.destroyed || body.readableEnded) return;
  body.on("error", () => undefined).resume();
}
