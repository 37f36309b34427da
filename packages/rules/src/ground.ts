/** What the walks need to know about the network: links by index, which of them are up, and whose prefix is whose. */
import { prefixRange, type Link, type LinkId, type NodeId, type Topology } from "@sluice/model";

/** What is down besides what the topology knows to be. */
export interface DownElements {
  readonly linksDown?: ReadonlySet<LinkId> | undefined;
  /** Their links are down with them. */
  readonly nodesDown?: ReadonlySet<NodeId> | undefined;
}

/** 1 for each link, by index, that carries packets. */
export type LinkStates = Uint8Array;

/** A set of nodes by index, emptied at no cost. */
export class NodeSet {
  readonly #stamps: Uint32Array;
  #stamp = 1;

  constructor(size: number) {
    this.#stamps = new Uint32Array(size);
  }

  clear(): void {
    this.#stamp += 1;
  }

  /** False where it is there already. */
  add(index: number): boolean {
    if (this.#stamps[index] === this.#stamp) return false;
    this.#stamps[index] = this.#stamp;
    return true;
  }
}

export class Ground {
  readonly links: readonly Link[];
  /** By index of the link: the index of the node where it ends. */
  readonly ends: Uint32Array;
  /** For one way at a time. */
  readonly passed: NodeSet;
  readonly #index: ReadonlyMap<LinkId, number>;
  readonly #up: LinkStates;
  readonly #ownerByPrefix: ReadonlyMap<string, NodeId>;
  readonly #topology: Topology;

  constructor(topology: Topology, { linksDown, nodesDown }: DownElements = {}) {
    this.#topology = topology;
    this.links = topology.links;
    this.#index = new Map(topology.links.map((link, i) => [link.id, i]));
    const nodeIndex = new Map(topology.nodes.map(({ id }, i) => [id, i]));
    this.ends = Uint32Array.from(topology.links, ({ to }) => nodeIndex.get(to) ?? 0);
    this.passed = new NodeSet(topology.nodes.length);
    const down = new Set([...(nodesDown ?? []), ...topology.nodes.flatMap(({ id, operational }) => (operational === "down" ? [id] : []))]);
    this.#up = Uint8Array.from(topology.links, ({ id, from, to, operational }) =>
      operational === "up" && !down.has(from) && !down.has(to) && linksDown?.has(id) !== true ? 1 : 0,
    );
    this.#ownerByPrefix = new Map(topology.nodes.map(({ id, prefix }) => [prefix, id]));
  }

  /** The link's index where it leaves `from`; undefined where there is no such link. */
  linkFrom(from: NodeId, id: LinkId): number | undefined {
    const index = this.#index.get(id);
    return index !== undefined && this.links[index]?.from === from ? index : undefined;
  }

  indexOf(id: LinkId): number | undefined {
    return this.#index.get(id);
  }

  isUp(index: number): boolean {
    return this.#up[index] === 1;
  }

  /** The nodes that links that are down leave. O(links). */
  downTails(): ReadonlySet<NodeId> {
    return new Set(this.links.flatMap(({ from }, i) => (this.isUp(i) ? [] : [from])));
  }

  /** A copy that may be changed. */
  states(): LinkStates {
    return Uint8Array.from(this.#up);
  }

  /** The node behind which all addresses of the prefix are. */
  ownerOf(prefix: string): NodeId | undefined {
    const exact = this.#ownerByPrefix.get(prefix);
    if (exact !== undefined) return exact;
    const wanted = prefixRange(prefix);
    if (wanted === undefined) return undefined;
    return this.#topology.nodes.find((node) => {
      const range = prefixRange(node.prefix);
      return range !== undefined && range.first <= wanted.first && wanted.last <= range.last;
    })?.id;
  }
}
