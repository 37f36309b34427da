export * from "./checks.js";
export * from "./mutation.js";
export * from "./scenario.js";
export * from "./world.js";
