/** Small random networks of cables with guarantees for their classes, and the truth about their failures by plain enumeration. For tests. */
import fc from "fast-check";
import {
  buildTopology,
  cablesOf,
  failureKinds,
  failureScenarios,
  guaranteeOf,
  isUsable,
  planSettingsDefault,
  protectionOf,
  trafficClasses,
  unprotected,
  type Guarantee,
  type Plan,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { snapshotOf } from "../testing/snapshot.js";

export const arbitraryGuarantee: fc.Arbitrary<Guarantee> = fc.oneof(
  fc.constant<Guarantee>({ kind: "none" }),
  fc.integer({ min: 1, max: 3 }).map((failures): Guarantee => ({ kind: "guaranteed", failures })),
  fc.constantFrom(0.9, 0.99, 0.999).map((target): Guarantee => ({ kind: "availability", target })),
);

export interface PromisedOptions {
  readonly nodesMax?: number;
  readonly cablesMax?: number;
  readonly guarantee?: fc.Arbitrary<Guarantee>;
}

/** Three to five nodes, cables between them (parallel ones too), shared risks, links that are down, demands and a guarantee for each class. */
export function arbitraryPromise({
  nodesMax = 5,
  cablesMax = 8,
  guarantee = arbitraryGuarantee,
}: PromisedOptions = {}): fc.Arbitrary<Snapshot> {
  return fc.integer({ min: 2, max: nodesMax }).chain((nodeCount) => {
    const pair = { from: fc.integer({ min: 0, max: nodeCount - 1 }), step: fc.integer({ min: 1, max: nodeCount - 1 }) };
    return fc
      .record({
        cables: fc.array(
          fc.record({
            ...pair,
            capacity: fc.integer({ min: 0, max: 12 }),
            metric: fc.integer({ min: 1, max: 4 }),
            srlg: fc.option(fc.integer({ min: 0, max: 2 }), { freq: 2 }),
            up: fc.integer({ min: 0, max: 12 }).map((n) => n > 0),
          }),
          { minLength: 2, maxLength: cablesMax },
        ),
        demands: fc.uniqueArray(
          fc.record({ ...pair, trafficClass: fc.constantFrom(...trafficClasses), rate: fc.integer({ min: 0, max: 15 }) }),
          { minLength: 1, maxLength: 8, selector: ({ from, step, trafficClass }) => `${from} ${step} ${trafficClass}` },
        ),
        guarantees: fc.record({ interactive: guarantee, elastic: guarantee, bulk: guarantee }),
        scenarios: fc.subarray([...failureKinds]),
        failureProbability: fc.constantFrom(0, 0.001, 0.02, 0.2),
        objective: fc.constantFrom(
          "max-throughput" as const,
          "max-concurrent" as const,
          "min-max-utilization" as const,
          "max-min-fair" as const,
        ),
        splitWeightSumMax: fc.constantFrom(1, 3, 16, 64),
        kind: fc.constantFrom("k-shortest" as const, "srlg-disjoint" as const, "priced" as const),
      })
      .map(({ cables, demands, guarantees, scenarios, failureProbability, objective, splitWeightSumMax, kind }) => {
        const name = (index: number): string => `n${index}`;
        return snapshotOf(
          {
            name: "promised",
            nodes: Array.from({ length: nodeCount }, (_, i) => ({ id: name(i) })),
            links: cables.flatMap(({ from, step, capacity, metric, srlg, up }, i) => {
              const ends = [name(from), name((from + step) % nodeCount)] as const;
              return [ends, [ends[1], ends[0]] as const].map(([a, b], way) => ({
                id: `c${i}${way === 0 ? "+" : "-"}`,
                from: a,
                to: b,
                capacityBps: capacity * 1e9,
                latencyMs: metric,
                metric,
                srlgIds: srlg === null ? [] : [`s${srlg}`],
                operational: up ? ("up" as const) : ("down" as const),
              }));
            }),
          },
          demands.map(
            ({ from, step, trafficClass, rate }) => [name(from), name((from + step) % nodeCount), trafficClass, rate * 1e9] as const,
          ),
          {
            ...planSettingsDefault,
            objective,
            splitWeightSumMax,
            tunnels: { kind, k: 3 },
            protection: { ...unprotected, guarantee: guarantees, scenarios, failureProbability },
          },
        );
      });
  });
}

/** What a plan does when links are down: loads of a class and those above it, and what of each group is carried. By plain arithmetic. */
export function underFailure(
  { topology, settings }: Snapshot,
  plan: Pick<Plan, "groups" | "tunnels">,
  trafficClass: TrafficClass,
  down: ReadonlySet<string>,
): { readonly overloaded: ReadonlySet<string>; readonly dead: ReadonlySet<string> } {
  const load = new Map<string, number>();
  const dead = new Set<string>();
  const path = new Map<string, readonly string[]>(plan.tunnels.map((tunnel) => [tunnel.id, tunnel.path]));
  for (const group of plan.groups) {
    if (trafficClasses.indexOf(group.trafficClass) > trafficClasses.indexOf(trafficClass)) continue;
    const moves = ["guaranteed", "availability"].includes(guaranteeOf(protectionOf(settings), group.trafficClass).kind);
    const alive = group.members.filter(({ tunnelId }) => !moves || (path.get(tunnelId) ?? []).every((id) => !down.has(id)));
    const sum = alive.reduce((total, { weight }) => total + weight, 0);
    if (sum === 0) dead.add(`${group.src}>${group.dst}/${group.trafficClass}`);
    for (const { tunnelId, weight } of alive) {
      for (const id of path.get(tunnelId) ?? []) load.set(id, (load.get(id) ?? 0) + (group.admittedBps * weight) / sum);
    }
  }
  const overloaded = new Set(topology.links.flatMap(({ id, capacityBps }) => ((load.get(id) ?? 0) > capacityBps * (1 + 1e-9) ? [id] : [])));
  return { overloaded, dead };
}

export interface Failure {
  readonly down: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
}

/** Every failure that a class is guaranteed against: each set of at most so many cables, and the other single ones. */
export function coveredFailures(snapshot: Snapshot, failures: number): readonly Failure[] {
  const cables = cablesOf(snapshot.topology);
  const found: Failure[] = [];
  for (let bits = 0; bits < 2 ** cables.length; bits++) {
    const chosen = cables.filter((_, i) => ((bits >> i) & 1) === 1);
    if (chosen.length <= failures) found.push({ down: new Set(chosen.flatMap(({ linkIds }) => linkIds)), nodes: new Set() });
  }
  const kinds = protectionOf(snapshot.settings).scenarios.filter((kind) => kind !== "link");
  for (const { linkIds, nodeIds } of failureScenarios(snapshot.topology, kinds)) {
    found.push({ down: new Set(linkIds), nodes: new Set(nodeIds) });
  }
  return found;
}

export function topologyOf({ topology }: Snapshot): Topology {
  const built = buildTopology(topology);
  if (!built.ok) throw new Error(JSON.stringify(built.faults));
  return built.value;
}

/** Capacity of links that may be used. */
export function fullCapacity(topology: Topology): Float64Array {
  return Float64Array.from(topology.links, (link) => (isUsable(topology, link) ? link.capacityBps : 0));
}
