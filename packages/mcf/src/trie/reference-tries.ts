/**
 * Tries built in plain TypeScript: where WebAssembly does not run, and what tests compare assembly/trie.ts with. Nodes are made in the same
 * order and rates are summed in the same order, so that the tries are the same to the bit.
 */
import { assert } from "@sluice/model";
import type { Problem } from "../problem.js";
import { mergeTries } from "./reference-merge.js";
import { groupNodesMax, type ContractedTries, type FullTries, type ClosedPaths } from "./full-tries.js";

/** A group while it grows, and what all groups share. */
interface Growth {
  /** Per node: where in `pathLinks` the path that made it has its link, and how many links that is from the destination. */
  readonly maker: Int32Array;
  readonly depth: Int32Array;
  /** Per node: the node of the same link made before, 0 for none. */
  readonly sameLink: Int32Array;
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  /** Per node: rates of demands with a path that begins here. */
  readonly rate: Float64Array;
  /** Nodes of the group, its root included. */
  size: number;
  /** Per link: the newest node of it, 0 for none; and the demand that was counted for it last. */
  readonly newest: Int32Array;
  readonly countedFor: Int32Array;
  readonly potentialBps: Float64Array;
  /** Per path. */
  readonly leaf: Int32Array;
}

interface Group {
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
  readonly paths: readonly number[];
}

export function referenceTries(problem: Problem, closed: ClosedPaths): FullTries {
  const { demandDst } = problem;
  const demands = demandsByDestination(problem, closed);
  const growth = emptyGrowth(problem);
  const groups: Group[] = [];
  const demandStart = [0];
  let paths: number[] = [];
  demands.forEach((d, i) => {
    const open = openPaths(problem, closed, d);
    const links = open.reduce((sum, p) => sum + pathLength(problem, p), 0);
    assert(links < groupNodesMax, `the paths of a demand for the trie have fewer than ${groupNodesMax} links together`);
    if (i > 0 && (demandDst[demands[i - 1] as number] !== demandDst[d] || growth.size + links > groupNodesMax)) {
      groups.push(closeGroup(growth, paths));
      demandStart.push(i);
      paths = [];
    }
    open.forEach((path, j) => {
      growth.leaf[path] = insertPath(problem, path, growth);
      count(problem, { demand: d, path, isFirst: j === 0 }, growth);
    });
    paths.push(...open);
  });
  if (demands.length > 0) {
    groups.push(closeGroup(growth, paths));
    demandStart.push(demands.length);
  }
  const ordered = { demands, demandStart: Int32Array.from(demandStart) };
  return {
    ...ordered,
    potentialBps: growth.potentialBps,
    contract(contested, merge) {
      const { leaf } = growth;
      return merge ? mergeTries({ ...ordered, problem, closed, groups, leaf, contested }) : contract(problem, groups, contested, leaf);
    },
  };
}

function emptyGrowth({ linkCount, pathCount, pathLinks }: Problem): Growth {
  const nodes = Math.min(groupNodesMax, pathLinks.length + 1);
  return {
    maker: new Int32Array(nodes),
    depth: new Int32Array(nodes),
    sameLink: new Int32Array(nodes),
    parent: new Uint16Array(nodes),
    link: new Uint16Array(nodes),
    rate: new Float64Array(nodes),
    size: 1,
    newest: new Int32Array(linkCount),
    countedFor: new Int32Array(linkCount).fill(-1),
    potentialBps: new Float64Array(linkCount),
    leaf: new Int32Array(pathCount).fill(-1),
  };
}

/** Demands with a rate and an open path, by destination, else in their own order. */
function demandsByDestination(problem: Problem, closed: ClosedPaths): Int32Array {
  const { demandCount, demandBps, demandDst } = problem;
  const demands: number[] = [];
  for (let d = 0; d < demandCount; d++) {
    if ((demandBps[d] as number) > 0 && openPaths(problem, closed, d).length > 0) demands.push(d);
  }
  return Int32Array.from(demands.sort((a, b) => (demandDst[a] as number) - (demandDst[b] as number) || a - b));
}

function openPaths({ pathStart }: Problem, closed: ClosedPaths, demand: number): readonly number[] {
  const paths: number[] = [];
  for (let p = pathStart[demand] as number; p < (pathStart[demand + 1] as number); p++) if (closed?.[p] !== 1) paths.push(p);
  return paths;
}

function pathLength({ linkStart }: Problem, path: number): number {
  return (linkStart[path + 1] as number) - (linkStart[path] as number);
}

/** Returns the path's node, and makes what there is not of it. */
function insertPath({ linkStart, pathLinks }: Problem, path: number, growth: Growth): number {
  const { maker, depth, sameLink, parent, link, newest } = growth;
  const begin = linkStart[path] as number;
  const end = linkStart[path + 1] as number;
  let node = 0;
  let k = begin;
  for (; k < end; k++) {
    node = newest[pathLinks[k] as number] as number;
    while (node !== 0 && !(depth[node] === end - k && endsAlike(pathLinks, k, maker[node] as number, end - k))) {
      node = sameLink[node] as number;
    }
    if (node !== 0) break;
  }
  for (k--; k >= begin; k--) {
    const e = pathLinks[k] as number;
    const made = growth.size++;
    maker[made] = k;
    depth[made] = end - k;
    sameLink[made] = newest[e] as number;
    parent[made] = node;
    link[made] = e;
    newest[e] = made;
    node = made;
  }
  return node;
}

function endsAlike(pathLinks: Int32Array, a: number, b: number, length: number): boolean {
  for (let j = 0; j < length; j++) if (pathLinks[a + j] !== pathLinks[b + j]) return false;
  return true;
}

/** Counts a demand's rate for the links of one of its paths, once each: at the path's node as long as its paths share no link. */
function count(
  { demandBps, linkStart, pathLinks }: Problem,
  { demand, path, isFirst }: { readonly demand: number; readonly path: number; readonly isFirst: boolean },
  { countedFor, potentialBps, rate, leaf }: Growth,
): void {
  const bps = demandBps[demand] as number;
  const links = pathLinks.subarray(linkStart[path], linkStart[path + 1]);
  if (isFirst || links.every((e) => countedFor[e] !== demand)) {
    const node = leaf[path] as number;
    rate[node] = (rate[node] as number) + bps;
    for (const e of links) countedFor[e] = demand;
    return;
  }
  for (const e of links) {
    if (countedFor[e] === demand) continue;
    countedFor[e] = demand;
    potentialBps[e] = (potentialBps[e] as number) + bps;
  }
}

/** Sums rates towards the root, and makes room for the next group. */
function closeGroup(growth: Growth, paths: readonly number[]): Group {
  const { parent, link, rate, newest, potentialBps, size } = growth;
  for (let i = size - 1; i > 0; i--) {
    const e = link[i] as number;
    const above = parent[i] as number;
    potentialBps[e] = (potentialBps[e] as number) + (rate[i] as number);
    rate[above] = (rate[above] as number) + (rate[i] as number);
    rate[i] = 0;
    newest[e] = 0;
  }
  rate[0] = 0;
  growth.size = 1;
  return { parent: parent.slice(0, size), link: link.slice(0, size), paths };
}

function contract({ linkCount }: Problem, groups: readonly Group[], contested: Uint8Array, leaf: Int32Array): ContractedTries {
  const nodeStart = [0];
  const parents: number[] = [];
  const links: number[] = [];
  for (const { parent, link, paths } of groups) {
    // Per node: the first node towards the root that stays, and its level.
    const stays = new Int32Array(parent.length);
    const level = new Int32Array(parent.length);
    const order = [0];
    for (let i = 1; i < parent.length; i++) {
      const above = stays[parent[i] as number] as number;
      const isContested = contested[link[i] as number] === 1;
      stays[i] = isContested ? i : above;
      level[i] = (level[above] as number) + (isContested ? 1 : 0);
      if (isContested) order.push(i);
    }
    order.sort((a, b) => (level[a] as number) - (level[b] as number) || a - b);
    const number = new Int32Array(parent.length);
    order.forEach((i, to) => {
      number[i] = to;
    });
    for (const i of order) {
      parents.push(number[stays[parent[i] as number] as number] as number);
      links.push(i === 0 ? linkCount : (link[i] as number));
    }
    for (const path of paths) leaf[path] = number[stays[leaf[path] as number] as number] as number;
    nodeStart.push(parents.length);
  }
  return { nodeStart: Int32Array.from(nodeStart), parent: Uint16Array.from(parents), link: Uint16Array.from(links), leaf };
}
