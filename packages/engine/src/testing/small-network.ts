/** Small random snapshots for properties: parallel links, dead ends, drained and down elements, shared risks, zero capacity, zero demand. */
import fc from "fast-check";
import {
  buildDemandMatrix,
  parseTopology,
  planSettingsDefault,
  toId,
  topologyDocument,
  trafficClasses,
  type Demand,
  type NodeId,
  type Snapshot,
  type Topology,
} from "@sluice/model";

export interface SmallNetworkOptions {
  readonly nodesMax?: number;
  readonly linksMax?: number;
  readonly demandsMax?: number;
  /** Every link and node up and active. */
  readonly allUsable?: boolean;
}

const gbps = 1e9;

export function nodeName(index: number): NodeId {
  return toId<NodeId>(`n${index}`);
}

export function arbitraryTopology({ nodesMax = 6, linksMax = 14, allUsable = false }: SmallNetworkOptions = {}): fc.Arbitrary<Topology> {
  const rarely = fc.integer({ min: 0, max: 11 }).map((n) => !allUsable && n === 0);
  return fc.integer({ min: 1, max: nodesMax }).chain((nodeCount) =>
    fc
      .record({
        nodeDrained: fc.array(rarely, { minLength: nodeCount, maxLength: nodeCount }),
        links: fc.array(
          fc.record({
            from: fc.integer({ min: 0, max: nodeCount - 1 }),
            step: fc.integer({ min: 1, max: Math.max(1, nodeCount - 1) }),
            capacity: fc.oneof({ arbitrary: fc.integer({ min: 1, max: 20 }), weight: 9 }, { arbitrary: fc.constant(0), weight: 1 }),
            latencyMs: fc.integer({ min: 0, max: 10 }),
            metric: fc.integer({ min: 0, max: 4 }),
            srlg: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 3 }),
            down: rarely,
          }),
          { maxLength: nodeCount === 1 ? 0 : linksMax },
        ),
      })
      .map(({ nodeDrained, links }) => {
        const topology = parseTopology({
          name: "small",
          nodes: nodeDrained.map((drained, i) => ({ id: nodeName(i), drain: drained ? "drained" : "active" })),
          links: links.map(({ from, step, capacity, latencyMs, metric, srlg, down }, i) => ({
            id: `l${String(i).padStart(2, "0")}`,
            from: nodeName(from),
            to: nodeName((from + step) % nodeCount),
            capacityBps: capacity * gbps,
            latencyMs,
            metric,
            srlgIds: srlg === null ? [] : [`s${srlg}`],
            operational: down ? "down" : "up",
          })),
        });
        if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
        return topology.value;
      }),
  );
}

export function arbitrarySnapshot(options: SmallNetworkOptions = {}): fc.Arbitrary<Snapshot> {
  const { demandsMax = 8 } = options;
  return arbitraryTopology(options).chain((topology) => {
    const nodeCount = topology.nodes.length;
    return fc
      .uniqueArray(
        fc.record({
          src: fc.integer({ min: 0, max: nodeCount - 1 }),
          step: fc.integer({ min: 1, max: Math.max(1, nodeCount - 1) }),
          trafficClass: fc.constantFrom(...trafficClasses),
          rate: fc.integer({ min: 0, max: 25 }),
        }),
        { maxLength: nodeCount === 1 ? 0 : demandsMax, selector: ({ src, step, trafficClass }) => `${src} ${step} ${trafficClass}` },
      )
      .map((demands): Snapshot => {
        const matrix = buildDemandMatrix(
          "small",
          demands.map(({ src, step, trafficClass, rate }): Demand => ({
            src: nodeName(src),
            dst: nodeName((src + step) % nodeCount),
            trafficClass,
            rateBps: rate * gbps,
          })),
        );
        if (!matrix.ok) throw new Error(JSON.stringify(matrix.faults));
        return { topology: topologyDocument(topology), demands: matrix.value, settings: planSettingsDefault };
      });
  });
}

/** Every loopless path over usable links from one node to another, as link indices: by plain recursion, for oracles. */
export function everyPath(topology: Topology, src: NodeId, dst: NodeId): number[][] {
  const usable = (id: NodeId): boolean => {
    const node = topology.nodeById.get(id);
    return node?.drain === "active" && node.operational === "up";
  };
  const found: number[][] = [];
  const walk = (at: NodeId, path: number[], visited: ReadonlySet<NodeId>): void => {
    if (at === dst) {
      found.push(path);
      return;
    }
    topology.links.forEach((link, i) => {
      if (link.from !== at || visited.has(link.to) || link.operational !== "up" || link.drain !== "active") return;
      if (usable(link.from) && usable(link.to)) walk(link.to, [...path, i], new Set([...visited, link.to]));
    });
  };
  if (src !== dst) walk(src, [], new Set([src]));
  return found;
}
