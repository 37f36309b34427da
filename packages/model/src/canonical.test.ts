import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalHash, canonicalJson, documentJson, documentsHash } from "./index.js";

/** The same value with every object's keys put in in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reordered(field)]),
  );
}

/** Canonical JSON from its definition. */
function oracleJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oracleJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${oracleJson(field)}`).join(",")}}`;
}

/** Keys that JavaScript keeps in an order of its own, or does not keep at all, besides any others; values that JSON does not know. */
const values = fc.anything({
  key: fc.oneof(fc.string(), fc.constantFrom("10", "9", "-1", "01", "", "__proto__", "toJSON", "constructor", "é", "\u{1f600}", "\ue000")),
  values: [
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, Symbol("s"), () => 1),
  ],
  maxDepth: 4,
});

describe("canonical JSON", () => {
  it("does not depend on the order of keys, and reads back as the value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(canonicalJson(reordered(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("is what its definition says, whatever the keys", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(canonicalJson(value)).toBe(oracleJson(value));
      }),
      { numRuns: 2000 },
    );
    // Keys that come in turns, as in a matrix where some demands have a bandwidth function.
    const mixed = [{ b: 1, a: { d: 1, c: 2 } }, { b: 1, a: 2 }, { a: 1 }, { a: 1, c: 2, b: 3 }, {}, { 10: 1, 9: 2, x: 3 }];
    expect(canonicalJson(mixed)).toBe(oracleJson(mixed));
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"z":1},"a":2}'))).toBe('{"__proto__":{"z":1},"a":2,"b":1}');
  });

  it("tells different values apart and refuses what JSON would turn into null", () => {
    expect(canonicalHash({ a: 1 })).not.toBe(canonicalHash({ a: 2 }));
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(RangeError);
    expect(() => canonicalJson({ 1: [Number.POSITIVE_INFINITY] })).toThrow(RangeError);
  });
});

describe("what is made of documents", () => {
  it("is the same text, written once, and the same hash of the whole", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.option(fc.jsonValue(), { nil: undefined })), (whole) => {
        for (const field of Object.values(whole)) {
          if (typeof field !== "object" || field === null) continue;
          expect(documentJson(field)).toBe(canonicalJson(field));
          expect(documentJson(field)).toBe(documentJson(field));
        }
        expect(documentsHash(whole)).toBe(canonicalHash(whole));
        expect(documentsHash(whole)).toBe(canonicalHash(whole));
      }),
    );
    expect(documentsHash({})).toBe(canonicalHash({}));
  });
});
