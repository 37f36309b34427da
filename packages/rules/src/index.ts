export * from "./assignments.js";
export * from "./assignments-document.js";
export * from "./blast-radius.js";
export * from "./bucket-choice.js";
export { bucketWeightMax, compileRules, compileRulesSteps, type CompileOptions } from "./compile.js";
export * from "./compile-scenario.js";
export * from "./diff.js";
export * from "./digest.js";
export { eitherFailover } from "./failover-change.js";
export * from "./meter.js";
export * from "./order.js";
export * from "./rule-table.js";
export * from "./update-plan.js";
export * from "./steps.js";
export { walkRules, walkRulesSteps } from "./walk.js";
export * from "./walk-failures.js";
export {
  loadTolerance,
  violationsListedMax,
  type WalkOptions,
  type WalkReport,
  type WalkViolation,
  type WalkViolationKind,
} from "./walk-report.js";
export * from "./walk-update.js";
export * from "./fluid.js";
export * from "./openflow.js";
