/** Whether there is a way from one node to another under bans, and how fast it is: the checker's own search, which shares nothing with the engine's. */
import { isUsable, type LinkId, type NodeId, type Topology } from "@sluice/model";

/** Ids that a way must not use. The ends of the way are never looked at. */
export interface Bans {
  readonly links: ReadonlySet<LinkId>;
  readonly nodes?: ReadonlySet<NodeId> | undefined;
}

export class Reach {
  readonly #nodes: ReadonlyMap<NodeId, number>;
  readonly #out: readonly (readonly { readonly id: LinkId; readonly to: number; readonly toId: NodeId; readonly latencyMs: number }[])[];
  readonly #latencyMs: Float64Array;
  readonly #queued: Uint8Array;

  constructor(topology: Topology) {
    const nodes = new Map(topology.nodes.map(({ id }, i) => [id, i]));
    const out = topology.nodes.map((): { id: LinkId; to: number; toId: NodeId; latencyMs: number }[] => []);
    for (const link of topology.links) {
      if (!isUsable(topology, link)) continue;
      out[nodes.get(link.from) ?? -1]?.push({ id: link.id, to: nodes.get(link.to) ?? -1, toId: link.to, latencyMs: link.latencyMs });
    }
    this.#nodes = nodes;
    this.#out = out;
    this.#latencyMs = new Float64Array(nodes.size);
    this.#queued = new Uint8Array(nodes.size);
  }

  /**
   * Whether a way takes no longer than so many ms; Infinity for any way. Labels are corrected until none changes (Bellman 1958, with a
   * queue): O(V E), and O(V + E) where any way will do.
   */
  has(from: NodeId, to: NodeId, bans: Bans, latencyMsMax = Infinity): boolean {
    const source = this.#nodes.get(from);
    const target = this.#nodes.get(to);
    if (source === undefined || target === undefined) return false;
    const latencyMs = this.#latencyMs.fill(Infinity);
    latencyMs[source] = 0;
    const queue = [source];
    const queued = this.#queued.fill(0);
    for (let head = 0; head < queue.length; head++) {
      const node = queue[head] as number;
      queued[node] = 0;
      for (const link of this.#out[node] ?? []) {
        const reached = latencyMsMax === Infinity ? 0 : (latencyMs[node] as number) + link.latencyMs;
        if (reached >= (latencyMs[link.to] as number) || reached > latencyMsMax || bans.links.has(link.id)) continue;
        if (link.to === target) return true;
        if (bans.nodes?.has(link.toId) === true) continue;
        latencyMs[link.to] = reached;
        if (queued[link.to] === 0) queue.push(link.to);
        queued[link.to] = 1;
      }
    }
    return false;
  }
}
