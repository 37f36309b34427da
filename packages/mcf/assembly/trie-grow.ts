/** Builds the tries of a block of destinations; see trie.ts. */
import {
  blockStartAt, byBlockAt, closedAt, countedForAt, demandDstAt, demandStartAt, demandsDone, edgesAt, field, groupCount, groupDemandAt,
  groupLeafAt, growthAt, hasClosed, headWords, leavesAt, leavesDone, linkStartAt, linksAt, nodesMax, pathStartAt, potentialAt, rateAt, rootAt,
  runCount, runsAt, setWord, slotsAt, streamAt, vectorWords, wordOf, wordsAt,
} from "./trie-record";

/** Links between two demands that are rather fetched as well than left out: a fetch costs about as much as so many links. */
const runGap: i32 = 256;

// A node while its group is built: where the stream has the links that made it, how many these are up to the destination, the node in the same
// slot made before (0: none), its parent's number and above 16 bits its link, the rates of demands that begin there.
const nodeBytes: usize = 32;
const maker: usize = 0;
const depth: usize = 4;
const sameSlot: usize = 8;
const parentAndLink: usize = 12;
const rateHere: usize = 16;

/** Lists what a block needs of the problem's path links, as runs from .. to, in order: the caller writes these one after the other. */
export function gather(record: usize, block: i32): void {
  const pathStart = field(record, pathStartAt);
  const linkStart = field(record, linkStartAt);
  const byBlock = field(record, byBlockAt);
  const blockStart = field(record, blockStartAt);
  const start = field(record, demandStartAt);
  let run = field(record, runsAt) - 8;
  let runs: i32 = 0;
  let runEnd: i32 = -runGap - 1;
  const end = wordOf(start, wordOf(blockStart, block + 1));
  for (let i = wordOf(start, wordOf(blockStart, block)); i < end; i++) {
    const d = wordOf(byBlock, i);
    const from = wordOf(linkStart, wordOf(pathStart, d));
    if (from - runEnd > runGap) {
      run += 8;
      runs++;
      store<i32>(run, from);
    }
    runEnd = wordOf(linkStart, wordOf(pathStart, d + 1));
    store<i32>(run, runEnd, 4);
  }
  store<i32>(record, runs, runCount);
}

/** Deals the block's paths to their destinations' streams, and builds these one after the other. */
export function grow(record: usize, block: i32): void {
  const first = wordOf(field(record, blockStartAt), block);
  const last = wordOf(field(record, blockStartAt), block + 1);
  const words = field(record, wordsAt);
  const stream = field(record, streamAt);
  let at = stream;
  for (let v = first; v < last; v++) {
    const bytes = <usize>(wordOf(words, v) + vectorWords) << 1;
    setWord(words, v, <i32>at);
    at += bytes;
  }
  deal(record, block);
  at = stream;
  for (let v = first; v < last; v++) {
    const end = <usize>wordOf(words, v);
    while (at < end) at = insert(record, at, end);
    at = end + (<usize>vectorWords << 1);
  }
}

function deal(record: usize, block: i32): void {
  const someClosed = load<i32>(record, hasClosed) !== 0;
  const dst = field(record, demandDstAt);
  const pathStart = field(record, pathStartAt);
  const linkStart = field(record, linkStartAt);
  const closed = field(record, closedAt);
  const byBlock = field(record, byBlockAt);
  const blockStart = field(record, blockStartAt);
  const start = field(record, demandStartAt);
  const cursors = field(record, wordsAt);
  let run = field(record, runsAt);
  // Where the problem's link 0 would be, if this run were all of its path links.
  let base = field(record, linksAt) - (<usize>load<i32>(run) << 2);
  const end = wordOf(start, wordOf(blockStart, block + 1));
  for (let i = wordOf(start, wordOf(blockStart, block)); i < end; i++) {
    const d = wordOf(byBlock, i);
    const pathEnd = wordOf(pathStart, d + 1);
    let p = wordOf(pathStart, d);
    if (wordOf(linkStart, pathEnd) > load<i32>(run, 4)) {
      base += <usize>(load<i32>(run, 4) - load<i32>(run, 8)) << 2;
      run += 8;
    }
    const v = wordOf(dst, d);
    const head = <usize>wordOf(cursors, v);
    let to = head + (<usize>headWords << 1);
    let paths: i32 = 0;
    let links: i32 = 0;
    let from = base + (<usize>wordOf(linkStart, p) << 2);
    for (; p < pathEnd; p++) {
      const next = base + (<usize>wordOf(linkStart, p + 1) << 2);
      if (!someClosed || load<u8>(closed + <usize>p) === 0) {
        const count = <i32>((next - from) >> 2);
        store<u16>(to, <u16>count);
        to += 2;
        for (let k: usize = 0; k < <usize>count; k += 8) {
          v128.store(to + (k << 1), i16x8.narrow_i32x4_u(v128.load(from + (k << 2)), v128.load(from + (k << 2), 16)));
        }
        to += <usize>count << 1;
        paths++;
        links += count;
      }
      from = next;
    }
    store<u16>(head, <u16>paths);
    store<u16>(head, <u16>links, 2);
    setWord(cursors, v, <i32>to);
  }
}

/** Nodes of a group are found through so many slots, by what comes next on the way to the destination. */
const slotBits: u64 = 12;

/** The slot of a node with `left` links to the destination, of which up to four count. */
// @ts-ignore: decorator
@inline
function slotOf(slots: usize, at: usize, left: i32): usize {
  let links = load<u64>(at);
  if (left < 4) links &= (<u64>1 << (<u64>left << 4)) - 1;
  // Fibonacci hashing: multiplied by 2^64 over the golden ratio.
  return slots + (<usize>(((links + <u64>left) * 0x9e3779b97f4a7c15) >> (64 - slotBits)) << 2);
}

/** Whether `count` links are the same here and there. */
// @ts-ignore: decorator
@inline
function areSame(a: usize, b: usize, count: i32): bool {
  for (; count >= 8; count -= 8, a += 16, b += 16) {
    if (i16x8.bitmask(i16x8.eq(v128.load(a), v128.load(b))) !== 0xff) return false;
  }
  return ((i16x8.bitmask(i16x8.eq(v128.load(a), v128.load(b))) | (0xff << count)) & 0xff) === 0xff;
}

/**
 * Builds a group from the stream, up to its end or to where the trie could have too many nodes; returns where that is. A path is read from its
 * source on, until a node is found whose links to the destination are those that are left: the rest of the path is there already.
 */
function insert(record: usize, at: usize, end: usize): usize {
  const root = field(record, growthAt);
  const slots = field(record, slotsAt);
  const countedFor = field(record, countedForAt);
  const potential = field(record, potentialAt);
  const room = root + field(record, nodesMax) * nodeBytes;
  let demand = load<i32>(record, demandsDone);
  let rates = field(record, rateAt) + (<usize>demand << 3);
  let leaves = field(record, leavesAt) + (field(record, leavesDone) << 1);
  let top = root + nodeBytes;
  store<f64>(root, 0, rateHere);
  memory.fill(slots, 0, <usize>4 << <usize>slotBits);
  while (at < end) {
    if (top + <usize>load<u16>(at, 2) * nodeBytes > room) break;
    demand++;
    const bps = load<f64>(rates);
    rates += 8;
    const paths = <i32>load<u16>(at);
    at += <usize>headWords << 1;
    for (let p = 0; p < paths; p++) {
      let left = <i32>load<u16>(at);
      const begin = at + 2;
      at = begin + (<usize>left << 1);
      let node: usize = 0;
      let k = begin;
      for (; k < at; k += 2, left--) {
        node = <usize>load<u32>(slotOf(slots, k, left));
        while (node !== 0) {
          if (load<i32>(node, depth) === left && areSame(k, <usize>load<u32>(node, maker), left)) break;
          node = <usize>load<u32>(node, sameSlot);
        }
        if (node !== 0) break;
      }
      if (node === 0) node = root;
      for (k -= 2; k >= begin; k -= 2) {
        const e = <usize>load<u16>(k);
        left++;
        store<u32>(top, <u32>k, maker);
        store<i32>(top, left, depth);
        const slot = slotOf(slots, k, left);
        store<u32>(top, load<u32>(slot), sameSlot);
        store<u32>(top, (<u32>e << 16) | <u32>((node - root) / nodeBytes), parentAndLink);
        store<f64>(top, 0, rateHere);
        store<u32>(slot, <u32>top);
        node = top;
        top += nodeBytes;
      }
      store<u16>(leaves, <u16>((node - root) / nodeBytes));
      leaves += 2;
      // Paths of a demand seldom share a link; where they do not, what crosses the path's links is known from its node alone.
      let shared: i32 = 0;
      if (p > 0) for (let j = begin; j < at; j += 2) shared += i32(load<i32>(countedFor + (<usize>load<u16>(j) << 2)) === demand);
      if (shared === 0) {
        store<f64>(node, load<f64>(node, rateHere) + bps, rateHere);
        if (p < paths - 1) for (let j = begin; j < at; j += 2) store<i32>(countedFor + (<usize>load<u16>(j) << 2), demand);
      } else {
        for (let j = begin; j < at; j += 2) {
          const e = <usize>load<u16>(j);
          if (load<i32>(countedFor + (e << 2)) === demand) continue;
          store<i32>(countedFor + (e << 2), demand);
          store<f64>(potential + (e << 3), load<f64>(potential + (e << 3)) + bps);
        }
      }
    }
  }
  store<u32>(record, <u32>((leaves - field(record, leavesAt)) >> 1), leavesDone);
  store<i32>(record, demand, demandsDone);
  closeGroup(record, root, top);
  return at;
}

/** Sums rates towards the root, keeps parents and links. */
function closeGroup(record: usize, root: usize, top: usize): void {
  const potential = field(record, potentialAt);
  const group = load<i32>(record, groupCount);
  const roots = field(record, rootAt);
  const begin = wordOf(roots, group);
  const count = <i32>((top - root) / nodeBytes);
  store<i32>(record, group + 1, groupCount);
  setWord(roots, group + 1, begin + count);
  setWord(field(record, groupDemandAt), group + 1, load<i32>(record, demandsDone));
  setWord(field(record, groupLeafAt), group + 1, load<i32>(record, leavesDone));
  const edges = field(record, edgesAt) + (<usize>begin << 2);
  let to = edges + (<usize>count << 2);
  for (let node = top - nodeBytes; node > root; node -= nodeBytes) {
    const both = load<u32>(node, parentAndLink);
    to -= 4;
    store<u32>(to, both);
    const e = <usize>(both >>> 16);
    const above = root + <usize>(both & 0xffff) * nodeBytes;
    const bps = load<f64>(node, rateHere);
    store<f64>(potential + (e << 3), load<f64>(potential + (e << 3)) + bps);
    store<f64>(above, load<f64>(above, rateHere) + bps, rateHere);
  }
}
