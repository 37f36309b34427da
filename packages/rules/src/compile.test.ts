import { assert as invariant, type Plan, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork, plannedBps } from "./arbitrary.js";
import { assign, emptyAssignments, type Assignments } from "./assignments.js";
import { compileRules } from "./compile.js";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { digestOfRuleSet } from "./digest.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { walkRules } from "./walk.js";

function assigned(plan: Plan, topology: Topology): Assignments {
  const result = assign(emptyAssignments, plan, topology);
  invariant(result.ok, "labels suffice");
  return result.value;
}

describe("compileRules", () => {
  it("compiles the example of docs/forwarding.md", () => {
    const topology = diamond();
    const plan = diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }));
    const [rules] = rulesOfPlans(topology, [plan]);
    invariant(rules !== undefined, "compiled");
    const label = (nodes: string) => 16 + plan.tunnels.findIndex(({ path }) => path.join() === `${nodes.slice(0, 2)},${nodes.slice(1)}`);
    const byNode = Object.fromEntries([...rules].map(([nodeId, ofNode]) => [nodeId, [...ofNode.keys()].sort()]));
    expect(byNode).toEqual({
      a: ["group/1", "ingress/46/10.0.3.0/24", "meter/1"],
      b: [`label/${label("abd")}`],
      c: [`label/${label("acd")}`],
      d: ["label/16", "label/17"],
    });
    expect(rules.get(plan.groups[0]?.src ?? ("" as never))?.get("meter/1")).toEqual({
      kind: "meter",
      meterId: 1,
      rateBps: 6 * gbps,
      burstBits: 0.6 * gbps,
    });
    const walk = walkRules(topology, rules);
    expect(walk.verdict).toBe("pass");
    expect(walk.linkLoads).toEqual([
      { linkId: "ab", loadBps: 4 * gbps },
      { linkId: "ac", loadBps: 2 * gbps },
      { linkId: "bd", loadBps: 4 * gbps },
      { linkId: "cd", loadBps: 2 * gbps },
    ]);
  });

  it("loads every link as planned, to the last kb/s of each group", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 1 }), fc.integer({ min: 0, max: 999 }), ({ topology, plans }, crumbs) => {
        const plan = { ...plans[0], groups: plans[0]?.groups.map((each) => ({ ...each, admittedBps: each.admittedBps - crumbs })) } as Plan;
        const [rules] = rulesOfPlans(topology, [plan]);
        invariant(rules !== undefined, "compiled");
        const walk = walkRules(topology, rules);
        expect(walk.violations).toEqual([]);
        const loads = new Map<string, number>(walk.linkLoads.map(({ linkId, loadBps }) => [linkId, loadBps]));
        for (const [link, bps] of plannedBps(plan)) {
          const load = loads.get(link) ?? 0;
          expect(load).toBeLessThanOrEqual(bps * (1 + 1e-12));
          expect(load).toBeGreaterThanOrEqual(bps - 1000 * plan.groups.length);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("gives no rule to a group that is admitted less than a meter can count, and no label rule to its tunnels", () => {
    const topology = diamond();
    const [rules] = rulesOfPlans(topology, [diamondPlan(group("bulk", 999e-9, { abd: 1 }), group("elastic", 0, { acd: 1 }))]);
    expect(rules?.size).toBe(0);
  });

  it("gives equal bytes for equal inputs", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 1 }), ({ topology, plans }) => {
        const [first] = rulesOfPlans(topology, plans);
        const [again] = rulesOfPlans(topology, plans);
        invariant(first !== undefined && again !== undefined, "compiled");
        expect(JSON.stringify([...first].map(([id, rules]) => [id, ...rules]))).toBe(
          JSON.stringify([...again].map(([id, rules]) => [id, ...rules])),
        );
        expect(digestOfRuleSet(first)).toBe(digestOfRuleSet(again));
      }),
      { numRuns: 30 },
    );
  });

  const topology = diamond();
  const plan = diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }));
  const good = assigned(plan, topology);
  const [first, second] = plan.tunnels;
  invariant(first !== undefined && second !== undefined, "two tunnels");

  it.each([
    ["a tunnel without a label", plan, { ...good, labelByTunnel: new Map([[first.id, 16]]) }, "dangling-reference"],
    ["a group without a number", plan, { ...good, ingressByNode: new Map() }, "dangling-reference"],
    [
      "one label for two tunnels",
      plan,
      {
        ...good,
        labelByTunnel: new Map([
          [first.id, 16],
          [second.id, 16],
        ]),
      },
      "not-allowed",
    ],
    ["a tunnel that is not in the plan", { ...plan, tunnels: [first] }, good, "dangling-reference"],
    [
      "a tunnel over links that do not join",
      { ...plan, tunnels: [{ ...first, path: [...first.path].reverse() }, second] },
      good,
      "dangling-reference",
    ],
    ["a tunnel to somewhere else", { ...plan, tunnels: [{ ...first, path: first.path.slice(0, 1) }, second] }, good, "dangling-reference"],
    ["more than a meter holds", { ...plan, groups: plan.groups.map((each) => ({ ...each, admittedBps: 5e12 })) }, good, "out-of-range"],
    [
      "a weight of nothing",
      { ...plan, groups: plan.groups.map((each) => ({ ...each, members: each.members.map((member) => ({ ...member, weight: 0 })) })) },
      good,
      "out-of-range",
    ],
    ["a group without tunnels", { ...plan, groups: plan.groups.map((each) => ({ ...each, members: [] })) }, good, "dangling-reference"],
  ])("refuses %s", (_, spoiled, assignments, code) => {
    const result = compileRules(topology, spoiled, assignments);
    expect(result.ok || result.faults[0].code).toBe(code);
  });
});
