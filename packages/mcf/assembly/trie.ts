/**
 * The kernels that build suffix tries, for 128-bit SIMD: `plan` orders the demands, `gather` and `grow` build the tries of a block of
 * destinations, `contract` takes out what is not contested, `merge` joins what that made equal. src/trie/compiled-tries.ts lays out the memory and calls them; src/trie/reference-tries.ts gives the same
 * tries, to the bit, in plain TypeScript.
 *
 * Problems often list demands source after source, and to fetch the paths to one destination from all over the memory costs more than to build
 * its trie. So a block of destinations is fetched at a time, in the problem's order, and dealt into a stream of 16-bit words for each of
 * them: demand after demand, the number of its open paths, the links of them all, then each path's links, headed by their number.
 */
export { contract } from "./trie-contract";
export { gather, grow } from "./trie-grow";
export { merge } from "./trie-merge";
export { plan } from "./trie-plan";
