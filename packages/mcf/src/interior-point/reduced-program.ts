/**
 * A flow program as the interior point works on it, to be minimized:
 *
 *   limit "capacity"      minimize   sum c_p x_p,  c_p = k_p - 1     A x + s = b       s >= 0
 *   limit "utilization"   minimize   w u                             A x + s = b u     s >= 0
 *
 * and the sum of each demand's x_p, with limit "capacity" also of its slack u_d >= 0, is D_d.
 *
 * Rows of A are the links that could fill; a block is a demand with an open path; a slot is an open path. Blocks and slots stand in the
 * order of the tries. Rates are divided by a power of two.
 */
import { assert } from "@sluice/model";
import type { FlowProgram } from "../flow-program.js";
import { buildTrie, type PathTrie } from "../trie/path-trie.js";
import { findChains, type BlockSlots, type Chains } from "./schur-terms.js";

/** A set of a demand's paths is 16 bits. */
export const pathsMax = 16;

/** The dense system has as many rows: with a chain for every two of them it fills 4 GiB. */
const rowsMax = 14_000;

/**
 * A demand is clipped to this many times what its paths could carry side by side. Above 1, so that the clipped demand never binds
 * and leaves no trace in the prices.
 */
const clipping = 2;

export interface ReducedProgram extends BlockSlots, Chains {
  readonly trie: PathTrie;
  /** Limit "utilization": demands have no slack. */
  readonly utilization: boolean;
  readonly slotPath: Int32Array;
  /** Per slot: c_p. */
  readonly cost: Float64Array;
  /** Per block: the demand, and its rate, clipped. */
  readonly blockDemand: Int32Array;
  readonly rate: Float64Array;
  /** Per row: b. */
  readonly capacity: Float64Array;
  /** Per node of the tries: its row; `rowLink.length` for roots. */
  readonly nodeRow: Uint16Array;
  /** bps of one unit of rate. */
  readonly unitBps: number;
}

/** O(links of all paths). */
export function reduceProgram({ problem, limit, pathCost }: FlowProgram): ReducedProgram {
  const utilization = limit === "utilization";
  const demandBps = utilization ? problem.demandBps : clipDemands(problem);
  // Every link in use counts for the utilization; else a link that all demands could not fill together has no price.
  const trie = buildTrie({ ...problem, demandBps }, { fillable: utilization ? 0 : 1 });
  const chains = findChains(trie);
  assert(chains.rowLink.length <= rowsMax, `the interior point takes at most ${rowsMax} links that could fill`);
  const unitBps = unitOf(trie, chains.rowLink);
  const blocks = placeBlocks(trie);
  const rowOf = new Int32Array(problem.linkCount + 1).fill(chains.rowLink.length);
  chains.rowLink.forEach((e, row) => (rowOf[e] = row));
  return {
    ...chains,
    ...blocks,
    trie,
    utilization,
    cost: costOf(blocks.slotPath, utilization, pathCost),
    blockDemand: trie.demands,
    rate: inUnits(trie.demands, demandBps, unitBps),
    capacity: inUnits(chains.rowLink, problem.capacityBps, unitBps),
    nodeRow: trie.link.map((e) => rowOf[e] as number),
    unitBps,
  };
}

/** The figures of some, in units. */
export function inUnits(which: Int32Array, bps: Float64Array, unitBps: number): Float64Array {
  const figures = new Float64Array(which.length);
  for (let i = 0; i < which.length; i++) figures[i] = (bps[which[i] as number] as number) / unitBps;
  return figures;
}

function costOf(slotPath: Int32Array, utilization: boolean, pathCost: Float64Array | undefined): Float64Array {
  const cost = new Float64Array(slotPath.length).fill(utilization ? 0 : -1);
  if (!utilization && pathCost !== undefined) {
    for (let slot = 0; slot < cost.length; slot++) cost[slot] = (pathCost[slotPath[slot] as number] as number) - 1;
  }
  return cost;
}

function clipDemands({ demandCount, demandBps, capacityBps, pathStart, linkStart, pathLinks }: FlowProgram["problem"]): Float64Array {
  const clipped = new Float64Array(demandCount);
  // What fits through every link fits through any path.
  const everyPathBps = clipping * capacityBps.reduce((least, capacity) => Math.min(least, capacity), Infinity);
  for (let d = 0; d < demandCount; d++) {
    const demand = demandBps[d] as number;
    if (demand <= everyPathBps && (pathStart[d] as number) < (pathStart[d + 1] as number)) {
      clipped[d] = demand;
      continue;
    }
    let room = 0;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      let bottleneck = Infinity;
      for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
        bottleneck = Math.min(bottleneck, capacityBps[pathLinks[k] as number] as number);
      }
      room += Math.max(0, bottleneck);
    }
    clipped[d] = Math.min(demand, clipping * room);
  }
  return clipped;
}

/** The power of two next to what a row is asked to carry at most, on average (geometric: a few huge rows do not make all others tiny). */
function unitOf({ potentialBps, problem }: PathTrie, rowLink: Int32Array): number {
  let sum = 0;
  for (const e of rowLink) sum += Math.log2(Math.min(potentialBps[e] as number, problem.capacityBps[e] as number));
  return rowLink.length === 0 ? 1 : 2 ** Math.round(sum / rowLink.length);
}

function placeBlocks({ demands, demandStart, pathStart, leaf }: PathTrie): BlockSlots & Pick<ReducedProgram, "slotPath"> {
  const slotStart = new Int32Array(demands.length + 1);
  for (let k = 0; k < demands.length; k++) {
    const d = demands[k] as number;
    let width = 0;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) if ((leaf[p] as number) >= 0) width++;
    assert(width <= pathsMax, `the interior point takes demands of at most ${pathsMax} paths`);
    slotStart[k + 1] = (slotStart[k] as number) + width;
  }
  const slotPath = new Int32Array(slotStart[demands.length] as number);
  const slotNode = new Uint16Array(slotPath.length);
  for (let k = 0, slot = 0; k < demands.length; k++) {
    const d = demands[k] as number;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      if ((leaf[p] as number) < 0) continue;
      slotPath[slot] = p;
      slotNode[slot++] = leaf[p] as number;
    }
  }
  return { groupBlock: demandStart, slotStart, slotPath, slotNode };
}
