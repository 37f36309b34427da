import { buildDemandMatrix, parseTopology, toId, type NodeId } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scaleNetwork } from "./scale-network.js";

const topologyOf = (capacities: readonly number[]) => {
  const nodes = [{ id: "a" }, { id: "b" }];
  const links = capacities.map((capacityBps, i) => ({ id: `l${i}`, from: "a", to: "b", capacityBps, latencyMs: 1, metric: 1 }));
  const topology = parseTopology({ name: "t", nodes, links });
  if (!topology.ok) throw new Error(topology.faults[0].message);
  return topology.value;
};
const matrixOf = (rateBps: number) => {
  const [src, dst] = ["a", "b"].map((id) => toId<NodeId>(id)) as [NodeId, NodeId];
  const bandwidthFunction = {
    points: [
      { fairShare: 0, rateBps: 0 },
      { fairShare: 1, rateBps },
    ],
  };
  const matrix = buildDemandMatrix("m", [{ src, dst, trafficClass: "bulk", rateBps, bandwidthFunction }]);
  if (!matrix.ok) throw new Error(matrix.faults[0].message);
  return matrix.value;
};

describe("a scaled network", () => {
  it("divides capacities and demands by one factor, to whole kb/s below", () => {
    const scaled = scaleNetwork(topologyOf([400e9, 100e9]), matrixOf(3_333_333_333), 100e6);
    if (!scaled.ok) throw new Error(scaled.faults[0].message);
    expect(scaled.value.factor).toBe(4000);
    expect(scaled.value.topology.links.map(({ capacityBps }) => capacityBps)).toEqual([100e6, 25e6]);
    const [demand] = scaled.value.matrix.demands;
    expect(demand?.rateBps).toBe(833_000);
    expect(demand?.bandwidthFunction?.points[1]?.rateBps).toBeCloseTo(833_333.33, 1);
  });

  it("leaves a network that fits as it is, and every link some capacity", () => {
    const capacities = fc.array(fc.integer({ min: 1000, max: 1e12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(capacities, fc.integer({ min: 1e6, max: 1e9 }), (list, linkBpsMax) => {
        const scaled = scaleNetwork(topologyOf(list), matrixOf(1e6), linkBpsMax);
        if (!scaled.ok) throw new Error(scaled.faults[0].message);
        const { factor, topology } = scaled.value;
        expect(factor).toBeGreaterThanOrEqual(1);
        topology.links.forEach(({ capacityBps }, i) => {
          expect(capacityBps).toBeGreaterThanOrEqual(1000);
          expect(capacityBps).toBeLessThanOrEqual(Math.max(1000, linkBpsMax * 1.000_001));
          expect(Math.abs(capacityBps - (list[i] ?? 0) / factor)).toBeLessThanOrEqual(1000);
        });
      }),
      { seed: 1 },
    );
  });
});
