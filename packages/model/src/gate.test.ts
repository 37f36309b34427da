import { describe, expect, it } from "vitest";
import { z } from "zod";
import { admit, isId } from "./index.js";

describe("admit", () => {
  it.each([
    [z.number().positive(), 0, "out-of-range"],
    [z.number().positive(), -1, "negative"],
    [z.number().min(0), -1e-9, "negative"],
    [z.number().min(-90), -91, "out-of-range"],
    [z.number().int().min(1), -1, "out-of-range"],
    [z.number().min(1), 0, "out-of-range"],
    [z.string().min(1), "", "out-of-range"],
    [z.array(z.number()).min(1), [], "out-of-range"],
    [z.number().max(1), 2, "out-of-range"],
    [z.number().min(0), Number.NaN, "not-finite"],
    [z.number().min(0), null, "wrong-type"],
  ] as const)("%#: gives the code that says what is wrong", (schema, value, code) => {
    const admitted = admit<unknown>(schema, value);
    expect(admitted.ok ? [] : admitted.faults.map((each) => each.code)).toEqual([code]);
  });
});

describe("isId", () => {
  it.each([
    ["a right-to-left override", "a\u202Eb"],
    ["a right-to-left isolate", "a\u2067b"],
    ["a zero-width space", "a\u200Bb"],
    ["a zero-width joiner", "a\u200Db"],
    ["a byte order mark", "\uFEFFa"],
    ["a soft hyphen", "a\u00ADb"],
    ["a tag beyond the first plane", "a\u{E0041}b"],
    ["a line separator", "a\u2028b"],
    ["a no-break space at the start", "\u00A0a"],
    ["nothing but an ideographic space", "\u3000"],
    ["an escape", "a\u001Bb"],
  ])("refuses %s", (_name, text) => {
    expect(isId(text)).toBe(false);
  });

  it.each(["a b", "Zürich", "東京", "عمّان", "🙂"])("takes %s", (text) => {
    expect(isId(text)).toBe(true);
  });
});
