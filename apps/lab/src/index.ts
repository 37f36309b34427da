export { parseLabOptions, type LabOptions } from "./options.js";
export { runLab, type LabIo } from "./run-lab.js";
export { summaryOf } from "./summary.js";
export { ControllerClient } from "./controller-client.js";
export { startController, type ControllerProcess } from "./controller-process.js";
export { readStatus } from "./controller-status.js";
