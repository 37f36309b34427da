/** The paths that a plan's certificates range over, and the cheapest of them under given prices. The checker's own arithmetic. */
import { isUsable, type NodeId, type Path, type Snapshot, type Topology } from "@sluice/model";
import { candidateTunnels, pairKey, rangesOverAllPaths, type CandidateTunnels, type NodePair } from "./tunnels/candidate-tunnels.js";

export interface CheckedPaths {
  isRoutable(pair: NodePair): boolean;
  /**
   * Least price of a path of each of the pairs; `price` is by link, in the topology's order, Infinity for links that are to be
   * left out. Infinity where there is no path.
   */
  leastPrices(pairs: readonly NodePair[], price: Float64Array): Float64Array;
}

/**
 * Given candidates less their paths over links that may not be used, all loopless paths, or what the policy chooses among: its candidate
 * tunnels, or all paths too where they are priced. That search is not repeated: it is part of the answer, not of the question.
 */
export function checkedPaths(topology: Topology, snapshot: Snapshot, candidates: CandidateTunnels | "all-paths" | undefined): CheckedPaths {
  if (candidates === "all-paths") return allPaths(topology);
  const { tunnels } = snapshot.settings;
  if (candidates === undefined && rangesOverAllPaths(tunnels, topology)) return allPaths(topology);
  const given = candidates ?? candidateTunnels(topology, pairsOf(topology, snapshot), tunnels);
  return givenPaths(topology, given);
}

function pairsOf(topology: Topology, snapshot: Snapshot): readonly NodePair[] {
  return snapshot.demands.demands.filter(({ src, dst }) => topology.nodeById.has(src) && topology.nodeById.has(dst));
}

function givenPaths(topology: Topology, candidates: CandidateTunnels): CheckedPaths {
  const index = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const usable = topology.links.map((link) => isUsable(topology, link));
  const known = new Map<string, readonly (readonly number[])[]>();
  const pathsOf = (pair: NodePair): readonly (readonly number[])[] => {
    const key = pairKey(pair);
    const paths =
      known.get(key) ??
      (candidates.pairs.get(key) ?? [])
        .map((path: Path) => path.map((id) => index.get(id) ?? -1))
        .filter((path) => path.every((link) => usable[link] === true));
    known.set(key, paths);
    return paths;
  };
  return {
    isRoutable: (pair) => pathsOf(pair).length > 0,
    leastPrices: (pairs, price) =>
      Float64Array.from(pairs, (pair) => {
        let least = Infinity;
        for (const path of pathsOf(pair)) {
          let sum = 0;
          for (const link of path) sum += price[link] ?? 0;
          if (sum < least) least = sum;
        }
        return least;
      }),
  };
}

function allPaths(topology: Topology): CheckedPaths {
  const free = new Float64Array(topology.links.length);
  const reachable = new Map<NodeId, ReadonlyMap<NodeId, number>>();
  const reachableFrom = (src: NodeId): ReadonlyMap<NodeId, number> => {
    const known = reachable.get(src) ?? distancesFrom(topology, src, free);
    reachable.set(src, known);
    return known;
  };
  return {
    isRoutable: ({ src, dst }) => reachableFrom(src).has(dst),
    leastPrices: (pairs, price) => {
      const bySource = new Map<NodeId, ReadonlyMap<NodeId, number>>();
      return Float64Array.from(pairs, ({ src, dst }) => {
        const distances = bySource.get(src) ?? distancesFrom(topology, src, price);
        bySource.set(src, distances);
        return distances.get(dst) ?? Infinity;
      });
    },
  };
}

/** Bellman-Ford with a queue: O(V E), slower than what the engine uses and sharing nothing with it. */
function distancesFrom(topology: Topology, src: NodeId, price: Float64Array): ReadonlyMap<NodeId, number> {
  const index = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const distance = new Map<NodeId, number>([[src, 0]]);
  const queue: NodeId[] = [src];
  const queued = new Set<NodeId>(queue);
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    queued.delete(node);
    const base = distance.get(node) ?? 0;
    topology.graph.forEachOutEdge(node, (_id, link) => {
      if (!isUsable(topology, link)) return;
      const candidate = base + (price[index.get(link.id) ?? -1] ?? 0);
      if (!(candidate < (distance.get(link.to) ?? Infinity))) return;
      distance.set(link.to, candidate);
      if (!queued.has(link.to)) queue.push(link.to);
      queued.add(link.to);
    });
  }
  return distance;
}
