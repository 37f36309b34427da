/**
 * From a solver's answer to a plan that may be pushed. The answer came from another process: nothing of it is believed.
 * It must be for the snapshot that was asked about, well-formed, pass the engine's own check, compile, and its compiled
 * rules must pass the packet walk on the topology that it was made for.
 */
import {
  buildTopology,
  documentsHash,
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
  allSteps,
  assign,
  assignmentsDocument,
  compileRulesSteps,
  digestOf,
  digestOfDigests,
  labelsAndFailovers,
  parseAssignments,
  stepCostMax,
  walkRulesSteps,
  withFailoverNumbers,
  type Assignments,
  type Steps,
  type WalkReport,
} from "@sluice/rules";
import type { AssignmentsRecord, CycleInputRecord, PlanRecord } from "../inventory-record.js";
import { admitPlan } from "./plan-gate.js";
import type { VerifiedPlan } from "./state.js";

export interface VerifiedCycle extends Omit<VerifiedPlan, "record"> {
  readonly assignmentsRecord: AssignmentsRecord;
  /** `canonicalHash` of the input. */
  readonly inputHash: string;
  readonly rulesDigest: string;
  readonly ruleCount: number;
}

export interface PlanToVerify {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly assignmentsBefore: Assignments;
  /** What the switches should hold now: rules that stay are the same objects. */
  readonly rulesBefore?: RuleSet | undefined;
  /** A plan that was verified before: what is known of its tunnels is not found out again. */
  readonly planBefore?: Plan | undefined;
}

/** O(V + E + plan + rules): some hundred milliseconds for fifty nodes with all-pairs demands. Nothing of what is given may change between the steps. */
export function* verifyPlanSteps({
  snapshot,
  plan,
  assignmentsBefore,
  rulesBefore,
  planBefore,
}: PlanToVerify): Steps<Result<VerifiedCycle>> {
  const topology = buildTopology(snapshot.topology);
  if (!topology.ok) return topology;
  yield stepCostMax;
  const admitted = yield* admitPlan(topology.value, snapshot, plan, planBefore);
  if (!admitted.ok) return admitted;
  const assignments = assign(assignmentsBefore, plan, topology.value);
  if (!assignments.ok) return assignments;
  yield plan.groups.length + plan.tunnels.length;
  const compiled = yield* compileChecked({ topology: topology.value, plan, assignments: assignments.value, rulesBefore });
  if (!compiled.ok) return compiled;
  const { topology: document, demands, settings } = snapshot;
  const input: CycleInputRecord = { topology: document, demands, settings, assignmentsBefore: assignmentsDocument(assignmentsBefore) };
  const inputHash = documentsHash(input);
  yield plan.groups.length;
  return ok({
    ...compiled.value,
    input,
    inputHash,
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
  const compiled = allSteps(compileChecked({ topology: topology.value, plan: record.plan, assignments: assignments.value }));
  if (!compiled.ok) return compiled;
  return ok({ ...compiled.value, record, input, topology: topology.value, assignmentsAfter: assignments.value });
}

function* compileChecked({
  topology,
  plan,
  assignments,
  rulesBefore,
}: {
  readonly topology: Topology;
  readonly plan: Plan;
  readonly assignments: Assignments;
  readonly rulesBefore?: RuleSet | undefined;
}): Steps<
  Result<{
    readonly rules: RuleSet;
    readonly digests: ReadonlyMap<NodeId, string>;
    readonly walk: WalkReport;
    readonly rulesDigest: string;
    readonly ruleCount: number;
  }>
> {
  const rules = yield* compileRulesSteps(topology, plan, assignments, { before: rulesBefore });
  if (!rules.ok) return rules;
  const walk = yield* walkRulesSteps(topology, rules.value, {});
  const [first, ...rest] = walk.violations;
  if (walk.verdict !== "pass") return refuse(first ?? fault("walk-failed", "The packet walk refused the rules."), ...rest);
  const digests = new Map<NodeId, string>();
  let ruleCount = 0;
  for (const [nodeId, ofNode] of rules.value) {
    if (ofNode.size === 0) continue;
    digests.set(nodeId, digestOf(ofNode));
    ruleCount += ofNode.size;
    yield ofNode.size;
  }
  return ok({ rules: rules.value, digests, walk, rulesDigest: digestOfDigests(digests), ruleCount });
}

/**
 * What the next plan's numbers are assigned after: the newest assignments, with failover numbers where they are from before there were any (`plan`
 * is theirs), and with what switches hold although the assignments do not know it (a store that was lost, rules of another hand): labels under names that
 * no tunnel has, failover numbers likewise. So they are not given out while they are held, and they are part of the cycle's stored input: running
 * it again gives the same numbers.
 */
export function assignmentsToPlanOn(
  assignments: Assignments,
  held: Iterable<NodeRules>,
  last: { readonly record: { readonly plan: Plan }; readonly topology: Topology } | undefined,
): Assignments {
  const numbered = withFailoverNumbers(assignments, last?.record.plan, last?.topology);
  const assigned = new Set(labelsAndFailovers(numbered));
  const foreign = new Set<number>();
  for (const rules of held) {
    for (const rule of rules.values()) {
      const number = rule.kind === "label" ? rule.match.label : rule.kind === "failover" ? rule.failoverId : undefined;
      if (number !== undefined && number <= labelMax && !assigned.has(number)) foreign.add(number);
    }
  }
  if (foreign.size === 0) return numbered;
  const labelByTunnel = new Map(numbered.labelByTunnel);
  for (const number of [...foreign].sort((a, b) => a - b)) labelByTunnel.set(toId<TunnelId>(`held-${number}`), number);
  return { ...numbered, labelByTunnel };
}
