export { changedSettings, changedSnapshot, changedTopology, type Ground } from "./changed-snapshot.js";
export * from "./changes.js";
export { compiledPlan, walked, type CompiledPlan } from "./compiled-plan.js";
export * from "./failure-difference.js";
export * from "./path-check.js";
export * from "./plan-difference.js";
export * from "./preview.js";
export * from "./rule-differences.js";
