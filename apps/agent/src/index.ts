export * from "./agent.js";
export * from "./controller-stream.js";
export * from "./datapath.js";
export { makeDirectory } from "./directory.js";
export * from "./memory-datapath.js";
export * from "./ovs/ovs-datapath.js";
export type { OvsPlace } from "./ovs/ovs-tools.js";
export * from "./ports.js";
export * from "./term-file.js";
