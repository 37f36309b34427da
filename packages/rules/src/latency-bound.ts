/** How long packets may be under way in tunnels and bypasses. */
import type { FailoverRule, LinkId, NodeId, Topology } from "@sluice/model";
import { failoverAt, type Hop, type RuleLookup } from "./tunnel-trace.js";

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
