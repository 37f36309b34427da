/** Small random networks whose links share risks: cables in both directions, parallel ones, several SRLGs a link, drained and down elements. */
import fc from "fast-check";
import { parseTopology, type Topology } from "@sluice/model";
import { nodeName } from "./small-network.js";

export interface RiskyNetworkOptions {
  readonly nodesMax?: number;
  readonly cablesMax?: number;
  readonly srlgs?: number;
  /** Of one link; chosen often at most this many. */
  readonly srlgsOfLinkMax?: number;
}

export function arbitraryRiskyTopology({
  nodesMax = 6,
  cablesMax = 9,
  srlgs = 5,
  srlgsOfLinkMax = 3,
}: RiskyNetworkOptions = {}): fc.Arbitrary<Topology> {
  const rarely = fc.integer({ min: 0, max: 14 }).map((n) => n === 0);
  return fc.integer({ min: 1, max: nodesMax }).chain((nodeCount) =>
    fc
      .record({
        nodeDrained: fc.array(rarely, { minLength: nodeCount, maxLength: nodeCount }),
        cables: fc.array(
          fc.record({
            from: fc.integer({ min: 0, max: nodeCount - 1 }),
            step: fc.integer({ min: 1, max: Math.max(1, nodeCount - 1) }),
            capacity: fc.integer({ min: 0, max: 4 }),
            latencyMs: fc.integer({ min: 0, max: 4 }),
            srlgs: fc.uniqueArray(fc.integer({ min: 0, max: srlgs - 1 }), { maxLength: srlgsOfLinkMax }),
            oneWay: rarely,
            down: rarely,
          }),
          { maxLength: nodeCount === 1 ? 0 : cablesMax },
        ),
      })
      .map(({ nodeDrained, cables }) => {
        const topology = parseTopology({
          name: "risky",
          nodes: nodeDrained.map((drained, i) => ({ id: nodeName(i), drain: drained ? "drained" : "active" })),
          links: cables.flatMap(({ from, step, capacity, latencyMs, srlgs: ids, oneWay, down }, i) => {
            const ends = [nodeName(from), nodeName((from + step) % nodeCount)] as const;
            const link = (a: number, b: number) => ({
              id: `c${i}${a === 0 ? "+" : "-"}`,
              from: ends[a] ?? "",
              to: ends[b] ?? "",
              capacityBps: capacity * 1e9,
              latencyMs,
              metric: 1,
              srlgIds: ids.map((id) => `s${id}`),
              operational: down ? ("down" as const) : ("up" as const),
            });
            return oneWay ? [link(0, 1)] : [link(0, 1), link(1, 0)];
          }),
        });
        if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
        return topology.value;
      }),
  );
}
