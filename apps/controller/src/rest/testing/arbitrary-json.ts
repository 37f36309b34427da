/** Arbitrary values of a JSON schema as the OpenAPI document has it: for requests that are right, almost right, and hostile. */
import { assert } from "@sluice/model";
import fc from "fast-check";

type Schema = Readonly<Record<string, unknown>>;

export interface JsonOptions {
  /** Texts to draw from where any text would do: with ids that exist, more than the first check is passed. */
  readonly words: readonly string[];
}

/** Values that the schema allows, as far as it goes: what it says of texts is not looked at beyond their length. */
export function arbitraryOf(root: object, { words }: JsonOptions): fc.Arbitrary<unknown> {
  const defs = new Map(Object.entries(((root as Schema)["$defs"] ?? {}) as Record<string, Schema>));
  return of(root as Schema, 0);

  function of(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    const reference = schema["$ref"];
    if (typeof reference === "string") {
      const found = defs.get(reference.replace("#/$defs/", ""));
      assert(found !== undefined, `the document has ${reference}`);
      return of(found, depth);
    }
    if ("const" in schema) return fc.constant(schema["const"]);
    if (Array.isArray(schema["enum"])) return fc.constantFrom(...(schema["enum"] as unknown[]));
    for (const union of ["anyOf", "oneOf"]) {
      const members = schema[union];
      if (Array.isArray(members)) return fc.oneof(...members.map((member) => of(member as Schema, depth)));
    }
    const all = schema["allOf"];
    if (Array.isArray(all)) return of(Object.assign({}, ...(all as Schema[])) as Schema, depth);
    switch (schema["type"]) {
      case "object":
        return object(schema, depth);
      case "array": {
        const { minItems = 0, maxItems = 4 } = schema as { minItems?: number; maxItems?: number };
        const items = (schema["items"] ?? {}) as Schema;
        return fc.array(of(items, depth + 1), {
          minLength: minItems,
          maxLength: Math.max(minItems, Math.min(maxItems, depth > 3 ? 1 : 4)),
        });
      }
      case "string":
        return fc.oneof({ arbitrary: fc.constantFrom(...words), weight: 8 }, fc.string({ maxLength: 12 }));
      case "integer":
        return fc.integer(bounds(schema, 0, 1_000));
      case "number":
        return fc.oneof(
          fc.integer(bounds(schema, 0, 1e12)),
          fc.double({ ...bounds(schema, 0, 1e12), noNaN: true, noDefaultInfinity: true }),
        );
      case "boolean":
        return fc.boolean();
      case "null":
        return fc.constant(null);
      default:
        return fc.jsonValue({ maxDepth: 2 });
    }
  }

  function object(schema: Schema, depth: number): fc.Arbitrary<unknown> {
    const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
    const required = new Set(schema["required"] as readonly string[] | undefined);
    const fields = Object.fromEntries(properties.map(([name, each]) => [name, of(each, depth + 1)]));
    return fc.record(fields, { requiredKeys: properties.map(([name]) => name).filter((name) => required.has(name)) });
  }
}

function bounds(schema: Schema, least: number, most: number): { min: number; max: number } {
  const { minimum, maximum, exclusiveMinimum } = schema as { minimum?: number; maximum?: number; exclusiveMinimum?: number };
  const min = Math.max(Math.ceil(minimum ?? (exclusiveMinimum === undefined ? least : exclusiveMinimum + 1)), -1e12);
  const max = Math.min(Math.floor(maximum ?? most), 1e12);
  return min <= max ? { min, max } : { min: Math.ceil(minimum ?? 0), max: Math.ceil(minimum ?? 0) };
}

/** What stands where something else was expected. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    " ",
    -1,
    0,
    0.5,
    1e308,
    -1e308,
    2 ** 53,
    true,
    [],
    {},
    [[]],
    "NaN",
    "1e999",
    "\u0000",
    "\ud800",
    "‮",
    "__proto__",
    "constructor",
  ),
  fc.constantFrom<unknown>(
    "x".repeat(129),
    "x".repeat(100_000),
    Array(2_000).fill(0),
    Array.from({ length: 2_000 }, () => ({ id: "a" })),
    {
      a: { a: { a: { a: {} } } },
    },
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
);

/** One thing about a value is changed: a field goes, comes, or becomes odd; an item comes twice. */
export function almost(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.array(fc.nat(30), { maxLength: 4 }),
    how: fc.constantFrom("drop", "add", "odd", "twice"),
    odd,
    name: fc.constantFrom("surprise", "id", "__proto__x", "toString", ""),
  });
  return fc.tuple(values, change).map(([value, { at, ...what }]) => changed(value, at, what));
}

function changed(
  value: unknown,
  at: readonly number[],
  what: { readonly how: string; readonly odd: unknown; readonly name: string },
): unknown {
  const [step, ...deeper] = at;
  if (typeof value !== "object" || value === null || step === undefined) return what.odd;
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as unknown[])];
    const i = step % Math.max(list.length, 1);
    if (deeper.length > 0 && i < list.length) list[i] = changed(list[i], deeper, what);
    else if (what.how === "drop") list.splice(i, 1);
    else list.splice(i, what.how === "odd" ? 1 : 0, what.how === "twice" ? list[i] : what.odd);
    return list;
  }
  const entries = Object.entries(value);
  const i = step % Math.max(entries.length, 1);
  const [name = "", field] = entries[i] ?? [];
  if (deeper.length > 0 && i < entries.length) entries[i] = [name, changed(field, deeper, what)];
  else if (what.how === "drop") entries.splice(i, 1);
  else if (what.how === "odd" && i < entries.length) entries[i] = [name, what.odd];
  else entries.push([what.name, what.odd]);
  return Object.fromEntries(entries);
}

/** Bodies that are no JSON, or JSON that is meant to hurt. */
export const hostileTexts: readonly string[] = [
  "",
  " ",
  "{",
  "[",
  "null",
  "true",
  "0",
  '"text"',
  "[]",
  "{}",
  "[{}]",
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"name":1e999}',
  '{"name":-1e999,"nodes":[1e999]}',
  '{"changes":1e999}',
  '{"a":1,"a":2}',
  "\ufeff{}",
  '{"name":"\\ud800"}',
  "NaN",
  "[".repeat(50_000),
  `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
  `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`,
  `{"name":"${"x".repeat(900_000)}"}`,
  `[${"0,".repeat(300_000)}0]`,
  `{${Array.from({ length: 50_000 }, (_, i) => `"f${i}":0`).join()}}`,
];
