/** Which node the rows and columns of a bare matrix stand for. */
import type { NodeId, Topology } from "@sluice/model";
import type { Reading } from "./reading.js";

const numberedPattern = /^(.*?)(\d+)$/s;

/**
 * The order of a matrix's rows: ids that are numbers, or one common prefix and a number (`s1` ... `s12`), in numeric order; other ids
 * in the order of the topology's nodes (by code units). `numbered` tells which. O(n log n).
 */
export function matrixNodeOrder(topology: Topology): { readonly order: readonly NodeId[]; readonly numbered: boolean } {
  const ids = topology.nodes.map((node) => node.id);
  const parsed = ids.map((id) => {
    const match = numberedPattern.exec(id);
    return { id, prefix: match?.[1], number: Number(match?.[2]) };
  });
  const numbered = parsed.every(
    ({ prefix, number }) => prefix !== undefined && prefix === parsed[0]?.prefix && Number.isSafeInteger(number),
  );
  // Equal numbers ("1" and "01") keep the order of their ids: the sort is stable.
  if (numbered) return { order: parsed.sort((a, b) => a.number - b.number).map(({ id }) => id), numbered };
  return { order: ids, numbered };
}

/** The order that the options give, checked against the topology, or the one that its ids give. */
export function nodeOrderOf(topology: Topology, reading: Reading): readonly NodeId[] | undefined {
  const given = reading.options.nodeOrder;
  if (given !== undefined) {
    const fits =
      given.length === topology.nodes.length && new Set(given).size === given.length && given.every((id) => topology.nodeById.has(id));
    return fits
      ? given
      : reading.refuse("not-allowed", "The node order does not name every node of the topology exactly once.", "/nodeOrder");
  }
  const { order, numbered } = matrixNodeOrder(topology);
  reading.note(
    "inferred",
    numbered ? "rows and columns are nodes in numeric order of their ids" : "rows and columns are nodes sorted by id",
    order[0],
  );
  return order;
}
