/** What the method of fair-window.ts works on: flows and prices in flat arrays in the order of the tries, and how steps are scaled. */
import type { Problem } from "../problem.js";
import type { PathTrie } from "../trie/path-trie.js";
import { giveWay, priceOfShare } from "./fair-utility.js";
import { fullShare, type ShareCurves } from "./share-curves.js";

/** Of dual to primal steps; restarts adapt it. */
const primalWeightFirst = 0.5;

export interface WindowProgram {
  readonly trie: PathTrie;
  /** `demandBps` is the most that a demand may have within the window. */
  readonly problem: Problem;
  /** Per demand: 1 where the rate is settled. */
  readonly settled: Uint8Array;
  readonly curves: ShareCurves;
  /** Per demand, its number in `curves`. */
  readonly demandOf: Int32Array;
  readonly shareLow: number;
  readonly shareHigh: number;
}

/** Paths in the order of the tries are slots: those of the i-th demand of the tries are `slotStart[i] .. slotStart[i + 1]`. */
interface Slots {
  readonly slotStart: Int32Array;
  readonly slotPath: Int32Array;
  readonly slotLeaf: Uint16Array;
  /** The most slots of one demand. */
  readonly widthMax: number;
}

export interface WindowState extends Slots {
  readonly program: WindowProgram;
  /** Per slot, bps. */
  readonly flow: Float64Array;
  readonly anchorFlow: Float64Array;
  /** After the last proximal step: what is nearly feasible. */
  readonly fitted: Float64Array;
  /** Per demand of the tries: its most, bps; its step; the marginal utility at its most; the share at which Newton begins. */
  readonly most: Float64Array;
  readonly stepOf: Float64Array;
  readonly priceAtMost: Float64Array;
  readonly share: Float64Array;
  /** Bps per unit of share where the rate is linear from the origin to its end, else 0. */
  readonly linearSlope: Float64Array;
  /** Per link. */
  readonly price: Float64Array;
  readonly anchorPrice: Float64Array;
  readonly load: Float64Array;
  readonly anchorLoad: Float64Array;
  readonly fittedLoad: Float64Array;
  /** Per link: the sum of the most over the paths that use it, bps. */
  readonly linkScale: Float64Array;
  /** Per node of one trie, while it is swept: prices from the root, flows towards it. */
  readonly nodeValue: Float64Array;
  readonly nodeFlow: Float64Array;
  /** Per slot of one demand. */
  readonly projected: Float64Array;
  primalWeight: number;
  sinceRestart: number;
  firstMove: number;
  lastMove: number;
}

/** Flows are the given ones, prices 0: those of the window before mislead, for most of the links that it filled are decided. */
export function stateOf(program: WindowProgram, flowBps: Float64Array): WindowState {
  const { trie, problem, curves, demandOf, settled, shareLow, shareHigh } = program;
  const slots = slotsOf(program);
  const most = Float64Array.from(trie.demands, (k) => problem.demandBps[k] as number);
  const nodes = { nodeValue: new Float64Array(trie.nodesMax), nodeFlow: new Float64Array(trie.nodesMax) };
  const flow = Float64Array.from(slots.slotPath, (p) => flowBps[p] as number);
  const load = new Float64Array(problem.linkCount + 1);
  const perLink = (): Float64Array => new Float64Array(problem.linkCount + 1);
  addLoads(trie, slots, nodes.nodeFlow, flow, load);
  const curveOf = (k: number): number => demandOf[k] as number;
  return {
    program,
    ...slots,
    ...nodes,
    ...scalesOf(trie, slots, most, nodes),
    most,
    flow,
    anchorFlow: flow.slice(),
    fitted: flow.slice(),
    priceAtMost: Float64Array.from(trie.demands, (k) =>
      settled[k] === 1 ? giveWay : priceOfShare(Math.min(shareHigh, fullShare(curves, curveOf(k))), shareLow),
    ),
    share: new Float64Array(most.length).fill(shareLow),
    linearSlope: Float64Array.from(trie.demands, (k) => linearSlopeOf(curves, curveOf(k))),
    price: perLink(),
    anchorPrice: perLink(),
    load,
    anchorLoad: load.slice(),
    fittedLoad: perLink(),
    projected: new Float64Array(slots.widthMax),
    primalWeight: primalWeightFirst,
    sinceRestart: 0,
    firstMove: 0,
    lastMove: Infinity,
  };
}

function slotsOf({ trie: { demands, leaf }, problem: { pathStart } }: WindowProgram): Slots {
  const slotStart = new Int32Array(demands.length + 1);
  const slotPath: number[] = [];
  let widthMax = 1;
  for (let i = 0; i < demands.length; i++) {
    const k = demands[i] as number;
    for (let p = pathStart[k] as number; p < (pathStart[k + 1] as number); p++) if ((leaf[p] as number) >= 0) slotPath.push(p);
    slotStart[i + 1] = slotPath.length;
    widthMax = Math.max(widthMax, slotPath.length - (slotStart[i] as number));
  }
  return { slotStart, slotPath: Int32Array.from(slotPath), slotLeaf: Uint16Array.from(slotPath, (p) => leaf[p] as number), widthMax };
}

function linearSlopeOf({ start, share, rateBps }: ShareCurves, curve: number): number {
  const begin = start[curve] as number;
  const linear = (start[curve + 1] as number) - begin === 2 && share[begin] === 0;
  return linear ? (rateBps[begin + 1] as number) / (share[begin + 1] as number) : 0;
}

/**
 * The diagonal scaling of Pock and Chambolle (2011): flows of a demand are of the size of its most, and a step of theirs is that over
 * the nodes of its longest path; a step of a link's price is 1 over the sum of the sizes of the flows that load it.
 */
function scalesOf(
  trie: PathTrie,
  { slotStart, slotLeaf }: Slots,
  most: Float64Array,
  { nodeValue, nodeFlow }: Pick<WindowState, "nodeValue" | "nodeFlow">,
): Pick<WindowState, "stepOf" | "linkScale"> {
  const { problem, groupCount, nodeStart, parent, link, demandStart } = trie;
  const stepOf = new Float64Array(most.length);
  const linkScale = new Float64Array(problem.linkCount + 1);
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    const nodes = (nodeStart[g + 1] as number) - base;
    nodeValue[0] = 0;
    for (let v = 1; v < nodes; v++) nodeValue[v] = (nodeValue[parent[base + v] as number] as number) + 1;
    for (let i = demandStart[g] as number; i < (demandStart[g + 1] as number); i++) {
      let longest = 1;
      for (let j = slotStart[i] as number; j < (slotStart[i + 1] as number); j++) {
        const at = slotLeaf[j] as number;
        longest = Math.max(longest, nodeValue[at] as number);
        nodeFlow[at] = (nodeFlow[at] as number) + (most[i] as number);
      }
      stepOf[i] = (most[i] as number) / longest;
    }
    for (let v = nodes - 1; v > 0; v--) addUp(linkScale, nodeFlow, link[base + v] as number, parent[base + v] as number, v);
    nodeFlow[0] = 0;
  }
  return { stepOf, linkScale };
}

/** Moves the flow at a node on to its parent, loading the link between. */
export function addUp(loads: Float64Array, nodeFlow: Float64Array, link: number, parent: number, node: number): void {
  const flow = nodeFlow[node] as number;
  loads[link] = (loads[link] as number) + flow;
  nodeFlow[parent] = (nodeFlow[parent] as number) + flow;
  nodeFlow[node] = 0;
}

function addLoads(trie: PathTrie, { slotStart, slotLeaf }: Slots, nodeFlow: Float64Array, flow: Float64Array, loads: Float64Array): void {
  const { groupCount, nodeStart, parent, link, demandStart } = trie;
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    const end = slotStart[demandStart[g + 1] as number] as number;
    for (let j = slotStart[demandStart[g] as number] as number; j < end; j++) {
      const at = slotLeaf[j] as number;
      nodeFlow[at] = (nodeFlow[at] as number) + (flow[j] as number);
    }
    for (let v = (nodeStart[g + 1] as number) - base - 1; v > 0; v--)
      addUp(loads, nodeFlow, link[base + v] as number, parent[base + v] as number, v);
    nodeFlow[0] = 0;
  }
}
