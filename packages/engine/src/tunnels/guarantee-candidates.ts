/**
 * Candidate tunnels of a class with a guarantee: those of the policy, and disjoint ones besides. The k shortest paths often share a link, and
 * a flow whose every tunnel does can be promised nothing. Part of the question and not of the answer: the checker takes the same.
 */
import { pathLatencyMs, type FailureKind, type Guarantee, type LinkId, type NodeId, type Path, type Topology } from "@sluice/model";
import { candidateTunnels, pairKey, type CandidateTunnels, type NodePair } from "./candidate-tunnels.js";
import { buildGraph } from "./graph.js";
import { nodeDisjointPaths, splitNodes, treeTowards } from "./node-disjoint.js";
import { withinTables } from "./table-room.js";

/** Disjoint tunnels that are added of each kind, more than the failures covered: with a third tunnel, half as much is reserved in vain. */
const disjointBeyondFailures = 2;

/** Most tunnels of a demand with a guarantee: which of them fail together are bits of one number. */
export const pathsPerDemandMax = 30;

export interface GuaranteedPairs {
  readonly guarantee: Guarantee;
  /** What fails singly besides cables. */
  readonly kinds: readonly FailureKind[];
  readonly latencyMsMax: number | undefined;
}

/**
 * To each pair's candidates the link-disjoint paths of least metric, where SRLGs are covered the SRLG-disjoint ones, and where nodes are the
 * node-disjoint ones, each failures + 2 at most (two failures for an availability) and within the latency bound; at most `pathsPerDemandMax` together.
 */
export function guaranteeCandidates(
  topology: Topology,
  pairs: readonly NodePair[],
  given: CandidateTunnels,
  { guarantee, kinds, latencyMsMax }: GuaranteedPairs,
): CandidateTunnels {
  const routable = pairs.filter((pair) => (given.pairs.get(pairKey(pair)) ?? []).length > 0);
  const k = disjointBeyondFailures + (guarantee.kind === "guaranteed" ? guarantee.failures : 2);
  const bound = latencyMsMax === undefined ? {} : { latencyMsMax };
  const more = [candidateTunnels(topology, routable, { kind: "edge-disjoint", k, ...bound })];
  if (kinds.includes("srlg")) more.push(candidateTunnels(topology, routable, { kind: "srlg-disjoint", k, ...bound }));
  if (kinds.includes("node")) more.push(nodeDisjoint(topology, routable, { k, latencyMsMax }));
  const found = new Map(given.pairs);
  for (const pair of routable) {
    const key = pairKey(pair);
    const base = given.pairs.get(key) ?? [];
    const known = new Set(base.map(keyOf));
    const added: Path[] = [];
    for (const path of more.flatMap((each) => each.pairs.get(key) ?? [])) {
      if (known.has(keyOf(path))) continue;
      known.add(keyOf(path));
      added.push(path);
    }
    found.set(key, [...base.slice(0, pathsPerDemandMax - added.length), ...added]);
  }
  return withinTables(topology, { pairs: found });
}

function nodeDisjoint(
  topology: Topology,
  pairs: readonly NodePair[],
  { k, latencyMsMax = Infinity }: { readonly k: number; readonly latencyMsMax: number | undefined },
): CandidateTunnels {
  const graph = buildGraph(topology);
  const split = splitNodes(graph);
  const trees = new Map<NodeId, ReturnType<typeof treeTowards>>();
  const found = new Map<string, readonly Path[]>();
  for (const { src, dst } of pairs) {
    const tree = trees.get(dst) ?? treeTowards(split, graph.nodeIndex.get(dst) ?? 0);
    trees.set(dst, tree);
    const paths = nodeDisjointPaths(split, { tree, source: graph.nodeIndex.get(src) ?? 0, k })
      .map((links): Path => links.map((link) => graph.linkIds[link] as LinkId))
      .filter((path) => pathLatencyMs(topology, path) <= latencyMsMax);
    found.set(pairKey({ src, dst }), paths);
  }
  return { pairs: found };
}

function keyOf(path: Path): string {
  return path.join("\n");
}
