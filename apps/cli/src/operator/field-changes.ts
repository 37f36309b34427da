/** Settings to change, as they are written on the command line: `objective=min-cost`, `tunnels.k=8`. */
import { ok, refuse, type Result } from "@sluice/model";
import { parseDocument } from "yaml";
import { argumentFault } from "../refusal.js";

type Fields = Readonly<Record<string, unknown>>;

export interface FieldsNow {
  /** Changes that were given otherwise, which these are put into. */
  readonly given?: unknown;
  /** What is set now: a field of a field is put into it, since the controller takes whole fields. */
  readonly before?: Fields | undefined;
  /** Of the command line, for faults. */
  readonly option: string;
}

/** Whole fields; undefined where nothing was asked for. Values are read as YAML: numbers, words, `[link, node]`. Fault: `malformed`. */
export function fieldChanges(sets: readonly string[], { given, before = {}, option }: FieldsNow): Result<Fields | undefined> {
  if (sets.length === 0) return ok(undefined);
  const changed: Record<string, unknown> = { ...fieldsOf(given) };
  for (const each of sets) {
    const equals = each.indexOf("=");
    const path = each.slice(0, Math.max(equals, 0)).split(".");
    if (equals < 1 || path.some((part) => !/^[A-Za-z][A-Za-z0-9]*$/.test(part)))
      return refuse(
        argumentFault(
          "malformed",
          option,
          `${option} takes FIELD=VALUE, such as objective=min-cost or tunnels.k=8, not ${JSON.stringify(each)}.`,
        ),
      );
    const document = parseDocument(each.slice(equals + 1));
    if (document.errors.length > 0)
      return refuse(
        argumentFault("malformed", option, `The value of ${path.join(".")} cannot be read: ${JSON.stringify(each.slice(equals + 1))}.`),
      );
    const [top = "", ...rest] = path;
    const now = Object.hasOwn(changed, top) ? changed[top] : Object.hasOwn(before, top) ? before[top] : undefined;
    Object.defineProperty(changed, top, {
      value: placed(now, rest, document.toJS({ maxAliasCount: 0 })),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return ok(changed);
}

/** A copy of what was there with the value at the path. */
function placed(before: unknown, [head, ...rest]: readonly string[], value: unknown): unknown {
  if (head === undefined) return value;
  const fields = new Map(Object.entries(fieldsOf(before)));
  return Object.fromEntries(fields.set(head, placed(fields.get(head), rest, value)));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
