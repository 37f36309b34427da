/** Topologies written as text, for tests: `a-b a-b#2 b-c:8` are cables, both ways, of 10 Gb/s and 1 ms (or so many ms), with SRLGs `a-b[x,y]`. */
import { parseTopology, type Topology, type TopologyInput } from "@sluice/model";

export interface LinkTextOptions {
  /** Directed links (`a>b`, `a>b#2`) and nodes that are drained, or down. */
  readonly drained?: readonly string[];
  readonly down?: readonly string[];
  /** Gb/s by cable as written. */
  readonly gbps?: Readonly<Record<string, number>>;
}

export function topologyInputOf(text: string, { drained = [], down = [], gbps = {} }: LinkTextOptions = {}): TopologyInput {
  const cables = text
    .trim()
    .split(/\s+/)
    .filter((word) => word.length > 0)
    .map((word) => {
      const [, a = "", b = "", number = "", srlgs = "", ms = "1"] = /^(\w+)-(\w+)(#\d+)?(?:\[([\w,]*)\])?(?::(\d+))?$/.exec(word) ?? [];
      return { a, b, number, srlgIds: srlgs.split(",").filter((id) => id.length > 0), latencyMs: Number(ms) };
    });
  const stateOf = (id: string) => ({
    drain: drained.includes(id) ? ("drained" as const) : ("active" as const),
    operational: down.includes(id) ? ("down" as const) : ("up" as const),
  });
  return {
    name: "text",
    nodes: [...new Set(cables.flatMap(({ a, b }) => [a, b]))].map((id) => ({ id, ...stateOf(id) })),
    links: cables.flatMap(({ a, b, number, srlgIds, latencyMs }) =>
      [[a, b] as const, [b, a] as const].map(([from, to]) => ({
        id: `${from}>${to}${number}`,
        from,
        to,
        capacityBps: (gbps[`${a}-${b}${number}`] ?? 10) * 1e9,
        latencyMs,
        metric: latencyMs,
        srlgIds,
        ...stateOf(`${from}>${to}${number}`),
      })),
    ),
  };
}

export function topologyOf(text: string, options: LinkTextOptions = {}): Topology {
  const topology = parseTopology(topologyInputOf(text, options));
  if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
  return topology.value;
}
