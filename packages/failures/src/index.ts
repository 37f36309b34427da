export * from "./failure-report.js";
export * from "./scenario-set.js";
