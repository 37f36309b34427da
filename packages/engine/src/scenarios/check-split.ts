/**
 * The independent checker of scenario splits: says whether a split is a right answer to a plan and a failure, by arithmetic of its own on names, not
 * numbers. It shares nothing with what makes splits. That a split is the best there is it cannot say; the tests ask an LP solver.
 */
import {
  buildTopology,
  compareFlowGroups,
  flowGroupId,
  trafficClasses,
  type CheckReport,
  type Plan,
  type ScenarioSplit,
  type Snapshot,
  type TunnelGroup,
} from "@sluice/model";
import { checkTolerance, exceeds, Report, violationsListedMax } from "../check-report.js";
import { checkCapacity, checkFigures, loadsOf, type Loads } from "./check-loads.js";
import { aliveMembers, endsOf, promiseTo, questionOf, trace, type Question } from "./check-question.js";

/**
 * Relative: what the classes above may have given up afterwards for the least rates of others' meters. A link that is full but for this was
 * overfull when groups were taken off it.
 */
const givenShareMax = 1e-4;

/** Judges a split of `plan`, which is the checked answer to `snapshot`. Never throws for a bad split. O(hops of all groups). */
export function checkSplit(snapshot: Snapshot, plan: Plan, split: ScenarioSplit): CheckReport {
  const report = new Report();
  const built = buildTopology(snapshot.topology);
  if (!built.ok) return { verdict: "fail", checked: {}, violations: built.faults.slice(0, violationsListedMax), utilizationMax: 0 };
  const question = questionOf(built.value, snapshot, plan, split);
  checkGroups(question, report);
  checkUntouched(question, report);
  checkGuarantees(question, report);
  const loads = loadsOf(question);
  const utilizationMax = checkCapacity(question, loads, report);
  checkReleased(question, loads, report);
  checkFigures(question, { loads, utilizationMax }, report);
  return {
    verdict: report.count === 0 ? "pass" : "fail",
    checked: {
      flowGroups: plan.groups.length,
      changed: split.groups.length,
      links: question.topology.links.length,
      violations: report.count,
    },
    violations: report.violations,
    utilizationMax,
  };
}

/** Changed groups are the plan's, in order, and admit no more; they use installed tunnels that survive, by weights within the budget. */
function checkGroups(question: Question, report: Report): void {
  const { split, plan } = question;
  const planned = new Map<string, TunnelGroup>(plan.groups.map((group) => [flowGroupId(group), group]));
  split.groups.forEach((group, i) => {
    const pointer = `/groups/${i}`;
    const id = flowGroupId(group);
    const previous = split.groups[i - 1];
    if (previous !== undefined && compareFlowGroups(previous, group) >= 0) {
      report.add("duplicate-id", pointer, `Group ${id} is there twice, or out of order.`);
    }
    const before = planned.get(id);
    if (before === undefined) {
      report.add("dangling-reference", pointer, `Group ${id} is not in the plan.`);
      return;
    }
    if (group.demandBps !== before.demandBps)
      report.add("totals-wrong", `${pointer}/demandBps`, `Group ${id} asks for other than in the plan.`);
    if (report.number(group.admittedBps, `${pointer}/admittedBps`) && exceeds(group.admittedBps, before.admittedBps)) {
      report.add(
        "over-demand",
        `${pointer}/admittedBps`,
        `Group ${id} admits ${group.admittedBps} bps; the plan admits ${before.admittedBps}.`,
      );
    }
    checkMembers(question, { group, before, pointer }, report);
  });
}

interface Changed {
  readonly group: TunnelGroup;
  readonly before: TunnelGroup;
  readonly pointer: string;
}

function checkMembers(question: Question, { group, before, pointer }: Changed, report: Report): void {
  const id = flowGroupId(group);
  const stops = group.admittedBps === 0 && !hasWay(question, group);
  const isKept = stops || promiseTo(question, group.trafficClass) === "none";
  const seen = new Set<string>();
  let weightSum = 0;
  let allottedBps = 0;
  group.members.forEach((member, i) => {
    const at = `${pointer}/members/${i}`;
    const tunnel = question.tunnels.get(member.tunnelId);
    if (tunnel === undefined) report.add("dangling-reference", at, `Group ${id} uses ${member.tunnelId}, which is not installed.`);
    else if (endsOf(tunnel) !== endsOf(group)) report.add("tunnel-broken", at, `Group ${id} uses ${tunnel.id}, which is of other nodes.`);
    else if (!isKept && question.isDead(tunnel)) report.add("tunnel-unusable", at, `Group ${id} uses ${tunnel.id}, which is gone.`);
    if (seen.has(member.tunnelId)) report.add("split-invalid", at, `Group ${id} has ${member.tunnelId} twice.`);
    seen.add(member.tunnelId);
    if (!Number.isSafeInteger(member.weight) || member.weight < 1) {
      report.add("split-invalid", `${at}/weight`, `Group ${id}: the weight ${member.weight} is no positive integer.`);
    }
    weightSum += member.weight;
    if (report.number(member.allottedBps, `${at}/allottedBps`)) allottedBps += member.allottedBps;
  });
  if (group.members.length === 0) report.add("split-invalid", pointer, `Group ${id} has no tunnels.`);
  if (!(weightSum <= question.snapshot.settings.splitWeightSumMax)) {
    report.add(
      "split-invalid",
      pointer,
      `Group ${id}: weights sum to ${weightSum}, above ${question.snapshot.settings.splitWeightSumMax}.`,
    );
  }
  if (exceeds(allottedBps, before.admittedBps)) {
    report.add("over-demand", pointer, `Group ${id} was allotted ${allottedBps} bps; the plan admits ${before.admittedBps}.`);
  }
  if (isKept && weightsOf(group) !== weightsOf(before)) {
    report.add("split-invalid", pointer, `Group ${id} is promised nothing or has no way left, and has other weights than in the plan.`);
  }
}

function weightsOf({ members }: TunnelGroup): string {
  return JSON.stringify(members.map(({ tunnelId, weight }) => [tunnelId, weight]).toSorted());
}

/**
 * Groups that lose a tunnel and have a way left are changed, but for classes that are promised nothing; where nothing gets through, by
 * tunnels or by local repair, groups stop.
 */
function checkUntouched(question: Question, report: Report): void {
  const gone = new Set<string>(question.split.scenario.nodeIds);
  for (const group of question.plan.groups) {
    const id = flowGroupId(group);
    if (question.changed.has(id)) continue;
    if (!gone.has(group.src) && !arrivesAtAll(question, group)) {
      report.add("demand-unaccounted", "/groups", `Group ${id} goes on sending where nothing gets through.`);
      continue;
    }
    const losesTunnel = aliveMembers(question, group).length < group.members.length;
    if (losesTunnel && promiseTo(question, group.trafficClass) !== "none" && hasWay(question, group)) {
      report.add("demand-unaccounted", "/groups", `Group ${id} loses a tunnel and has a way left, but is not changed.`);
    }
  }
}

function arrivesAtAll(question: Question, { members }: TunnelGroup): boolean {
  return members.some(({ tunnelId }) => {
    const tunnel = question.tunnels.get(tunnelId);
    return tunnel !== undefined && trace(question, tunnel).arrives;
  });
}

function hasWay(question: Question, group: TunnelGroup): boolean {
  return (question.tunnelsBetween.get(endsOf(group)) ?? []).some((tunnel) => !question.isDead(tunnel));
}

/** Guaranteed groups with a tunnel that survives keep their weights on what survives. */
function checkGuarantees(question: Question, report: Report): void {
  for (const before of question.plan.groups) {
    const kind = promiseTo(question, before.trafficClass);
    if (kind !== "guaranteed" && kind !== "availability") continue;
    const after = question.changed.get(flowGroupId(before));
    const alive = aliveMembers(question, before);
    if (after === undefined || alive.length === 0) continue;
    if (weightsOf(after) !== weightsOf({ ...before, members: alive })) {
      report.add(
        "split-invalid",
        "/groups",
        `Group ${flowGroupId(before)} is guaranteed, and its weights are not those of the plan on what survives.`,
      );
    }
  }
}

/**
 * Groups that lose no tunnel change only where the classes above and guaranteed ones below (or broken guarantees of their own) leave too little of a link they
 * use.
 */
function checkReleased(question: Question, { under, planned }: Loads, report: Report): void {
  const { topology, split, plan } = question;
  const before = new Map<string, TunnelGroup>(plan.groups.map((group) => [flowGroupId(group), group]));
  for (const group of split.groups) {
    const was = before.get(flowGroupId(group));
    if (was === undefined || aliveMembers(question, was).length < was.members.length) continue;
    const own = trafficClasses.indexOf(group.trafficClass);
    const others = trafficClasses.filter(
      (trafficClass, c) => c < own || (c > own && ["guaranteed", "availability"].includes(promiseTo(question, trafficClass))),
    );
    const kind = promiseTo(question, group.trafficClass);
    const links = was.members.flatMap(({ tunnelId }) => question.tunnels.get(tunnelId)?.path ?? []);
    const isCrowded = links.some((id) => {
      const sent = others.reduce((bps, trafficClass) => bps + (under[trafficClass].get(id) ?? 0), 0);
      const ownBps = planned[group.trafficClass].get(id) ?? 0;
      const capacityBps = topology.linkById.get(id)?.capacityBps ?? 0;
      const isBroken = kind !== "protected" && (under[group.trafficClass].get(id) ?? 0) + sent >= capacityBps * (1 - checkTolerance);
      return isBroken || sent + ownBps > capacityBps * (1 - givenShareMax);
    });
    if (!isCrowded)
      report.add(
        "split-invalid",
        "/groups",
        `Group ${flowGroupId(group)} is changed, though the failure leaves it its tunnels and its room.`,
      );
  }
}
