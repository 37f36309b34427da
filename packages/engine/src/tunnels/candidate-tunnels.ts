/** Candidate tunnels for many pairs of nodes: the paths among which schemes may choose. */
import {
  assert,
  hasSoftDrains,
  hasTableRooms,
  pathLatencyMs,
  withoutSoftDrained,
  type LinkId,
  type NodeId,
  type Path,
  type Topology,
  type TunnelPolicy,
} from "@sluice/model";
import { edgeDisjointPaths } from "./edge-disjoint.js";
import { buildGraph, type Graph } from "./graph.js";
import { kShortestPaths, type KShortestSearch } from "./k-shortest.js";
import { comparePaths, pathWeight, type RankedPath } from "./path-order.js";
import { shortestPathTree, type ShortestPathTree } from "./shortest-path-tree.js";
import { srlgDisjointPaths } from "./srlg-disjoint.js";
import { aroundTables, tunnelsThere, withinTables } from "./table-room.js";

export interface NodePair {
  readonly src: NodeId;
  readonly dst: NodeId;
}

export interface CandidateTunnels {
  /** By `pairKey`; shortest first; empty where there is no path. Paths only use links that may be used. */
  readonly pairs: ReadonlyMap<string, readonly Path[]>;
}

export function pairKey(pair: NodePair): string {
  return `${pair.src}>${pair.dst}`;
}

/**
 * Whether a policy's tunnels are chosen among all paths over links that may be used, so that certificates range over those. With a bound
 * on latency they are not: the shortest path among those that keep the bound is NP-hard to find (Garey and Johnson 1979, ND30). Nor where tables have
 * room for some tunnels only: then they range over the candidates.
 */
export function rangesOverAllPaths({ kind, latencyMsMax }: TunnelPolicy, topology: Pick<Topology, "nodes">): boolean {
  return kind === "priced" && latencyMsMax === undefined && !hasTableRooms(topology);
}

/** Paths looked at per pair, by rising metric, in search of those within the latency bound. */
const pathsExaminedMax = 256;

/**
 * Up to `policy.k` loopless paths for each pair, over links that are up and not drained.
 *
 * - `k-shortest`: the k paths of least metric (then fewest hops, then least link ids).
 * - `edge-disjoint`: link-disjoint paths of least total metric.
 * - `srlg-disjoint`: no two share a link or an SRLG (a heuristic; see srlg-disjoint.ts).
 * - `priced`: as k-shortest. They are what the search starts from, and stay the candidates where it has no form (`rangesOverAllPaths`).
 *
 * With `latencyMsMax` every path keeps the bound. Then k-shortest still gives min(k, as many as exist) paths, though where more than
 * `pathsExaminedMax` shorter ones break the bound it takes those of least latency instead; disjoint paths are sought by
 * metric and by latency (the exact problem is NP-hard), and there is one whenever there is a path within the bound.
 *
 * Where links or nodes are soft-drained there are up to k paths around them, and up to k without regard to them, together. Where tables are nearly
 * full (table-room.ts) there are up to k paths around their switches besides, and what they have room for.
 *
 * One shortest-path tree per destination is shared by all its sources. Germany50, all 2,450 pairs, k = 4: under 0.2 s.
 */
export function candidateTunnels(topology: Topology, pairs: readonly NodePair[], policy: TunnelPolicy): CandidateTunnels {
  const all = candidatesOn(topology, pairs, policy);
  const found = hasSoftDrains(topology) ? together(topology, candidatesOn(withoutSoftDrained(topology), pairs, policy), all) : all;
  return hasTableRooms(topology) ? besidesTables(topology, pairs, policy, found) : found;
}

/** Those that the tables have room for, of those found, of those that they name, and of those around their switches. */
function besidesTables(topology: Topology, pairs: readonly NodePair[], policy: TunnelPolicy, found: CandidateTunnels): CandidateTunnels {
  const isNearlyFull = (id: NodeId): boolean => topology.nodeById.get(id)?.tableRoom !== undefined;
  const starts = new Set(pairs.map(({ src }) => src).filter(isNearlyFull));
  const open = pairs.filter(({ dst }) => !isNearlyFull(dst));
  let all = together(topology, withinLatency(topology, policy, tunnelsThere(topology, pairs, pairKey)), found);
  for (const start of [undefined, ...starts]) {
    const from = open.filter(({ src }) => (start === undefined ? !starts.has(src) : src === start));
    if (from.length > 0) all = together(topology, candidatesOn(aroundTables(topology, start), from, policy), all);
  }
  return withinTables(topology, all);
}

/** Those within the policy's bound on latency. */
function withinLatency(topology: Topology, { latencyMsMax = Infinity }: TunnelPolicy, { pairs }: CandidateTunnels): CandidateTunnels {
  return {
    pairs: new Map([...pairs].map(([pair, paths]) => [pair, paths.filter((path) => pathLatencyMs(topology, path) <= latencyMsMax)])),
  };
}

/** Both sets, by rising metric. */
function together(topology: Topology, around: CandidateTunnels, all: CandidateTunnels): CandidateTunnels {
  const index = new Map(topology.links.map(({ id }, i) => [id, i]));
  const metric = Float64Array.from(topology.links, (link) => link.metric);
  const join = (a: readonly Path[], b: readonly Path[]): readonly Path[] => {
    const known = new Set(a.map((path) => path.join("\n")));
    return [...a, ...b.filter((path) => !known.has(path.join("\n")))]
      .map((path) => {
        const links = path.map((id) => index.get(id) ?? -1);
        return { path, links, weight: pathWeight(links, metric) };
      })
      .sort(comparePaths)
      .map(({ path }) => path);
  };
  return { pairs: new Map([...all.pairs].map(([pair, paths]) => [pair, join(around.pairs.get(pair) ?? [], paths)])) };
}

function candidatesOn(topology: Topology, pairs: readonly NodePair[], policy: TunnelPolicy): CandidateTunnels {
  const graph = buildGraph(topology);
  const found = new Map<string, readonly Path[]>(pairs.map((pair) => [pairKey(pair), []]));
  for (const [dst, sources] of sourcesByDestination(pairs)) {
    const destination = graph.nodeIndex.get(dst);
    assert(destination !== undefined, `node ${dst} is in the topology`);
    const trees = treesTowards(graph, destination, policy);
    for (const src of sources) {
      const source = graph.nodeIndex.get(src);
      assert(source !== undefined, `node ${src} is in the topology`);
      found.set(
        pairKey({ src, dst }),
        pathsOfPair(graph, trees, source, policy).map((links) => linkIdsOf(graph, links)),
      );
    }
  }
  return { pairs: found };
}

function sourcesByDestination(pairs: readonly NodePair[]): ReadonlyMap<NodeId, ReadonlySet<NodeId>> {
  const sources = new Map<NodeId, Set<NodeId>>();
  for (const { src, dst } of pairs) {
    const known = sources.get(dst);
    if (known === undefined) sources.set(dst, new Set([src]));
    else known.add(src);
  }
  return sources;
}

interface Trees {
  readonly byMetric: ShortestPathTree;
  /** Only where the policy bounds the latency. */
  readonly byLatency: ShortestPathTree | undefined;
}

function treesTowards(graph: Graph, destination: number, policy: TunnelPolicy): Trees {
  const byMetric = shortestPathTree(graph, graph.metric, destination);
  return { byMetric, byLatency: policy.latencyMsMax === undefined ? undefined : shortestPathTree(graph, graph.latencyMs, destination) };
}

function pathsOfPair(graph: Graph, { byMetric, byLatency }: Trees, source: number, policy: TunnelPolicy): readonly (readonly number[])[] {
  const { kind, k, latencyMsMax = Infinity } = policy;
  const metricSearch = { weights: graph.metric, tree: byMetric, source, k };
  if (byLatency === undefined) {
    switch (kind) {
      case "k-shortest":
      case "priced":
        return take(kShortestPaths(graph, metricSearch), k);
      case "edge-disjoint":
        return edgeDisjointPaths(graph, metricSearch);
      case "srlg-disjoint":
        return srlgDisjointPaths(graph, metricSearch);
    }
  }
  if ((byLatency.weight[source] as number) > latencyMsMax) return [];
  const latencySearch = { weights: graph.latencyMs, tree: byLatency, source, k };
  const admissible = (path: readonly number[]): boolean => pathWeight(path, graph.latencyMs) <= latencyMsMax;
  switch (kind) {
    case "k-shortest":
    case "priced":
      return shortestWithinBound(graph, metricSearch, latencySearch, { admissible, latencyMsMax });
    case "edge-disjoint":
      return disjointWithinBound(graph, [metricSearch, latencySearch], admissible, edgeDisjointPaths);
    case "srlg-disjoint":
      return disjointWithinBound(graph, [metricSearch, latencySearch], admissible, (g, search) => srlgDisjointPaths(g, search, admissible));
  }
}

type Search = KShortestSearch & { readonly k: number };

/** By rising metric, dropping every prefix from which even the fastest continuation is too slow. */
function shortestWithinBound(
  graph: Graph,
  metricSearch: Search,
  latencySearch: Search,
  { admissible, latencyMsMax }: { admissible: (path: readonly number[]) => boolean; latencyMsMax: number },
): readonly (readonly number[])[] {
  const tooSlow = (prefix: readonly number[]): boolean => {
    const last = prefix.at(-1);
    const node = last === undefined ? metricSearch.source : (graph.linkTo[last] as number);
    // A hair above the bound, since the two sums are rounded in different orders.
    return pathWeight(prefix, graph.latencyMs) + (latencySearch.tree.weight[node] as number) > latencyMsMax * (1 + 1e-12);
  };
  const found = new Map<string, readonly number[]>();
  let examined = 0;
  for (const path of kShortestPaths(graph, metricSearch, tooSlow)) {
    if (admissible(path)) found.set(path.join(), path);
    if (found.size === metricSearch.k || ++examined === pathsExaminedMax) break;
  }
  if (found.size < metricSearch.k && examined === pathsExaminedMax) {
    for (const path of kShortestPaths(graph, latencySearch)) {
      if (found.size === metricSearch.k || !admissible(path)) break;
      found.set(path.join(), path);
    }
  }
  return [...found.values()]
    .map((links): RankedPath => ({ links, weight: pathWeight(links, graph.metric) }))
    .sort(comparePaths)
    .map((path) => path.links);
}

/** The most paths within the bound among the disjoint sets by metric and by latency, of k down to one path; by metric if equal. */
function disjointWithinBound(
  graph: Graph,
  searches: readonly Search[],
  admissible: (path: readonly number[]) => boolean,
  solve: (graph: Graph, search: Search) => readonly (readonly number[])[],
): readonly (readonly number[])[] {
  let best: readonly (readonly number[])[] = [];
  for (const search of searches) {
    for (let k = search.k; k > best.length; k--) {
      const kept = solve(graph, { ...search, k }).filter(admissible);
      if (kept.length > best.length) best = kept;
    }
  }
  return best;
}

function take<T>(items: Iterable<T>, count: number): readonly T[] {
  const taken: T[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

function linkIdsOf(graph: Graph, links: readonly number[]): Path {
  return links.map((link) => graph.linkIds[link] as LinkId);
}
