/**
 * A flow program laid out in one memory for the kernels of assembly/sweep.ts, which a plain TypeScript kernel (sweep-reference.ts)
 * and further threads see as well.
 *
 * Within a group, demands stand by width class: those with 1, 2, 3-4, 5-8 and 9-16 open paths, each class padded to an even number of
 * demands. A demand stands at a position; its paths have slots. Two neighbours share a vector, so the slots of positions k and k + 1
 * (k even) of width w alternate:
 *
 *   slot      s      s+1      s+2     s+3     ...
 *   holds   k path 0  k+1 path 0  k path 1  k+1 path 1
 *
 * Slots without a path begin at the pad node, whose price nothing pays.
 */
import { assert } from "@sluice/model";
import type { FlowProgram } from "../flow-program.js";
import { sweepWasm } from "../../generated/sweep.js";
import type { PathTrie } from "../trie/path-trie.js";
import { memoryPool, type LentMemory } from "./memory-pool.js";
import { wasmModule } from "./wasm-module.js";

/** Widths of the classes, in paths: class c has 2^c. */
export const classWidths = [1, 2, 4, 8, 16] as const;
export const classCount = classWidths.length;
/** Most open paths of a demand. */
export const pathsMax = 16;

/** Groups are dealt into this many partitions, whatever the number of threads: sums, and so answers, do not depend on threads. */
export const partitionCount = 2;

/** Words (4 bytes) of a partition's record; assembly/sweep.ts lists the same as byte offsets. */
export const word = {
  groupBegin: 0,
  groupEnd: 1,
  linkCount: 2,
  carryAll: 3,
  positionStart: 4,
  slotStart: 5,
  nodeStart: 6,
  parent: 7,
  link: 8,
  leaf: 9,
  flow: 10,
  anchor: 11,
  cost: 12,
  demand: 13,
  weight: 14,
  price: 15,
  load: 16,
  nodeValue: 17,
  nodeFlow: 18,
  padNode: 19,
  fitted: 20,
  leastPrice: 21,
  linkFigure: 22,
  useCost: 23,
  // Behind the doubles.
  scratch: 38,
} as const;

/** Doubles (8 bytes) of a partition's record. */
export const double = { stepSize: 12, stepShare: 13, anchorShare: 14, reflection: 15, gain: 16, dualSum: 17, movement: 18 } as const;

/** Words of the record of links; assembly/sweep-links.ts lists the same as byte offsets. Counts are of pairs' members: even. */
export const linkWord = {
  linkCount: 0,
  firstLoad: 1,
  secondLoad: 2,
  price: 3,
  priceNew: 4,
  priceAnchor: 5,
  load: 6,
  loadNew: 7,
  loadAnchor: 8,
  capacity: 9,
  priceMetric: 10,
  priceReach: 11,
} as const;

/** Doubles of the record of links. */
export const linkDouble = { size: 6, newShare: 7, oldShare: 8, anchorShare: 9, movement: 10, coupling: 11 } as const;

/** Weight of the flows of demands that are not there: no step moves them. */
export const weightless = 1e30;

const recordBytes = 192;
const linkRecordBytes = 96;
/** Below this the kernel module keeps its own constants and scratch. */
const firstByte = 65_536;

export const sweepModule = wasmModule(sweepWasm);
export const sweepMemories = memoryPool(sweepModule, { shared: true });

export interface Partition {
  /** Byte address of its record. */
  readonly record: number;
  /** Per link and one for the root: what this partition puts on links. */
  readonly load: Float64Array;
  readonly nodeValue: Float64Array;
  readonly nodeFlow: Float64Array;
}

export interface Layout {
  readonly trie: PathTrie;
  /** To be given back to `sweepMemories`. */
  readonly lent: LentMemory;
  readonly positionCount: number;
  /** Per group classCount + 1 and classCount numbers; see above. */
  readonly positionStart: Int32Array;
  readonly slotStart: Int32Array;
  readonly nodeStart: Int32Array;
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  readonly leaf: Uint16Array;
  /** Per position: the trie's demand, -1 for padding. Not in the memory: kernels do not need it. */
  readonly demandAt: Int32Array;
  /** Per slot: the trie's path, -1 for none. */
  readonly pathAt: Int32Array;
  /** Per slot. */
  readonly flow: Float64Array;
  readonly anchor: Float64Array;
  readonly fitted: Float64Array;
  /** Empty where no path has a cost. */
  readonly cost: Float64Array;
  /** Per position: the rate, bps; the weight of its flows in the metric of steps (links of its longest path / rate). */
  readonly demand: Float64Array;
  readonly weight: Float64Array;
  readonly leastPrice: Float64Array;
  /** Per link, and one for the root that stays 0. */
  readonly price: Float64Array;
  readonly linkFigure: Float64Array;
  /** As well: where the last step took prices and loads, where those of the anchor are, loads of the flows as they are. */
  readonly priceNew: Float64Array;
  readonly priceAnchor: Float64Array;
  readonly load: Float64Array;
  readonly loadNew: Float64Array;
  readonly loadAnchor: Float64Array;
  /** As well: capacity, bps; 1 / (what all demands with a path over the link could bring), the metric of prices, and its inverse; 0 for what is not in the tries. */
  readonly capacity: Float64Array;
  readonly priceMetric: Float64Array;
  readonly priceReach: Float64Array;
  /** Byte address of the record of links. */
  readonly linkRecord: number;
  readonly partitions: readonly Partition[];
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

export function layOut({ limit, pathCost }: FlowProgram, trie: PathTrie, rates: Float64Array): Layout {
  const { groupCount, problem, nodesMax } = trie;
  const { linkCount } = problem;
  const places = place(trie);
  const { positionStart, slotStart, positionCount, slotCount } = places;

  const arena = new Arena();
  const records = arena.take(recordBytes * partitionCount);
  const linkRecord = arena.take(linkRecordBytes);
  const at = {
    positionStart: arena.take(4 * positionStart.length),
    slotStart: arena.take(4 * slotStart.length),
    nodeStart: arena.take(4 * (groupCount + 1)),
    parent: arena.take(2 * trie.parent.length),
    link: arena.take(2 * trie.link.length),
    leaf: arena.take(2 * slotCount),
    flow: arena.take(8 * slotCount),
    anchor: arena.take(8 * slotCount),
    fitted: arena.take(8 * slotCount),
    cost: pathCost === undefined ? 0 : arena.take(8 * slotCount),
    demand: arena.take(8 * positionCount),
    weight: arena.take(8 * positionCount),
    leastPrice: arena.take(8 * positionCount),
    price: arena.take(8 * (linkCount + 1)),
    linkFigure: arena.take(8 * (linkCount + 1)),
  };
  const onLinks = {
    priceNew: arena.take(8 * (linkCount + 1)),
    priceAnchor: arena.take(8 * (linkCount + 1)),
    load: arena.take(8 * (linkCount + 1)),
    loadNew: arena.take(8 * (linkCount + 1)),
    loadAnchor: arena.take(8 * (linkCount + 1)),
    capacity: arena.take(8 * (linkCount + 1)),
    priceMetric: arena.take(8 * (linkCount + 1)),
    priceReach: arena.take(8 * (linkCount + 1)),
  };
  const own = Array.from({ length: partitionCount }, () => ({
    load: arena.take(8 * (linkCount + 1)),
    nodeValue: arena.take(8 * (nodesMax + 1)),
    nodeFlow: arena.take(8 * (nodesMax + 1)),
    scratch: arena.take(16 * pathsMax),
  }));
  const lent = sweepMemories.take(arena.end);
  const { buffer } = lent.memory;
  new Uint8Array(buffer, firstByte, arena.end - firstByte).fill(0);
  const words = new Int32Array(buffer);
  const figures = (address: number): Float64Array => new Float64Array(buffer, address, linkCount + 1);
  const layout: Layout = {
    trie,
    lent,
    positionCount,
    positionStart: copy(new Int32Array(buffer, at.positionStart, positionStart.length), positionStart),
    slotStart: copy(new Int32Array(buffer, at.slotStart, slotStart.length), slotStart),
    nodeStart: copy(new Int32Array(buffer, at.nodeStart, groupCount + 1), trie.nodeStart),
    parent: copy(new Uint16Array(buffer, at.parent, trie.parent.length), trie.parent),
    link: copy(new Uint16Array(buffer, at.link, trie.link.length), trie.link),
    leaf: new Uint16Array(buffer, at.leaf, slotCount),
    demandAt: new Int32Array(positionCount),
    pathAt: new Int32Array(slotCount),
    flow: new Float64Array(buffer, at.flow, slotCount),
    anchor: new Float64Array(buffer, at.anchor, slotCount),
    fitted: new Float64Array(buffer, at.fitted, slotCount),
    cost: new Float64Array(buffer, at.cost, pathCost === undefined ? 0 : slotCount),
    demand: new Float64Array(buffer, at.demand, positionCount),
    weight: new Float64Array(buffer, at.weight, positionCount),
    leastPrice: new Float64Array(buffer, at.leastPrice, positionCount),
    price: figures(at.price),
    linkFigure: figures(at.linkFigure),
    priceNew: figures(onLinks.priceNew),
    priceAnchor: figures(onLinks.priceAnchor),
    load: figures(onLinks.load),
    loadNew: figures(onLinks.loadNew),
    loadAnchor: figures(onLinks.loadAnchor),
    capacity: figures(onLinks.capacity),
    priceMetric: figures(onLinks.priceMetric),
    priceReach: figures(onLinks.priceReach),
    linkRecord,
    partitions: own.map((part, i) => ({
      record: records + recordBytes * i,
      load: figures(part.load),
      nodeValue: new Float64Array(buffer, part.nodeValue, nodesMax + 1),
      nodeFlow: new Float64Array(buffer, part.nodeFlow, nodesMax + 1),
    })),
    words,
    doubles: new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8)),
  };
  fillIn(layout, places.classOf, rates, pathCost);
  const cuts = cutGroups(layout);
  layout.partitions.forEach(({ record }, i) => {
    const put = (field: keyof typeof word, value: number): void => {
      words[record / 4 + word[field]] = value;
    };
    put("groupBegin", cuts[i] as number);
    put("groupEnd", cuts[i + 1] as number);
    put("linkCount", linkCount);
    put("carryAll", limit === "utilization" ? 1 : 0);
    put("padNode", nodesMax);
    put("useCost", pathCost === undefined ? 0 : 1);
    for (const [field, address] of Object.entries(at)) put(field as keyof typeof at, address);
    for (const [field, address] of Object.entries(own[i] ?? {})) put(field as keyof (typeof own)[number], address);
    layout.doubles[record / 8 + double.gain] = 1;
  });
  const putLink = (field: keyof typeof linkWord, value: number): void => {
    words[linkRecord / 4 + linkWord[field]] = value;
  };
  putLink("linkCount", (linkCount + 2) & ~1);
  putLink("firstLoad", own[0]?.load ?? 0);
  putLink("secondLoad", own[1]?.load ?? 0);
  putLink("price", at.price);
  for (const [field, address] of Object.entries(onLinks)) putLink(field as keyof typeof onLinks, address);
  for (let e = 0; e < linkCount; e++) {
    const reach = trie.contested[e] === 1 ? (trie.potentialBps[e] as number) : 0;
    layout.priceReach[e] = reach;
    layout.priceMetric[e] = reach > 0 ? 1 / reach : 0;
  }
  return layout;
}

interface Places {
  readonly positionStart: Int32Array;
  readonly slotStart: Int32Array;
  readonly positionCount: number;
  readonly slotCount: number;
  /** Per demand of the trie. */
  readonly classOf: Uint8Array;
}

/** Where the classes of each group stand. */
function place({ groupCount, demandStart, demands, leaf, pathStart }: PathTrie): Places {
  const positionStart = new Int32Array(groupCount * (classCount + 1));
  const slotStart = new Int32Array((groupCount + 1) * classCount);
  const classOf = new Uint8Array(demands.length);
  const counts = new Int32Array(classCount);
  let position = 0;
  let slot = 0;
  let widest = 0;
  for (let g = 0; g < groupCount; g++) {
    const end = demandStart[g + 1] as number;
    counts.fill(0);
    for (let i = demandStart[g] as number; i < end; i++) {
      const d = demands[i] as number;
      const pathEnd = pathStart[d + 1] as number;
      let width = 0;
      for (let p = pathStart[d] as number; p < pathEnd; p++) if ((leaf[p] as number) >= 0) width++;
      if (width > widest) widest = width;
      const c = width <= 1 ? 0 : width === 2 ? 1 : width <= 4 ? 2 : width <= 8 ? 3 : 4;
      classOf[i] = c;
      counts[c] = (counts[c] as number) + 1;
    }
    for (let c = 0; c < classCount; c++) {
      positionStart[g * (classCount + 1) + c] = position;
      slotStart[g * classCount + c] = slot;
      const padded = ((counts[c] as number) + 1) & ~1;
      position += padded;
      slot += padded << c;
    }
    positionStart[g * (classCount + 1) + classCount] = position;
  }
  assert(widest <= pathsMax, `a demand has at most ${pathsMax} open paths`);
  slotStart.fill(slot, groupCount * classCount);
  return { positionStart, slotStart, positionCount: position, slotCount: slot, classOf };
}

/** Puts each demand and its paths at the next place of its class, and pads what is left of the classes. */
function fillIn(layout: Layout, classOf: Uint8Array, rates: Float64Array, pathCost: Float64Array | undefined): void {
  const { trie, positionStart, slotStart, demandAt, pathAt, leaf, cost, demand, weight } = layout;
  const { groupCount, demandStart, demands, pathStart, leaf: leafOfPath, nodesMax } = trie;
  const depth = new Uint16Array(nodesMax + 1);
  const next = new Int32Array(classCount);
  for (let g = 0; g < groupCount; g++) {
    depthsOf(trie, g, depth);
    next.fill(0);
    const end = demandStart[g + 1] as number;
    for (let i = demandStart[g] as number; i < end; i++) {
      const d = demands[i] as number;
      const c = classOf[i] as number;
      const n = next[c] as number;
      next[c] = n + 1;
      const k = (positionStart[g * (classCount + 1) + c] as number) + n;
      let slot = slotOf(slotStart[g * classCount + c] as number, c, n);
      const slotEnd = slot + (2 << c);
      let longest = 1;
      const pathEnd = pathStart[d + 1] as number;
      for (let p = pathStart[d] as number; p < pathEnd; p++) {
        const node = leafOfPath[p] as number;
        if (node < 0) continue;
        leaf[slot] = node;
        pathAt[slot] = p;
        if (pathCost !== undefined) cost[slot] = pathCost[p] as number;
        slot += 2;
        const links = depth[node] as number;
        if (links > longest) longest = links;
      }
      if (slot < slotEnd) pad(layout, slot, slotEnd);
      const rate = rates[d] as number;
      demandAt[k] = d;
      demand[k] = rate;
      weight[k] = longest / rate;
    }
    for (let c = 0; c < classCount; c++) {
      const n = next[c] as number;
      if (n % 2 === 0) continue;
      const k = (positionStart[g * (classCount + 1) + c] as number) + n;
      demandAt[k] = -1;
      weight[k] = weightless;
      const slot = slotOf(slotStart[g * classCount + c] as number, c, n);
      pad(layout, slot, slot + (2 << c));
    }
  }
}

/** First slot of a class's n-th demand. */
function slotOf(classBegin: number, c: number, n: number): number {
  return classBegin + ((n >> 1) << (c + 1)) + (n & 1);
}

/** Every other slot, of one lane. */
function pad({ leaf, pathAt, trie }: Layout, from: number, end: number): void {
  for (let slot = from; slot < end; slot += 2) {
    leaf[slot] = trie.nodesMax;
    pathAt[slot] = -1;
  }
}

function depthsOf({ nodeStart, parent }: PathTrie, group: number, depth: Uint16Array): void {
  const begin = nodeStart[group] as number;
  const size = (nodeStart[group + 1] as number) - begin;
  depth[0] = 0;
  for (let i = 1; i < size; i++) depth[i] = (depth[parent[begin + i] as number] as number) + 1;
}

/** What a step takes for a node and for a slot, as measured: 1.2 and 1.7 ns. */
const nodeWork = 12;
const slotWork = 17;

/** Cuts the groups where the work is halved. */
function cutGroups({ trie, slotStart }: Layout): readonly number[] {
  const { groupCount, nodeStart } = trie;
  const work = (g: number): number => nodeWork * (nodeStart[g] as number) + slotWork * (slotStart[g * classCount] as number);
  const cuts = [0];
  for (let i = 1; i < partitionCount; i++) {
    let g = cuts[i - 1] as number;
    while (g < groupCount && work(g) * partitionCount < work(groupCount) * i) g++;
    cuts.push(g);
  }
  return [...cuts, groupCount];
}

function copy<T extends Int32Array | Uint16Array>(to: T, from: ArrayLike<number>): T {
  to.set(from);
  return to;
}

/** Addresses in a memory yet to be made, each on a cache line of its own. */
class Arena {
  end = firstByte;

  take(bytes: number): number {
    const address = this.end;
    this.end = Math.ceil((address + bytes) / 64) * 64 + 64;
    return address;
  }
}
