/**
 * The kernels of assembly/sweep.ts in plain TypeScript: the same operations in the same order, two demands ("lanes") at a time, so
 * that every bit is the same. Tests compare the two; where WebAssembly does not run, this one does, several times slower.
 */
import { classCount, classWidths, double, pathsMax, word, type Layout, type Partition } from "./layout.js";

const padPrice = 1e30;
const emptyShare = 1e-100;

/** As SIMD's pmin and pmax: the second where it is smaller (larger), else the first. */
const least = (a: number, b: number): number => (b < a ? b : a);
const most = (a: number, b: number): number => (a < b ? b : a);

interface Run {
  readonly layout: Layout;
  readonly partition: Partition;
  readonly groupBegin: number;
  readonly groupEnd: number;
  readonly all: boolean;
  readonly withCost: boolean;
  readonly padNode: number;
}

function runOf(layout: Layout, partition: Partition): Run {
  const at = partition.record / 4;
  return {
    layout,
    partition,
    groupBegin: layout.words[at + word.groupBegin] as number,
    groupEnd: layout.words[at + word.groupEnd] as number,
    all: layout.words[at + word.carryAll] === 1,
    withCost: layout.words[at + word.useCost] === 1,
    padNode: layout.words[at + word.padNode] as number,
  };
}

function sumDown({ layout, partition }: Run, group: number, figure: Float64Array): void {
  const { nodeStart, parent, link } = layout;
  const { nodeValue } = partition;
  const base = nodeStart[group] as number;
  const nodes = (nodeStart[group + 1] as number) - base;
  nodeValue[0] = 0;
  for (let i = 1; i < nodes; i++) {
    nodeValue[i] = (nodeValue[parent[base + i] as number] as number) + (figure[link[base + i] as number] as number);
  }
}

function leastDown({ layout, partition }: Run, group: number, figure: Float64Array, highest: number): void {
  const { nodeStart, parent, link } = layout;
  const { nodeValue } = partition;
  const base = nodeStart[group] as number;
  const nodes = (nodeStart[group + 1] as number) - base;
  nodeValue[0] = highest;
  for (let i = 1; i < nodes; i++) {
    nodeValue[i] = least(nodeValue[parent[base + i] as number] as number, figure[link[base + i] as number] as number);
  }
}

function sumUp({ layout, partition }: Run, group: number): void {
  const { nodeStart, parent, link } = layout;
  const { nodeFlow, load } = partition;
  const base = nodeStart[group] as number;
  for (let i = (nodeStart[group + 1] as number) - base - 1; i > 0; i--) {
    const q = nodeFlow[i] as number;
    const above = parent[base + i] as number;
    const e = link[base + i] as number;
    load[e] = (load[e] as number) + q;
    nodeFlow[above] = (nodeFlow[above] as number) + q;
    nodeFlow[i] = 0;
  }
  nodeFlow[0] = 0;
}

/** Calls `visit` for every vector of demands of a group: position of its first lane, slot of the first lane's first path, width. */
function eachPair({ layout }: Run, group: number, visit: (position: number, slot: number, width: number) => void): void {
  for (let c = 0; c < classCount; c++) {
    const end = layout.positionStart[group * (classCount + 1) + c + 1] as number;
    const width = classWidths[c] as number;
    let slot = layout.slotStart[group * classCount + c] as number;
    for (let k = layout.positionStart[group * (classCount + 1) + c] as number; k < end; k += 2, slot += 2 * width) visit(k, slot, width);
  }
}

export function sweep(layout: Layout, partition: Partition): void {
  const run = runOf(layout, partition);
  const { doubles, leaf, flow, anchor, cost, demand, weight } = layout;
  const { nodeValue, nodeFlow, load, record } = partition;
  const at = record / 8;
  const share = doubles[at + double.stepShare] as number;
  const rho = doubles[at + double.reflection] as number;
  const step = doubles[at + double.stepSize] as number;
  const worth = doubles[at + double.gain] as number;
  const anchorShare = doubles[at + double.anchorShare] as number;
  const newShare = share * (1 + rho);
  const oldShare = -share * rho;
  const prices = new Float64Array(pathsMax);
  const lanes = [new Float64Array(pathsMax), new Float64Array(pathsMax)] as const;
  const squares = new Float64Array(pathsMax);
  const dual = [0, 0];
  const moved = [0, 0];

  load.fill(0);
  nodeValue[run.padNode] = padPrice;
  for (let g = run.groupBegin; g < run.groupEnd; g++) {
    sumDown(run, g, layout.price);
    eachPair(run, g, (k, slot, width) => {
      lanes.forEach((points, lane) => {
        const d = demand[k + lane] as number;
        const tk = step / (weight[k + lane] as number);
        for (let j = 0; j < width; j++) {
          const s = slot + 2 * j + lane;
          const onLinks = nodeValue[leaf[s] as number] as number;
          prices[j] = run.withCost ? onLinks + (cost[s] as number) : onLinks;
        }
        const m = leastOf(prices, width);
        const shift = run.all ? m : worth;
        dual[lane] = (dual[lane] as number) + (run.all ? d * m : d * (worth - least(m, worth)));
        for (let j = 0; j < width; j++) points[j] = (flow[slot + 2 * j + lane] as number) + tk * (shift - (prices[j] as number));
        project(points, width, d, run.all);
      });
      eachLane(slot, width, (s, lane, j) => {
        const node = leaf[s] as number;
        nodeFlow[node] = (nodeFlow[node] as number) + (lanes[lane]?.[j] as number);
      });
      lanes.forEach((points, lane) => {
        for (let j = 0; j < width; j++) {
          const s = slot + 2 * j + lane;
          const v = points[j] as number;
          const old = flow[s] as number;
          squares[j] = (v - old) * (v - old);
          flow[s] = newShare * v + oldShare * old + anchorShare * (anchor[s] as number);
        }
        moved[lane] = (moved[lane] as number) + (weight[k + lane] as number) * sumOfSquares(squares, width);
      });
    });
    sumUp(run, g);
  }
  nodeFlow[run.padNode] = 0;
  doubles[at + double.dualSum] = (dual[0] as number) + (dual[1] as number);
  doubles[at + double.movement] = (moved[0] as number) + (moved[1] as number);
}

/** Slots in the order in which vectors hold them: both lanes of a path, then those of the next. */
function eachLane(slot: number, width: number, visit: (slot: number, lane: number, path: number) => void): void {
  for (let j = 0; j < width; j++) {
    visit(slot + 2 * j, 0, j);
    visit(slot + 2 * j + 1, 1, j);
  }
}

function leastOf(values: Float64Array, width: number): number {
  if (width === 4) {
    return least(least(values[0] as number, values[1] as number), least(values[2] as number, values[3] as number));
  }
  let m = width > 4 ? padPrice : (values[0] as number);
  for (let j = width > 4 ? 0 : 1; j < width; j++) m = least(m, values[j] as number);
  return m;
}

/** In the order in which the vectors are added up. */
function sumOfSquares(squares: Float64Array, width: number): number {
  if (width === 4) return (squares[0] as number) + (squares[1] as number) + ((squares[2] as number) + (squares[3] as number));
  let sum = 0;
  for (let j = 0; j < width; j++) sum += squares[j] as number;
  return sum;
}

/** Projects the first `width` values onto { v >= 0, sum <= d }, or sum = d: by a threshold that is taken off all. */
function project(v: Float64Array, width: number, d: number, all: boolean): void {
  if (width === 1) {
    v[0] = all ? d : most(least(v[0] as number, d), 0);
    return;
  }
  const found = width > 4 ? thresholdByRounds(v, width, d) : thresholdBySorting(v, width, d);
  const threshold = all ? found : most(found, 0);
  for (let j = 0; j < width; j++) v[j] = most((v[j] as number) - threshold, 0);
}

function thresholdBySorting(v: Float64Array, width: number, d: number): number {
  const sorted = sortNetwork(v, width);
  let sum = (sorted[0] as number) - d;
  let threshold = sum;
  const parts = [1, 0.5, 1 / 3, 0.25];
  for (let j = 1; j < width; j++) {
    sum += sorted[j] as number;
    threshold = most(threshold, sum * (parts[j] as number));
  }
  return threshold;
}

function sortNetwork(v: Float64Array, width: number): readonly number[] {
  const [v0, v1] = [v[0] as number, v[1] as number];
  if (width === 2) return [most(v0, v1), least(v0, v1)];
  const [v2, v3] = [v[2] as number, v[3] as number];
  const [p0, p1, p2, p3] = [most(v0, v1), least(v0, v1), most(v2, v3), least(v2, v3)];
  const [q1, q2] = [most(p1, p3), least(p0, p2)];
  return [most(p0, p2), most(q1, q2), least(q1, q2), least(p1, p3)];
}

/** Michelot 1986: the threshold rises with each round until the values above it do not change. */
function thresholdByRounds(v: Float64Array, width: number, d: number): number {
  let threshold = -padPrice;
  for (let round = 0; round <= width; round++) {
    let sum = -d;
    let count = 0;
    for (let j = 0; j < width; j++) {
      if ((v[j] as number) > threshold) {
        sum += v[j] as number;
        count++;
      }
    }
    const next = sum / most(count, 1);
    if (!(next > threshold)) break;
    threshold = next;
  }
  return threshold;
}

export function distance(layout: Layout, partition: Partition): void {
  const run = runOf(layout, partition);
  const { doubles, flow, anchor, weight } = layout;
  const moved = [0, 0];
  for (let g = run.groupBegin; g < run.groupEnd; g++) {
    eachPair(run, g, (k, slot, width) => {
      for (let lane = 0; lane < 2; lane++) {
        let squares = 0;
        for (let j = 0; j < width; j++) {
          const s = slot + 2 * j + lane;
          const d = (flow[s] as number) - (anchor[s] as number);
          squares += d * d;
        }
        moved[lane] = (moved[lane] as number) + (weight[k + lane] as number) * squares;
      }
    });
  }
  doubles[partition.record / 8 + double.movement] = (moved[0] as number) + (moved[1] as number);
}

export function price(layout: Layout, partition: Partition): void {
  const run = runOf(layout, partition);
  const { doubles, leaf, cost, demand, leastPrice } = layout;
  const { nodeValue, record } = partition;
  const worth = doubles[record / 8 + double.gain] as number;
  const dual = [0, 0];
  nodeValue[run.padNode] = padPrice;
  for (let g = run.groupBegin; g < run.groupEnd; g++) {
    sumDown(run, g, layout.linkFigure);
    eachPair(run, g, (k, slot, width) => {
      for (let lane = 0; lane < 2; lane++) {
        let m = padPrice;
        for (let j = 0; j < width; j++) {
          const s = slot + 2 * j + lane;
          const path = nodeValue[leaf[s] as number] as number;
          m = least(m, run.withCost ? path + (cost[s] as number) : path);
        }
        leastPrice[k + lane] = m;
        const d = demand[k + lane] as number;
        dual[lane] = (dual[lane] as number) + (run.all ? d * m : d * (worth - least(m, worth)));
      }
    });
  }
  doubles[record / 8 + double.dualSum] = (dual[0] as number) + (dual[1] as number);
}

/** Next to nothing flows where all must be carried: the first path that is open takes it. */
function carryOnFirst({ layout, partition, padNode }: Run, slot: number, width: number, rate: number): void {
  for (let j = 0; j < width; j++) {
    const node = layout.leaf[slot + 2 * j] as number;
    if (node === padNode) continue;
    layout.fitted[slot + 2 * j] = rate;
    partition.nodeFlow[node] = (partition.nodeFlow[node] as number) + rate;
    return;
  }
}

export function fit(layout: Layout, partition: Partition): void {
  const empties = [false, false];
  const run = runOf(layout, partition);
  const { leaf, flow, fitted, demand } = layout;
  const { nodeFlow, load } = partition;
  load.fill(0);
  for (let g = run.groupBegin; g < run.groupEnd; g++) {
    eachPair(run, g, (k, slot, width) => {
      for (let lane = 0; lane < 2; lane++) {
        const d = demand[k + lane] as number;
        let sum = 0;
        for (let j = 0; j < width; j++) sum += most(flow[slot + 2 * j + lane] as number, 0);
        const empty = sum <= d * emptyShare;
        const whole = d / (empty ? 1 : sum);
        const fits = run.all ? whole : least(whole, 1);
        const ratio = empty ? 0 : fits;
        for (let j = 0; j < width; j++) {
          const s = slot + 2 * j + lane;
          fitted[s] = most(flow[s] as number, 0) * ratio;
        }
        empties[lane] = run.all && empty;
      }
      eachLane(slot, width, (s) => {
        const node = leaf[s] as number;
        nodeFlow[node] = (nodeFlow[node] as number) + (fitted[s] as number);
      });
      empties.forEach((empty, lane) => {
        if (empty) carryOnFirst(run, slot + lane, width, demand[k + lane] as number);
      });
    });
    sumUp(run, g);
  }
  nodeFlow[run.padNode] = 0;
}

export function scale(layout: Layout, partition: Partition): void {
  const run = runOf(layout, partition);
  const { leaf, fitted, linkFigure, slotStart } = layout;
  const { nodeValue, nodeFlow, load } = partition;
  load.fill(0);
  nodeValue[run.padNode] = 0;
  for (let g = run.groupBegin; g < run.groupEnd; g++) {
    leastDown(run, g, linkFigure, 1);
    const end = slotStart[(g + 1) * classCount] as number;
    for (let s = slotStart[g * classCount] as number; s < end; s++) {
      const node = leaf[s] as number;
      const v = (fitted[s] as number) * (nodeValue[node] as number);
      fitted[s] = v;
      nodeFlow[node] = (nodeFlow[node] as number) + v;
    }
    sumUp(run, g);
  }
  nodeFlow[run.padNode] = 0;
}

const restMin = 1e-12;

export function fill(layout: Layout, partition: Partition): void {
  const run = runOf(layout, partition);
  const { nodeStart, parent, link, leaf, fitted, demand, linkFigure } = layout;
  const { nodeValue } = partition;
  nodeValue[run.padNode] = 0;
  for (let g = run.groupBegin; g < run.groupEnd; g++) {
    leastDown(run, g, linkFigure, Infinity);
    const base = nodeStart[g] as number;
    const fillDemand = (slot: number, width: number, wanted: number): void => {
      let rest = wanted;
      for (let j = 0; j < width && rest > 0; j++) {
        const s = slot + 2 * j;
        const node = leaf[s] as number;
        let room = least(rest, nodeValue[node] as number);
        for (let i = node; i > 0 && room > 0; i = parent[base + i] as number) {
          room = least(room, linkFigure[link[base + i] as number] as number);
        }
        if (!(room > 0)) continue;
        fitted[s] = (fitted[s] as number) + room;
        rest -= room;
        for (let i = node; i > 0; i = parent[base + i] as number) {
          const e = link[base + i] as number;
          const less = (linkFigure[e] as number) - room;
          linkFigure[e] = less > 0 ? less : 0;
        }
      }
    };
    eachPair(run, g, (k, slot, width) => {
      // Both demands of a vector are looked at before either is filled.
      const rests = [0, 1].map((lane) => {
        const d = demand[k + lane] as number;
        let sum = 0;
        let open = 0;
        for (let j = 0; j < width; j++) {
          sum += fitted[slot + 2 * j + lane] as number;
          open = most(open, nodeValue[leaf[slot + 2 * j + lane] as number] as number);
        }
        const rest = d - sum;
        return rest > d * restMin && open > 0 ? rest : 0;
      });
      rests.forEach((rest, lane) => {
        if (rest > 0) fillDemand(slot + lane, width, rest);
      });
    });
  }
}
