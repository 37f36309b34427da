/** Canonical JSON and its hash: the same value gives the same bytes, whatever the order of its keys. */
import { createHash } from "node:crypto";

/**
 * JSON with keys sorted by code units and undefined fields left out. Numbers must be finite (RangeError). O(size): a copy with its keys in order
 * is written by the engine's own JSON writer, at a fifth of what it costs to write it here.
 */
export function canonicalJson(value: unknown): string {
  const copier = new SortedCopier();
  const copy = copier.copyOf(value);
  return copier.isFaithful ? JSON.stringify(copy) : writtenOut(value);
}

/** SHA-256 of the canonical JSON, hex. */
export function canonicalHash(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** Texts of documents, for as long as the documents live. */
const texts = new WeakMap<object, string>();

/**
 * The canonical JSON of a document that nobody changes any more, written once: a matrix of demands is an input of many cycles, and hashed and stored in each.
 * The text lives as long as the document.
 */
export function documentJson(document: object): string {
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = canonicalJson(document);
  texts.set(document, text);
  return text;
}

/** `canonicalHash` of a value whose fields are documents that nobody changes any more. O(fields + bytes) where their texts are known. */
export function documentsHash(whole: object): string {
  const sha = createHash("sha256");
  let separator = "{";
  for (const [key, field] of Object.entries<unknown>({ ...whole }).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (field === undefined) continue;
    sha.update(`${separator}${JSON.stringify(key)}:`);
    sha.update(typeof field === "object" && field !== null ? documentJson(field) : canonicalJson(field));
    separator = ",";
  }
  return sha.update(separator === "{" ? "{}" : "}").digest("hex");
}

/** Copies values with the keys of all objects in order. */
class SortedCopier {
  /** False once an object was met of which a copy would not keep its keys in order: see `isOrderKept`. */
  isFaithful = true;
  /** Of the object met last: most are like the one before. */
  #keys: readonly string[] = [];
  #sorted: readonly string[] = [];

  copyOf(value: unknown): unknown {
    switch (typeof value) {
      case "number":
        if (!Number.isFinite(value)) throw new RangeError("canonical JSON holds finite numbers only");
        return value;
      case "object":
        if (value === null) return null;
        return Array.isArray(value) ? Array.from(value, (item: unknown) => this.copyOf(item)) : this.#copyOfObject(value);
      case "undefined":
      case "function":
      case "symbol":
        return null;
      default:
        return value;
    }
  }

  #copyOfObject(value: object): object {
    const fields = value as Readonly<Record<string, unknown>>;
    const copy: Record<string, unknown> = {};
    for (const key of this.#inOrder(Object.keys(value))) {
      const field = fields[key];
      if (field !== undefined) copy[key] = this.copyOf(field);
    }
    return copy;
  }

  #inOrder(keys: readonly string[]): readonly string[] {
    const last = this.#keys;
    let isLikeLast = keys.length === last.length;
    for (let i = 0; isLikeLast && i < keys.length; i += 1) isLikeLast = keys[i] === last[i];
    if (isLikeLast) return this.#sorted;
    this.#keys = keys;
    this.#sorted = [...keys].sort();
    if (!keys.every(isOrderKept)) this.isFaithful = false;
    return this.#sorted;
  }
}

/** Whether an object has this key where it was put: whole numbers come before all others, and `__proto__` is no key when it is assigned. */
function isOrderKept(key: string): boolean {
  const first = key.charCodeAt(0);
  return !(first >= 48 && first <= 57) && key !== "__proto__";
}

/** The same text for any value. */
function writtenOut(value: unknown): string {
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => writtenOut(item)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${writtenOut(field)}`);
    return `{${fields.join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
