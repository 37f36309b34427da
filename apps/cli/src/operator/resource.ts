/** What `sluice get` can get: a list of items or one document, where it is, and how it reads. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { Colors } from "../terminal.js";
import { tableOf, type Column } from "./columns-of.js";
import type { ControllerClient } from "./controller-client.js";
import type { Query } from "./request.js";

/** Options of `get` that choose among the items; each is the query parameter of its name. */
export const filterNames = ["src", "dst", "class", "kind", "link"] as const;
export type FilterName = (typeof filterNames)[number];

export interface Got {
  /** Of the first page, besides its items: epoch, version and the like. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly items: readonly unknown[];
}

export interface ReadAsked {
  readonly query: Query;
  readonly most?: number | undefined;
  readonly onPage?: ((count: number) => void) | undefined;
}

export interface ListResource {
  readonly form: "list";
  /** Plural, as it is asked for: `links`. */
  readonly name: string;
  /** As it is asked for, too: `link`. */
  readonly singular: string;
  /** One sentence without a full stop, for help. */
  readonly what: string;
  readonly filters: readonly FilterName[];
  read(client: ControllerClient, asked: ReadAsked): Promise<Result<Got>>;
  /** Fault: `not-found`. */
  readOne(client: ControllerClient, id: string): Promise<Result<unknown>>;
  /** Each id, as `get` and `describe` take it. */
  nameOf(item: unknown): string;
  table(items: readonly unknown[], setting: { readonly colors: Colors; readonly isWide: boolean }): string;
}

export interface DocumentResource {
  readonly form: "document";
  readonly name: string;
  readonly singular: string;
  readonly what: string;
  readonly filters: readonly FilterName[];
  read(client: ControllerClient): Promise<Result<unknown>>;
  table(document: unknown, colors: Colors): string;
}

export type Resource = ListResource | DocumentResource;

export interface ListForm<T> {
  readonly name: string;
  readonly singular: string;
  readonly what: string;
  readonly path: string;
  readonly schema: z.ZodType<T>;
  readonly columns: readonly Column<T>[];
  readonly nameOf: (item: T) => string;
  readonly filters?: readonly FilterName[];
  /** Items a page where that is less than 1,000; 0 where the list comes whole. */
  readonly pageItems?: number;
  /** Where one item has a path of its own. */
  readonly pathOfOne?: (id: string) => string;
  /** What narrows the list down to the item, where it has none. Fault: the id has not the form of one. */
  readonly queryOfOne?: (id: string) => Result<Query>;
}

const anyObject = z.looseObject({});

export function listResource<T>(form: ListForm<T>): ListResource {
  const { name, singular, what, path, schema, columns, nameOf, filters = [], pageItems, pathOfOne, queryOfOne } = form;

  async function read(
    client: ControllerClient,
    { query, most, onPage }: ReadAsked,
  ): Promise<Result<{ head: Got["head"]; items: readonly T[] }>> {
    if (pageItems !== 0) return client.list(path, schema, query, { most, pageItems, onPage });
    const whole = await client.get(path, z.looseObject({ items: z.array(schema) }), query);
    if (!whole.ok) return whole;
    const { items, ...head } = whole.value.value;
    return ok({ head, items: items.slice(0, most) });
  }

  return {
    form: "list",
    name,
    singular,
    what,
    filters,
    read,
    async readOne(client, id) {
      if (pathOfOne !== undefined) {
        const one = await client.get(pathOfOne(id), anyObject);
        return one.ok ? ok(one.value.value) : one;
      }
      const query = queryOfOne === undefined ? ok({}) : queryOfOne(id);
      if (!query.ok) return query;
      const listed = await read(client, { query: query.value });
      if (!listed.ok) return listed;
      const found = listed.value.items.find((item) => nameOf(item) === id);
      return found === undefined ? refuse(notFound(singular, id, name)) : ok(found);
    },
    nameOf: (item) => nameOf(item as T),
    table: (items, { colors, isWide }) => tableOf(items as readonly T[], columns, { colors, isWide, none: `There are no ${name}.` }),
  };
}

export function notFound(singular: string, id: string, plural: string) {
  return fault("not-found", `There is no ${singular} ${JSON.stringify(id)}.`, {
    pointer: singular,
    data: { advice: `check the spelling; sluice get ${plural} -o name lists what there is` },
  });
}

export interface DocumentForm<T> {
  readonly name: string;
  readonly singular: string;
  readonly what: string;
  readonly path: string;
  readonly schema: z.ZodType<T>;
  readonly table: (document: T, colors: Colors) => string;
}

export function documentResource<T>({ name, singular, what, path, schema, table }: DocumentForm<T>): DocumentResource {
  return {
    form: "document",
    name,
    singular,
    what,
    filters: [],
    async read(client) {
      const document = await client.get(path, schema);
      return document.ok ? ok(document.value.value) : document;
    },
    table: (document, colors) => table(document as T, colors),
  };
}
