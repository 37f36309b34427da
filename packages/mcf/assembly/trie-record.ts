/** The record through which the kernels of trie.ts are told what is where, and how it is read. src/trie/compiled-tries.ts writes it. */

// Byte offsets of the record's fields.
export const demandCount: usize = 0;
export const nodeCount: usize = 4;
export const linkCount: usize = 8;
export const pathCount: usize = 12;
export const nodesMax: usize = 16;
export const blockWords: usize = 20;
export const hasClosed: usize = 24;
export const demandBpsAt: usize = 28;
export const demandDstAt: usize = 32;
export const pathStartAt: usize = 36;
export const linkStartAt: usize = 40;
export const closedAt: usize = 44;
export const routableAt: usize = 48;
export const demandStartAt: usize = 52;
export const wordsAt: usize = 56;
export const blockStartAt: usize = 60;
export const blockOfAt: usize = 64;
export const demandsAt: usize = 68;
export const byBlockAt: usize = 72;
export const rateAt: usize = 76;
export const runsAt: usize = 80;
export const linksAt: usize = 84;
export const streamAt: usize = 88;
export const growthAt: usize = 92;
export const slotsAt: usize = 96;
export const countedForAt: usize = 100;
export const potentialAt: usize = 104;
export const edgesAt: usize = 108;
export const leavesAt: usize = 112;
export const rootAt: usize = 116;
export const groupDemandAt: usize = 120;
export const nodeStartAt: usize = 124;
export const contestedAt: usize = 128;
export const parentAt: usize = 132;
export const linkAt: usize = 136;
export const levelAt: usize = 140;
export const numberAt: usize = 144;
export const nextAt: usize = 148;
export const leafAt: usize = 152;
export const blockCount: usize = 156;
export const runCount: usize = 160;
export const groupCount: usize = 164;
export const linksOfDemandMax: usize = 168;
export const leavesDone: usize = 172;
export const demandsDone: usize = 176;
export const mergedCount: usize = 180;
export const nextInClusterAt: usize = 184;
export const signatureAt: usize = 188;
export const sizeAt: usize = 192;
export const stampAt: usize = 196;
export const tableAt: usize = 200;
export const demandTableAt: usize = 204;
export const mergedNodeAt: usize = 208;
export const mergedParentAt: usize = 212;
export const mergedLinkAt: usize = 216;
export const mergedDemandAt: usize = 220;
export const mergedPathAt: usize = 224;
export const mergedLeafAt: usize = 228;
export const mergedRateAt: usize = 232;
export const pathOfAt: usize = 236;
export const demandOfAt: usize = 240;
export const groupLeafAt: usize = 244;
export const endsAt: usize = 248;
export const endStartAt: usize = 252;

/** Words before a demand's paths, and what a vector may write past the last of them. */
export const headWords: i32 = 2;
export const vectorWords: i32 = 8;
// @ts-ignore: decorator
@inline
export function field(record: usize, offset: usize): usize {
  return <usize>load<u32>(record + offset);
}

// @ts-ignore: decorator
@inline
export function wordOf(array: usize, i: i32): i32 {
  return load<i32>(array + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
export function setWord(array: usize, i: i32, value: i32): void {
  store<i32>(array + (<usize>i << 2), value);
}
