/**
 * The failure report on small random networks, against a plain recomputation: fluid traffic through the rules on the network as the failure leaves
 * it, whether or not a link is overfull. The report itself asks the packet walk first and knows nothing of that network.
 */
import { optimize, splitScenarios } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import {
  buildTopology,
  flowGroupId,
  parseDemandMatrix,
  parseTopology,
  planSettingsDefault,
  protectionDefault,
  topologyDocument,
  topologyUnder,
  trafficClasses,
  type FailureScenario,
  type NodeId,
  type Plan,
  type Result,
  type RuleOperation,
  type RuleSet,
  type ScenarioSplit,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import {
  applyOperations,
  assign,
  compileRules,
  compileScenario,
  emptyAssignments,
  forwardFluid,
  loadTolerance,
  switchesOf,
} from "@sluice/rules";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { failureReport, layerNames, worstFirst, type FailureReport, type LayerName } from "./failure-report.js";
import { scenarioSet } from "./scenario-set.js";

const testTimeoutMs = 240_000;
const gbps = 1e9;

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ message }) => message).join(" "));
  return result.value;
}

let options: { readonly lp: Parameters<typeof optimize>[1]["lp"]; readonly nowMs: () => number };
beforeAll(async () => {
  options = { lp: { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() }, nowMs: () => performance.now() };
});

interface Shape {
  readonly capacities: readonly number[];
  /** Cables across the ring, by their ends. */
  readonly chords: readonly (readonly [number, number])[];
  readonly demands: readonly { readonly src: number; readonly dst: number; readonly class: number; readonly rate: number }[];
  readonly localRepair: "none" | "link" | "node";
}

/** A ring of five to seven nodes with chords, and demand that fills part of it. Cable 0 and the first chord share a duct. */
const shapes: fc.Arbitrary<Shape> = fc.integer({ min: 5, max: 7 }).chain((count) => {
  const node = fc.integer({ min: 0, max: count - 1 });
  return fc.record({
    capacities: fc.array(fc.integer({ min: 4, max: 12 }), { minLength: count, maxLength: count }),
    chords: fc.uniqueArray(
      fc.tuple(node, node).filter(([a, b]) => a < b && b - a > 1 && b - a < count - 1),
      { minLength: 1, maxLength: 3, selector: ([a, b]) => `${a} ${b}` },
    ),
    demands: fc.uniqueArray(
      fc
        .record({ src: node, dst: node, class: fc.integer({ min: 0, max: 2 }), rate: fc.integer({ min: 1, max: 4 }) })
        .filter((each) => each.src !== each.dst),
      { minLength: 4, maxLength: 12, selector: (each) => `${each.src} ${each.dst} ${each.class}` },
    ),
    localRepair: fc.constantFrom("none", "link", "link", "node"),
  });
});

interface Planned {
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
}

async function planOf({ capacities, chords, demands, localRepair }: Shape): Promise<Planned> {
  const cable = (a: number, b: number, rate: number, srlgIds: readonly string[]) =>
    [
      [a, b],
      [b, a],
    ].map(([from, to]) => ({
      id: `n${from}-n${to}`,
      from: `n${from}`,
      to: `n${to}`,
      capacityBps: rate * gbps,
      latencyMs: 1,
      metric: 1,
      srlgIds,
    }));
  const links = [
    ...capacities.flatMap((rate, i) => cable(i, (i + 1) % capacities.length, rate, i === 0 ? ["duct"] : [])),
    ...chords.flatMap(([a, b], i) => cable(a, b, 8, i === 0 ? ["duct"] : [])),
  ];
  const topology = valueOf(parseTopology({ name: "ring", nodes: capacities.map((_, i) => ({ id: `n${i}` })), links }));
  const matrix = demands.map(({ src, dst, class: i, rate }) => ({
    src: `n${src}`,
    dst: `n${dst}`,
    trafficClass: trafficClasses[i],
    rateBps: rate * gbps,
  }));
  const snapshot: Snapshot = {
    topology: topologyDocument(topology),
    demands: valueOf(parseDemandMatrix({ name: "some", demands: matrix })),
    settings: { ...planSettingsDefault, tunnels: { kind: "k-shortest", k: 2 }, protection: { ...protectionDefault, localRepair } },
  };
  return { topology, snapshot, plan: valueOf(await optimize(snapshot, options)).plan };
}

const layers: readonly LayerName[] = ["unrepaired", "local-repair", "scenario-split"];

const setOf = (topology: Topology) => scenarioSet(topology, { kinds: ["link", "node", "srlg"], pairs: { countMax: 4, seed: 3 } });

async function reportOf(
  { topology, snapshot, plan }: Planned,
  more: Partial<Parameters<typeof failureReport>[0]> = {},
): Promise<FailureReport> {
  return valueOf(await failureReport({ snapshot, plan, set: setOf(topology), layers, ...more }, options));
}

type ByClass = Record<TrafficClass, number>;
const byClass = (of: (name: TrafficClass) => number): ByClass => ({
  interactive: of("interactive"),
  elastic: of("elastic"),
  bulk: of("bulk"),
});

/** What arrives on the failed network by these rules; switches that repair nothing believe in every port. */
function arrives({ topology, plan }: Planned, rules: RuleSet, scenario: FailureScenario, repairs: boolean): ByClass {
  const failed = valueOf(buildTopology(topologyUnder(topology, scenario)));
  const dead = new Set(scenario.nodeIds);
  const { flows } = forwardFluid({
    topology: failed,
    switches: switchesOf(rules),
    offered: plan.groups.filter(({ src }) => !dead.has(src)).map((group) => ({ ...group, rateBps: group.admittedBps })),
    ...(repairs ? {} : { isPortLive: () => true }),
  });
  return byClass((name) => flows.reduce((sum, flow) => sum + (flow.trafficClass === name ? flow.deliveredBps : 0), 0));
}

const nothing: FailureScenario = { id: "none", kind: "drain", linkIds: [], nodeIds: [] };

/** Lost by class in each layer, by name. */
function recomputed(planned: Planned, scenario: FailureScenario, split: ScenarioSplit) {
  const { topology, plan } = planned;
  const assignments = valueOf(assign(emptyAssignments, plan, topology));
  const rules = valueOf(compileRules(topology, plan, assignments));
  const operations: ReadonlyMap<NodeId, readonly RuleOperation[]> = valueOf(compileScenario(topology, plan, assignments, split));
  const changed: RuleSet = new Map([...rules].map(([nodeId, ofNode]) => [nodeId, applyOperations(ofNode, operations.get(nodeId) ?? [])]));
  const before = arrives(planned, rules, nothing, true);
  const dead = new Set(scenario.nodeIds);
  const ends = byClass((name) =>
    plan.groups.reduce(
      (sum, { src, dst, trafficClass, admittedBps }) => sum + (trafficClass === name && (dead.has(src) || dead.has(dst)) ? admittedBps : 0),
      0,
    ),
  );
  const lost = (after: ByClass) => byClass((name) => before[name] - ends[name] - after[name]);
  return {
    before,
    ends,
    unrepaired: lost(arrives(planned, rules, scenario, false)),
    "local-repair": lost(arrives(planned, rules, scenario, true)),
    "scenario-split": lost(arrives(planned, changed, scenario, true)),
  };
}

/** A link of 12 Gb/s that is overfull by less than its millionth (`loadTolerance`) counts as full, and fluid traffic drops that. */
const toleranceBps = 12 * gbps * loadTolerance;
const near = (found: number, expected: number): boolean => Math.abs(found - expected) <= toleranceBps;

describe("a failure report on random networks", () => {
  it("loses in each layer what a plain recomputation loses, and orders by it", { timeout: testTimeoutMs }, async () => {
    let [overfull, gone, repaired] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const planned = await planOf(shape);
        const report = await reportOf(planned);
        // In the order of the report's own: which of equally good splits is found depends on it.
        const { scenarios } = setOf(planned.topology);
        expect(report.scenarios.map(({ id }) => id).sort()).toEqual(scenarios.map(({ id }) => id).sort());
        const { splits } = valueOf(await splitScenarios(planned.snapshot, planned.plan, scenarios, options));
        for (const [i, scenario] of scenarios.entries()) {
          const split = splits[i];
          const found = report.scenarios.find(({ id }) => id === scenario.id);
          if (split === undefined || found === undefined) throw new Error("there is a split for each scenario");
          const expected = recomputed(planned, scenario, split);
          expect(found.split).toBe("made");
          for (const name of trafficClasses) {
            expect([scenario.id, name, near(found.endsLostBps[name], expected.ends[name])]).toEqual([scenario.id, name, true]);
            expect(near(report.admittedBps[name], expected.before[name])).toBe(true);
            for (const layer of ["unrepaired", "local-repair", "scenario-split"] as const) {
              const lost = found.layers[layer]?.lostBps[name] ?? Number.NaN;
              const right = near(lost, expected[layer][name]);
              expect([scenario.id, layer, name, right ? lost : expected[layer][name]]).toEqual([scenario.id, layer, name, lost]);
            }
            // Where nothing is crowded out a repair only helps.
            const { unrepaired, "local-repair": local } = found.layers;
            if ((unrepaired?.overfullLinks ?? 1) > 0 || (local?.overfullLinks ?? 1) > 0) continue;
            expect((unrepaired?.lostBps[name] ?? 0) + toleranceBps).toBeGreaterThan(local?.lostBps[name] ?? Number.NaN);
            repaired += (unrepaired?.lostBps[name] ?? 0) > (local?.lostBps[name] ?? 0) ? 1 : 0;
          }
          // What a split sends fits, but for the least rates of meters that stop a flow group: twelve at most, 1 kb/s each, on 4 Gb/s.
          expect([scenario.id, (found.layers["scenario-split"]?.utilizationMax ?? 2) <= 1 + 3e-6]).toEqual([scenario.id, true]);
          overfull += (found.layers["local-repair"]?.overfullLinks ?? 0) > 0 ? 1 : 0;
          gone += trafficClasses.some((name) => found.endsLostBps[name] > 0) ? 1 : 0;
        }
        const keys = report.scenarios.map(({ layers: { "scenario-split": split } }) =>
          trafficClasses.map((name) => split?.lostBps[name] ?? Number.NaN),
        );
        expect(keys).toEqual(keys.toSorted((a, b) => (b[0] ?? 0) - (a[0] ?? 0) || (b[1] ?? 0) - (a[1] ?? 0) || (b[2] ?? 0) - (a[2] ?? 0)));
        expect(report.scenarios.toReversed().sort(worstFirst)).toEqual(report.scenarios);
      }),
      { numRuns: 15, seed: 4 },
    );
    // The cases that are hard were among them.
    for (const count of [overfull, gone, repaired]) expect(count).toBeGreaterThan(10);
  });

  const square: Shape = {
    capacities: [10, 10, 10, 10, 10],
    chords: [[0, 2]],
    demands: [
      { src: 0, dst: 1, class: 0, rate: 4 },
      { src: 0, dst: 2, class: 1, rate: 3 },
      { src: 3, dst: 0, class: 2, rate: 2 },
    ],
    localRepair: "link",
  };

  it("shows the splits that are given, and none where there is none", { timeout: testTimeoutMs }, async () => {
    const planned = await planOf(square);
    const made = await reportOf(planned);
    const target = made.scenarios.find(({ id }) => id === "link:n0-n1");
    if (target === undefined) throw new Error("the ring has a first cable");
    // A split that stops everybody: nothing else makes a report lose what is admitted.
    const scenario = { id: target.id, kind: target.kind, linkIds: target.linkIds, nodeIds: target.nodeIds };
    const groups = planned.plan.groups.map((group) => ({ ...group, admittedBps: 1_000 }));
    const given: ScenarioSplit = { scenario, groups, lostBps: byClass(() => 0), utilizationMax: 0 };
    const report = await reportOf(planned, {
      splits: new Map([
        [target.id, given],
        ["node:n1", undefined],
      ]),
    });
    const of = (id: string) => report.scenarios.find((each) => each.id === id);
    expect(of(target.id)).toMatchObject({ split: "given" });
    for (const name of trafficClasses) {
      const lost = of(target.id)?.layers["scenario-split"]?.lostBps[name] ?? 0;
      expect(lost).toBeGreaterThan(0.999 * report.admittedBps[name]);
    }
    expect(report.scenarios.indexOf(of(target.id) ?? target)).toBeLessThan(made.scenarios.indexOf(target));
    expect(report.scenarios.toReversed().sort(worstFirst)).toEqual(report.scenarios);
    expect(of("node:n1")).toMatchObject({ split: "none" });
    expect(of("node:n1")?.layers["scenario-split"]).toEqual(of("node:n1")?.layers["local-repair"]);
    const others = (each: FailureReport) => each.scenarios.filter(({ id }) => id !== target.id && id !== "node:n1");
    expect(others(report)).toEqual(others(made));
  });

  it("counts a dead node's own traffic in no layer", { timeout: testTimeoutMs }, async () => {
    const planned = await planOf(square);
    const { scenarios } = await reportOf(planned, { layers: layerNames });
    const node = scenarios.find(({ id }) => id === "node:n0");
    // All three flow groups start or end there.
    expect(byClass((name) => Math.round((node?.endsLostBps[name] ?? 0) / gbps))).toEqual({ interactive: 4, elastic: 3, bulk: 2 });
    expect(layerNames.map((name) => node?.layers[name]?.lostBps)).toEqual(layerNames.map(() => ({ interactive: 0, elastic: 0, bulk: 0 })));
    expect(planned.plan.groups.map(flowGroupId)).toHaveLength(3);
  });

  it("says of pairs whether they are all, and of layers which were looked at", { timeout: testTimeoutMs }, async () => {
    const planned = await planOf(square);
    const report = await reportOf(planned, { layers: ["local-repair", "unrepaired"] });
    expect(report.pairs).toEqual({ possible: 15, taken: 4, sampled: true, seed: 3 });
    expect(report.scenarios.filter(({ kind }) => kind === "pair")).toHaveLength(4);
    expect(report.layers).toEqual(["unrepaired", "local-repair"]);
    for (const each of report.scenarios) {
      expect(Object.keys(each.layers)).toEqual(["unrepaired", "local-repair"]);
      expect(each).not.toHaveProperty("split");
    }
    const all = await reportOf(planned, {
      layers: ["unrepaired"],
      set: scenarioSet(planned.topology, { kinds: [], pairs: { countMax: 15, seed: 3 } }),
    });
    expect(all.pairs).toEqual({ possible: 15, taken: 15, sampled: false, seed: 3 });
  });

  it("is cancelled between scenarios", { timeout: testTimeoutMs }, async () => {
    const planned = await planOf(square);
    const set = scenarioSet(planned.topology, { kinds: ["link"] });
    const asked = failureReport({ ...planned, set, layers: ["new-plan"] }, { ...options, isCancelled: () => true });
    expect(await asked).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });
  });
});
