export type { ReadDemands, ReadNote, ReadOptions, ReadTopology, ReadTunnels } from "./reading.js";
export { matrixNodeOrder } from "./node-order.js";
export { fiberLatencyMs, greatCircleKm, type Coordinates } from "./great-circle.js";
export { readDemands } from "./read-demands.js";
export { readTopology } from "./read-topology.js";
export { writeDemands, type DemandFormat } from "./write-demands.js";
export { writeTopology, type TopologyFormat } from "./write-topology.js";
export { readTopologyFiles } from "./arrow.js";
export { readTunnels } from "./read-tunnels.js";
