/**
 * Documents are stored by the hash of their JSON, which is canonical where equal ones shall meet: a topology that a thousand
 * cycles used is kept once, and what is read back can be checked against its name.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { canonicalJson, documentJson, fault, ok, refuse, type Result } from "@sluice/model";
import type { CycleInput } from "./store.js";

const compress = promisify(gzip);

export interface EncodedDocument {
  /** SHA-256 of `json`, hex. */
  readonly hash: string;
  readonly json: string;
  /** What is stored, where that was begun before anybody asked for it. */
  readonly compressed?: Promise<CompressedDocument>;
}

export interface CompressedDocument {
  /** Length of the JSON in UTF-8. */
  readonly byteCount: number;
  /** Gzip of the JSON. */
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Off the event loop. O(size). */
export async function compressed({ json }: Pick<EncodedDocument, "json">): Promise<CompressedDocument> {
  return compressedBytes(Buffer.from(json));
}

/** Of what is compressed or read at a time; taken from memory beforehand. */
const chunkBytesMin = 16 << 10;
export const chunkBytesMax = 8 << 20;

async function compressedBytes(bytes: Uint8Array): Promise<CompressedDocument> {
  // Each chunk of the output is a turn of the event loop, and each turn may have to wait for other work: nearly always there is one.
  const chunkSize = Math.min(chunkBytesMax, Math.max(chunkBytesMin, Math.ceil(bytes.length / 2)));
  return { byteCount: bytes.length, content: new Uint8Array(await compress(bytes, { chunkSize })) };
}

/** A cycle input as four documents, and the hash of the whole: equal to `canonicalHash(input)` without writing it out twice. */
export interface EncodedCycleInput {
  readonly hash: string;
  readonly assignmentsBefore: EncodedDocument;
  readonly demands: EncodedDocument;
  readonly settings: EncodedDocument;
  readonly topology: EncodedDocument;
}

/** Refuses with `not-finite` what JSON cannot hold. Documents do not change, so one that was written before is not written out again. O(size). */
export function encodeDocument(value: unknown): Result<EncodedDocument> {
  try {
    const json = typeof value === "object" && value !== null ? documentJson(value) : canonicalJson(value);
    return ok({ hash: sha256(json), json });
  } catch (cause) {
    if (cause instanceof RangeError) return refuse(fault("not-finite", `The document cannot be stored: ${cause.message}.`));
    throw cause;
  }
}

/**
 * As `encodeDocument`, but in the value's own order of keys: five times cheaper. For what is large and hardly ever stored twice: a plan
 * of fifty nodes is 4 MB, and its canonical JSON would stop the event loop for 50 ms.
 */
export function encodeOnce(value: unknown): Result<EncodedDocument> {
  const known = typeof value === "object" && value !== null ? texts.get(value) : undefined;
  if (known !== undefined) {
    // A second time is rare, and not worth keeping the text for.
    texts.delete(value as object);
    return ok(known);
  }
  const json = JSON.stringify(value);
  // Such a number is written as null: a text without any null has none, and few plans have one.
  if (json.includes("null") && !isFiniteJson(value)) {
    return refuse(fault("not-finite", "The document cannot be stored: it holds a number that is not finite."));
  }
  return ok({ hash: sha256(json), json });
}

/** Of values that were read from their own text, until they are stored or nobody has them any more. */
const texts = new WeakMap<object, EncodedDocument>();

/**
 * Reads JSON of a value that will probably be stored, and that nobody changes: its text is hashed now and compressed beside other work, so that
 * `appendPlan` finds that done. What is stored is the text that the value was read from. Throws SyntaxError where the text is no JSON.
 */
export function readOnce(utf8: Uint8Array): unknown {
  const json = Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength).toString("utf8");
  const value: unknown = JSON.parse(json);
  if (typeof value === "object" && value !== null) {
    const compressing = compressedBytes(utf8);
    // Whoever stores it hears of it.
    compressing.catch(() => undefined);
    texts.set(value, { hash: sha256(utf8), json, compressed: compressing });
  }
  return value;
}

/** JSON.stringify would write null for such a number and say nothing. */
function isFiniteJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(isFiniteJson);
}

export function encodeCycleInput(input: CycleInput): Result<EncodedCycleInput> {
  const assignmentsBefore = encodeDocument(input.assignmentsBefore);
  if (!assignmentsBefore.ok) return assignmentsBefore;
  const demands = encodeDocument(input.demands);
  if (!demands.ok) return demands;
  const settings = encodeDocument(input.settings);
  if (!settings.ok) return settings;
  const topology = encodeDocument(input.topology);
  if (!topology.ok) return topology;

  const parts = {
    assignmentsBefore: assignmentsBefore.value,
    demands: demands.value,
    settings: settings.value,
    topology: topology.value,
  };
  // Canonical JSON sorts keys, so the whole is the parts in alphabetical order.
  const whole = createHash("sha256");
  for (const [i, [key, part]] of Object.entries(parts).entries()) whole.update(`${i === 0 ? "{" : ","}"${key}":`).update(part.json);
  return ok({ ...parts, hash: whole.update("}").digest("hex") });
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
