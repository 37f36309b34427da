/** A plan as the controller would install it: labels and numbers from those before, and rules. */
import {
  buildTopology,
  fault,
  ok,
  refuse,
  type DemandMatrix,
  type Plan,
  type Result,
  type Topology,
  type TopologyDocument,
} from "@sluice/model";
import { assign, compileRules, walkRules, type Assignments } from "@sluice/rules";
import type { PlanSide } from "./plan-difference.js";

export interface CompiledPlan extends PlanSide {
  readonly topology: Topology;
  /** Those that the rules were compiled with: what a plan after this one starts from. */
  readonly assignments: Assignments;
}

/** Faults: those of the topology, of assigning and compiling. O(plan + rules). */
export function compiledPlan(
  { topology: document, demands, plan }: { readonly topology: TopologyDocument; readonly demands: DemandMatrix; readonly plan: Plan },
  before: Assignments,
): Result<CompiledPlan> {
  const topology = buildTopology(document);
  if (!topology.ok) return topology;
  const assignments = assign(before, plan, topology.value);
  if (!assignments.ok) return assignments;
  const rules = compileRules(topology.value, plan, assignments.value);
  if (!rules.ok) return rules;
  return ok({ topology: topology.value, demands, plan, rules: rules.value, assignments: assignments.value });
}

/** What the controller would refuse to install is refused here, too: `walk-failed` with what the packet walk found. O(rules). */
export function walked(compiled: CompiledPlan): Result<CompiledPlan> {
  const walk = walkRules(compiled.topology, compiled.rules, {});
  if (walk.verdict === "pass") return ok(compiled);
  const [first, ...rest] = walk.violations;
  return refuse(first ?? fault("walk-failed", "The packet walk refused the rules."), ...rest);
}
