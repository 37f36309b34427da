/** JSON text to a value, with the place of a syntax error. */
import type { Reading } from "./reading.js";

export type JsonObject = Readonly<Record<string, unknown>>;

/** The value; faults `malformed` with the line where the parser gives one. `__proto__` keys stay plain own keys. */
export function parseJson(text: string, reading: Reading): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const line = lineOf(error instanceof Error ? error.message : "", text);
    return reading.refuse("malformed", "The file is not well-formed JSON.", line === undefined ? undefined : `/line/${line}`);
  }
}

/** The engine names a position for some errors, the end for others, and for the rest only what it met. */
function lineOf(message: string, text: string): number | undefined {
  const stated = /position (\d+)/.exec(message)?.[1];
  const position = stated !== undefined ? Number(stated) : /end of JSON/.test(message) ? text.trimEnd().length : undefined;
  return position === undefined ? undefined : text.slice(0, position).split("\n").length;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own field; `__proto__` and inherited names are never found by accident. */
export function field(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** An id that a file may write as a number or as text. */
export function idText(value: unknown, reading: Reading, pointer: string): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  return reading.refuse(value === undefined ? "missing-field" : "wrong-type", `${pointer}: an id is text or an integer.`, pointer);
}
