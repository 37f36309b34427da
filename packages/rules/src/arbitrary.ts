/**
 * Random small networks and plans for property tests, of this package and of those that build on it (`@sluice/rules/testing`).
 * Links are made just wide enough for the plans, so that every plan is feasible and changes between them are tight.
 */
import {
  labelMax,
  labelMin,
  toId,
  type LinkId,
  type Rule,
  assert,
  compareFlowGroups,
  compareText,
  flowGroupId,
  parseTopology,
  trafficClasses,
  tunnelOf,
  type FlowGroup,
  type Path,
  type Plan,
  type Topology,
  type Tunnel,
  type TunnelGroup,
} from "@sluice/model";
import fc from "fast-check";

/** Most simple paths between two nodes that groups choose from. */
const pathsMax = 6;

export interface NetworkShape {
  readonly nodesMax?: number;
  readonly groupsMax?: number;
  readonly plans?: number;
  /** Least and most by which links are wider than the plans need; 1 is just wide enough. */
  readonly roomMax?: number;
}

export interface ArbitraryNetwork {
  readonly topology: Topology;
  /** Each is feasible on the topology. */
  readonly plans: readonly Plan[];
}

interface GroupChoice {
  readonly pair: number;
  readonly trafficClass: (typeof trafficClasses)[number];
  readonly members: readonly { readonly path: number; readonly weight: number }[];
  readonly kbps: number;
}

/** A connected or disconnected network of 2 to `nodesMax` nodes, parallel links included, and plans on it. */
export function arbitraryNetwork({
  nodesMax = 6,
  groupsMax = 6,
  plans = 2,
  roomMax = 1.5,
}: NetworkShape = {}): fc.Arbitrary<ArbitraryNetwork> {
  const member = fc.record({ path: fc.nat({ max: pathsMax - 1 }), weight: fc.integer({ min: 1, max: 9 }) });
  const group: fc.Arbitrary<GroupChoice> = fc.record({
    pair: fc.nat(),
    trafficClass: fc.constantFrom(...trafficClasses),
    members: fc.array(member, { minLength: 1, maxLength: 3 }),
    kbps: fc.integer({ min: 0, max: 100_000 }),
  });
  return fc
    .record({
      nodes: fc.integer({ min: 2, max: nodesMax }),
      links: fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: nodesMax * 3 }),
      isRing: fc.boolean(),
      choices: fc.array(fc.array(group, { maxLength: groupsMax }), { minLength: plans, maxLength: plans }),
      room: fc.double({ min: 1, max: roomMax, noNaN: true }),
    })
    .map(({ nodes, links, isRing, choices, room }) => {
      const ends = links.map(([from, to]) => [from % nodes, to % nodes] as const).filter(([from, to]) => from !== to);
      if (isRing) for (let i = 0; i < nodes; i += 1) ends.push([i, (i + 1) % nodes], [(i + 1) % nodes, i]);
      const wide = topologyOf(nodes, ends, () => 2 ** 50);
      const built = choices.map((groups) => planOfChoices(wide, groups));
      const topology = topologyOf(nodes, ends, (i) => {
        const id = wide.links[i]?.id ?? "";
        return Math.ceil(Math.max(1000, ...built.map((plan) => plannedBps(plan).get(id) ?? 0)) * room);
      });
      return { topology, plans: built };
    });
}

/** What a plan puts on each link, bps: admitted x weight / sum of weights. */
export function plannedBps(plan: Plan): ReadonlyMap<string, number> {
  const tunnelById = new Map(plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  const loads = new Map<string, number>();
  for (const { admittedBps, members } of plan.groups) {
    const sum = members.reduce((total, { weight }) => total + weight, 0);
    for (const { tunnelId, weight } of members) {
      for (const link of tunnelById.get(tunnelId)?.path ?? []) loads.set(link, (loads.get(link) ?? 0) + (admittedBps * weight) / sum);
    }
  }
  return loads;
}

export interface PlannedGroup extends FlowGroup {
  readonly admittedBps: number;
  readonly members: readonly { readonly path: Path; readonly weight: number }[];
}

/** A plan from groups and paths, as an engine would hand it over; groups admitted nothing are left out. */
export function planOf(topology: Topology, planned: readonly PlannedGroup[]): Plan {
  const tunnels = new Map<string, Tunnel>();
  const groups = planned
    .filter(({ admittedBps }) => admittedBps > 0)
    .map(({ src, dst, trafficClass, admittedBps, members }): TunnelGroup => {
      const weights = new Map<Tunnel, number>();
      for (const { path, weight } of members) {
        const made = tunnelOf(topology, path);
        const tunnel = tunnels.get(made.id) ?? made;
        tunnels.set(tunnel.id, tunnel);
        weights.set(tunnel, (weights.get(tunnel) ?? 0) + weight);
      }
      const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
      return {
        src,
        dst,
        trafficClass,
        demandBps: admittedBps,
        admittedBps,
        members: [...weights]
          .map(([tunnel, weight]) => ({ tunnelId: tunnel.id, allottedBps: (admittedBps * weight) / sum, weight }))
          .sort((a, b) => compareText(a.tunnelId, b.tunnelId)),
      };
    })
    .sort(compareFlowGroups);
  return {
    inputHash: "0".repeat(64),
    rung: "optimal",
    classes: [],
    tunnels: [...tunnels.values()].sort((a, b) => compareText(a.id, b.id)),
    groups,
    unroutable: [],
    check: { verdict: "pass", checked: {}, violations: [], utilizationMax: 0 },
  };
}

/** Loopless paths between two nodes in the order of depth-first search over link ids; at most `limit`. */
export function simplePaths(
  topology: Topology,
  ends: FlowGroup | { readonly src: string; readonly dst: string },
  limit: number,
): readonly Path[] {
  const paths: Path[] = [];
  const visit = (at: string, path: Path, passed: ReadonlySet<string>): void => {
    if (paths.length >= limit) return;
    if (at === ends.dst) {
      paths.push(path);
      return;
    }
    for (const link of topology.links) {
      if (link.from === at && !passed.has(link.to)) visit(link.to, [...path, link.id], new Set([...passed, link.to]));
    }
  };
  visit(ends.src, [], new Set([ends.src]));
  return paths;
}

function topologyOf(nodes: number, ends: readonly (readonly [number, number])[], capacityBps: (link: number) => number): Topology {
  const parsed = parseTopology({
    name: "arbitrary",
    nodes: Array.from({ length: nodes }, (_, i) => ({ id: `n${i}` })),
    // Ids sort in the order of making, so that indices mean the same in `topology.links`.
    links: ends.map(([from, to], i) => ({
      id: `l${String(i).padStart(3, "0")}`,
      from: `n${from}`,
      to: `n${to}`,
      capacityBps: capacityBps(i),
      latencyMs: 1 + (i % 7),
      metric: 1,
    })),
  });
  assert(parsed.ok, "an arbitrary topology is valid");
  return parsed.value;
}

function planOfChoices(topology: Topology, choices: readonly GroupChoice[]): Plan {
  const pairs = topology.nodes.flatMap((src) =>
    topology.nodes.filter((dst) => dst.id !== src.id).map((dst) => ({ src: src.id, dst: dst.id })),
  );
  const groups = new Map<string, PlannedGroup>();
  for (const { pair, trafficClass, members, kbps } of choices) {
    const ends = pairs[pair % pairs.length];
    if (ends === undefined) continue;
    const paths = simplePaths(topology, ends, pathsMax);
    if (paths.length === 0) continue;
    const chosen = members.map(({ path, weight }) => ({ path: paths[path % paths.length] ?? [], weight }));
    groups.set(flowGroupId({ ...ends, trafficClass }), { ...ends, trafficClass, admittedBps: kbps * 1000, members: chosen });
  }
  return planOf(topology, [...groups.values()]);
}

/** Any rule that a switch can hold; `links` are what it may output to. Numbers are few, so that keys meet. */
export function arbitraryRule(links: readonly LinkId[] = ["x", "y", "z"].map((id) => toId<LinkId>(id))): fc.Arbitrary<Rule> {
  const number = fc.integer({ min: 1, max: 4 });
  const label = fc.oneof(fc.integer({ min: labelMin, max: labelMin + 4 }), fc.constant(labelMax));
  const link = fc.constantFrom(...links);
  const kb = fc.integer({ min: 1, max: 2 ** 32 - 1 }).map((kilobits) => kilobits * 1000);
  const prefix = fc.tuple(fc.integer({ min: 0, max: 32 }), fc.nat({ max: 2 ** 32 - 1 })).map(([length, address]) => {
    const size = 2 ** (32 - length);
    const first = Math.floor(address / size) * size;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${length}`;
  });
  return fc.oneof(
    fc.record({ kind: fc.constant("meter" as const), meterId: number, rateBps: kb, burstBits: kb }),
    fc.record({
      kind: fc.constant("group" as const),
      groupId: number,
      buckets: fc.array(
        fc.record({ weight: fc.integer({ min: 1, max: 65_535 }), pushLabel: label, mplsTc: fc.integer({ min: 0, max: 7 }), output: link }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    fc.record({
      kind: fc.constant("ingress" as const),
      match: fc.record({
        dstPrefix: fc.oneof(fc.constantFrom("10.0.0.0/8", "10.0.0.0/24"), prefix),
        dscp: fc.integer({ min: 0, max: 63 }),
      }),
      meterId: number,
      groupId: number,
    }),
    fc.record({
      kind: fc.constant("label" as const),
      match: fc.record({ label }),
      action: fc.oneof(fc.record({ kind: fc.constant("output" as const), link }), fc.constant({ kind: "pop-deliver" as const })),
    }),
  );
}
