import { assert as invariant, type Plan, type RuleSet, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { assign, emptyAssignments, type Assignments } from "./assignments.js";
import { compileRules } from "./compile.js";
import { applyOperations } from "./diff.js";
import { digestOfRuleSet } from "./digest.js";
import { orderUpdate } from "./order.js";
import type { UpdatePlan } from "./update-plan.js";
import { walkRules } from "./walk.js";
import { walkUpdate } from "./walk-update.js";

function compileChain(topology: Topology, plans: readonly Plan[]): readonly RuleSet[] {
  let assignments: Assignments = emptyAssignments;
  return plans.map((plan) => {
    const next = assign(assignments, plan, topology);
    invariant(next.ok, "labels suffice");
    assignments = next.value;
    const rules = compileRules(topology, plan, assignments);
    invariant(rules.ok, `compiles: ${rules.ok ? "" : rules.faults[0].message}`);
    return rules.value;
  });
}

function applyUpdate(installed: RuleSet, update: UpdatePlan): RuleSet {
  const rules = new Map(installed);
  for (const { messages } of update.stages) {
    for (const { nodeId, operations } of messages) rules.set(nodeId, applyOperations(rules.get(nodeId) ?? new Map(), operations));
  }
  return rules;
}

describe("orderUpdate", () => {
  it("leads from any plan to any other, and every reachable state on the way is safe", () => {
    fc.assert(
      fc.property(arbitraryNetwork(), fc.constantFrom(0, 0.1, 0.5), ({ topology, plans }, slack) => {
        const [installed, target] = compileChain(topology, plans);
        invariant(installed !== undefined && target !== undefined, "two rule sets");
        expect(walkRules(topology, installed).violations).toEqual([]);
        const update = orderUpdate({ topology, installed, target, slack });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        const walk = walkUpdate(topology, installed, update);
        expect(walk.violations).toEqual([]);
        expect(walk.verdict).toBe("pass");
      }),
      { numRuns: 300 },
    );
  });
});
