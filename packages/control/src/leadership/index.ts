export * from "./config.js";
export * from "./effect.js";
export * from "./event.js";
export * from "./lease-record.js";
export * from "./machine.js";
export * from "./view.js";
