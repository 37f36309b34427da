/**
 * The network of the drawn examples, for tests and docs/forwarding.md. All links 10 Gb/s, both ways, named by their ends.
 *
 *        b
 *      / | \
 *     a  |  d
 *      \ | /
 *        c
 */
import { assert, parseTopology, toId, type LinkId, type Plan, type Topology, type TrafficClass } from "@sluice/model";
import { planOf, type PlannedGroup } from "./arbitrary.js";

export const gbps = 1e9;

const cables = [
  ["a", "b"],
  ["a", "c"],
  ["b", "c"],
  ["b", "d"],
  ["c", "d"],
] as const;

/** `down`: links that are not operational; `capacityGbps`: links that are not 10 Gb/s. */
export function diamond({
  down = [],
  capacityGbps = {},
}: { down?: readonly string[]; capacityGbps?: Readonly<Record<string, number>> } = {}): Topology {
  const parsed = parseTopology({
    name: "diamond",
    nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
    links: cables.flatMap(([x, y]) =>
      [
        [x, y],
        [y, x],
      ].map(([from = "", to = ""]) => ({
        id: from + to,
        from,
        to,
        capacityBps: (capacityGbps[from + to] ?? 10) * gbps,
        latencyMs: 5,
        metric: 1,
        operational: down.includes(from + to) ? ("down" as const) : ("up" as const),
      })),
    ),
  });
  assert(parsed.ok, "the diamond is a topology");
  return parsed.value;
}

/** `"abd"` is the path over links ab and bd. */
export function path(nodes: string): readonly LinkId[] {
  return [...nodes].slice(1).map((node, i) => toId<LinkId>(`${nodes[i] ?? ""}${node}`));
}

/** A group by its weighted paths: `group("interactive", 6, { abd: 2, acd: 1 })` admits 6 Gb/s from a to d. */
export function group(trafficClass: TrafficClass, admittedGbps: number, weights: Readonly<Record<string, number>>): PlannedGroup {
  const [first = ""] = Object.keys(weights);
  return {
    src: toId(first.slice(0, 1)),
    dst: toId(first.slice(-1)),
    trafficClass,
    admittedBps: admittedGbps * gbps,
    members: Object.entries(weights).map(([nodes, weight]) => ({ path: path(nodes), weight })),
  };
}

export function diamondPlan(...groups: readonly PlannedGroup[]): Plan {
  return planOf(diamond(), groups);
}
