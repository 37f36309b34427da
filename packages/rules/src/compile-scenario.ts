/**
 * From a scenario's split to what each ingress is told when the scenario happens: meters and buckets under the numbers that the groups have
 * already. Label rules do not change: tunnels and backup tunnels of a protected plan are all installed.
 */
import {
  compareText,
  fault,
  flowGroupId,
  ok,
  refuse,
  type FlowGroupId,
  type NodeId,
  type Plan,
  type Result,
  type RuleOperation,
  type ScenarioSplit,
  type Topology,
  type TunnelGroup,
} from "@sluice/model";
import type { Assignments } from "./assignments.js";
import { compileGroup, tunnelsById, type CompileScene } from "./compile.js";
import { repairsOf } from "./compile-repair.js";
import { sameRule } from "./diff.js";
import { meterRateBps, meterRateUnitBps } from "./meter.js";

export type ScenarioOperations = ReadonlyMap<NodeId, readonly RuleOperation[]>;

/**
 * The operations of each affected ingress, sorted by node and in it by flow group, relative to the rules that `compileRules` gives for the
 * same plan: a meter where the rate differs, a group where the buckets differ. Nodes for which nothing changes are left out. A group that
 * the plan admits less than a meter can count has no rules to change and is left out; one that the split admits less keeps its flow entry
 * with the least rate that a meter holds, and the meter counts what it drops.
 *
 * Faults: `dangling-reference` where the split names a group that the plan does not have, or a tunnel that is neither of the plan's nor one
 * of its backups, and those of `compileRules`. O(plan + bypasses x hops); for many splits of one plan see `scenarioCompiler`.
 */
export function compileScenario(
  topology: Topology,
  plan: Plan,
  assignments: Assignments,
  split: ScenarioSplit,
): Result<ScenarioOperations> {
  const compiler = scenarioCompiler(topology, plan, assignments);
  return compiler.ok ? compiler.value(split) : compiler;
}

/** `compileScenario` for all splits of a plan: what they have in common is looked up once. A split then costs O(its groups x buckets). */
export function scenarioCompiler(
  topology: Topology,
  plan: Plan,
  assignments: Assignments,
): Result<(split: ScenarioSplit) => Result<ScenarioOperations>> {
  const repairs = repairsOf(topology, plan, assignments);
  if (!repairs.ok) return repairs;
  const scene: CompileScene = { topology, tunnelById: tunnelsById(plan), assignments, repairs: repairs.value };
  const plannedById = new Map<FlowGroupId, TunnelGroup>(plan.groups.map((group) => [flowGroupId(group), group]));
  return ok((split) => {
    const byNode = new Map<NodeId, RuleOperation[]>();
    for (const group of split.groups) {
      const operations = groupOperations(scene, plannedById.get(flowGroupId(group)), group);
      if (!operations.ok) return operations;
      if (operations.value.length === 0) continue;
      const there = byNode.get(group.src);
      if (there === undefined) byNode.set(group.src, [...operations.value]);
      else there.push(...operations.value);
    }
    return ok(new Map([...byNode].sort(([a], [b]) => compareText(a, b))));
  });
}

function groupOperations(scene: CompileScene, planned: TunnelGroup | undefined, group: TunnelGroup): Result<readonly RuleOperation[]> {
  if (planned === undefined) {
    return refuse(fault("dangling-reference", `The split has a group ${flowGroupId(group)}, which the plan does not have.`));
  }
  const rateBps = meterRateBps(planned.admittedBps);
  if (rateBps === 0) return ok([]);
  const before = compileGroup(scene, planned, rateBps);
  if (!before.ok) return before;
  const splitRateBps = meterRateBps(group.admittedBps);
  // What is crowded out altogether may come without members: it stays where it is.
  const { members } = splitRateBps === 0 && group.members.length === 0 ? planned : group;
  const after = compileGroup(scene, { ...group, members }, Math.max(meterRateUnitBps, splitRateBps));
  if (!after.ok) return after;
  const operations: RuleOperation[] = [];
  for (const kind of ["meter", "group"] as const) {
    if (!sameRule(before.value[kind], after.value[kind])) operations.push({ op: "put", rule: after.value[kind] });
  }
  return ok(operations);
}
