/** What a seed stands for: a small network, its demands, limits, and how much of every fault it meets. */
import { agentConfigDefault, controllerConfigDefault, type ControllerConfig } from "@sluice/control";
import {
  assert,
  buildDemandMatrix,
  failureKinds,
  localRepairs,
  parseTopology,
  planSettingsDefault,
  protectionDefault,
  toId,
  trafficClasses,
  type DemandMatrix,
  type Guarantee,
  type NodeId,
  type PlanSettings,
  type ProtectionSettings,
  type Topology,
} from "@sluice/model";
import { seededRandom, type Random } from "./random.js";

export interface Scenario {
  readonly seed: number;
  readonly universe: Topology;
  readonly settings: PlanSettings;
  /** Linear programs are dear: most seeds plan greedily. */
  readonly solver: "greedy" | "simplex" | "highs" | "javascript-lp-solver";
  readonly controllerConfig: Omit<ControllerConfig, "controllerId">;
  readonly ruleCountMax: number;
  /** Operations that an agent keeps for failures; in a few seeds there is no room for all. */
  readonly preparedOperationsMax: number;
  /** How long faults go on, ms of virtual time. */
  readonly faultsMs: number;
  /** The network's own share of a fault, from 0 to 1: some seeds are calm, so that faults of one kind stand alone. */
  readonly intensity: number;
  /** Whether operators do more than to drain, edit and set. */
  readonly operators: boolean;
  /** Whether several processes contend for the lead. */
  readonly contest: boolean;
  /** What the storm leaves out: nothing, but where a failure is made small. */
  readonly without: ReadonlySet<string>;
}

const bps = 1e9;

export function scenarioOf(seed: number, operators = false): Scenario {
  const random = seededRandom(seed);
  const universe = universeOf(random);
  const protection = protectionOf(seed);
  const solver = ({ 0: "highs", 3: "simplex", 5: "javascript-lp-solver" } as const)[seed % 10] ?? "greedy";
  return {
    seed,
    universe,
    settings: {
      ...planSettingsDefault,
      tunnels: { kind: "k-shortest", k: random.integer(2, 3) },
      solver: solver === "greedy" ? "auto" : solver,
      splitWeightSumMax: 16,
      updateSlack: random.pick([0, 0.1, 0.3]),
      ...protection,
    },
    solver,
    // Cables are cut and mended within seconds here: hold-downs are as short.
    controllerConfig: {
      ...controllerConfigDefault,
      solveIntervalMinMs: 1_000,
      drainGraceMs: 100,
      linkUpHoldMs: 300,
      dampingHalfLifeMs: 2_000,
      // In two of three seeds plans are verified and updates derived in slices, with events in between; networks are too small for it otherwise.
      workPerEventMax: [3, 60, controllerConfigDefault.workPerEventMax][seed % 3] ?? controllerConfigDefault.workPerEventMax,
    },
    // Tight in some seeds: then plans are refused by switches, and have to be taken back.
    ruleCountMax: random.chance(0.15) ? random.integer(30, 60) * (protection.protection === undefined ? 1 : 2) : 10_000,
    preparedOperationsMax: seed % 12 === 7 ? 12 : agentConfigDefault.preparedOperationsMax,
    faultsMs: random.between(8_000, 15_000),
    intensity: random.pick([0.1, 0.5, 1]),
    operators,
    contest: false,
    without: new Set(),
  };
}

/** Two of three seeds promise something; which, follows from the seed alone, so that nothing else of an older seed changes. */
function protectionOf(seed: number): { readonly protection?: ProtectionSettings } {
  const random = seededRandom(seed ^ 0x9e37);
  if (random.chance(1 / 3)) return {};
  const promised: readonly Guarantee[] = [{ kind: "none" }, { kind: "protected" }, { kind: "guaranteed", failures: 1 }];
  return {
    protection: {
      ...protectionDefault,
      guarantee: { interactive: random.pick(promised), elastic: random.pick(promised), bulk: random.pick(promised) },
      localRepair: random.pick(localRepairs),
      scenarios: failureKinds.filter(() => random.chance(0.7)),
    },
  };
}

/** A ring with chords: every cable is two links, every pair of nodes has two disjoint ways. */
function universeOf(random: Random): Topology {
  const count = random.integer(4, 6);
  const ids = Array.from({ length: count }, (_, i) => `n${i}`);
  const cables = ids.map((id, i) => [id, ids[(i + 1) % count] ?? id] as const);
  for (let i = 0; i < count; i += 1) {
    for (let j = i + 2; j < count; j += 1)
      if (!(i === 0 && j === count - 1) && random.chance(0.4)) cables.push([ids[i] ?? "", ids[j] ?? ""]);
  }
  const built = parseTopology({
    name: "simulated",
    nodes: ids.map((id) => ({ id })),
    links: cables.flatMap(([a, b], i) => {
      // Cables in one duct are cut together; each is a risk of its own besides.
      const srlgIds = [`cable-${i}`, ...(i % 3 === 0 ? [] : [`duct-${i % 2}`])];
      const cable = {
        srlgIds,
        capacityBps: random.pick([10, 20, 40]) * bps,
        latencyMs: random.integer(1, 40),
        metric: random.integer(1, 10),
      };
      return [
        { id: `${a}-${b}`, from: a, to: b, ...cable },
        { id: `${b}-${a}`, from: b, to: a, ...cable },
      ];
    }),
  });
  assert(built.ok, "the simulated network is valid");
  return built.value;
}

/** Demands of a moment: most pairs, rates from a trickle to more than the network holds. */
export function demandsOf(random: Random, topology: { readonly nodes: readonly { readonly id: NodeId }[] }, name: string): DemandMatrix {
  const demands = topology.nodes.flatMap(({ id: src }) =>
    topology.nodes
      .filter(({ id: dst }) => dst !== src && random.chance(0.5))
      .map(({ id: dst }) => ({
        src: toId<NodeId>(src),
        dst: toId<NodeId>(dst),
        trafficClass: random.pick(trafficClasses),
        rateBps: Math.round(random.between(0.01, 8) * bps),
      })),
  );
  const built = buildDemandMatrix(name, demands);
  assert(built.ok, "the simulated demands are valid");
  return built.value;
}
