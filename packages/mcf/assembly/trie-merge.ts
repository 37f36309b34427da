/**
 * Merges what is equal without links that are not contested; see trie.ts. Groups whose tries then end in the same links become one: its
 * trie has each node that any of theirs has, once; and its demands with the same nodes become one, with the sum of their rates.
 * src/trie/reference-merge.ts does the same. In place of `contract`: it goes from the full tries.
 */
import {
  closedAt, contestedAt, demandCount, demandOfAt, demandTableAt, demandsAt, edgesAt, endStartAt, endsAt, field, groupCount, groupDemandAt,
  groupLeafAt, hasClosed, leavesAt, levelAt, linkCount, mergedCount, mergedDemandAt, mergedLeafAt, mergedLinkAt, mergedNodeAt,
  mergedParentAt, mergedPathAt, mergedRateAt, nextAt, nextInClusterAt, numberAt, pathCount, pathOfAt, pathStartAt, rateAt, rootAt,
  setWord, signatureAt, sizeAt, stampAt, tableAt, wordOf,
} from "./trie-record";

/** Most nodes of a merged trie, by the sum of those of its groups. */
const nodesMax: i32 = 65535;

/** Nodes of one cluster found by parent and link, demands by their nodes: open addressing. */
let nodeMask: u32 = 0;
let demandMask: u32 = 0;
/** Of the cluster that is being built: nodes, and where its nodes, demands and paths begin. */
let nodes: i32 = 0;
let nodeBase: i32 = 0;
let demandBase: i32 = 0;
/** Merged demands and paths so far. */
let demands: i32 = 0;
let paths: i32 = 0;

export function merge(record: usize): void {
  const groups = load<i32>(record, groupCount);
  const nextInCluster = field(record, nextInClusterAt);
  findClusters(record, groups);
  let clusters: i32 = 0;
  nodeBase = 0;
  demands = 0;
  paths = 0;
  setWord(field(record, mergedPathAt), 0, 0);
  memory.fill(field(record, pathOfAt), 0xff, <usize>load<i32>(record, pathCount) << 2);
  memory.fill(field(record, demandOfAt), 0xff, <usize>load<i32>(record, demandCount) << 2);
  for (let g: i32 = 0; g < groups; g++) {
    // Groups that are not the first of their cluster were built with it.
    if (wordOf(field(record, signatureAt), g) === 0) continue;
    demandBase = demands;
    setWord(field(record, mergedNodeAt), clusters, nodeBase);
    setWord(field(record, mergedDemandAt), clusters, demandBase);
    openTables(record, g);
    nodes = 1;
    const firstPath = paths;
    for (let member = g; member >= 0; member = wordOf(nextInCluster, member)) {
      mergeNodes(record, member);
      mergeDemands(record, member);
    }
    numberByLevel(record, firstPath);
    nodeBase += nodes;
    clusters++;
  }
  setWord(field(record, mergedNodeAt), clusters, nodeBase);
  setWord(field(record, mergedDemandAt), clusters, demands);
  store<i32>(record, clusters, mergedCount);
}

/** Links groups whose tries end in the same links, one after the other; `signature` is left 0 for all but the first of each cluster. */
function findClusters(record: usize, groups: i32): void {
  const nextInCluster = field(record, nextInClusterAt);
  const signature = field(record, signatureAt);
  const last = field(record, demandOfAt);
  const size = field(record, sizeAt);
  for (let g: i32 = 0; g < groups; g++) {
    const own = stampEnds(record, g, g + 1);
    const count = wordOf(size, g);
    let found: i32 = -1;
    for (let c: i32 = 0; c < g && found < 0; c++) {
      if (<u32>wordOf(signature, c) === own && wordOf(size, c) + count <= nodesMax && areEnds(record, c, g + 1)) found = c;
    }
    setWord(nextInCluster, g, -1);
    if (found < 0) {
      setWord(signature, g, <i32>own);
      setWord(last, g, g);
    } else {
      setWord(signature, g, 0);
      setWord(size, found, wordOf(size, found) + count);
      setWord(nextInCluster, wordOf(last, found), g);
      setWord(last, found, g);
    }
  }
}

/**
 * Stamps the links that are a group's last contested ones, on the way to its destination, lists them in `ends`, and returns what tells sets of
 * them apart: never 0. Writes how many contested nodes the group has, its root included, to `size`.
 */
function stampEnds(record: usize, group: i32, stamped: i32): u32 {
  const contested = field(record, contestedAt);
  const roots = field(record, rootAt);
  const nodesHere = wordOf(roots, group + 1) - wordOf(roots, group);
  const edges = field(record, edgesAt) + (<usize>wordOf(roots, group) << 2);
  const stamp = field(record, stampAt);
  const below = field(record, levelAt);
  const ends = field(record, endsAt);
  const endStart = field(record, endStartAt);
  if (group === 0) setWord(endStart, 0, 0);
  let end = wordOf(endStart, group);
  let count: i32 = 1;
  let sum: u32 = 0;
  store<u16>(below, 0);
  for (let i: usize = 1; i < <usize>nodesHere; i++) {
    const both = load<u32>(edges + (i << 2));
    const e = both >>> 16;
    // Whether a contested link lies between this node and the root.
    let isBelow = <i32>load<u16>(below + (<usize>(both & 0xffff) << 1));
    if (load<u8>(contested + <usize>e) !== 0) {
      count++;
      if (isBelow === 0 && wordOf(stamp, <i32>e) !== stamped) {
        setWord(stamp, <i32>e, stamped);
        setWord(ends, end++, <i32>e);
        sum += (e + 1) * 0x9e3779b1 ^ (e * 0x85ebca77 >>> 7);
      }
      isBelow = 1;
    }
    store<u16>(below + (i << 1), <u16>isBelow);
  }
  setWord(endStart, group + 1, end);
  setWord(field(record, sizeAt), group, count);
  return (sum << 8) | (<u32>min(end - wordOf(endStart, group) + 1, 255));
}

/** Whether the last contested links of a group before are just those of the newest one, which are stamped. */
function areEnds(record: usize, group: i32, stamped: i32): bool {
  const ends = field(record, endsAt);
  const endStart = field(record, endStartAt);
  const stamp = field(record, stampAt);
  const from = wordOf(endStart, group);
  const count = wordOf(endStart, group + 1) - from;
  if (count !== wordOf(endStart, stamped) - wordOf(endStart, stamped - 1)) return false;
  for (let i: i32 = 0; i < count; i++) if (wordOf(stamp, wordOf(ends, from + i)) !== stamped) return false;
  return true;
}

/** Tables for the nodes and demands of a cluster, half empty at least. */
function openTables(record: usize, first: i32): void {
  const groupDemand = field(record, groupDemandAt);
  const nextInCluster = field(record, nextInClusterAt);
  const nodesOfAll = wordOf(field(record, sizeAt), first);
  let demandsOfAll: i32 = 0;
  for (let g = first; g >= 0; g = wordOf(nextInCluster, g)) {
    demandsOfAll += wordOf(groupDemand, g + 1) - wordOf(groupDemand, g);
  }
  nodeMask = maskFor(nodesOfAll);
  demandMask = maskFor(demandsOfAll);
  memory.fill(field(record, tableAt), 0, (<usize>nodeMask + 1) << 3);
  memory.fill(field(record, demandTableAt), 0, (<usize>demandMask + 1) << 2);
}

// @ts-ignore: decorator
@inline
function maskFor(count: i32): u32 {
  return <u32>((1 << (33 - clz(max(count, 4)))) - 1);
}

/** Writes to `number` which node of the cluster each node of the group is: that of its nearest contested link towards the root. */
function mergeNodes(record: usize, group: i32): void {
  const contested = field(record, contestedAt);
  const from = wordOf(field(record, rootAt), group);
  const count = wordOf(field(record, rootAt), group + 1) - from;
  const edges = field(record, edgesAt) + (<usize>from << 2);
  const number = field(record, numberAt);
  const level = field(record, levelAt);
  const table = field(record, tableAt);
  const mergedParent = field(record, mergedParentAt) + (<usize>nodeBase << 1);
  const mergedLink = field(record, mergedLinkAt) + (<usize>nodeBase << 1);
  store<u16>(number, 0);
  // Of the cluster's nodes: those of earlier groups have theirs.
  store<u16>(level, 0);
  for (let i: usize = 1; i < <usize>count; i++) {
    const both = load<u32>(edges + (i << 2));
    const above = <u32>load<u16>(number + (<usize>(both & 0xffff) << 1));
    const e = both >>> 16;
    if (load<u8>(contested + <usize>e) === 0) {
      store<u16>(number + (i << 1), <u16>above);
      continue;
    }
    const key = (above << 16) | e;
    let at = (key * 0x9e3779b1 >>> 8) & nodeMask;
    for (;;) {
      const entry = table + (<usize>at << 3);
      const known = load<u32>(entry, 4);
      if (known === 0) {
        store<u32>(entry, key);
        store<u32>(entry, <u32>nodes, 4);
        store<u16>(number + (i << 1), <u16>nodes);
        store<u16>(mergedParent + (<usize>nodes << 1), <u16>above);
        store<u16>(mergedLink + (<usize>nodes << 1), <u16>e);
        store<u16>(level + (<usize>nodes << 1), <u16>(<u32>load<u16>(level + (<usize>above << 1)) + 1));
        nodes++;
        break;
      }
      if (load<u32>(entry) === key) {
        store<u16>(number + (i << 1), <u16>known);
        break;
      }
      at = (at + 1) & nodeMask;
    }
  }
}

/** Puts each demand of a group to one that has the same nodes, or at the end of the cluster's. */
function mergeDemands(record: usize, group: i32): void {
  const someClosed = load<i32>(record, hasClosed) !== 0;
  const closed = field(record, closedAt);
  const number = field(record, numberAt);
  const order = field(record, demandsAt);
  const pathStart = field(record, pathStartAt);
  let leaf = field(record, leavesAt) + (<usize>wordOf(field(record, groupLeafAt), group) << 1);
  const rate = field(record, rateAt);
  const pathOf = field(record, pathOfAt);
  const demandOf = field(record, demandOfAt);
  const table = field(record, demandTableAt);
  const mergedPath = field(record, mergedPathAt);
  const mergedLeaf = field(record, mergedLeafAt);
  const mergedRate = field(record, mergedRateAt);
  const end = wordOf(field(record, groupDemandAt), group + 1);
  for (let i = wordOf(field(record, groupDemandAt), group); i < end; i++) {
    const d = wordOf(order, i);
    const pathEnd = wordOf(pathStart, d + 1);
    // The nodes of its open paths in rising order, each once, behind those of the demands so far.
    let count: i32 = 0;
    let isFree = false;
    const firstLeaf = leaf;
    for (let p = wordOf(pathStart, d); p < pathEnd; p++) {
      if (someClosed && load<u8>(closed + <usize>p) !== 0) continue;
      const node = <i32>load<u16>(number + (<usize>load<u16>(leaf) << 1));
      leaf += 2;
      if (node === 0) isFree = true;
      let j = paths + count;
      while (j > paths && wordOf(mergedLeaf, j - 1) > node) j--;
      if (j > paths && wordOf(mergedLeaf, j - 1) === node) continue;
      for (let k = paths + count; k > j; k--) setWord(mergedLeaf, k, wordOf(mergedLeaf, k - 1));
      setWord(mergedLeaf, j, node);
      count++;
    }
    // Where one path crosses no contested link, all the demand goes there.
    if (isFree) count = 1;
    let hash: u32 = <u32>count;
    for (let j = paths; j < paths + count; j++) hash = (hash ^ <u32>wordOf(mergedLeaf, j)) * 0x9e3779b1;
    let at = (hash >>> 8) & demandMask;
    let merged: i32 = -1;
    for (;;) {
      const entry = table + (<usize>at << 2);
      const known = load<i32>(entry);
      if (known === 0) {
        merged = demands++;
        store<i32>(entry, merged - demandBase + 1);
        store<f64>(mergedRate + (<usize>merged << 3), 0);
        paths += count;
        setWord(mergedPath, demands, paths);
        break;
      }
      if (isSame(record, demandBase + known - 1, count)) {
        merged = demandBase + known - 1;
        break;
      }
      at = (at + 1) & demandMask;
    }
    setWord(demandOf, d, merged);
    const sum = mergedRate + (<usize>merged << 3);
    store<f64>(sum, load<f64>(sum) + load<f64>(rate + (<usize>i << 3)));
    const from = wordOf(mergedPath, merged);
    leaf = firstLeaf;
    for (let p = wordOf(pathStart, d), taken: i32 = 0; p < pathEnd; p++) {
      if (someClosed && load<u8>(closed + <usize>p) !== 0) continue;
      const node = <i32>load<u16>(number + (<usize>load<u16>(leaf) << 1));
      leaf += 2;
      for (let j: i32 = 0; j < count; j++) {
        if (wordOf(mergedLeaf, from + j) !== node || (taken >>> j & 1) !== 0) continue;
        taken |= 1 << j;
        setWord(pathOf, p, from + j);
        break;
      }
    }
  }
}

/** Whether a merged demand has the nodes that stand behind the last one. */
function isSame(record: usize, demand: i32, count: i32): bool {
  const mergedPath = field(record, mergedPathAt);
  const leaves = field(record, mergedLeafAt);
  const from = wordOf(mergedPath, demand);
  if (wordOf(mergedPath, demand + 1) - from !== count) return false;
  for (let j: i32 = 0; j < count; j++) if (wordOf(leaves, from + j) !== wordOf(leaves, paths + j)) return false;
  return true;
}

/** Numbers the cluster's nodes by level, and within one in the order in which they were made. */
function numberByLevel(record: usize, firstPath: i32): void {
  const level = field(record, levelAt);
  const number = field(record, numberAt);
  const next = field(record, nextAt);
  const copy = field(record, tableAt);
  const parent = field(record, mergedParentAt) + (<usize>nodeBase << 1);
  const link = field(record, mergedLinkAt) + (<usize>nodeBase << 1);
  const mergedLeaf = field(record, mergedLeafAt);
  let levels: i32 = 1;
  setWord(next, 0, 0);
  setWord(next, 1, 1);
  for (let i: i32 = 1; i < nodes; i++) {
    const l = <i32>load<u16>(level + (<usize>i << 1));
    // A node is one level below its parent, which was made before: levels come one after the other.
    if (l === levels) setWord(next, ++levels, 0);
    setWord(next, l + 1, wordOf(next, l + 1) + 1);
  }
  for (let l: i32 = 0; l < levels; l++) setWord(next, l + 1, wordOf(next, l) + wordOf(next, l + 1));
  store<u16>(number, 0);
  store<u16>(parent, 0);
  store<u16>(link, load<u16>(record, linkCount));
  for (let i: usize = 1; i < <usize>nodes; i++) {
    store<u32>(copy + (i << 2), (<u32>load<u16>(link + (i << 1)) << 16) | <u32>load<u16>(parent + (i << 1)));
    const l = <i32>load<u16>(level + (i << 1));
    const to = wordOf(next, l);
    setWord(next, l, to + 1);
    store<u16>(number + (i << 1), <u16>to);
  }
  for (let i: usize = 1; i < <usize>nodes; i++) {
    const both = load<u32>(copy + (i << 2));
    const to = <usize>load<u16>(number + (i << 1));
    store<u16>(parent + (to << 1), load<u16>(number + (<usize>(both & 0xffff) << 1)));
    store<u16>(link + (to << 1), <u16>(both >>> 16));
  }
  for (let p = firstPath; p < paths; p++) setWord(mergedLeaf, p, <i32>load<u16>(number + (<usize>wordOf(mergedLeaf, p) << 1)));
}
