/** Branded ids. Each is made by `toId`, after the gate in `gate.ts` or a constructor has checked the text. */

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type SiteId = Id<"Site">;
/** A node is a switch; its agent has the same id. */
export type NodeId = Id<"Node">;
export type LinkId = Id<"Link">;
export type SrlgId = Id<"Srlg">;
export type TunnelId = Id<"Tunnel">;
/** `source>destination/class`, made by `flowGroupId`. */
export type FlowGroupId = Id<"FlowGroup">;

type AnyId = SiteId | NodeId | LinkId | SrlgId | TunnelId | FlowGroupId;

/** Longest id, in UTF-16 code units: long enough for generated link names, short enough for logs and labels. */
export const idLengthMax = 128;

/**
 * Printable, no leading or trailing blank of any kind, since readers of text trim; no control characters, and no format characters
 * (\p{Cf}) either, which turn the direction of writing or take no room: with them an id could look like another in a terminal or a log.
 */
const idPattern = /^(?!\s)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+(?<!\s)$/u;

/**
 * Not an id either: what every object has by inheritance, such as `__proto__` and `constructor`. graphology keeps neighbours
 * as keys of plain objects, so a link to a node of such a name would write into `Object.prototype` of the whole process.
 */
export function isId(text: string): boolean {
  return text.length > 0 && text.length <= idLengthMax && idPattern.test(text) && !Object.hasOwn(Object.prototype, text);
}

/** Brands a text that is known to be a valid id. */
export function toId<T extends AnyId>(text: string): T {
  if (!isId(text)) throw new RangeError(`not an id: ${JSON.stringify(text.slice(0, idLengthMax))}`);
  return text as T;
}

/** The order in which everything that has an id is visited: by UTF-16 code units, on every machine the same. */
export function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return compareText(a.id, b.id);
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
