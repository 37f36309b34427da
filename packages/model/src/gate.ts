/**
 * The one gate for every ingress (gRPC, REST, files, command line): zod schemas for single fields, and the translation
 * of zod's issues to faults with JSON pointers. Nothing is coerced: null is not 0, "1e3" is not 1000, unknown fields are refused.
 */
import { z } from "zod";
import { fault, type Fault, type FaultCode, type Result, ok } from "./fault.js";
import { isId, idLengthMax, type LinkId, type NodeId, type SiteId, type SrlgId, type TunnelId } from "./id.js";

/** Largest rate or capacity, bps: the largest integer that a double holds exactly (9 Pb/s). */
export const rateBpsMax = Number.MAX_SAFE_INTEGER;
/** Largest one-way latency, ms: one minute. */
export const latencyMsMax = 60_000;
/** Largest routing metric. */
export const metricMax = 2 ** 32 - 1;
/** Most faults that one refusal lists. */
export const faultsListedMax = 100;

function idSchema<T extends string>() {
  return z
    .string()
    .refine(
      isId,
      `must be 1 to ${idLengthMax} printable characters without a blank at either end, and no name like __proto__ or constructor`,
    )
    .transform((text) => text as T);
}

export const siteIdSchema = idSchema<SiteId>();
export const nodeIdSchema = idSchema<NodeId>();
export const linkIdSchema = idSchema<LinkId>();
export const srlgIdSchema = idSchema<SrlgId>();
export const tunnelIdSchema = idSchema<TunnelId>();

export const rateBpsSchema = z.number().min(0).max(rateBpsMax);
export const latencyMsSchema = z.number().min(0).max(latencyMsMax);
export const metricSchema = z.number().min(0).max(metricMax);

/** A JSON pointer (RFC 6901) from a path of keys and indices. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Validates a value against a schema; issues become faults. `at` is prefixed to every pointer. */
export function admit<T>(schema: z.ZodType<T>, value: unknown, at: readonly PropertyKey[] = []): Result<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const faults = parsed.error.issues.flatMap((issue) => faultsOfIssue(issue, value, at)).slice(0, faultsListedMax);
  const [first, ...rest] = faults;
  return { ok: false, faults: [first ?? fault("malformed", "The input was refused."), ...rest] };
}

function faultsOfIssue(issue: z.core.$ZodIssue, root: unknown, at: readonly PropertyKey[]): readonly Fault[] {
  const pointer = pointerOf([...at, ...issue.path]);
  const name = pointer === "" ? "The document" : pointer;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) =>
      fault("unknown-field", `${name} has no field ${JSON.stringify(key)}.`, { pointer: pointerOf([...at, ...issue.path, key]) }),
    );
  }
  const found = valueAt(root, issue.path);
  return [fault(codeOfIssue(issue, found), `${name}: ${issue.message}.`, { pointer })];
}

function codeOfIssue(issue: z.core.$ZodIssue, found: unknown): FaultCode {
  if (typeof found === "number" && !Number.isFinite(found)) return "not-finite";
  switch (issue.code) {
    case "invalid_type":
      return found === undefined ? "missing-field" : "wrong-type";
    case "too_small":
      return typeof found === "number" && found < 0 && Number(issue.minimum) === 0 ? "negative" : "out-of-range";
    case "too_big":
      return "out-of-range";
    case "invalid_value":
      return found === undefined ? "missing-field" : "not-allowed";
    case "invalid_union":
      return found === undefined ? "missing-field" : "wrong-type";
    default:
      return "malformed";
  }
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
