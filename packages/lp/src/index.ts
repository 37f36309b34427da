export * from "./backend.js";
export * from "./certify.js";
export * from "./highs.js";
export { javascriptLpSolverBackend, tableauEntriesMax } from "./javascript-lp-solver.js";
export * from "./program.js";
export * from "./program-builder.js";
export * from "./program-defect.js";
