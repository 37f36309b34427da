import {
  assert as invariant,
  buildTopology,
  classMarking,
  failureScenarios,
  pairScenario,
  toId,
  topologyUnder,
  trafficClasses,
  type FailureScenario,
  type NodeId,
  type Rule,
  type RuleOperation,
  type RuleSet,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { arbitraryProtectedNetwork } from "./arbitrary-protection.js";
import { withBypasses, withRepairedBypasses } from "./bypass-rules.js";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { applyOperations, diffRules } from "./diff.js";
import { arbitraryHarm, harmed } from "./rule-harm.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { failureWalker, type FailureWalk } from "./walk-failures.js";
import { walkState } from "./walk-oracle.js";
import { walkRules } from "./walk.js";

function under(topology: Topology, scenario: FailureScenario): Topology {
  const built = buildTopology(topologyUnder(topology, scenario));
  invariant(built.ok, "a topology stays one");
  return built.value;
}

function overridden(rules: RuleSet, overrides: ReadonlyMap<NodeId, readonly RuleOperation[]>): RuleSet {
  const made = new Map(rules);
  for (const [nodeId, operations] of overrides) made.set(nodeId, applyOperations(made.get(nodeId) ?? new Map(), operations));
  return made;
}

function withoutRepairs(rules: RuleSet): RuleSet {
  const bare = (rule: Rule): Rule => {
    if (rule.kind === "label" && rule.action.kind === "output") return { ...rule, action: { kind: "output", link: rule.action.link } };
    if (rule.kind !== "group") return rule;
    const buckets = rule.buckets.map(({ weight, pushLabel, mplsTc, output }) => ({ weight, pushLabel, mplsTc, output }));
    return { ...rule, buckets };
  };
  return new Map(
    [...rules].map(([nodeId, ofNode]) => [
      nodeId,
      new Map([...ofNode].flatMap(([key, rule]) => (rule.kind === "failover" ? [] : [[key, bare(rule)] as const]))),
    ]),
  );
}

/** What becomes of traffic, by the dumb walk. */
function fatesOf(topology: Topology, rules: RuleSet) {
  const zero = (): Record<TrafficClass, number> => ({ interactive: 0, elastic: 0, bulk: 0 });
  const fates = { offeredBps: zero(), deliveredBps: zero(), lostBps: zero(), endsLostBps: zero(), repairedBps: 0 };
  for (const [flow, { ends }] of walkState(topology, rules, new Set())) {
    const [nodeId = "", key = ""] = flow.split(" ");
    const ingress = rules.get(toId<NodeId>(nodeId))?.get(key);
    invariant(ingress?.kind === "ingress", "a flow has its rule");
    const name = trafficClasses.find((each) => classMarking[each].dscp === ingress.match.dscp) ?? "bulk";
    const egress = topology.nodes.find(({ prefix }) => prefix === ingress.match.dstPrefix);
    const isEnded = [topology.nodeById.get(toId<NodeId>(nodeId)), egress].some((node) => node?.operational === "down");
    for (const { end, rateBps, isRepaired } of ends) {
      fates.offeredBps[name] += rateBps;
      if (end === "delivered") fates.deliveredBps[name] += rateBps;
      else fates[isEnded ? "endsLostBps" : "lostBps"][name] += rateBps;
      if (end === "delivered" && isRepaired) fates.repairedBps += rateBps;
    }
  }
  return fates;
}

function expectSame(found: FailureWalk, topology: Topology, rules: RuleSet): void {
  const walk = walkRules(topology, rules);
  const named = (violations: FailureWalk["violations"]) =>
    violations.map(({ message, data }) => (data?.["kind"] === "overload" ? data["linkId"] : message));
  expect(named(found.violations).map(String).sort()).toEqual(named(walk.violations).map(String).sort());
  expect(found.violationCount).toBe(walk.checked["violations"]);
  expect(found.verdict).toBe(walk.verdict);
  expect(found.linkLoads.map(({ linkId }) => linkId)).toEqual(walk.linkLoads.map(({ linkId }) => linkId));
  found.linkLoads.forEach(({ loadBps }, i) => expect(loadBps).toBeCloseTo(walk.linkLoads[i]?.loadBps ?? 0, 3));
  expect(found.utilizationMax).toBeCloseTo(walk.utilizationMax, 9);
  const fates = fatesOf(topology, rules);
  for (const name of trafficClasses) {
    for (const fate of ["offeredBps", "deliveredBps", "lostBps", "endsLostBps"] as const)
      expect(found[fate][name], fate).toBeCloseTo(fates[fate][name], 3);
  }
  expect(found.repairedBps).toBeCloseTo(fates.repairedBps, 3);
}

const bypassChoice = fc.record({ avoidNodes: fc.boolean(), pick: fc.nat({ max: 7 }) });

describe("failureWalker", () => {
  const topology = diamond();
  const [plain] = rulesOfPlans(topology, [diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }), group("bulk", 3, { abd: 1 }))]);
  invariant(plain !== undefined, "compiled");
  const { rules } = withBypasses(topology, plain, { avoidNodes: true, pick: 1 });
  const walker = failureWalker(topology, rules);
  const scenarioOf = (id: string): FailureScenario => {
    const found = failureScenarios(topology, ["link", "node"]).find((each) => each.id === id);
    invariant(found !== undefined, `${id} is a scenario`);
    return found;
  };

  it("says what a cut cable costs with bypasses and without them", () => {
    const repaired = walker.walk(scenarioOf("link:bd"));
    expect(repaired).toMatchObject({
      offeredBps: { interactive: 6 * gbps, elastic: 0, bulk: 3 * gbps },
      deliveredBps: { interactive: 6 * gbps, elastic: 0, bulk: 3 * gbps },
      lostBps: { interactive: 0, elastic: 0, bulk: 0 },
      repairedBps: 7 * gbps,
      waysFollowed: 1,
    });
    const bare = walker.walk(scenarioOf("link:bd"), { repairs: false });
    expect(bare).toMatchObject({ verdict: "pass", lostBps: { interactive: 4 * gbps, elastic: 0, bulk: 3 * gbps }, repairedBps: 0 });
    expect(bare.linkLoads.find(({ linkId }) => linkId === "bd")).toBeUndefined();
  });

  it("tells loss that nothing could save from other loss", () => {
    expect(walker.walk(scenarioOf("node:d"))).toMatchObject({
      lostBps: { interactive: 0, bulk: 0 },
      endsLostBps: { interactive: 6 * gbps, bulk: 3 * gbps },
    });
    const transit = walker.walk(scenarioOf("node:b"));
    expect(transit.endsLostBps).toEqual({ interactive: 0, elastic: 0, bulk: 0 });
    expect(transit).toMatchObject({ lostBps: { interactive: 0, bulk: 0 }, repairedBps: 7 * gbps });
  });

  it("walks what ingresses were told for the scenario", () => {
    const group1 = rules.get(toId<NodeId>("a"))?.get("group/1");
    invariant(group1?.kind === "group", "a has group 1");
    const rule: Rule = { ...group1, buckets: group1.buckets.filter(({ output }) => output === "ac") };
    const walk = walker.walk(scenarioOf("link:bd"), { overrides: new Map([[toId<NodeId>("a"), [{ op: "put", rule }]]]) });
    expect(walk.linkLoads.find(({ linkId }) => linkId === "ac")?.loadBps).toBeGreaterThanOrEqual(6 * gbps);
    expect(walk).toMatchObject({ deliveredBps: { interactive: 6 * gbps, bulk: 3 * gbps }, repairedBps: 3 * gbps });
  });

  it("is the walk of the network with the links down and the operations applied", () => {
    let [failing, repairing, ending, overriding, harming] = [0, 0, 0, 0, 0];
    fc.assert(
      fc.property(
        arbitraryNetwork({ nodesMax: 6, plans: 2 }),
        bypassChoice,
        fc.array(arbitraryHarm, { maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 2 }),
        fc.record({ isGroupsOnly: fc.boolean(), nodes: fc.array(fc.nat(), { maxLength: 2 }), isNested: fc.boolean() }),
        (network, choice, harms, downBefore, over) => {
          const [set, other] = rulesOfPlans(network.topology, network.plans).map((each) => {
            const made = withBypasses(network.topology, each, choice);
            return harmed(network.topology, over.isNested ? withRepairedBypasses(made.rules, made.bypasses) : made.rules, harms);
          });
          invariant(set !== undefined && other !== undefined, "compiled");
          const singles = failureScenarios(network.topology, ["link", "node"]);
          const [before, ...more] = singles;
          invariant(before !== undefined, "something can fail");
          const start = downBefore.reduce((on: Topology, i) => under(on, singles[i % singles.length] ?? before), network.topology);
          const overrides = new Map(
            over.nodes.map((i) => {
              const nodeId = network.topology.nodes[i % network.topology.nodes.length]?.id ?? toId<NodeId>("n0");
              const operations = diffRules(set.get(nodeId) ?? new Map(), other.get(nodeId) ?? new Map()).filter(
                (each) => !over.isGroupsOnly || (each.op === "put" && (each.rule.kind === "meter" || each.rule.kind === "group")),
              );
              return [nodeId, operations] as const;
            }),
          );
          const guarded = failureWalker(start, set);
          for (const scenario of [before, ...more, ...more.map((each) => pairScenario(before, each))]) {
            const failed = under(start, scenario);
            for (const [given, rulesThen] of [
              [new Map(), set],
              [overrides, overridden(set, overrides)],
            ] as const) {
              const walk = guarded.walk(scenario, { overrides: given });
              expectSame(walk, failed, rulesThen);
              expectSame(guarded.walk(scenario, { overrides: given, repairs: false }), failed, withoutRepairs(rulesThen));
              failing += walk.lostBps.interactive > 0 ? 1 : 0;
              repairing += walk.repairedBps > 0 ? 1 : 0;
              ending += walk.endsLostBps.bulk > 0 ? 1 : 0;
              harming += walk.violationCount > 0 ? 1 : 0;
            }
            overriding += [...overrides.values()].some((operations) => operations.length > 0) ? 1 : 0;
          }
        },
      ),
      { numRuns: 120 },
    );
    for (const count of [failing, repairing, ending, overriding, harming]) expect(count).toBeGreaterThan(50);
  });

  it("follows no way that the scenario does not touch", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 1 }), bypassChoice, (network, choice) => {
        const [set] = rulesOfPlans(network.topology, network.plans);
        invariant(set !== undefined, "compiled");
        const guarded = withBypasses(network.topology, set, choice).rules;
        const tunnels = network.plans[0]?.tunnels ?? [];
        const walk = failureWalker(network.topology, guarded);
        for (const scenario of failureScenarios(network.topology, ["link"])) {
          const gone = new Set(scenario.linkIds);
          const touched = tunnels.filter(({ path }) => path.some((id) => gone.has(id)));
          expect(walk.walk(scenario).waysFollowed).toBeLessThanOrEqual(touched.length);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("finds no packet that circulates or strays under compiled protected plans, whatever fails, alone or in pairs", () => {
    let [repaired, pairs] = [0, 0];
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ plans: 1, always: true }), (network) => {
        const [set] = rulesOfPlans(network.topology, network.plans);
        invariant(set !== undefined, "compiled");
        const walk = failureWalker(network.topology, set);
        const singles = failureScenarios(network.topology, ["link", "node"]);
        const both = singles.flatMap((one, i) => singles.slice(i + 1).map((other) => pairScenario(one, other)));
        pairs += both.length;
        for (const scenario of [...singles, ...both]) {
          const found = walk.walk(scenario);
          expect(found.violations.filter(({ data }) => data?.["kind"] !== "overload")).toEqual([]);
          const bare = walk.walk(scenario, { repairs: false });
          for (const name of trafficClasses) {
            expect(found.deliveredBps[name] + found.lostBps[name] + found.endsLostBps[name]).toBeCloseTo(found.offeredBps[name], 2);
            expect(found.deliveredBps[name]).toBeGreaterThanOrEqual(bare.deliveredBps[name] - 1e-3);
            expect(found.endsLostBps[name]).toBeCloseTo(bare.endsLostBps[name], 2);
          }
          if (found.repairedBps > 0) repaired += 1;
        }
      }),
      { numRuns: 120 },
    );
    expect(pairs).toBeGreaterThan(1000);
    expect(repaired).toBeGreaterThan(500);
  });
});
