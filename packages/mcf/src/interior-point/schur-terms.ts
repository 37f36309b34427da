/**
 * What the Schur complement is formed from: per demand, the rows its paths cross, together with the set of paths that cross each.
 *
 * Where one link is followed by one other only, and that other by the first preceded only, both lie on a chain:
 *
 *     a --> b --> c --> d        A path may begin or end inside a chain, and else takes all of it.
 *
 * Paths that take all of a chain cross one more row, "the chain", in place of its links; the matrix is formed over links and chains
 * and then folded onto links. On Kdl this leaves a third of the products of pairs.
 */
import type { PathTrie } from "../trie/path-trie.js";

export interface Chains {
  /** Contested links, those of a chain one after the other in order of travel: the rows. */
  readonly rowLink: Int32Array;
  /** Pairs, of chains of two and more links: first row, and number of rows. */
  readonly chains: Int32Array;
}

export interface SchurTerms extends Chains {
  /** Terms of demand block k: `terms[termStart[k] .. termStart[k + 1]]`. */
  readonly termStart: Int32Array;
  /**
   * Of a block: the number of runs; a pair per run, the set of paths (a bit a slot of the block) and the number of rows that
   * just these paths cross; then the rows of all runs. Row `rowLink.length + c` is chain c.
   */
  readonly terms: Uint16Array;
  /** Most runs of a block. */
  readonly runsMax: number;
}

const none = -1;
const several = -2;
/** Rows of a demand up to which sorting by insertion is the fastest. */
const insertionMax = 48;

/** O(nodes of the tries). */
export function findChains({ groupCount, nodeStart, parent, link, contested }: PathTrie): Chains {
  const linkCount = contested.length;
  const follower = new Int32Array(linkCount).fill(none);
  const leader = new Int32Array(linkCount).fill(none);
  const note = (of: Int32Array, e: number, f: number): void => {
    if (of[e] !== f) of[e] = of[e] === none ? f : several;
  };
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    for (let i = (nodeStart[g + 1] as number) - 1; i > base; i--) {
      const above = parent[i] as number;
      if (above === 0) continue;
      const e = link[i] as number;
      const f = link[base + above] as number;
      note(follower, e, f);
      note(leader, f, e);
    }
  }
  const chained = (e: number): number => {
    const f = follower[e] as number;
    return f >= 0 && leader[f] === e ? f : none;
  };
  const begins = (e: number): boolean => {
    const before = leader[e] as number;
    return before < 0 || follower[before] !== e;
  };
  const rowLink: number[] = [];
  const chains: number[] = [];
  const placed = new Uint8Array(linkCount);
  const place = (begin: number): void => {
    const first = rowLink.length;
    for (let e = begin; e !== none && placed[e] === 0; e = chained(e)) {
      placed[e] = 1;
      rowLink.push(e);
    }
    if (rowLink.length - first > 1) chains.push(first, rowLink.length - first);
  };
  for (let e = 0; e < linkCount; e++) if (contested[e] === 1 && begins(e)) place(e);
  // What is left lies on rings that no path enters or leaves.
  for (let e = 0; e < linkCount; e++) if (contested[e] === 1 && placed[e] === 0) place(e);
  return { rowLink: Int32Array.from(rowLink), chains: Int32Array.from(chains) };
}

export interface BlockSlots {
  /** Blocks of group g: `groupBlock[g] .. groupBlock[g + 1]`; slots of block k: `slotStart[k] .. slotStart[k + 1]`. */
  readonly groupBlock: Int32Array;
  readonly slotStart: Int32Array;
  /** Per slot, the node at which its path begins, within its group. */
  readonly slotNode: Uint16Array;
}

/** O(contested links of all paths). Undefined where `isOver`, asked before each group, ended it. */
export function schurTerms(
  trie: PathTrie,
  chains: Chains,
  { groupBlock, slotStart, slotNode }: BlockSlots,
  isOver: () => boolean,
): SchurTerms | undefined {
  const { nodeStart, parent, link } = trie;
  const crossing = new BlockCrossing(chains, trie.contested.length);
  const blockCount = slotStart.length - 1;
  const termStart = new Int32Array(blockCount + 1);
  const terms = new TermList(Math.max(1024, 8 * blockCount));
  for (let g = 0; g < trie.groupCount; g++) {
    if (isOver()) return undefined;
    const base = nodeStart[g] as number;
    for (let k = groupBlock[g] as number; k < (groupBlock[g + 1] as number); k++) {
      const from = slotStart[k] as number;
      for (let slot = from; slot < (slotStart[k + 1] as number); slot++) {
        crossing.beginPath(slot - from);
        for (let i = slotNode[slot] as number; i > 0; i = parent[base + i] as number) crossing.cross(link[base + i] as number);
        crossing.endPath();
      }
      crossing.flush(terms);
      termStart[k + 1] = terms.length;
    }
  }
  return { ...chains, termStart, terms: terms.values.slice(0, terms.length), runsMax: terms.runsMax };
}

/** Collects the rows of one demand's paths. */
class BlockCrossing {
  readonly #rowCount: number;
  readonly #rowOf: Int32Array;
  /** Per row: its chain or -1, whether it is the chain's first row, and the last row of it. */
  readonly #chainOf: Int32Array;
  readonly #chains: Int32Array;
  /** Per row or chain: the paths of this demand that cross it. */
  readonly #paths: Uint16Array;
  readonly #keys: Uint32Array;
  #crossed: number[] = [];
  #bit = 0;
  /** Rows begin .. end of a chain that the path crosses without a break. */
  #begin = 0;
  #end = 0;

  constructor({ rowLink, chains }: Chains, linkCount: number) {
    this.#rowCount = rowLink.length;
    this.#rowOf = new Int32Array(linkCount).fill(none);
    rowLink.forEach((e, row) => (this.#rowOf[e] = row));
    this.#chains = chains;
    this.#chainOf = new Int32Array(rowLink.length).fill(none);
    for (let c = 0; c < chains.length / 2; c++) {
      const first = chains[2 * c] as number;
      this.#chainOf.fill(c, first, first + (chains[2 * c + 1] as number));
    }
    this.#paths = new Uint16Array(rowLink.length + chains.length / 2);
    this.#keys = new Uint32Array(this.#paths.length);
  }

  beginPath(position: number): void {
    this.#bit = 1 << position;
    this.#begin = 0;
    this.#end = 0;
  }

  cross(link: number): void {
    const row = this.#rowOf[link] as number;
    const chain = this.#chainOf[row] as number;
    if (row === this.#end && this.#end > this.#begin && chain !== none && chain === this.#chainOf[row - 1]) {
      this.#end++;
      return;
    }
    this.endPath();
    this.#begin = row;
    this.#end = row + 1;
  }

  endPath(): void {
    if (this.#end === this.#begin) return;
    const chain = this.#chainOf[this.#begin] as number;
    if (chain !== none && this.#end - this.#begin === this.#chains[2 * chain + 1]) this.#mark(this.#rowCount + chain, this.#bit);
    else for (let row = this.#begin; row < this.#end; row++) this.#mark(row, this.#bit);
    this.#begin = this.#end;
  }

  /** Rows by their set of paths, then by number: the order in which the kernel runs through memory. */
  flush(terms: TermList): void {
    this.#breakChains();
    const keys = this.#sortedKeys();
    terms.reserve(1 + 3 * keys.length);
    const head = terms.length++;
    let runs = 0;
    for (let i = 0; i < keys.length;) {
      const set = (keys[i] as number) >>> 16;
      let j = i;
      while (j < keys.length && (keys[j] as number) >>> 16 === set) j++;
      terms.push(set);
      terms.push(j - i);
      runs++;
      i = j;
    }
    terms.values[head] = runs;
    terms.runsMax = Math.max(terms.runsMax, runs);
    for (let i = 0; i < keys.length; i++) {
      const row = (keys[i] as number) & 0xffff;
      terms.push(row);
      this.#paths[row] = 0;
    }
    this.#crossed.length = 0;
  }

  /** The set of paths in the upper 16 bits, the row in the lower. By insertion while they are few. */
  #sortedKeys(): Uint32Array {
    const crossed = this.#crossed;
    const keys = this.#keys.subarray(0, crossed.length);
    const few = crossed.length <= insertionMax;
    for (let i = 0; i < crossed.length; i++) {
      const row = crossed[i] as number;
      const key = (this.#paths[row] as number) * 65_536 + row;
      let j = i;
      for (; few && j > 0 && (keys[j - 1] as number) > key; j--) keys[j] = keys[j - 1] as number;
      keys[j] = key;
    }
    return few ? keys : keys.sort();
  }

  /**
   * Where one path takes all of a chain and another a part, the chain is its links again: sums over a link would else be
   * differences of what the chain and the link have, and cancel.
   */
  #breakChains(): void {
    let broken = false;
    for (const row of this.#crossed) broken ||= row >= this.#rowCount && this.#partlyCrossed(row - this.#rowCount);
    if (!broken) return;
    const whole = this.#crossed.filter((row) => row >= this.#rowCount && this.#partlyCrossed(row - this.#rowCount));
    this.#crossed = this.#crossed.filter((row) => !whole.includes(row));
    for (const row of whole) {
      const first = this.#chains[2 * (row - this.#rowCount)] as number;
      const end = first + (this.#chains[2 * (row - this.#rowCount) + 1] as number);
      for (let member = first; member < end; member++) this.#mark(member, this.#paths[row] as number);
      this.#paths[row] = 0;
    }
  }

  #partlyCrossed(chain: number): boolean {
    const first = this.#chains[2 * chain] as number;
    const end = first + (this.#chains[2 * chain + 1] as number);
    for (let row = first; row < end; row++) if (this.#paths[row] !== 0) return true;
    return false;
  }

  #mark(row: number, paths: number): void {
    if (this.#paths[row] === 0) this.#crossed.push(row);
    this.#paths[row] = (this.#paths[row] as number) | paths;
  }
}

class TermList {
  values: Uint16Array;
  length = 0;
  runsMax = 0;

  constructor(capacity: number) {
    this.values = new Uint16Array(capacity);
  }

  reserve(count: number): void {
    if (this.length + count <= this.values.length) return;
    const larger = new Uint16Array(2 * this.values.length + count);
    larger.set(this.values);
    this.values = larger;
  }

  push(value: number): void {
    this.values[this.length++] = value;
  }
}
