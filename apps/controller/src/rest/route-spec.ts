/** What a route says of itself, and what follows from that for the OpenAPI document. */
import { z } from "zod";
import { rolesThatMay, type RouteRole } from "./auth/role.js";
import type { VersionedResource } from "./precondition.js";
import { problemMediaType } from "./problem.js";
import { problemSchema } from "./schemas/problem.js";

export const tags = ["network", "demands", "plans", "protection", "operation"] as const;
type Tag = (typeof tags)[number];

/** Refusals that a route may have besides those that follow from its declaration; the tests provoke each. */
export type OwnRefusal = 400 | 404 | 409 | 412 | 413 | 422 | 503 | 504 | 507;

export interface Spec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly url: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: Tag;
  /** The least role that may; a list where one of several is enough. `job` opens only what names it. */
  readonly role: RouteRole;
  readonly params?: Params;
  readonly query?: Query;
  readonly response: Body;
  readonly refusals?: readonly OwnRefusal[];
  /** GET gives ETag, a change needs If-Match. The body has a field `version`. */
  readonly version?: VersionedResource;
  /** Lasts for as long as its client likes: an upload that is streamed. */
  readonly isLong?: true;
}

export interface GetSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> extends Spec<Params, Query, Body> {
  /** A status besides 200 with the same body: an answer that is no refusal. */
  readonly alsoStatus?: 503;
  readonly isProbe?: true;
}

export interface StreamSpec<Params extends z.ZodType, Query extends z.ZodType> extends Omit<
  Spec<Params, Query, z.ZodType>,
  "response" | "version"
> {
  /** Media types of the answer, the usual one first. */
  readonly offers: readonly [string, ...string[]];
}

export interface WriteSpec<Params extends z.ZodType, Query extends z.ZodType, Asked extends z.ZodType, Body extends z.ZodType> extends Spec<
  Params,
  Query,
  Body
> {
  /** The body; left out, none is taken. */
  readonly asked?: Asked;
  /**
   * `gate` (the default): the body is checked against `asked` here. `inside`: `asked` is for the document, and what comes in is judged by
   * `answer`, so that every ingress judges alike. `stream`: it is what the plugin's own parser of these media types gives.
   */
  readonly judged?: "gate" | "inside" | "stream";
  /** Media types of the body where it is not JSON. */
  readonly consumes?: readonly string[];
  readonly bodyBytesMax?: number;
  /** 200 where it is not said. 201 and 202 say with `location` where to look. */
  readonly status?: 200 | 201 | 202;
  readonly location?: (body: z.input<Body>) => string;
  /** A client may send an Idempotency-Key and repeat the request without it being done twice. */
  readonly idempotent?: true;
}

/** POST either changes something, and can be repeated under a key, or it changes nothing. */
export type PostSpec<Params extends z.ZodType, Query extends z.ZodType, Asked extends z.ZodType, Body extends z.ZodType> = WriteSpec<
  Params,
  Query,
  Asked,
  Body
> &
  ({ readonly idempotent: true } | { readonly isSafe: true });

const nothing = z.strictObject({});
export type Nothing = typeof nothing;

type AnySpec = Omit<Spec<z.ZodType, z.ZodType, z.ZodType>, "response">;

const problemResponse = { description: "A problem (RFC 9457)", content: { [problemMediaType]: { schema: problemSchema } } };

const meanings: Readonly<Record<number, string>> = {
  400: "Malformed",
  401: "No token, or none that is good",
  403: "Not for this role",
  404: "There is no such thing",
  406: "Not offered in this media type",
  409: "In conflict with what is there or under way",
  412: "Another version than If-Match names",
  413: "Too large",
  415: "The body is of another media type",
  421: "Another controller leads: see Location",
  422: "A value is not allowed",
  428: "If-Match is missing",
  429: "Too many requests of one actor",
  503: "Not now: try again after Retry-After",
  504: "Took too long",
  507: "No room",
};

/** `/v1/plans/:epoch` as `V1PlansEpoch`. */
function camelOf(url: string): string {
  return url.replaceAll(/[^a-z0-9]+([a-z0-9])?/gi, (_, letter: string | undefined) => letter?.toUpperCase() ?? "");
}

export function configOf({ role, isLong, ...rest }: AnySpec) {
  return { role, ...(isLong && { isLong }), ...("isProbe" in rest && { isProbe: true }) };
}

const ifMatch = z
  .string()
  .optional()
  .meta({ description: 'Required: the version that is changed, as ETag of GET gives it (`"v7"`), or `*` for any.' });
const idempotencyKey = z
  .string()
  .optional()
  .meta({ description: "Up to 128 printable ASCII characters. The same request under the same key is done once within 24 hours." });

export function headersOf({ version, idempotent }: { readonly version?: VersionedResource; readonly idempotent?: true }) {
  return [...(version === undefined ? [] : ["if-match" as const]), ...(idempotent ? ["idempotency-key" as const] : [])];
}

export function documentOf(
  method: string,
  { url, summary, description, tag, params, query = nothing as z.ZodType, role }: AnySpec,
  headers: readonly ("if-match" | "idempotency-key")[],
) {
  const known = { "if-match": ifMatch, "idempotency-key": idempotencyKey };
  return {
    operationId: `${method}${camelOf(url)}`,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security: role === "open" ? [] : [{ bearer: [] }],
    "x-roles": role === "open" ? ["open"] : rolesThatMay(role),
    // A path without parameters has none to document.
    ...(params === undefined ? {} : { params }),
    querystring: query,
    ...(headers.length === 0 ? {} : { headers: z.looseObject(Object.fromEntries(headers.map((name) => [name, known[name]]))) }),
  };
}

export function writeRefusals({
  asked,
  judged,
  version,
  idempotent,
}: WriteSpec<z.ZodType, z.ZodType, z.ZodType, z.ZodType>): readonly number[] {
  return [
    421,
    ...(asked === undefined ? [] : [415]),
    ...(asked === undefined || judged === "stream" ? [] : [413]),
    ...(version === undefined ? [] : [412, 428]),
    ...(idempotent === true ? [409, 422] : []),
  ];
}

/** What every route refuses, and what this one does on top. */
export function refusalsOf({ role, refusals = [], ...rest }: AnySpec, more: readonly number[]) {
  // Probes are answered under any load.
  const ofLoad = "isProbe" in rest ? [] : [429, ...more];
  const statuses = new Set([400, 406, ...(role === "open" ? [] : [401, 403]), ...ofLoad, ...refusals]);
  const listed = [...statuses].sort((a, b) => a - b);
  return {
    ...Object.fromEntries(listed.map((status) => [status, { ...problemResponse, description: meanings[status] ?? "A problem" }])),
    default: problemResponse,
  };
}
