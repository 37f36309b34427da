/** Paging by cursor: a cursor names the last item that was seen, so pages fit together while the list changes. */
import { compareText, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import { parameterFault } from "./route.js";

/** Query parameters arrive as text; the OpenAPI document names the type that the text must have. */
export function wholeNumber({ min, max }: { readonly min: number; readonly max: number }) {
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,14})$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ type: "integer", minimum: min, maximum: max });
}

export function limitSchema(most: number, usual: number) {
  return wholeNumber({ min: 1, max: most })
    .optional()
    .transform((limit) => limit ?? usual)
    .meta({ description: `Most items in the answer, ${usual} where it is not given.` });
}

export const cursorSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,2048}$/, "must be the nextCursor of an earlier page")
  .meta({ description: "The `nextCursor` of the page before." });

export function cursorOf(key: string): string {
  return Buffer.from(key, "utf8").toString("base64url");
}

export function keyOf(cursor: string | undefined): Result<string | undefined> {
  if (cursor === undefined) return ok(undefined);
  const key = Buffer.from(cursor, "base64url").toString("utf8");
  return cursorOf(key) === cursor ? ok(key) : refuse(parameterFault("cursor", "The cursor is not one that this server gave out."));
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string;
}

/** One page of a list whose keys rise by code units: O(log n + limit). */
export function pageOf<T>(
  list: readonly T[],
  keyOfItem: (item: T) => string,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Result<Page<T>> {
  const after = keyOf(cursor);
  if (!after.ok) return after;
  const start = after.value === undefined ? 0 : firstAfter(list, keyOfItem, after.value);
  const items = list.slice(start, start + limit);
  const last = items.at(-1);
  const more = start + limit < list.length && last !== undefined;
  return ok({ items, ...(more ? { nextCursor: cursorOf(keyOfItem(last)) } : {}) });
}

function firstAfter<T>(list: readonly T[], keyOfItem: (item: T) => string, key: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = list[middle];
    if (item !== undefined && compareText(keyOfItem(item), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
