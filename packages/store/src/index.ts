export * from "./store.js";
export type { InventoryChange, InventoryVersions } from "./inventory-change.js";
export { memoryStore } from "./memory-store.js";
export { prismaStore } from "./prisma-store.js";
export type { DatabaseOptions } from "./database.js";
