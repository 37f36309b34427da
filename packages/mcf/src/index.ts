export type { Problem } from "./problem.js";
export type { FlowEngine, FlowProgram, FlowSolution, FlowStart, SolveLimits } from "./flow-program.js";
export { buildTrie, type PathTrie, type TrieOptions } from "./trie/path-trie.js";
export { firstOrder, firstOrderDefaults, solveFirstOrder } from "./first-order/first-order.js";
export { openSession, type FirstOrderOptions, type FlowChange, type FlowSession, type SessionOptions } from "./first-order/session.js";
export type { SessionPoint } from "./first-order/start-point.js";
export * from "./fairness/index.js";
