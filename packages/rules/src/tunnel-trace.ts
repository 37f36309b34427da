/** Where a label leads under given rules: the planner's view. The packet walk has its own, so that one checks the other. */
import type { LinkId, NodeId, Rule, RuleKey, Topology } from "@sluice/model";

export interface TunnelTrace {
  /** Indices of the links in travel order, into `topology.links`; up to the first one that is down. */
  readonly links: readonly number[];
  readonly latencyMs: number;
}

/** Follows labels and remembers what it found; each tunnel is followed once. */
export function tunnelTracer(
  topology: Topology,
  linkIndex: ReadonlyMap<LinkId, number>,
  lookup: (nodeId: NodeId, key: RuleKey) => Rule | undefined,
) {
  const known = new Map<LinkId, Map<number, TunnelTrace>>();
  return (output: LinkId, label: number): TunnelTrace => {
    let byLabel = known.get(output);
    if (byLabel === undefined) known.set(output, (byLabel = new Map()));
    let trace = byLabel.get(label);
    if (trace === undefined) byLabel.set(label, (trace = follow(output, label)));
    return trace;
  };

  function follow(output: LinkId, label: number): TunnelTrace {
    const links: number[] = [];
    const visited = new Set<NodeId>();
    const key = `label/${label}`;
    let latencyMs = 0;
    let next: LinkId | undefined = output;
    while (next !== undefined) {
      const index = linkIndex.get(next);
      const link = index === undefined ? undefined : topology.links[index];
      if (index === undefined || link === undefined || !isUp(topology, link)) break;
      links.push(index);
      latencyMs += link.latencyMs;
      if (visited.has(link.to)) break;
      visited.add(link.to);
      const rule = lookup(link.to, key);
      next = rule?.kind === "label" && rule.action.kind === "output" ? rule.action.link : undefined;
    }
    return { links, latencyMs };
  }
}

function isUp(topology: Topology, link: Topology["links"][number]): boolean {
  return [link, topology.nodeById.get(link.from), topology.nodeById.get(link.to)].every((element) => element?.operational === "up");
}
