/** Many paths in little memory: link numbers end to end, made into lists of link ids only when a pair is asked for. */
import { assert, type Link, type LinkId, type NodeId, type Path, type Topology } from "@sluice/model";

/** Most paths of one pair; the candidate tunnels' own limit is 16. */
export const pathsPerPairMax = 256;

/** Up to this many nodes, links are found in a dense table (4 bytes a pair, 64 MiB), beyond it in a map. */
const denseNodesMax = 4096;

/** Nodes and links of a topology by number, as compact path storage needs them. */
export class TopologyIndex {
  readonly topology: Topology;
  readonly #nodeIndex: ReadonlyMap<string, number>;
  /** The node whose id is this number, plus one; 0 where there is none. */
  readonly #numbered: Uint32Array;
  /** The link from a to b with the lowest id, plus one, at a x nodes + b. */
  readonly #dense: Uint32Array | undefined;
  readonly #sparse = new Map<number, number>();

  constructor(topology: Topology) {
    this.topology = topology;
    this.#nodeIndex = new Map(topology.nodes.map((node, i) => [node.id as string, i]));
    const numbers = topology.nodes.map((node) => (/^(?:0|[1-9]\d{0,5})$/.test(node.id) ? Number(node.id) : -1));
    this.#numbered = new Uint32Array(numbers.reduce((max, number) => Math.max(max, number + 1), 0));
    numbers.forEach((number, i) => {
      if (number >= 0) this.#numbered[number] = i + 1;
    });
    const n = topology.nodes.length;
    this.#dense = n <= denseNodesMax ? new Uint32Array(n * n) : undefined;
    // Links are sorted by id: filled from the last to the first, the lowest of several parallels stays.
    for (let i = topology.links.length - 1; i >= 0; i -= 1) {
      const link = topology.links[i];
      const pair = this.pair(this.node(link?.from ?? "") ?? 0, this.node(link?.to ?? "") ?? 0);
      if (this.#dense === undefined) this.#sparse.set(pair, i);
      else this.#dense[pair] = i + 1;
    }
  }

  node(id: string): number | undefined {
    return this.#nodeIndex.get(id);
  }

  /** The node whose id is this number in `digits` digits; undefined for leading zeros and numbers of no node. */
  numbered(number: number, digits: number): number | undefined {
    const found = this.#numbered[number] ?? 0;
    return found === 0 || (digits > 1 && number < 10 ** (digits - 1)) ? undefined : found - 1;
  }

  pair(src: number, dst: number): number {
    return src * this.topology.nodes.length + dst;
  }

  linkBetween(from: number, to: number): number | undefined {
    const pair = this.pair(from, to);
    if (this.#dense === undefined) return this.#sparse.get(pair);
    const found = this.#dense[pair] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  link(index: number): Link | undefined {
    return this.topology.links[index];
  }
}

/** Integers in one block of a sequence: 1 MiB. */
const blockLength = 2 ** 18;

/** An array of unsigned integers that grows by blocks, so that growing copies nothing. */
class Sequence {
  readonly #blocks: Uint32Array[] = [];
  #last = new Uint32Array(0);
  length = 0;

  push(item: number): void {
    const at = this.length % blockLength;
    if (at === 0) {
      this.#last = new Uint32Array(blockLength);
      this.#blocks.push(this.#last);
    }
    this.#last[at] = item;
    this.length += 1;
  }

  at(index: number): number {
    return this.#blocks[Math.floor(index / blockLength)]?.[index % blockLength] ?? 0;
  }
}

/** Paths by pair. As a map it is keyed `source>destination`, in the order in which pairs were opened. */
export class TunnelPaths implements ReadonlyMap<string, readonly Path[]> {
  readonly #index: TopologyIndex;
  readonly #links = new Sequence();
  /** Where each path starts in `#links`. */
  readonly #pathStarts = new Sequence();
  /** Where each pair's paths start in `#pathStarts`. */
  readonly #pairStarts = new Sequence();
  readonly #pairs = new Map<number, number>();

  constructor(index: TopologyIndex) {
    this.#index = index;
  }

  /** Starts a pair's paths; false where the pair was there before. */
  openPair(src: number, dst: number): boolean {
    const pair = this.#index.pair(src, dst);
    if (this.#pairs.has(pair)) return false;
    this.#pairs.set(pair, this.#pairs.size);
    this.#pairStarts.push(this.#pathStarts.length);
    return true;
  }

  openPath(): void {
    this.#pathStarts.push(this.#links.length);
  }

  pushLink(index: number): void {
    this.#links.push(index);
  }

  of(src: NodeId, dst: NodeId): readonly Path[] {
    const [a, b] = [this.#index.node(src), this.#index.node(dst)];
    const ordinal = a === undefined || b === undefined ? undefined : this.#pairs.get(this.#index.pair(a, b));
    return ordinal === undefined ? [] : this.#pathsAt(ordinal);
  }

  #pathsAt(ordinal: number): readonly Path[] {
    const to = ordinal + 1 < this.#pairStarts.length ? this.#pairStarts.at(ordinal + 1) : this.#pathStarts.length;
    const paths: Path[] = [];
    for (let path = this.#pairStarts.at(ordinal); path < to; path += 1) {
      const end = path + 1 < this.#pathStarts.length ? this.#pathStarts.at(path + 1) : this.#links.length;
      const start = this.#pathStarts.at(path);
      paths.push(Array.from({ length: end - start }, (_, hop) => this.#linkId(this.#links.at(start + hop))));
    }
    return paths;
  }

  #linkId(index: number): LinkId {
    const link = this.#index.link(index);
    assert(link !== undefined, "a stored path names links of the topology");
    return link.id;
  }

  #keyOf(pair: number): string {
    const { nodes } = this.#index.topology;
    return `${nodes[Math.floor(pair / nodes.length)]?.id}>${nodes[pair % nodes.length]?.id}`;
  }

  get size(): number {
    return this.#pairs.size;
  }

  /** Node ids may hold `>`: every place where the key could part is tried, and at most one names an opened pair of nodes. */
  #ordinalOf(key: string): number | undefined {
    for (let at = key.indexOf(">"); at >= 0; at = key.indexOf(">", at + 1)) {
      const [a, b] = [this.#index.node(key.slice(0, at)), this.#index.node(key.slice(at + 1))];
      const ordinal = a === undefined || b === undefined ? undefined : this.#pairs.get(this.#index.pair(a, b));
      if (ordinal !== undefined) return ordinal;
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.#ordinalOf(key) !== undefined;
  }

  get(key: string): readonly Path[] | undefined {
    const ordinal = this.#ordinalOf(key);
    return ordinal === undefined ? undefined : this.#pathsAt(ordinal);
  }

  *entries(): MapIterator<[string, readonly Path[]]> {
    for (const [pair, ordinal] of this.#pairs) yield [this.#keyOf(pair), this.#pathsAt(ordinal)];
  }

  *keys(): MapIterator<string> {
    for (const pair of this.#pairs.keys()) yield this.#keyOf(pair);
  }

  *values(): MapIterator<readonly Path[]> {
    for (const ordinal of this.#pairs.values()) yield this.#pathsAt(ordinal);
  }

  [Symbol.iterator](): MapIterator<[string, readonly Path[]]> {
    return this.entries();
  }

  forEach(visit: (paths: readonly Path[], key: string, map: ReadonlyMap<string, readonly Path[]>) => void): void {
    for (const [key, paths] of this) visit(paths, key, this);
  }
}

/** Which nodes the present path has visited; clearing costs nothing. */
export class Visits {
  readonly #path: Uint32Array;
  #current = 0;

  constructor(nodes: number) {
    this.#path = new Uint32Array(nodes);
  }

  clear(): void {
    this.#current += 1;
  }

  /** False where the node was visited before. */
  enter(node: number): boolean {
    if (this.#path[node] === this.#current) return false;
    this.#path[node] = this.#current;
    return true;
  }
}
