/** A network brought down to what software switches on one machine carry: all capacities and demands divided by one factor. Pure. */
import { buildDemandMatrix, buildTopology, topologyDocument, type DemandMatrix, type Result, type Topology } from "@sluice/model";

export interface ScaledNetwork {
  /** How many bits of the network one bit of the lab stands for. */
  readonly factor: number;
  readonly topology: Topology;
  readonly matrix: DemandMatrix;
}

/** Whole kb/s, which meters count in; at least this much is left of every capacity. */
const kbps = 1000;

/** Divides so that the widest link has `linkBpsMax`; a network that is no wider stays as it is. O(nodes + links + demands). */
export function scaleNetwork(topology: Topology, matrix: DemandMatrix, linkBpsMax: number): Result<ScaledNetwork> {
  const widest = topology.links.reduce((most, { capacityBps }) => Math.max(most, capacityBps), 0);
  const factor = Math.max(1, widest / linkBpsMax);
  const scaled = (bps: number): number => Math.floor(bps / factor / kbps) * kbps;
  const document = topologyDocument(topology);
  const links = document.links.map((link) => ({
    ...link,
    srlgIds: [...link.srlgIds],
    capacityBps: Math.max(kbps, scaled(link.capacityBps)),
  }));
  const built = buildTopology({ ...document, sites: [...document.sites], nodes: [...document.nodes], links });
  if (!built.ok) return built;
  const demands = matrix.demands.map((demand) => {
    const { bandwidthFunction, ...rest } = demand;
    const points = bandwidthFunction?.points.map((point) => ({ ...point, rateBps: point.rateBps / factor }));
    return { ...rest, rateBps: scaled(demand.rateBps), ...(points === undefined ? {} : { bandwidthFunction: { points } }) };
  });
  const scaledMatrix = buildDemandMatrix(matrix.name, demands);
  if (!scaledMatrix.ok) return scaledMatrix;
  return { ok: true, value: { factor, topology: built.value, matrix: scaledMatrix.value } };
}
