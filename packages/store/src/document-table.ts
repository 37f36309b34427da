/** Documents in the database: gzipped, written once, checked against their hash when read. */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Prisma, PrismaClient } from "../generated/prisma/client.js";
import { sha256, type EncodedDocument } from "./document.js";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

export interface StoredDocument {
  readonly hash: string;
  readonly byteCount: number;
  readonly content: Uint8Array;
}

type NewDocument = Prisma.DocumentCreateManyInput;

/**
 * Compresses, outside of any transaction, what the table does not have yet: documents are never deleted, so what is there now
 * is there later.
 */
export async function newDocuments(prisma: PrismaClient, documents: readonly EncodedDocument[]): Promise<readonly NewDocument[]> {
  const wanted = new Map(documents.map((document) => [document.hash, document]));
  const there = await prisma.document.findMany({ where: { hash: { in: [...wanted.keys()] } }, select: { hash: true } });
  for (const { hash } of there) wanted.delete(hash);
  return Promise.all(
    [...wanted.values()].map(async ({ hash, json }) => {
      const bytes = Buffer.from(json);
      return { hash, byteCount: bytes.length, content: new Uint8Array(await compress(bytes)) };
    }),
  );
}

export async function insertDocuments(tx: Prisma.TransactionClient, documents: readonly NewDocument[]): Promise<void> {
  // Another writer may have been faster with the same document.
  if (documents.length > 0) await tx.document.createMany({ data: [...documents], skipDuplicates: true });
}

/** Throws `DamagedDocument` where the content is not what its hash says. `T` is the type that was encoded under it. */
export async function readDocument<T>({ hash, byteCount, content }: StoredDocument): Promise<T> {
  const bytes = await decompress(content, { maxOutputLength: Math.max(byteCount, 1) }).catch(() => undefined);
  if (bytes === undefined || sha256(bytes) !== hash) throw new DamagedDocument(hash);
  return JSON.parse(bytes.toString("utf8")) as T;
}

export class DamagedDocument extends Error {
  override readonly name = "DamagedDocument";
  constructor(readonly hash: string) {
    super(`the stored document ${hash} is damaged`);
  }
}
