export { parseLabOptions, type LabOptions } from "./options.js";
export { runLab, type LabIo } from "./run-lab.js";
export { summaryOf } from "./summary.js";
