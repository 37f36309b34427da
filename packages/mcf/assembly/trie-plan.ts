/** Orders the demands of a problem for the building of tries; see trie.ts. */
import {
  blockCount, blockOfAt, blockStartAt, blockWords, byBlockAt, closedAt, demandBpsAt, demandCount, demandDstAt, demandStartAt, demandsAt,
  field, growthAt, hasClosed, headWords, leafAt, linkStartAt, linksOfDemandMax, nodeCount, pathCount, pathStartAt, rateAt, routableAt,
  setWord, wordOf, wordsAt,
} from "./trie-record";

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
