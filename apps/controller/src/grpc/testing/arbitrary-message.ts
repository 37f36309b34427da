/** Arbitrary messages of the .proto files, and examples with some of their fields changed: values that are right, at the edge, and hostile. */
import type { PackageDefinition } from "@grpc/proto-loader";
import { assert } from "@sluice/model";
import fc from "fast-check";

/** As proto-loader describes a field (google.protobuf.FieldDescriptorProto). */
interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}

type Message = Readonly<Record<string, unknown>>;

const doubles = [0, -0, 1, 1e6, 1e9, 3_600, -1, 0.5, 5e-324, 1.797e308, Number.NaN, Infinity, -Infinity, 2 ** 53, 2 ** 53 + 2];
const wholes = ["0", "1", "2", "7", "9007199254740991", "9007199254740993", "9223372036854775808", "18446744073709551615"];
const signed = ["0", "1", "-1", "1800000000", "253402300800", "-62135596801", "9223372036854775807", "-9223372036854775808"];
const words32 = [0, 1, 2, 1_048_575, 1_048_576, 4_294_967_295];
const signed32 = [0, 1, -1, 999_999_999, 1_000_000_000, 2_147_483_647, -2_147_483_648];
const enums = [0, 1, 2, 3, 4, 17, -1, 2_147_483_647];
const hostileTexts = [
  "",
  " ",
  "__proto__",
  "constructor",
  "toString",
  "a\u0000b",
  "\u202Eabc",
  "x".repeat(129),
  "x".repeat(5_000),
  "\u{1F600}",
  "../..",
  "%s%n",
  "'; --",
];

export interface MessageArbitraries {
  /** Any message of a type. */
  any(type: string): fc.Arbitrary<Message>;
  /** The example with some fields left out, replaced, repeated or added. */
  near(type: string, example: Message): fc.Arbitrary<Message>;
}

/** `texts`: ids that exist, and other texts that get past the first check. */
export function messageArbitraries(definition: PackageDefinition, texts: readonly string[]): MessageArbitraries {
  const text = fc.oneof(
    { arbitrary: fc.constantFrom(...texts), weight: 8 },
    { arbitrary: fc.constantFrom(...hostileTexts), weight: 2 },
    { arbitrary: fc.string({ maxLength: 12 }), weight: 1 },
  );

  function fieldsOf(type: string): readonly Field[] {
    const found = definition[type] as unknown as { readonly type?: { readonly field?: readonly Field[] } } | undefined;
    assert(found?.type?.field !== undefined, `there is a message ${type}`);
    return found.type.field;
  }

  function typeOf(field: Field): string {
    const bare = field.typeName.replace(/^\./, "");
    return bare.includes(".") ? bare : `sluice.v1.${bare}`;
  }

  function one(field: Field, depth: number): fc.Arbitrary<unknown> {
    switch (field.type) {
      case "TYPE_STRING":
        return text;
      case "TYPE_BOOL":
        return fc.boolean();
      case "TYPE_DOUBLE":
        return fc.oneof(fc.constantFrom(...doubles), fc.double());
      case "TYPE_UINT64":
        return fc.constantFrom(...wholes);
      case "TYPE_INT64":
        return fc.constantFrom(...signed);
      case "TYPE_UINT32":
        return fc.constantFrom(...words32);
      case "TYPE_INT32":
        return fc.constantFrom(...signed32);
      case "TYPE_ENUM":
        return fc.constantFrom(...enums);
      case "TYPE_MESSAGE":
        return any(typeOf(field), depth + 1);
      default:
        throw new Error(`${field.type} of ${field.name} is not known here`);
    }
  }

  function many(field: Field, depth: number): fc.Arbitrary<unknown> {
    return field.label === "LABEL_REPEATED" ? fc.array(one(field, depth), { maxLength: depth > 2 ? 1 : 3 }) : one(field, depth);
  }

  function any(type: string, depth: number): fc.Arbitrary<Message> {
    const fields = depth > 5 ? [] : fieldsOf(type);
    const model = Object.fromEntries(fields.map((field) => [camel(field.name), many(field, depth)]));
    return fc.record(model, { requiredKeys: [] });
  }

  function near(type: string, example: Message, depth: number): fc.Arbitrary<Message> {
    const model = fieldsOf(type).map((field) => [camel(field.name), nearField(field, example[camel(field.name)], depth)] as const);
    return fc
      .record(Object.fromEntries(model))
      .map((message) => Object.fromEntries(Object.entries(message).filter(([, each]) => each !== undefined)));
  }

  function nearField(field: Field, example: unknown, depth: number): fc.Arbitrary<unknown> {
    if (example === undefined) {
      return fc.oneof({ arbitrary: fc.constant(undefined), weight: 60 }, { arbitrary: many(field, depth), weight: 1 });
    }
    const nested = (value: unknown): fc.Arbitrary<unknown> =>
      field.type === "TYPE_MESSAGE" ? near(typeOf(field), value as Message, depth + 1) : fc.constant(value);
    const changed = { arbitrary: fc.oneof(fc.constant(undefined), many(field, depth)), weight: 1 };
    if (!Array.isArray(example)) return fc.oneof({ arbitrary: nested(example), weight: 20 }, changed);
    const items = fc.tuple(...example.map(nested));
    return fc.oneof(
      { arbitrary: items, weight: 20 },
      { arbitrary: items.map((each) => [...each, ...each]), weight: 1 },
      { arbitrary: fc.tuple(items, one(field, depth)).map(([each, more]) => [...each, more]), weight: 1 },
      changed,
    );
  }

  return { any: (type) => any(type, 0), near: (type, example) => near(type, example, 0) };
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
