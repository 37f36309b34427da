/** How long packets may be under way in tunnels and bypasses. */
import { isUp, type FailoverRule, type LinkId, type NodeId, type Topology } from "@sluice/model";
import { failoverAt, type Hop, type RuleLookup } from "./tunnel-trace.js";

/**
 * Detours that one packet is waited for, besides those around links that are known to be down. The more are allowed for, the longer every removal
 * waits; a packet that meets still more failures on one way may find its label gone at the end of it.
 */
export const detoursMax = 2;

/**
 * The longest that a packet can be under way, ms, when links fail while it is: at each hop over the link, or over a bypass to where the
 * tunnel goes on, the latter `detoursMax` times. Each node of a tunnel and each failover group is looked at once for each number of detours
 * that are left: O(hops of tunnels and bypasses).
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
    const longest = Array.from({ length: detoursMax + 1 }, () => new Map<NodeId, number>());
    /** From a node on, under the tunnel's label. A node that is being looked at counts nothing: packets do not come back. */
    const onFrom = (at: NodeId, detours: number): number => {
      const known = longest[detours]?.get(at);
      if (known !== undefined) return known;
      longest[detours]?.set(at, 0);
      const rule = lookup(at, `label/${pushLabel}`);
      const action = rule?.kind === "label" && rule.action.kind !== "pop-deliver" ? rule.action : undefined;
      const repairedBy = action?.kind === "output" ? action.failoverId : undefined;
      const ms = action === undefined ? 0 : outBy({ output: action.link, failoverId: repairedBy }, detours);
      longest[detours]?.set(at, ms);
      return ms;
    };
    const outBy = (hop: Hop, detours: number): number => {
      const link = topology.linkById.get(hop.output);
      if (link === undefined) return 0;
      let most = link.latencyMs + onFrom(link.to, detours);
      const left = isUp(topology, link) ? detours - 1 : detours;
      for (const bucket of left < 0 ? [] : (failoverAt(link.from, hop.failoverId, lookup)?.buckets.slice(1) ?? [])) {
        const first = topology.linkById.get(bucket.output);
        const way =
          bucket.pushLabel === undefined ? { latencyMs: first?.latencyMs ?? 0, end: first?.to } : along(bucket.output, bucket.pushLabel);
        most = Math.max(most, way.latencyMs + (way.end === undefined ? 0 : onFrom(way.end, left)));
      }
      return most;
    };
    return outBy({ output, failoverId }, detoursMax);
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
