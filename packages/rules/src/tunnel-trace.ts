/** Where a label leads under given rules: the planner's view. The packet walk has its own, so that one checks the other. */
import type { FailoverRule, LinkId, NodeId, Rule, RuleKey, Topology } from "@sluice/model";

export interface TunnelTrace {
  /** Indices of the links in travel order, into `topology.links`; up to the first one that is down and not repaired. A detour may pass a link twice. */
  readonly links: readonly number[];
  readonly latencyMs: number;
}

/** Where a packet leaves: a bucket of a select group, or a label rule that outputs. */
export interface Hop {
  readonly output: LinkId;
  readonly failoverId?: number | undefined;
}

export type TunnelTracer = (bucket: Hop & { readonly pushLabel: number }) => TunnelTrace;
export type RuleLookup = (nodeId: NodeId, key: RuleKey) => Rule | undefined;

/**
 * Follows labels, over the first live bucket of failover groups where links are down, and remembers what it found: each tunnel is followed
 * once.
 */
export function tunnelTracer(topology: Topology, linkIndex: ReadonlyMap<LinkId, number>, lookup: RuleLookup): TunnelTracer {
  const known = new Map<LinkId, Map<string, TunnelTrace>>();
  return ({ output, pushLabel, failoverId }) => {
    let byLabel = known.get(output);
    if (byLabel === undefined) known.set(output, (byLabel = new Map()));
    const name = failoverId === undefined ? `${pushLabel}` : `${pushLabel} ${failoverId}`;
    let trace = byLabel.get(name);
    if (trace === undefined) byLabel.set(name, (trace = follow({ output, failoverId }, pushLabel)));
    return trace;
  };

  function follow(first: Hop, label: number): TunnelTrace {
    const links: number[] = [];
    const visited = new Set<NodeId>();
    const visitedDeeper = new Set<string>();
    const stack = [label];
    let latencyMs = 0;
    for (let hop: Hop | undefined = first; hop !== undefined;) {
      const way = liveWay(topology, linkIndex, hop, lookup);
      if (way === undefined) break;
      if (way.pushLabel !== undefined) stack.push(way.pushLabel);
      links.push(way.index);
      latencyMs += way.link.latencyMs;
      const { to } = way.link;
      const deeper = stack.length > 1 ? JSON.stringify([to, stack]) : undefined;
      if (deeper === undefined ? visited.has(to) : visitedDeeper.has(deeper)) break;
      if (deeper === undefined) visited.add(to);
      else visitedDeeper.add(deeper);
      const rule = lookup(to, `label/${stack.at(-1)}`);
      if (rule?.kind !== "label" || rule.action.kind === "pop-deliver") break;
      if (rule.action.kind === "pop-output") {
        stack.pop();
        hop = stack.length === 0 ? undefined : { output: rule.action.link };
      } else hop = { output: rule.action.link, failoverId: rule.action.failoverId };
    }
    return { links, latencyMs };
  }
}

/** The link that takes packets of a hop now, and what is pushed on them. */
function liveWay(topology: Topology, linkIndex: ReadonlyMap<LinkId, number>, { output, failoverId }: Hop, lookup: RuleLookup) {
  const indexOf = (id: LinkId) => {
    const index = linkIndex.get(id);
    const link = index === undefined ? undefined : topology.links[index];
    return index === undefined || link === undefined ? undefined : { index, link };
  };
  const first = indexOf(output);
  if (first === undefined) return undefined;
  if (isUp(topology, first.link)) return { ...first, pushLabel: undefined };
  for (const bucket of failoverAt(first.link.from, failoverId, lookup)?.buckets ?? []) {
    const way = indexOf(bucket.output);
    if (way !== undefined && isUp(topology, way.link)) return { ...way, pushLabel: bucket.pushLabel };
  }
  return undefined;
}

function failoverAt(nodeId: NodeId, failoverId: number | undefined, lookup: RuleLookup): FailoverRule | undefined {
  const rule = failoverId === undefined ? undefined : lookup(nodeId, `failover/${failoverId}`);
  return rule?.kind === "failover" ? rule : undefined;
}

/** Whether every link of the network is up: then no failover group sends packets anywhere but over its first link. */
export function isWhole(topology: Topology): boolean {
  return topology.links.every((link) => isUp(topology, link));
}

function isUp(topology: Topology, link: Topology["links"][number]): boolean {
  return [link, topology.nodeById.get(link.from), topology.nodeById.get(link.to)].every((element) => element?.operational === "up");
}

/**
 * The longest that a packet can be under way, ms, whatever fails while it is: at each hop over the link, or over a bypass to where the
 * tunnel goes on. Each node of a tunnel and each failover group is looked at once: O(hops of tunnels and bypasses).
 */
export function latencyBound(topology: Topology, lookup: RuleLookup) {
  const ways = new Map<string, { readonly latencyMs: number; readonly end: NodeId | undefined }>();
  /** Along a bypass to where its label is popped; `end` is absent where it is not. */
  const along = (output: LinkId, label: number) => {
    const name = `${label} ${output}`;
    const known = ways.get(name);
    if (known !== undefined) return known;
    const visited = new Set<NodeId>();
    let latencyMs = 0;
    let end: NodeId | undefined;
    let next: LinkId | undefined = output;
    let popped = false;
    while (next !== undefined) {
      const link = topology.linkById.get(next);
      if (link === undefined) break;
      latencyMs += link.latencyMs;
      if (popped) end = link.to;
      if (popped || visited.has(link.to)) break;
      visited.add(link.to);
      const rule = lookup(link.to, `label/${label}`);
      const action = rule?.kind === "label" && rule.action.kind !== "pop-deliver" ? rule.action : undefined;
      popped = action?.kind === "pop-output";
      next = action?.link;
    }
    const way = { latencyMs, end };
    ways.set(name, way);
    return way;
  };

  return ({ output, pushLabel, failoverId }: Hop & { readonly pushLabel: number }): number => {
    const longest = new Map<NodeId, number>();
    /** From a node on, under the tunnel's label. A node that is being looked at counts nothing: packets do not come back. */
    const onFrom = (at: NodeId): number => {
      const known = longest.get(at);
      if (known !== undefined) return known;
      longest.set(at, 0);
      const rule = lookup(at, `label/${pushLabel}`);
      const action = rule?.kind === "label" && rule.action.kind !== "pop-deliver" ? rule.action : undefined;
      const ms =
        action === undefined ? 0 : outBy({ output: action.link, failoverId: action.kind === "output" ? action.failoverId : undefined });
      longest.set(at, ms);
      return ms;
    };
    const outBy = (hop: Hop): number => {
      const link = topology.linkById.get(hop.output);
      if (link === undefined) return 0;
      let most = link.latencyMs + onFrom(link.to);
      for (const bucket of failoverAt(link.from, hop.failoverId, lookup)?.buckets.slice(1) ?? []) {
        const first = topology.linkById.get(bucket.output);
        const way =
          bucket.pushLabel === undefined ? { latencyMs: first?.latencyMs ?? 0, end: first?.to } : along(bucket.output, bucket.pushLabel);
        most = Math.max(most, way.latencyMs + (way.end === undefined ? 0 : onFrom(way.end)));
      }
      return most;
    };
    return outBy({ output, failoverId });
  };
}

/** How long packets can be under way in the bypasses of a failover group, ms. */
export function bypassLatencyMs(topology: Topology, { buckets }: FailoverRule, lookup: RuleLookup): number {
  const bound = latencyBound(topology, lookup);
  return buckets.reduce(
    (most, { output, pushLabel }) => (pushLabel === undefined ? most : Math.max(most, bound({ output, pushLabel }))),
    0,
  );
}
