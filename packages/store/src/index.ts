export * from "./store.js";
export * from "./forecast-store.js";
export type { InventoryChange, InventoryVersions } from "./inventory-change.js";
export { columnsOf, encodeColumns, flowGroupsOf, matrixOfColumns, columnNodesMax, type DemandColumns } from "./demand-columns.js";
export type { KeyedAnswer, KeyedRequest, KeyedRequestRecord, KeyedRequestStore, RequestKey } from "./keyed-request.js";
export * from "./lease.js";
export { memoryStore } from "./memory-store.js";
export { prismaStore } from "./prisma-store.js";
export type { DatabaseOptions } from "./database.js";
