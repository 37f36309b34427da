/**
 * The kernels that build suffix tries, for 128-bit SIMD: `plan` orders the demands, `gather` and `grow` build the tries of a block of
 * destinations, `contract` ends. src/trie/compiled-tries.ts lays out the memory and calls them; src/trie/reference-tries.ts gives the same
 * tries, to the bit, in plain TypeScript.
 *
 * Problems often list demands source after source, and to fetch the paths to one destination from all over the memory costs more than to build
 * its trie. So a block of destinations is fetched at a time, in the problem's order, and dealt into a stream of 16-bit words for each of
 * them: demand after demand, the number of its open paths, the links of them all, then each path's links, headed by their number.
 */

// Byte offsets of the record's fields.
const demandCount: usize = 0;
const nodeCount: usize = 4;
const linkCount: usize = 8;
const pathCount: usize = 12;
const nodesMax: usize = 16;
const blockWords: usize = 20;
const hasClosed: usize = 24;
const demandBpsAt: usize = 28;
const demandDstAt: usize = 32;
const pathStartAt: usize = 36;
const linkStartAt: usize = 40;
const closedAt: usize = 44;
const routableAt: usize = 48;
const demandStartAt: usize = 52;
const wordsAt: usize = 56;
const blockStartAt: usize = 60;
const blockOfAt: usize = 64;
const demandsAt: usize = 68;
const byBlockAt: usize = 72;
const rateAt: usize = 76;
const runsAt: usize = 80;
const linksAt: usize = 84;
const streamAt: usize = 88;
const growthAt: usize = 92;
const slotsAt: usize = 96;
const countedForAt: usize = 100;
const potentialAt: usize = 104;
const edgesAt: usize = 108;
const leavesAt: usize = 112;
const rootAt: usize = 116;
const groupDemandAt: usize = 120;
const nodeStartAt: usize = 124;
const contestedAt: usize = 128;
const parentAt: usize = 132;
const linkAt: usize = 136;
const levelAt: usize = 140;
const numberAt: usize = 144;
const nextAt: usize = 148;
const leafAt: usize = 152;
const blockCount: usize = 156;
const runCount: usize = 160;
const groupCount: usize = 164;
const linksOfDemandMax: usize = 168;
const leavesDone: usize = 172;
const demandsDone: usize = 176;

// A node while its group is built: where the stream has the links that made it, how many these are up to the destination, the node in the same
// slot made before (0: none), its parent's number and above 16 bits its link, the rates of demands that begin there.
const nodeBytes: usize = 32;
const maker: usize = 0;
const depth: usize = 4;
const sameSlot: usize = 8;
const parentAndLink: usize = 12;
const rateHere: usize = 16;

/** Words before a demand's paths, and what a vector may write past the last of them. */
const headWords: i32 = 2;
const vectorWords: i32 = 8;
/** Links between two demands that are rather fetched as well than left out: a fetch costs about as much as so many links. */
const runGap: i32 = 256;

// @ts-ignore: decorator
@inline
function field(record: usize, offset: usize): usize {
  return <usize>load<u32>(record + offset);
}

// @ts-ignore: decorator
@inline
function wordOf(array: usize, i: i32): i32 {
  return load<i32>(array + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function setWord(array: usize, i: i32, value: i32): void {
  store<i32>(array + (<usize>i << 2), value);
}

/** Finds the demands with a rate and an open path; sorts them by destination, and by block of destinations. */
export function plan(record: usize): void {
  const demands = load<i32>(record, demandCount);
  const nodes = load<i32>(record, nodeCount);
  const someClosed = load<i32>(record, hasClosed) !== 0;
  const bps = field(record, demandBpsAt);
  const dst = field(record, demandDstAt);
  const pathStart = field(record, pathStartAt);
  const linkStart = field(record, linkStartAt);
  const closed = field(record, closedAt);
  const routable = field(record, routableAt);
  const start = field(record, demandStartAt);
  const words = field(record, wordsAt);
  let linksMax: i32 = 0;
  for (let d: i32 = 0; d < demands; d++) {
    if (!(load<f64>(bps + (<usize>d << 3)) > 0)) continue;
    const begin = wordOf(pathStart, d);
    const end = wordOf(pathStart, d + 1);
    let paths = end - begin;
    let links = wordOf(linkStart, end) - wordOf(linkStart, begin);
    if (someClosed) {
      for (let p = begin; p < end; p++) {
        if (load<u8>(closed + <usize>p) === 0) continue;
        paths--;
        links -= wordOf(linkStart, p + 1) - wordOf(linkStart, p);
      }
    }
    if (paths === 0) continue;
    store<u8>(routable + <usize>d, 1);
    linksMax = max(linksMax, links);
    const v = wordOf(dst, d);
    setWord(start, v + 1, wordOf(start, v + 1) + 1);
    setWord(words, v, wordOf(words, v) + headWords + paths + links);
  }
  store<i32>(record, linksMax, linksOfDemandMax);
  for (let v: i32 = 0; v < nodes; v++) setWord(start, v + 1, wordOf(start, v) + wordOf(start, v + 1));
  cutBlocks(record, nodes, words);

  // Counting sorts; the growing room lends counters.
  const free = field(record, growthAt);
  const freeOfBlock = free + (<usize>nodes << 2);
  const blockStart = field(record, blockStartAt);
  const blockOf = field(record, blockOfAt);
  for (let v: i32 = 0; v < nodes; v++) setWord(free, v, wordOf(start, v));
  for (let b: i32 = 0; b < load<i32>(record, blockCount); b++) setWord(freeOfBlock, b, wordOf(start, wordOf(blockStart, b)));
  const sorted = field(record, demandsAt);
  const byBlock = field(record, byBlockAt);
  const rate = field(record, rateAt);
  for (let d: i32 = 0; d < demands; d++) {
    if (load<u8>(routable + <usize>d) === 0) continue;
    const v = wordOf(dst, d);
    const i = wordOf(free, v);
    setWord(free, v, i + 1);
    setWord(sorted, i, d);
    store<f64>(rate + (<usize>i << 3), load<f64>(bps + (<usize>d << 3)));
    const b = wordOf(blockOf, v);
    const j = wordOf(freeOfBlock, b);
    setWord(freeOfBlock, b, j + 1);
    setWord(byBlock, j, d);
  }
  memory.fill(field(record, leafAt), 0xff, field(record, pathCount) << 2);
}

function cutBlocks(record: usize, nodes: i32, words: usize): void {
  const blockStart = field(record, blockStartAt);
  const blockOf = field(record, blockOfAt);
  const most = load<i32>(record, blockWords);
  let blocks: i32 = 0;
  let inBlock: i32 = 0;
  for (let v: i32 = 0; v < nodes; v++) {
    if (inBlock > 0 && inBlock + wordOf(words, v) > most) {
      setWord(blockStart, ++blocks, v);
      inBlock = 0;
    }
    setWord(blockOf, v, blocks);
    inBlock += wordOf(words, v);
  }
  setWord(blockStart, blocks + 1, nodes);
  store<i32>(record, blocks + 1, blockCount);
}

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
