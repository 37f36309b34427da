export { buildProblem, type BuiltProblem } from "./build-problem.js";
export * from "./certificate.js";
export { checkPlan, type CheckOptions } from "./check.js";
export { linkLoads } from "./link-loads.js";
export { chooseSolver, type SolverChoice, type SolverQuestion } from "./choose-solver.js";
export { optimize, type Optimized, type OptimizeOptions, type SolveProgress } from "./optimize.js";
export { protectPlan, type PartsToProtect } from "./protection/protect-plan.js";
export { backupStandIns, bypassStandIns, reserve, type LoadedPlan, type Reservation, type StandIn } from "./protection/reservation.js";
export type { Problem } from "@sluice/mcf";
export { quantize, type Quantized, type QuantizeOptions } from "./quantize.js";
export type { Scheme, SchemeOptions, SchemeOutcome } from "./scheme.js";
export { schemeOf } from "./schemes/index.js";
export { candidateTunnels, pairKey, type CandidateTunnels, type NodePair } from "./tunnels/candidate-tunnels.js";
export { edgeBased, edgeObjectives, hasEdgeForm, type EdgeObjectiveName, type EdgeOutcome } from "./edge-lp.js";
export { checkSplit, splitScenarios, type ScenarioSplits, type SplitOptions } from "./scenarios/index.js";
export { decomposeFlow, type PathFlow, type SourceFlow } from "./flow-decomposition.js";
export { explainDemand, type DemandExplanation, type DemandReason, type TunnelExplanation } from "./explain-demand.js";
export { smallestChange } from "./explain-change.js";
export type { CapacityAddition, ChangeOptions, SmallestChange } from "./explain-change-scene.js";
export {
  explainLink,
  linkGain,
  measureLinkGain,
  widened,
  type LinkExplanation,
  type LinkGain,
  type LinkPriceExplanation,
} from "./explain-link.js";
