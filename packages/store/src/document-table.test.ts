import { describe, expect, it } from "vitest";
import { encodeDocument, type EncodedDocument } from "./document.js";
import { KnownDocuments, newDocuments } from "./document-table.js";

function encoded(value: unknown): EncodedDocument {
  const document = encodeDocument(value);
  if (!document.ok) throw new Error(document.faults[0].message);
  return document.value;
}

describe("documents that the table is known to have", () => {
  it("are not compressed again, until a write has failed", async () => {
    const known = new KnownDocuments();
    const [a, b] = [encoded({ a: 1 }), encoded({ b: 1 })];
    const hashesOfNew = async () => (await newDocuments(known, [a, b, a])).map(({ hash }) => hash);
    expect(await hashesOfNew()).toEqual([a.hash, b.hash]);
    known.add([a]);
    expect(await hashesOfNew()).toEqual([b.hash]);
    known.forget();
    expect(await hashesOfNew()).toEqual([a.hash, b.hash]);
  });

  it("are a thousand at most, those used last", () => {
    const known = new KnownDocuments();
    const documents = Array.from({ length: 1_001 }, (_, i) => ({ hash: `${i}` }));
    known.add(documents.slice(0, 1_000));
    known.add(documents.slice(0, 1));
    known.add(documents.slice(1_000));
    expect(documents.filter(({ hash }) => !known.has(hash))).toEqual([{ hash: "1" }]);
  });
});
