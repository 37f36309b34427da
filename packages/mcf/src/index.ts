export type { Problem } from "./problem.js";
export type { FlowEngine, FlowProgram, FlowSolution, FlowStart, SolveLimits } from "./flow-program.js";
export { buildTrie, type PathTrie, type TrieOptions } from "./trie/path-trie.js";
export { firstOrder, solveFirstOrder, type FirstOrderOptions } from "./first-order/first-order.js";
