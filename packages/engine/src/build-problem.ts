/** From the vocabulary's values to one class's problem in index form, and the way back. */
import { assert, isUsable, type Demand, type Path, type Topology } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import { pairKey, type CandidateTunnels } from "./tunnels/candidate-tunnels.js";

export interface BuiltProblem {
  readonly problem: Problem;
  /** Per demand of the problem. Demands of rate 0 and unroutable ones are not in it. */
  readonly demands: readonly Demand[];
  /** Per path of the problem. */
  readonly paths: readonly Path[];
  /** Demands with a positive rate and no candidate tunnel. */
  readonly unroutable: readonly Demand[];
}

/**
 * Links are numbered as in `topology.links`, nodes as in `topology.nodes`, demands and paths in the order given.
 * `residualCapacityBps` is per link what higher classes have left; links that may not be used get 0. O(size of the answer).
 */
export function buildProblem(
  topology: Topology,
  demands: readonly Demand[],
  candidates: CandidateTunnels,
  residualCapacityBps: Float64Array,
): BuiltProblem {
  const { nodes, links } = topology;
  const nodeIndex = new Map(nodes.map((node, i) => [node.id, i]));
  const linkIndex = new Map<string, number>(links.map((link, i) => [link.id, i]));
  const asked = demands.filter((demand) => demand.rateBps > 0);
  const pathsOf = (demand: Demand): readonly Path[] => candidates.pairs.get(pairKey(demand)) ?? [];
  const routable = asked.filter((demand) => pathsOf(demand).length > 0);
  const paths = routable.flatMap(pathsOf);
  const hasFunctions = routable.some((demand) => demand.bandwidthFunction !== undefined);
  const linkStart = starts(paths.map((path) => path.length));
  const nodeOf = (id: Demand["src"]): number => nodeIndex.get(id) ?? missing(id);

  return {
    problem: {
      nodeCount: nodes.length,
      linkCount: links.length,
      linkFrom: Int32Array.from(links, (link) => nodeOf(link.from)),
      linkTo: Int32Array.from(links, (link) => nodeOf(link.to)),
      capacityBps: Float64Array.from(links, (link, i) => (isUsable(topology, link) ? (residualCapacityBps[i] ?? 0) : 0)),
      latencyMs: Float64Array.from(links, (link) => link.latencyMs),
      metric: Float64Array.from(links, (link) => link.metric),
      demandCount: routable.length,
      demandBps: Float64Array.from(routable, (demand) => demand.rateBps),
      demandSrc: Int32Array.from(routable, (demand) => nodeOf(demand.src)),
      demandDst: Int32Array.from(routable, (demand) => nodeOf(demand.dst)),
      bandwidthFunctions: hasFunctions ? routable.map((demand) => demand.bandwidthFunction) : [],
      pathCount: paths.length,
      pathStart: starts(routable.map((demand) => pathsOf(demand).length)),
      linkStart,
      pathLinks: pathLinksOf(paths, linkStart, linkIndex),
    },
    demands: routable,
    paths,
    unroutable: asked.filter((demand) => pathsOf(demand).length === 0),
  };
}

/** The links of all paths, one after the other. */
function pathLinksOf(paths: readonly Path[], linkStart: Int32Array, linkIndex: ReadonlyMap<string, number>): Int32Array {
  const pathLinks = new Int32Array(linkStart[paths.length] as number);
  let at = 0;
  for (const path of paths) {
    for (const id of path) {
      pathLinks[at] = linkIndex.get(id) ?? missing(id);
      at += 1;
    }
  }
  return pathLinks;
}

/** Running sums, with the total at the end: where each of many variable-length runs starts. */
function starts(lengths: readonly number[]): Int32Array {
  const start = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    start[i + 1] = (start[i] as number) + length;
  });
  return start;
}

function missing(id: string): never {
  assert(false, `${id} is in the topology`);
}
