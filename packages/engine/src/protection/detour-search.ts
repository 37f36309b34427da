/**
 * Shortest paths under bans and penalties, many of them on one graph: Dijkstra's algorithm from the target backwards, in arrays that are used
 * again. Keys are in three parts, so that nothing is lost in sums of large and small numbers.
 */
import { NodeHeap } from "../tunnels/heap.js";
import type { RiskGraph } from "./risk-graph.js";

export interface DetourQuestion {
  readonly source: number;
  readonly target: number;
  /**
   * `penalty`: least penalty, then least latency, fewest hops, least link ids in order of travel. `latency`: least latency, then penalty and
   * the rest.
   */
  readonly first: "penalty" | "latency";
}

/** Set bans and penalties, search as often as needed, and `clear`. */
export class DetourSearch {
  /** Per link, per node: 1 where it must not be used. The source and the target are never looked at. */
  readonly bannedLinks: Uint8Array;
  readonly bannedNodes: Uint8Array;
  /** Per link: how many of the SRLGs that are to be avoided it has; more than none bans it. */
  readonly avoidedSrlgs: Int32Array;
  /** Integers of at least 0. What they sum to stays exact below 2^53. */
  readonly linkPenalty: Float64Array;
  readonly nodePenalty: Float64Array;
  readonly #penalty: Float64Array;
  readonly #latencyMs: Float64Array;
  readonly #hops: Float64Array;
  readonly #nextLink: Int32Array;
  readonly #byPenalty: NodeHeap;
  readonly #byLatency: NodeHeap;

  constructor(readonly risks: RiskGraph) {
    const links = risks.graph.linkIds.length;
    const nodes = risks.graph.nodeIds.length;
    this.bannedLinks = new Uint8Array(links);
    this.bannedNodes = new Uint8Array(nodes);
    this.avoidedSrlgs = new Int32Array(links);
    this.linkPenalty = new Float64Array(links);
    this.nodePenalty = new Float64Array(nodes);
    this.#penalty = new Float64Array(nodes);
    this.#latencyMs = new Float64Array(nodes);
    this.#hops = new Float64Array(nodes);
    this.#nextLink = new Int32Array(nodes);
    this.#byPenalty = new NodeHeap(this.#penalty, this.#latencyMs, this.#hops);
    this.#byLatency = new NodeHeap(this.#latencyMs, this.#penalty, this.#hops);
  }

  clear(): void {
    this.bannedLinks.fill(0);
    this.bannedNodes.fill(0);
    this.avoidedSrlgs.fill(0);
    this.linkPenalty.fill(0);
    this.nodePenalty.fill(0);
  }

  banCable(cable: number): void {
    for (const link of this.risks.cableLinks[cable] ?? []) this.bannedLinks[link] = 1;
  }

  /** Adds (1) or takes back (-1) an SRLG that is to be avoided. */
  avoid(srlg: number, by: 1 | -1): void {
    for (const link of this.risks.srlgLinks[srlg] ?? []) this.avoidedSrlgs[link] = (this.avoidedSrlgs[link] as number) + by;
  }

  /** The best path from source to target, as link indices, or undefined where there is none. O((V + E) log V). */
  find({ source, target, first }: DetourQuestion): number[] | undefined {
    const { graph } = this.risks;
    const { bannedLinks, bannedNodes, avoidedSrlgs, linkPenalty, nodePenalty } = this;
    const [penalty, latencyMs, hops, nextLink] = [this.#penalty, this.#latencyMs, this.#hops, this.#nextLink];
    const isByPenalty = first === "penalty";
    const [major, minor, heap] = isByPenalty ? [penalty, latencyMs, this.#byPenalty] : [latencyMs, penalty, this.#byLatency];
    penalty.fill(Infinity);
    latencyMs.fill(Infinity);
    hops.fill(Infinity);
    nextLink.fill(-1);
    heap.clear();
    penalty[target] = 0;
    latencyMs[target] = 0;
    hops[target] = 0;
    heap.push(target);
    for (let node = heap.pop(); node >= 0 && node !== source; node = heap.pop()) {
      const nextHops = (hops[node] as number) + 1;
      const ownPenalty = node === target ? 0 : (nodePenalty[node] as number);
      for (let i = graph.inStart[node] as number; i < (graph.inStart[node + 1] as number); i++) {
        const link = graph.inLinks[i] as number;
        const from = graph.linkFrom[link] as number;
        if (from === target || bannedLinks[link] === 1 || (avoidedSrlgs[link] as number) > 0) continue;
        if (bannedNodes[from] === 1 && from !== source) continue;
        const nextPenalty = (penalty[node] as number) + ownPenalty + (linkPenalty[link] as number);
        const nextLatencyMs = (latencyMs[node] as number) + (graph.latencyMs[link] as number);
        const nextMajor = isByPenalty ? nextPenalty : nextLatencyMs;
        const nextMinor = isByPenalty ? nextLatencyMs : nextPenalty;
        const known = major[from] as number;
        if (nextMajor > known) continue;
        if (nextMajor === known) {
          const knownMinor = minor[from] as number;
          if (nextMinor > knownMinor) continue;
          if (nextMinor === knownMinor) {
            const knownHops = hops[from] as number;
            if (nextHops > knownHops) continue;
            if (nextHops === knownHops) {
              // The keys of settled nodes are smaller, for every link adds a hop: a tie only concerns a node that is still queued.
              if (link < (nextLink[from] as number)) nextLink[from] = link;
              continue;
            }
          }
        }
        penalty[from] = nextPenalty;
        latencyMs[from] = nextLatencyMs;
        hops[from] = nextHops;
        nextLink[from] = link;
        heap.push(from);
      }
    }
    if (source === target || (nextLink[source] as number) < 0) return undefined;
    const path: number[] = [];
    for (let node = source; node !== target;) {
      const link = nextLink[node] as number;
      path.push(link);
      node = graph.linkTo[link] as number;
    }
    return path;
  }
}
