/** What builders of tries have in common: compiled-tries.ts and, the same in plain TypeScript, reference-tries.ts. */

/**
 * Nodes are numbered in 16 bits within their group, and one number more is left to the kernels, for a node that is none. A demand that would
 * need more, if it shared none, begins another group.
 */
export const groupNodesMax = 65_535;

/** Per path: whether it is closed, by a link without capacity. `undefined` where none is. */
export type ClosedPaths = Uint8Array | undefined;

/** Tries with a node for every link of an open path; see `PathTrie` for the arrays. */
export interface FullTries {
  readonly demands: Int32Array;
  readonly demandStart: Int32Array;
  readonly potentialBps: Float64Array;
  /** Takes out nodes whose link is not contested, and numbers the others by level; joins what is then equal, where that is wanted. To be called once. */
  readonly contract: (contested: Uint8Array, merge: boolean) => ContractedTries | MergedTries;
}

export interface ContractedTries {
  readonly nodeStart: Int32Array;
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  readonly leaf: Int32Array;
}

/** Groups of destinations whose tries end in the same links, as one; and in each, demands with the same nodes, as one. */
export interface MergedTries {
  /** As of groups, demands and paths; demands and paths are numbered anew. */
  readonly nodeStart: Int32Array;
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  readonly demandStart: Int32Array;
  readonly pathStart: Int32Array;
  readonly leaf: Int32Array;
  /** Per merged demand, the sum of rates, bps. */
  readonly rateBps: Float64Array;
  /** Per demand of the problem: the merged one; -1 for those that are in no trie. */
  readonly demandOf: Int32Array;
  /** Per path of the problem: the merged one; -1 for those that are closed, cross what another path of the demand crosses, or are not needed. */
  readonly pathOf: Int32Array;
}
