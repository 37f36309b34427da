/** Tries built by the kernels of assembly/trie.ts: lays out their memory, hands the problem over, and takes the tries out again. */
import { assert } from "@sluice/model";
import { trieWasm } from "../../generated/trie.js";
import { memoryPool } from "../kernel/memory-pool.js";
import { wasmModule } from "../kernel/wasm-module.js";
import type { Problem } from "../problem.js";
import { groupNodesMax, type ClosedPaths, type ContractedTries, type FullTries, type MergedTries } from "./full-tries.js";

/** Words (4 bytes) of the kernels' record that are no addresses; assembly/trie-record.ts lists all of them as byte offsets. */
const word = {
  demandCount: 0,
  nodeCount: 1,
  linkCount: 2,
  pathCount: 3,
  nodesMax: 4,
  blockWords: 5,
  hasClosed: 6,
  firstAddress: 7,
  blockCount: 39,
  runCount: 40,
  groupCount: 41,
  linksOfDemandMax: 42,
  mergedCount: 45,
  firstMergeAddress: 46,
} as const;

const recordBytes = 256;
const nodeBytes = 32;
const slotCount = 4096;
/** What a vector may read or write past the end of an array. */
const vectorBytes = 32;
/**
 * Words of a block of destinations, unless one of them alone has more: few enough for a second-level cache, where that does not take
 * more than so many blocks, each of which is fetched in as many runs as the problem has sources.
 */
const blockWordsMin = 128_000;
const blocksWanted = 64;
/** Below this the kernel module keeps its own constants. */
const recordAddress = 65_536;
/** What the kernels expect to be zero. */
const cleared = [
  "routable",
  "demandStart",
  "words",
  "blockStart",
  "countedFor",
  "potential",
  "root",
  "groupDemand",
  "groupLeaf",
  "stamp",
] as const;

interface Kernels {
  readonly plan: (record: number) => void;
  readonly gather: (record: number, block: number) => void;
  readonly grow: (record: number, block: number) => void;
  readonly contract: (record: number) => void;
  readonly merge: (record: number) => void;
}

const trieModule = wasmModule(trieWasm);
const memories = memoryPool(trieModule, { shared: false });

/** Whether compiled code runs here: it needs SIMD. */
export const compiledTriesRun = trieModule.runs;

export function compiledTries(problem: Problem, closed: ClosedPaths): FullTries {
  const { demandCount, nodeCount, linkCount, pathCount, pathLinks } = problem;
  const { lent, record, at, nodesMax } = layOutTries(problem);
  const blockWords = Math.max(blockWordsMin, Math.ceil(pathLinks.length / blocksWanted));
  const { buffer } = lent.memory;
  const ints = (array: keyof typeof at, length: number): Int32Array => new Int32Array(buffer, at[array], length);
  record.set([demandCount, nodeCount, linkCount, pathCount, nodesMax, blockWords, closed === undefined ? 0 : 1]);
  new Float64Array(buffer, at.demandBps, demandCount).set(problem.demandBps);
  ints("demandDst", demandCount).set(problem.demandDst);
  ints("pathStart", demandCount + 1).set(problem.pathStart);
  ints("linkStart", pathCount + 1).set(problem.linkStart);
  if (closed !== undefined) new Uint8Array(buffer, at.closed, pathCount).set(closed);

  const kernels = lent.kernels() as unknown as Kernels;
  kernels.plan(recordAddress);
  assert(
    (record[word.linksOfDemandMax] as number) < groupNodesMax,
    `the paths of a demand for the trie have fewer than ${groupNodesMax} links together`,
  );
  const links = ints("links", pathLinks.length);
  const runsOfBlock = ints("runs", 2 * demandCount);
  for (let block = 0; block < (record[word.blockCount] as number); block++) {
    kernels.gather(recordAddress, block);
    let to = 0;
    for (let run = 0; run < (record[word.runCount] as number); run++) {
      const part = pathLinks.subarray(runsOfBlock[2 * run], runsOfBlock[2 * run + 1]);
      links.set(part, to);
      to += part.length;
    }
    kernels.grow(recordAddress, block);
  }
  const groupCount = record[word.groupCount] as number;
  return {
    demands: new Int32Array(ints("demands", ints("demandStart", nodeCount + 1)[nodeCount] as number)),
    demandStart: new Int32Array(ints("groupDemand", groupCount + 1)),
    potentialBps: new Float64Array(new Float64Array(buffer, at.potential, linkCount)),
    contract(contested, merge) {
      new Uint8Array(buffer, at.contested, linkCount).set(contested);
      if (merge) kernels.merge(recordAddress);
      else kernels.contract(recordAddress);
      const tries = merge ? mergedOf(problem, buffer, record, at) : contractedOf(problem, buffer, at, groupCount);
      memories.giveBack(lent);
      return tries;
    },
  };
}

type Addresses = ReturnType<typeof layOutTries>["at"];

function contractedOf({ pathCount }: Problem, buffer: ArrayBufferLike, at: Addresses, groupCount: number): ContractedTries {
  const nodeStart = new Int32Array(buffer, at.nodeStart, groupCount + 1).slice();
  const nodes = nodeStart[groupCount] as number;
  return {
    nodeStart,
    parent: new Uint16Array(buffer, at.parent, nodes).slice(),
    link: new Uint16Array(buffer, at.link, nodes).slice(),
    leaf: new Int32Array(buffer, at.leaf, pathCount).slice(),
  };
}

function mergedOf({ demandCount, pathCount }: Problem, buffer: ArrayBufferLike, record: Uint32Array, at: Addresses): MergedTries {
  const ints = (array: keyof Addresses, length: number): Int32Array => new Int32Array(buffer, at[array], length).slice();
  const groups = record[word.mergedCount] as number;
  const nodeStart = ints("mergedNode", groups + 1);
  const demandStart = ints("mergedDemand", groups + 1);
  const nodes = nodeStart[groups] as number;
  const demands = demandStart[groups] as number;
  const pathStart = ints("mergedPath", demands + 1);
  return {
    nodeStart,
    parent: new Uint16Array(buffer, at.mergedParent, nodes).slice(),
    link: new Uint16Array(buffer, at.mergedLink, nodes).slice(),
    demandStart,
    pathStart,
    leaf: ints("mergedLeaf", pathStart[demands] as number),
    rateBps: new Float64Array(buffer, at.mergedRate, demands).slice(),
    demandOf: ints("demandOf", demandCount),
    pathOf: ints("pathOf", pathCount),
  };
}

/** Arrays in the order of the record, each on cache lines of its own. Those that nothing is written to take no memory. */
function layOutTries({ demandCount, nodeCount, linkCount, pathCount, pathLinks }: Problem) {
  const nodesMax = Math.min(groupNodesMax, pathLinks.length + 1);
  // A group has a demand at least, and a node a link of a path.
  const nodesOfAll = pathLinks.length + demandCount;
  const bytes = {
    demandBps: 8 * demandCount,
    demandDst: 4 * demandCount,
    pathStart: 4 * (demandCount + 1),
    linkStart: 4 * (pathCount + 1),
    closed: pathCount,
    routable: demandCount,
    demandStart: 4 * (nodeCount + 1),
    words: 4 * nodeCount,
    blockStart: 4 * (nodeCount + 2),
    blockOf: 4 * nodeCount,
    demands: 4 * demandCount,
    byBlock: 4 * demandCount,
    rate: 8 * demandCount,
    runs: 8 * demandCount,
    links: 4 * pathLinks.length + vectorBytes,
    stream: 2 * (2 * demandCount + pathCount + pathLinks.length) + vectorBytes * (nodeCount + 1),
    // The plan counts in it before anything grows.
    growth: Math.max(nodeBytes * nodesMax, 8 * (nodeCount + 1)),
    slots: 4 * slotCount,
    countedFor: 4 * linkCount,
    potential: 8 * linkCount,
    edges: 4 * nodesOfAll,
    leaves: 2 * pathCount,
    root: 4 * (demandCount + 1),
    groupDemand: 4 * (demandCount + 1),
    nodeStart: 4 * (demandCount + 1),
    contested: linkCount,
    parent: 2 * nodesOfAll,
    link: 2 * nodesOfAll,
    level: 2 * nodesMax,
    number: 2 * nodesMax,
    next: 4 * (nodesMax + 2),
    leaf: 4 * pathCount,
  };
  const mergeBytes = {
    nextInCluster: 4 * demandCount,
    signature: 4 * demandCount,
    size: 4 * demandCount,
    stamp: 4 * linkCount,
    // Tables have up to four places for each node, and for each demand.
    table: 8 * 4 * Math.max(8, nodesMax),
    demandTable: 4 * 4 * Math.max(8, demandCount),
    mergedNode: 4 * (demandCount + 1),
    mergedParent: 2 * nodesOfAll,
    mergedLink: 2 * nodesOfAll,
    mergedDemand: 4 * (demandCount + 1),
    mergedPath: 4 * (demandCount + 1),
    mergedLeaf: 4 * pathCount,
    mergedRate: 8 * demandCount,
    pathOf: 4 * pathCount,
    demandOf: 4 * demandCount,
    groupLeaf: 4 * (demandCount + 1),
    // A last link a path at most.
    ends: 4 * pathCount,
    endStart: 4 * (demandCount + 1),
  };
  const all = { ...bytes, ...mergeBytes };
  let end = recordAddress + recordBytes;
  const at = { ...all };
  for (const name of Object.keys(all) as (keyof typeof all)[]) {
    at[name] = end;
    end += Math.ceil(all[name] / 64) * 64;
  }
  const lent = memories.take(end + vectorBytes);
  const { buffer } = lent.memory;
  const record = new Uint32Array(buffer, recordAddress, recordBytes / 4);
  record.fill(0);
  const tell = (first: number, names: readonly string[]): void =>
    names.forEach((name, i) => {
      record[first + i] = at[name as keyof typeof at];
    });
  tell(word.firstAddress, Object.keys(bytes));
  tell(word.firstMergeAddress, Object.keys(mergeBytes));
  for (const name of cleared) new Uint8Array(buffer, at[name], all[name]).fill(0);
  return { lent, record, at, nodesMax };
}
