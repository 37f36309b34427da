export * from "./agent-config.js";
export * from "./agent-effect.js";
export * from "./agent-event.js";
export * from "./controller-config.js";
export * from "./controller-effect.js";
export * from "./controller-event.js";
export * from "./controller-view.js";
export * from "./inventory-record.js";
