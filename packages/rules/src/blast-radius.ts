/** How much one change would do at once: what an operator should know before, and what limits without force are set on. */
import {
  fault,
  flowGroupId,
  trafficClasses,
  type BlastRadiusLimits,
  type DemandMatrix,
  type Fault,
  type FlowGroupId,
  type NodeRules,
  type Plan,
  type RuleSet,
} from "@sluice/model";
import { sameRule } from "./diff.js";

/** Relative to what a group was admitted: less is rounding, not loss. */
const lossTolerance = 1e-6;

/** A plan with its rules, and the traffic that it is to serve. */
export interface PlanInPlace {
  readonly plan: Pick<Plan, "groups">;
  readonly rules: RuleSet;
  readonly demands: Pick<DemandMatrix, "demands">;
}

export interface BlastRadius {
  /** All rules of all switches before. */
  readonly rulesInstalled: number;
  readonly rulesAdded: number;
  readonly rulesChanged: number;
  readonly rulesRemoved: number;
  /** Of those installed; 1 at most, 0 where none were. */
  readonly rulesChangedShare: number;
  /** Of the demands that are there before and after. */
  readonly admittedBeforeBps: number;
  readonly admittedLossBps: number;
  /** Of what was admitted; 0 where nothing was. */
  readonly admittedLossShare: number;
  /** What the most important class loses of that. */
  readonly topClassLossBps: number;
}

/**
 * What becomes of rules and of admitted traffic. Of each demand that is in both matrices, what was admitted and is no more counts as lost as
 * far as it is still wanted; what others gain makes up for nothing. Where nothing is installed nothing can be hurt. O(rules + groups + demands).
 */
export function blastRadiusOf(before: PlanInPlace, after: PlanInPlace): BlastRadius {
  const rules = { rulesInstalled: 0, rulesAdded: 0, rulesChanged: 0, rulesRemoved: 0 };
  for (const nodeId of new Set([...before.rules.keys(), ...after.rules.keys()])) {
    count(rules, before.rules.get(nodeId) ?? new Map(), after.rules.get(nodeId) ?? new Map());
  }
  const touched = rules.rulesAdded + rules.rulesChanged + rules.rulesRemoved;
  const losses = lossesOf(before, after);
  return {
    ...rules,
    rulesChangedShare: rules.rulesInstalled === 0 ? 0 : Math.min(1, touched / rules.rulesInstalled),
    ...losses,
    admittedLossShare: losses.admittedBeforeBps === 0 ? 0 : losses.admittedLossBps / losses.admittedBeforeBps,
  };
}

function count(
  sums: { rulesInstalled: number; rulesAdded: number; rulesChanged: number; rulesRemoved: number },
  before: NodeRules,
  after: NodeRules,
): void {
  sums.rulesInstalled += before.size;
  if (before === after) return;
  for (const [key, rule] of after) {
    const old = before.get(key);
    if (old === undefined) sums.rulesAdded += 1;
    else if (!sameRule(old, rule)) sums.rulesChanged += 1;
  }
  for (const key of before.keys()) if (!after.has(key)) sums.rulesRemoved += 1;
}

function lossesOf(before: PlanInPlace, after: PlanInPlace) {
  const wantedBefore = new Set(before.demands.demands.map(flowGroupId));
  const wantedAfter = new Map<FlowGroupId, number>(after.demands.demands.map((demand) => [flowGroupId(demand), demand.rateBps]));
  const admittedAfter = new Map<FlowGroupId, number>(after.plan.groups.map((group) => [flowGroupId(group), group.admittedBps]));
  let admittedBeforeBps = 0;
  let admittedLossBps = 0;
  let topClassLossBps = 0;
  for (const group of before.plan.groups) {
    const id = flowGroupId(group);
    const wanted = wantedAfter.get(id);
    if (wanted === undefined || !wantedBefore.has(id)) continue;
    admittedBeforeBps += group.admittedBps;
    const lossBps = Math.min(group.admittedBps, wanted) - (admittedAfter.get(id) ?? 0);
    if (lossBps <= group.admittedBps * lossTolerance) continue;
    admittedLossBps += lossBps;
    if (group.trafficClass === trafficClasses[0]) topClassLossBps += lossBps;
  }
  return { admittedBeforeBps, admittedLossBps, topClassLossBps };
}

/** One fault for each limit that is passed; none where the change may go ahead without force. */
export function blastRadiusFaults(radius: BlastRadius, limits: BlastRadiusLimits): readonly Fault[] {
  const faults: Fault[] = [];
  if (radius.rulesChangedShare > limits.rulesChangedShareMax) {
    const { rulesAdded, rulesChanged, rulesRemoved, rulesInstalled } = radius;
    faults.push(
      fault(
        "blast-radius",
        `${rulesAdded + rulesChanged + rulesRemoved} rules would change and ${rulesInstalled} are installed (${percent(radius.rulesChangedShare)}); ${percent(limits.rulesChangedShareMax)} are allowed without force.`,
        { data: { measure: "rulesChangedShare", value: radius.rulesChangedShare, limit: limits.rulesChangedShareMax } },
      ),
    );
  }
  if (radius.admittedLossShare > limits.admittedLossShareMax) {
    faults.push(
      fault(
        "blast-radius",
        `${megabits(radius.admittedLossBps)} of the ${megabits(radius.admittedBeforeBps)} that are admitted would be given up (${percent(radius.admittedLossShare)}); ${percent(limits.admittedLossShareMax)} are allowed without force.`,
        { data: { measure: "admittedLossShare", value: radius.admittedLossShare, limit: limits.admittedLossShareMax } },
      ),
    );
  }
  if (radius.topClassLossBps > 0 && !limits.topClassLossAllowed) {
    faults.push(
      fault(
        "blast-radius",
        `The class ${trafficClasses[0]} would lose ${megabits(radius.topClassLossBps)}; it may lose nothing without force.`,
        {
          data: { measure: "topClassLossBps", value: radius.topClassLossBps, limit: 0 },
        },
      ),
    );
  }
  return faults;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function megabits(bps: number): string {
  return `${(bps / 1e6).toFixed(1)} Mb/s`;
}
