/** Takes links that are not contested out of tries; see trie.ts. */
import {
  closedAt, contestedAt, demandsAt, edgesAt, field, groupCount, groupDemandAt, hasClosed, leafAt, leavesAt, levelAt, linkAt, linkCount,
  nextAt, nodeStartAt, numberAt, parentAt, pathStartAt, rootAt, setWord, wordOf,
} from "./trie-record";

/** The groups' tries without links that are not contested, each numbered by level from its root on, and each open path's node in them. */
export function contract(record: usize): void {
  const groups = load<i32>(record, groupCount);
  const roots = field(record, rootAt);
  const nodeStart = field(record, nodeStartAt);
  let leaves = field(record, leavesAt);
  let count: i32 = 0;
  store<u16>(field(record, levelAt), 0);
  store<u16>(field(record, numberAt), 0);
  for (let g: i32 = 0; g < groups; g++) {
    const size = wordOf(roots, g + 1) - wordOf(roots, g);
    const edges = field(record, edgesAt) + (<usize>wordOf(roots, g) << 2);
    countLevels(record, edges, size);
    setWord(nodeStart, g, count);
    count += renumber(record, edges, size, count);
    leaves = writeLeaves(record, g, leaves);
  }
  setWord(nodeStart, groups, count);
}

/** Levels of nodes that stay; those of the others are their parents'. Of level l, word l of `next` says how many nodes come before. */
function countLevels(record: usize, edges: usize, size: i32): void {
  const contested = field(record, contestedAt);
  const level = field(record, levelAt);
  const next = field(record, nextAt);
  let levels: i32 = 1;
  setWord(next, 0, 0);
  setWord(next, 1, 1);
  for (let i: usize = 1; i < <usize>size; i++) {
    const both = load<u32>(edges + (i << 2));
    let l = <i32>load<u16>(level + (<usize>(both & 0xffff) << 1));
    if (load<u8>(contested + <usize>(both >>> 16)) !== 0) {
      if (++l === levels) setWord(next, ++levels, 0);
      setWord(next, l + 1, wordOf(next, l + 1) + 1);
    }
    store<u16>(level + (i << 1), <u16>l);
  }
  for (let l: i32 = 0; l < levels; l++) setWord(next, l + 1, wordOf(next, l) + wordOf(next, l + 1));
}

/** Writes a group's nodes that stay from `base` on; returns how many these are. */
function renumber(record: usize, edges: usize, size: i32, base: i32): i32 {
  const contested = field(record, contestedAt);
  const level = field(record, levelAt);
  const number = field(record, numberAt);
  const next = field(record, nextAt);
  const parent = field(record, parentAt) + (<usize>base << 1);
  const link = field(record, linkAt) + (<usize>base << 1);
  let count: i32 = 1;
  store<u16>(parent, 0);
  store<u16>(link, load<u16>(record, linkCount));
  for (let i: usize = 1; i < <usize>size; i++) {
    const both = load<u32>(edges + (i << 2));
    let to = <i32>load<u16>(number + (<usize>(both & 0xffff) << 1));
    if (load<u8>(contested + <usize>(both >>> 16)) !== 0) {
      const above = to;
      const l = <i32>load<u16>(level + (i << 1));
      to = wordOf(next, l);
      setWord(next, l, to + 1);
      store<u16>(parent + (<usize>to << 1), <u16>above);
      store<u16>(link + (<usize>to << 1), <u16>(both >>> 16));
      count++;
    }
    store<u16>(number + (i << 1), <u16>to);
  }
  return count;
}

/** By path of the problem. Returns where the next group's leaves begin. */
function writeLeaves(record: usize, group: i32, leaves: usize): usize {
  const someClosed = load<i32>(record, hasClosed) !== 0;
  const closed = field(record, closedAt);
  const demands = field(record, demandsAt);
  const pathStart = field(record, pathStartAt);
  const number = field(record, numberAt);
  const leaf = field(record, leafAt);
  const groupDemand = field(record, groupDemandAt);
  const end = wordOf(groupDemand, group + 1);
  for (let i = wordOf(groupDemand, group); i < end; i++) {
    const d = wordOf(demands, i);
    const pathEnd = wordOf(pathStart, d + 1);
    for (let p = wordOf(pathStart, d); p < pathEnd; p++) {
      if (someClosed && load<u8>(closed + <usize>p) !== 0) continue;
      setWord(leaf, p, <i32>load<u16>(number + (<usize>load<u16>(leaves) << 1)));
      leaves += 2;
    }
  }
  return leaves;
}
