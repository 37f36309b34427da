export { candidateTunnels, pairKey, type CandidateTunnels, type NodePair } from "./tunnels/candidate-tunnels.js";
export { certify, edgeCertify, unservedCostMs, type FlowCertificate } from "./certificate.js";
export { maxConcurrent } from "./schemes/max-concurrent.js";
export { maxThroughput } from "./schemes/max-throughput.js";
export { minCost } from "./schemes/min-cost.js";
export { minMaxUtilization } from "./schemes/min-max-utilization.js";
export { type Problem } from "./problem.js";
export { type Scheme, type SchemeOptions, type SchemeOutcome } from "./scheme.js";
