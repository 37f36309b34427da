/** Small random networks with lengths: parallel links, links from a node to itself, ties, lengths of zero, links that may not be used. */
import fc from "fast-check";
import type { LinkEnds } from "../paths/directed-graph.js";

export interface RandomNetwork extends LinkEnds {
  /** Per link: a small whole number, or Infinity. */
  readonly linkLength: Float64Array;
}

/** 1 to `nodesMax` nodes, at most `linksMax` links. */
export function randomNetwork({
  nodesMax,
  linksMax,
}: {
  readonly nodesMax: number;
  readonly linksMax: number;
}): fc.Arbitrary<RandomNetwork> {
  const length = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 6 }) },
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constant(Infinity) },
  );
  const link = fc.record({ from: fc.nat(nodesMax - 1), to: fc.nat(nodesMax - 1), length });
  return fc
    .record({ nodeCount: fc.integer({ min: 1, max: nodesMax }), links: fc.array(link, { maxLength: linksMax, size: "max" }) })
    .map(({ nodeCount, links }) => ({
      nodeCount,
      linkFrom: Int32Array.from(links, ({ from }) => from % nodeCount),
      linkTo: Int32Array.from(links, ({ to }) => to % nodeCount),
      linkLength: Float64Array.from(links, (each) => each.length),
    }));
}
