/**
 * Turns flow on links into flow on paths: what one source sends becomes, for each of its sinks, loopless paths with a rate.
 * After Ahuja, Magnanti and Orlin, Network Flows (1993), section 3.5: cycles are cancelled first, so that every walk back
 * from a sink ends at the source.
 */
import type { Problem } from "@sluice/mcf";

export interface SourceFlow {
  readonly source: number;
  /** Per link, bps, >= 0. Changed by the decomposition. */
  readonly linkBps: Float64Array;
  readonly sinks: readonly { readonly node: number; readonly bps: number }[];
}

export interface PathFlow {
  /** Link indices in order of travel. */
  readonly links: readonly number[];
  readonly bps: number;
}

type Network = Pick<Problem, "nodeCount" | "linkFrom" | "linkTo">;

/** Flow below this share of the source's largest link flow is the solver's rounding, not flow. */
const dustShare = 1e-12;

/**
 * Per sink, its paths. Flow that does not reach a sink is dropped, and a sink gets no more than arrives; small
 * sinks are served first, so that what rounding takes away is small beside those it is taken from. At most
 * links + sinks paths. O(links^2 + nodes x paths).
 */
export function decomposeFlow(network: Network, { source, linkBps, sinks }: SourceFlow): readonly (readonly PathFlow[])[] {
  const dust = dustShare * linkBps.reduce((most, flow) => Math.max(most, flow), 0);
  linkBps.forEach((flow, e) => {
    if (flow <= dust) linkBps[e] = 0;
  });
  cancelCycles(network, linkBps);
  const into = linksInto(network);
  const paths = sinks.map((): PathFlow[] => []);
  const order = sinks.map((_, i) => i).sort((a, b) => (sinks[a]?.bps ?? 0) - (sinks[b]?.bps ?? 0) || a - b);
  for (const i of order) {
    const { node, bps: wanted } = sinks[i] ?? { node: source, bps: 0 };
    let missing = wanted;
    while (missing > dust) {
      const links = walkBack(network, into, linkBps, source, node);
      if (links === undefined) break;
      const bps = links.reduce((least, e) => Math.min(least, linkBps[e] ?? 0), missing);
      for (const e of links) linkBps[e] = Math.max(0, (linkBps[e] ?? 0) - bps);
      paths[i]?.push({ links, bps });
      missing -= bps;
    }
  }
  return paths;
}

/** Takes flow off directed cycles, in place, until the links with flow have none. Each round empties a link. */
export function cancelCycles(network: Network, linkBps: Float64Array): void {
  for (let cycle = findCycle(network, linkBps); cycle !== undefined; cycle = findCycle(network, linkBps)) {
    const bps = cycle.reduce((least, e) => Math.min(least, linkBps[e] ?? 0), Infinity);
    for (const e of cycle) linkBps[e] = Math.max(0, (linkBps[e] ?? 0) - bps);
  }
}

/** Links of a directed cycle on which every link has flow, or undefined. Depth-first search, O(nodes + links). */
function findCycle({ nodeCount, linkFrom, linkTo }: Network, linkBps: Float64Array): readonly number[] | undefined {
  const outOf: number[][] = Array.from({ length: nodeCount }, () => []);
  linkBps.forEach((flow, e) => {
    if (flow > 0) outOf[linkFrom[e] ?? 0]?.push(e);
  });
  const unseen = 0;
  const open = 1;
  const closed = 2;
  const state = new Uint8Array(nodeCount);
  for (let start = 0; start < nodeCount; start++) {
    if (state[start] !== unseen) continue;
    const trail: number[] = [];
    const nodes = [start];
    state[start] = open;
    while (nodes.length > 0) {
      const at = nodes.at(-1) ?? 0;
      const e = outOf[at]?.pop();
      if (e === undefined) {
        state[at] = closed;
        nodes.pop();
        trail.pop();
        continue;
      }
      const to = linkTo[e] ?? 0;
      if (state[to] === open) return [...trail.slice(nodes.indexOf(to)), e];
      if (state[to] === closed) continue;
      state[to] = open;
      nodes.push(to);
      trail.push(e);
    }
  }
  return undefined;
}

function linksInto({ nodeCount, linkTo }: Network): readonly (readonly number[])[] {
  const into: number[][] = Array.from({ length: nodeCount }, () => []);
  linkTo.forEach((node, e) => into[node]?.push(e));
  return into;
}

/** From the sink back to the source along the fullest link into each node; undefined where no flow comes in. */
function walkBack(
  { linkFrom }: Network,
  into: readonly (readonly number[])[],
  linkBps: Float64Array,
  source: number,
  sink: number,
): readonly number[] | undefined {
  const links: number[] = [];
  for (let node = sink; node !== source;) {
    let fullest = -1;
    for (const e of into[node] ?? []) if ((linkBps[e] ?? 0) > (fullest < 0 ? 0 : (linkBps[fullest] ?? 0))) fullest = e;
    if (fullest < 0) return undefined;
    links.push(fullest);
    node = linkFrom[fullest] ?? 0;
  }
  return links.reverse();
}
