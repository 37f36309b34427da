export * from "./store.js";
export { memoryStore } from "./memory-store.js";
