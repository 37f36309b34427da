/**
 * Whether a plan is one: what came back from a solver's process is checked for shape, range and reference before
 * anything is computed from it. Shares no code with the engine.
 */
import {
  documentsHash,
  fault,
  flowGroupId,
  ok,
  rateBpsMax,
  refuse,
  tunnelId,
  type Fault,
  type FlowGroupId,
  type NodeId,
  type Path,
  type Plan,
  type Result,
  type Snapshot,
  type Topology,
  type TunnelId,
} from "@sluice/model";
import { stepCostMax, type Steps } from "@sluice/rules";
import { nodesAlong, protectionDefect, usableLinks, type IdCheck } from "./protection-gate.js";

/** Relative; what a sum of doubles may be off by. */
const toleranceRelative = 1e-6;

/**
 * Refuses with `check-failed`: a plan for another input; a report of the engine that does not pass; a tunnel that is not a loopless path of usable
 * links or not of its own id; a group that nobody asked for, that is admitted more than its demand, whose weights are no positive
 * integers within the budget, or whose tunnels run between other nodes; and what it holds ready for failures, where that is malformed
 * (protection-gate.ts). `before`: an earlier plan that was admitted; ids of its paths are not computed again. In steps.
 * O(demands + tunnels x hops + groups x tunnels per group).
 */
export function* admitPlan(topology: Topology, snapshot: Snapshot, plan: Plan, before?: Plan): Steps<Result<Plan>> {
  try {
    const found = yield* defectOf(topology, snapshot, plan, before);
    return found === undefined ? ok(plan) : refuse(found);
  } catch (cause) {
    // A value of another shape breaks the reading of it: that is the finding, not a bug of this process.
    if (cause instanceof TypeError) return refuse(fault("check-failed", `The solver's answer is not a plan: ${cause.message}.`));
    throw cause;
  }
}

function* defectOf(topology: Topology, snapshot: Snapshot, plan: Plan, before: Plan | undefined): Steps<Fault | undefined> {
  const { demands, settings } = snapshot;
  if (plan.inputHash !== documentsHash(snapshot)) return defect("The plan was made for another input than the one it answers.");
  if (plan.check.verdict !== "pass") {
    return plan.check.violations[0] ?? fault("check-failed", "The plan's own check did not pass.");
  }
  yield demands.demands.length;
  const usable = usableLinks(topology);
  const isOfPath = pathIds(before);
  const ends = new Map<TunnelId, { readonly src: NodeId; readonly dst: NodeId }>();
  for (const { id, src, dst, path } of plan.tunnels) {
    if (ends.size % stepCostMax === stepCostMax - 1) yield stepCostMax;
    if (ends.has(id)) return defect(`Tunnel ${id} occurs twice.`);
    const nodes = nodesAlong(usable, path);
    if (nodes === undefined || nodes[0] !== src || nodes.at(-1) !== dst) {
      return defect(`Tunnel ${id} is not a loopless path of usable links from ${src} to ${dst}.`);
    }
    if (!isOfPath(id, path)) return defect(`Tunnel ${id} does not have the id of its path.`);
    ends.set(id, { src, dst });
  }
  const demandBps = new Map<FlowGroupId, number>(demands.demands.map((demand) => [flowGroupId(demand), demand.rateBps]));
  const seen = new Set<FlowGroupId>();
  yield stepCostMax;
  for (const group of plan.groups) {
    if (seen.size % stepCostMax === stepCostMax - 1) yield stepCostMax;
    const id = flowGroupId(group);
    const asked = demandBps.get(id);
    if (asked === undefined) return defect(`Nobody asked for the group ${id}.`);
    if (seen.has(id)) return defect(`The group ${id} occurs twice.`);
    seen.add(id);
    if (!isRate(group.admittedBps) || group.admittedBps > asked * (1 + toleranceRelative)) {
      return defect(`The group ${id} is admitted ${group.admittedBps} bps of ${asked} bps.`);
    }
    const members = new Set<TunnelId>();
    let weightSum = 0;
    for (const { tunnelId: member, weight, allottedBps } of group.members) {
      const tunnel = ends.get(member);
      if (tunnel === undefined || members.has(member) || tunnel.src !== group.src || tunnel.dst !== group.dst) {
        return defect(`The group ${id} uses tunnel ${member} twice, or one that does not join its ends.`);
      }
      if (!Number.isInteger(weight) || weight < 1 || !isRate(allottedBps))
        return defect(`The group ${id} has a weight or rate that is none.`);
      members.add(member);
      weightSum += weight;
    }
    if (members.size === 0 || weightSum > settings.splitWeightSumMax) {
      return defect(`The weights of the group ${id} sum to ${weightSum}; 1 to ${settings.splitWeightSumMax} are allowed.`);
    }
  }
  yield stepCostMax;
  const found = protectionDefect(topology, settings, plan, { usable, isOfPath });
  yield stepCostMax;
  return found === undefined ? undefined : defect(found);
}

/** Whether an id is that of a path; where an admitted plan has the same tunnel, that is known. */
function pathIds(before: Plan | undefined): IdCheck {
  const known = new Map<TunnelId, Path>();
  for (const tunnels of [before?.tunnels ?? [], before?.protection?.backupTunnels ?? []])
    for (const { id, path } of tunnels) known.set(id, path);
  return (id, path) => {
    const other = known.get(id);
    const isKnown =
      other !== undefined && Array.isArray(path) && other.length === path.length && other.every((linkId, i) => linkId === path[i]);
    return isKnown || id === tunnelId(path);
  };
}

function isRate(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= rateBpsMax;
}

function defect(message: string): Fault {
  return fault("check-failed", message);
}
