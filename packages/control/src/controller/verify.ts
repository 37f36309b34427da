/**
 * From a solver's answer to a plan that may be pushed. The answer came from another process: nothing of it is believed.
 * It must be for the snapshot that was asked about, well-formed, pass the engine's own check, compile, and its compiled
 * rules must pass the packet walk on the topology that it was made for.
 */
import {
  buildTopology,
  fault,
  labelMax,
  ok,
  refuse,
  type NodeId,
  type NodeRules,
  type Plan,
  type Result,
  type RuleSet,
  type Snapshot,
  toId,
  type Topology,
  type TunnelId,
} from "@sluice/model";
import {
  assign,
  assignmentsDocument,
  compileRules,
  digestOf,
  digestOfDigests,
  parseAssignments,
  walkRules,
  type Assignments,
  type WalkReport,
} from "@sluice/rules";
import type { AssignmentsRecord, CycleInputRecord, PlanRecord } from "../inventory-record.js";
import { admitPlan } from "./plan-gate.js";
import type { VerifiedPlan } from "./state.js";

export interface VerifiedCycle extends Omit<VerifiedPlan, "record"> {
  readonly assignmentsRecord: AssignmentsRecord;
  readonly rulesDigest: string;
  readonly ruleCount: number;
}

/** O(V + E + plan + rules): tens of milliseconds for fifty nodes with all-pairs demands, most of it the hash of the input. */
export function verifyPlan(cycle: {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly assignmentsBefore: Assignments;
  /** What the switches should hold now: rules that stay are the same objects. */
  readonly rulesBefore?: RuleSet | undefined;
}): Result<VerifiedCycle> {
  const { snapshot, plan, assignmentsBefore, rulesBefore } = cycle;
  const topology = buildTopology(snapshot.topology);
  if (!topology.ok) return topology;
  const admitted = admitPlan(topology.value, snapshot, plan);
  if (!admitted.ok) return admitted;
  const assignments = assign(assignmentsBefore, plan, topology.value);
  if (!assignments.ok) return assignments;
  const compiled = compileChecked({ topology: topology.value, plan, assignments: assignments.value, rulesBefore });
  if (!compiled.ok) return compiled;
  const { topology: document, demands, settings } = snapshot;
  return ok({
    ...compiled.value,
    input: { topology: document, demands, settings, assignmentsBefore: assignmentsDocument(assignmentsBefore) },
    topology: topology.value,
    assignmentsAfter: assignments.value,
    assignmentsRecord: assignmentsDocument(assignments.value),
  });
}

/** The last plan of an earlier controller, from what the store holds of it: compiled and walked again, not taken on trust. */
export function reviveVerifiedPlan(stored: {
  readonly record: PlanRecord;
  readonly input: CycleInputRecord;
  readonly assignmentsAfter: AssignmentsRecord;
}): Result<VerifiedPlan> {
  const { record, input } = stored;
  const assignments = parseAssignments(stored.assignmentsAfter);
  if (!assignments.ok) return assignments;
  const topology = buildTopology(input.topology);
  if (!topology.ok) return topology;
  const compiled = compileChecked({ topology: topology.value, plan: record.plan, assignments: assignments.value });
  if (!compiled.ok) return compiled;
  return ok({ ...compiled.value, record, input, topology: topology.value, assignmentsAfter: assignments.value });
}

function compileChecked({
  topology,
  plan,
  assignments,
  rulesBefore,
}: {
  readonly topology: Topology;
  readonly plan: Plan;
  readonly assignments: Assignments;
  readonly rulesBefore?: RuleSet | undefined;
}): Result<{
  readonly rules: RuleSet;
  readonly digests: ReadonlyMap<NodeId, string>;
  readonly walk: WalkReport;
  readonly rulesDigest: string;
  readonly ruleCount: number;
}> {
  const rules = compileRules(topology, plan, assignments, { before: rulesBefore });
  if (!rules.ok) return rules;
  const walk = walkRules(topology, rules.value, {});
  const [first, ...rest] = walk.violations;
  if (walk.verdict !== "pass") return refuse(first ?? fault("walk-failed", "The packet walk refused the rules."), ...rest);
  const digests = new Map([...rules.value].filter(([, ofNode]) => ofNode.size > 0).map(([nodeId, ofNode]) => [nodeId, digestOf(ofNode)]));
  const ruleCount = [...rules.value.values()].reduce((sum, ofNode) => sum + ofNode.size, 0);
  return ok({ rules: rules.value, digests, walk, rulesDigest: digestOfDigests(digests), ruleCount });
}

/**
 * Labels that switches hold although the assignments do not know them (a store that was lost, rules of another hand) are
 * entered under a name that no tunnel has. So they are not given out while they are held, and they are part of the
 * cycle's stored input: running it again gives the same labels.
 */
export function withHeldLabels(assignments: Assignments, held: Iterable<NodeRules>): Assignments {
  const assigned = new Set(assignments.labelByTunnel.values());
  const foreign = new Set<number>();
  for (const rules of held) {
    for (const rule of rules.values()) {
      if (rule.kind === "label" && !assigned.has(rule.match.label) && rule.match.label <= labelMax) foreign.add(rule.match.label);
    }
  }
  if (foreign.size === 0) return assignments;
  const labelByTunnel = new Map(assignments.labelByTunnel);
  for (const label of [...foreign].sort((a, b) => a - b)) labelByTunnel.set(toId<TunnelId>(`held-${label}`), label);
  return { ...assignments, labelByTunnel };
}
