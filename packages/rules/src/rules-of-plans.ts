/** Plans in a row, compiled as a controller would: for tests. */
import { assert, type Plan, type RuleSet, type Topology } from "@sluice/model";
import { assign, emptyAssignments, type Assignments } from "./assignments.js";
import { compileRules } from "./compile.js";
import { applyOperations } from "./diff.js";
import type { UpdatePlan } from "./update-plan.js";

/** The rules of each plan; labels and numbers carry over from one to the next. */
export function rulesOfPlans(topology: Topology, plans: readonly Plan[], start: Assignments = emptyAssignments): readonly RuleSet[] {
  let assignments = start;
  return plans.map((plan) => {
    const next = assign(assignments, plan, topology);
    assert(next.ok, "labels suffice");
    assignments = next.value;
    const rules = compileRules(topology, plan, assignments);
    assert(rules.ok, `the plan compiles: ${rules.ok ? "" : rules.faults[0].message}`);
    return rules.value;
  });
}

/** The rules after all stages of an update. */
export function applyUpdate(installed: RuleSet, update: UpdatePlan): RuleSet {
  const rules = new Map(installed);
  for (const { messages } of update.stages) {
    for (const { nodeId, operations } of messages) rules.set(nodeId, applyOperations(rules.get(nodeId) ?? new Map(), operations));
  }
  return rules;
}
