/** A plan of earlier once more: the same rules under a new epoch, where they fit the network of now. */
import {
  documentsHash,
  fault,
  isUp,
  isUsable,
  ok,
  refuse,
  type Fault,
  type NodeId,
  type Path,
  type RequestedBy,
  type Result,
  type Topology,
} from "@sluice/model";
import {
  allSteps,
  assignmentsDocument,
  parseAssignments,
  walkRules,
  type Assignments,
  type IngressNumbers,
  type Steps,
} from "@sluice/rules";
import type { AssignmentsRecord, CycleInputRecord, PlanRecord } from "../inventory-record.js";
import { isoTime } from "./journal.js";
import { basePlan } from "./protection.js";
import type { ControllerState, VerifiedPlan } from "./state.js";
import { verifyPlanSteps } from "./verify.js";

/** Faults that one refusal lists. */
const faultsMax = 10;

/**
 * A stored plan with its rules, verified anew as what a solver answers with: labels and numbers are assigned as they were then. Refused
 * (`check-failed`) where record and input do not belong together, or the rules come out other than they were. O(plan + rules).
 */
export function recompiled(stored: StoredPlan): Result<VerifiedPlan> {
  return allSteps(recompiledSteps(stored));
}

export interface StoredPlan {
  readonly record: PlanRecord;
  readonly input: CycleInputRecord;
}

/** `recompiled` in steps. */
export function* recompiledSteps({ record, input }: StoredPlan): Steps<Result<VerifiedPlan>> {
  const { topology, demands, settings, assignmentsBefore } = input;
  if (documentsHash(input) !== record.cycleInputHash)
    return refuse(fault("check-failed", `The input is not that of plan ${record.epoch}.`));
  const before = parseAssignments(assignmentsBefore);
  if (!before.ok) return before;
  const verified = yield* verifyPlanSteps({
    snapshot: { topology, demands, settings },
    plan: record.plan,
    assignmentsBefore: before.value,
  });
  if (!verified.ok) return verified;
  const { rules, digests, walk, assignmentsAfter, rulesDigest } = verified.value;
  if (rulesDigest !== record.rulesDigest) {
    return refuse(fault("check-failed", `The rules of plan ${record.epoch} do not come out as they were: another program made them.`));
  }
  return ok({ record, input, topology: verified.value.topology, rules, digests, walk, assignmentsAfter });
}

/**
 * The plan under the next epoch. Refused (`check-failed`, saying what is in the way) where one of its tunnels uses what is gone, down or, unless
 * `overDrained`, drained, or where its rules do not pass the walk on this topology. O(V + E + rules).
 */
export function reinstalled(
  state: ControllerState,
  plan: VerifiedPlan,
  { topology, overDrained, by }: { readonly topology: Topology; readonly overDrained: boolean; readonly by?: RequestedBy | undefined },
): Result<{ readonly plan: VerifiedPlan; readonly assignmentsAfter: AssignmentsRecord }> {
  const base = basePlan(plan);
  const [first, ...rest] = obstacles(base, topology, overDrained);
  if (first !== undefined) return refuse(first, ...rest);
  const walk = walkRules(topology, base.rules, {});
  if (walk.verdict !== "pass") {
    const why = walk.violations[0]?.message ?? "the packet walk refuses its rules.";
    return refuse(fault("check-failed", `Plan ${base.record.epoch} does not fit the network of now: ${why}`));
  }
  const assignmentsAfter = withCursorsOf(state.cycle.assignments, base.assignmentsAfter);
  const record = { ...base.record, epoch: state.epoch + 1, term: state.term, createdAt: isoTime(state.nowMs) };
  return ok({ plan: { ...base, record, assignmentsAfter, by }, assignmentsAfter: assignmentsDocument(assignmentsAfter) });
}

function obstacles({ record: { epoch, plan } }: VerifiedPlan, topology: Topology, overDrained: boolean): readonly Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  const look = (path: Path, carries: boolean) => {
    for (const id of path) {
      if (seen.has(id) || faults.length >= faultsMax) continue;
      const link = topology.linkById.get(id);
      const why =
        link === undefined
          ? "is gone"
          : carries && !isUp(topology, link)
            ? "is down"
            : carries && !overDrained && !isUsable(topology, link)
              ? "is drained"
              : undefined;
      if (why === undefined) continue;
      seen.add(id);
      faults.push(fault("check-failed", `Plan ${epoch} uses link ${id}, which ${why}.`, { data: { linkId: id } }));
    }
  };
  for (const { path } of plan.tunnels) look(path, true);
  // What carries nothing now may be broken now, but its rules must name links that exist.
  for (const { path } of [...(plan.protection?.backupTunnels ?? []), ...(plan.protection?.bypasses ?? [])]) look(path, false);
  return faults;
}

/** Numbers as they were then; the search for free ones goes on from where it is now, so that what was given out since comes back late. */
function withCursorsOf(now: Assignments, then: Assignments): Assignments {
  const ingressByNode = new Map<NodeId, IngressNumbers>(then.ingressByNode);
  for (const [nodeId, { numberNext }] of now.ingressByNode) {
    ingressByNode.set(nodeId, { nodeId, numberNext, numberByGroup: then.ingressByNode.get(nodeId)?.numberByGroup ?? new Map() });
  }
  return { ...then, labelNext: now.labelNext, ingressByNode };
}
