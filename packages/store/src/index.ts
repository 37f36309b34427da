export * from "./store.js";
export { memoryStore } from "./memory-store.js";
export { prismaStore } from "./prisma-store.js";
export type { DatabaseOptions } from "./database.js";
