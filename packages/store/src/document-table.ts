/** Documents in the database: gzipped, written once, checked against their hash when read. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Prisma } from "../generated/prisma/client.js";
import { chunkBytesMax, compressed, sha256, type EncodedDocument } from "./document.js";

const decompress = promisify(gunzip);

export interface StoredDocument {
  readonly hash: string;
  readonly byteCount: number;
  readonly content: Uint8Array;
}

type NewDocument = Prisma.DocumentCreateManyInput;

/** Hashes that are remembered: those of some hundred cycles, a hundred bytes each. */
const knownMax = 1_000;

/**
 * What the table is known to have: documents are never deleted, so what was committed stays. What is not known to be there may be there all the
 * same, and is not written twice.
 */
export class KnownDocuments {
  readonly #hashes = new Set<string>();

  has(hash: string): boolean {
    return this.#hashes.has(hash);
  }

  /** After the commit. Those used last go last. */
  add(documents: readonly Pick<EncodedDocument, "hash">[]): void {
    for (const { hash } of documents) {
      this.#hashes.delete(hash);
      this.#hashes.add(hash);
    }
    for (const oldest of this.#hashes) {
      if (this.#hashes.size <= knownMax) break;
      this.#hashes.delete(oldest);
    }
  }

  /** Where a write failed: whatever the reason was, the next one relies on nothing. */
  forget(): void {
    this.#hashes.clear();
  }
}

/** Compresses, outside of any transaction and off the event loop, what the table is not known to have. */
export async function newDocuments(known: KnownDocuments, documents: readonly EncodedDocument[]): Promise<readonly NewDocument[]> {
  const wanted = new Map(documents.filter(({ hash }) => !known.has(hash)).map((document) => [document.hash, document]));
  return Promise.all(
    [...wanted.values()].map(async (document) => ({ hash: document.hash, ...(await (document.compressed ?? compressed(document))) })),
  );
}

export async function insertDocuments(tx: Prisma.TransactionClient, documents: readonly NewDocument[]): Promise<void> {
  // They may be there already, from an earlier process or another writer.
  if (documents.length > 0) await tx.document.createMany({ data: [...documents], skipDuplicates: true });
}

/** All of it in one turn of the event loop, unless it is very large. One byte more than there is says that there is no more. */
function chunkSizeOf(byteCount: number): number {
  return Math.min(chunkBytesMax, Math.max(64, byteCount + 1));
}

/** Throws `DamagedDocument` where the content is not what its hash says. `T` is the type that was encoded under it. */
export async function readDocument<T>({ hash, byteCount, content }: StoredDocument): Promise<T> {
  const bytes = await decompress(content, { maxOutputLength: Math.max(byteCount, 1), chunkSize: chunkSizeOf(byteCount) }).catch(
    () => undefined,
  );
  if (bytes === undefined || sha256(bytes) !== hash) throw new DamagedDocument(hash);
  return JSON.parse(bytes.toString("utf8")) as T;
}

export class DamagedDocument extends Error {
  override readonly name = "DamagedDocument";
  constructor(readonly hash: string) {
    super(`the stored document ${hash} is damaged`);
  }
}
