/** Single fields between protobuf and the domain: presence, numbers of 64 bits, and pointers in protobuf's JSON names. */
import { fault, pointerOf, refuse, type Fault, type Faults, type Result, faultsListedMax, ok } from "@sluice/model";
import { z } from "zod";

/** proto3 does not tell an empty text from an absent one; where a text is required, empty is missing. */
export function present(text: string): string | undefined {
  return text === "" ? undefined : text;
}

/** An unsigned 64-bit number that the domain holds as an exact double. */
export const uint64Schema = z
  .bigint()
  .min(0n)
  .max(BigInt(Number.MAX_SAFE_INTEGER))
  .transform((value) => Number(value));

export function uint64(value: number): bigint {
  return BigInt(value);
}

/** Maps a closed list of words to protobuf's enum numbers and back. A number that the list lacks comes back as it is, for the gate to refuse. */
export function enumCodec<Word extends string>(words: readonly Word[], numberOf: Readonly<Record<Word, number>>) {
  const wordOf = new Map(words.map((word) => [numberOf[word], word]));
  return {
    toWire: (word: Word): number => numberOf[word],
    /** Unspecified (0) is undefined. */
    fromWire: (value: number): Word | number | undefined => wordOf.get(value) ?? (value === 0 ? undefined : value),
  };
}

/** The same result with every pointer moved below `at`. */
export function under<T>(at: readonly PropertyKey[], result: Result<T>): Result<T> {
  if (result.ok || at.length === 0) return result;
  const [first, ...rest] = result.faults.map((one): Fault => ({ ...one, pointer: pointerOf(at) + (one.pointer ?? "") }));
  return { ok: false, faults: [first ?? result.faults[0], ...rest] };
}

export function missingField(at: readonly PropertyKey[], what: string): { readonly ok: false; readonly faults: Faults } {
  return refuse(fault("missing-field", `${pointerOf(at)}: ${what}.`, { pointer: pointerOf(at) }));
}

export interface EachOptions<In, Out> {
  readonly countMax: number;
  /** Index of the first item in pointers, for a list that comes in parts. */
  readonly firstIndex?: number;
  readonly convert: (item: In, at: readonly PropertyKey[]) => Result<Out>;
}

/** Converts each item; all of them, or the faults of the first that are refused. */
export function eachFromWire<In, Out>(
  items: readonly In[],
  at: readonly PropertyKey[],
  { countMax, firstIndex = 0, convert }: EachOptions<In, Out>,
): Result<readonly Out[]> {
  if (items.length > countMax) {
    return refuse(
      fault("too-many", `${pointerOf(at)} has ${items.length} entries; at most ${countMax} are allowed.`, { pointer: pointerOf(at) }),
    );
  }
  const values: Out[] = [];
  const faults: Fault[] = [];
  for (const [i, item] of items.entries()) {
    const converted = convert(item, [...at, firstIndex + i]);
    if (converted.ok) values.push(converted.value);
    else faults.push(...converted.faults);
    if (faults.length >= faultsListedMax) break;
  }
  const [first, ...rest] = faults.slice(0, faultsListedMax);
  return first === undefined ? ok(values) : { ok: false, faults: [first, ...rest] };
}
