/** IPv4 prefixes: one behind each node. Ingress rules match on them, so they must not overlap. */
import { z } from "zod";
import { fault, ok, refuse, type Fault, type Result } from "./fault.js";
import { compareText, type NodeId } from "./id.js";
import { pointerOf } from "./gate.js";

const prefixPattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

export interface PrefixRange {
  /** First address as an unsigned 32-bit number. */
  readonly first: number;
  readonly last: number;
  readonly length: number;
}

/** The addresses of a prefix in CIDR notation; undefined where the text is not one or has host bits set. */
export function prefixRange(text: string): PrefixRange | undefined {
  const match = prefixPattern.exec(text);
  if (match === null) return undefined;
  const octets = match.slice(1, 5).map(Number);
  const length = Number(match[5]);
  if (octets.some((octet) => octet > 255) || length > 32) return undefined;
  const first = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const size = 2 ** (32 - length);
  return first % size === 0 ? { first, last: first + size - 1, length } : undefined;
}

export const prefixSchema = z
  .string()
  .refine((text) => prefixRange(text) !== undefined, "must be an IPv4 prefix without host bits, like 10.0.3.0/24");

/** The private block that default prefixes come from, and their size: room for 65,536 nodes. */
const defaultBlock = { first: 10 * 2 ** 24, length: 8 };
const defaultLength = 24;

/**
 * Gives each node without a prefix the lowest free /24 of 10.0.0.0/8, in id order; refuses overlapping given ones.
 * Nodes that have one keep it, so adding a node never moves another's. O(n log n).
 */
export function assignPrefixes(
  nodes: readonly { readonly id: NodeId; readonly prefix?: string | undefined }[],
): Result<ReadonlyMap<NodeId, string>> {
  const prefixes = new Map<NodeId, string>();
  const taken: (PrefixRange & { readonly id: NodeId; readonly index: number })[] = [];
  nodes.forEach(({ id, prefix }, index) => {
    const range = prefix === undefined ? undefined : prefixRange(prefix);
    if (prefix === undefined || range === undefined) return;
    prefixes.set(id, prefix);
    taken.push({ ...range, id, index });
  });
  taken.sort((a, b) => a.first - b.first || a.last - b.last);

  const overlaps: Fault[] = [];
  let widest = taken[0];
  for (const range of taken.slice(1)) {
    if (widest !== undefined && range.first <= widest.last) {
      overlaps.push(
        fault("not-allowed", `The prefix of node ${range.id} overlaps that of node ${widest.id}.`, {
          pointer: pointerOf(["nodes", range.index, "prefix"]),
        }),
      );
    }
    if (widest === undefined || range.last > widest.last) widest = range;
  }
  const [first, ...rest] = overlaps;
  if (first !== undefined) return refuse(first, ...rest);

  const blockLast = defaultBlock.first + 2 ** (32 - defaultBlock.length) - 1;
  const size = 2 ** (32 - defaultLength);
  let next = defaultBlock.first;
  let passed = 0;
  for (const { id } of nodes.filter((node) => !prefixes.has(node.id)).sort((a, b) => compareText(a.id, b.id))) {
    for (let range = taken[passed]; range !== undefined && range.first < next + size; range = taken[passed]) {
      next = Math.max(next, Math.ceil((range.last + 1) / size) * size);
      passed += 1;
    }
    if (next + size - 1 > blockLast) {
      return refuse(
        fault("too-many", "10.0.0.0/8 has no free /24 left for default prefixes: give nodes prefixes of their own.", { pointer: "/nodes" }),
      );
    }
    prefixes.set(id, `${dotted(next)}/${defaultLength}`);
    next += size;
  }
  return ok(prefixes);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
