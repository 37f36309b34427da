/**
 * Whether a scenario's split is one: what came back from the solver's process is checked for shape, range and reference before rules
 * are made of it. Shares no code with the engine.
 */
import {
  fault,
  flowGroupId,
  ok,
  refuse,
  type FailureScenario,
  type Fault,
  type FlowGroupId,
  type Plan,
  type Result,
  type ScenarioId,
  type ScenarioSplit,
  type TunnelGroup,
  type TunnelId,
} from "@sluice/model";

/** Relative; what a sum of doubles may be off by. */
const toleranceRelative = 1e-6;

export interface SplitGate {
  /** What was asked about. */
  readonly scenarios: ReadonlyMap<ScenarioId, FailureScenario>;
  readonly groups: ReadonlyMap<FlowGroupId, TunnelGroup>;
  /** Ends of the plan's tunnels and backup tunnels. */
  readonly tunnels: ReadonlyMap<TunnelId, string>;
  readonly weightSumMax: number;
}

export function splitGate(plan: Plan, scenarios: SplitGate["scenarios"], weightSumMax: number): SplitGate {
  const tunnels = [...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])];
  return {
    scenarios,
    groups: new Map(plan.groups.map((group) => [flowGroupId(group), group])),
    tunnels: new Map(tunnels.map(({ id, src, dst }) => [id, endsOf({ src, dst })])),
    weightSumMax,
  };
}

/**
 * Refuses with `check-failed`: a scenario that nobody asked about; a group that the plan does not have or that is admitted more than it asked
 * for; weights that are no positive integers within the budget; a tunnel that is not the plan's nor one of its backups, or joins other nodes;
 * losses that are no rates. The split comes back with the scenario as it was asked. O(groups x tunnels per group).
 */
export function admitSplit(gate: SplitGate, split: ScenarioSplit): Result<ScenarioSplit> {
  try {
    const scenario = gate.scenarios.get(split.scenario.id);
    if (scenario === undefined) return refuse(defect(`Nobody asked about the scenario ${split.scenario.id}.`));
    const found = defectOf(gate, split);
    return found === undefined ? ok({ ...split, scenario }) : refuse(found);
  } catch (cause) {
    // A value of another shape breaks the reading of it: that is the finding, not a bug of this process.
    if (cause instanceof TypeError) return refuse(defect(`The answer is not a split: ${cause.message}.`));
    throw cause;
  }
}

function defectOf({ groups, tunnels, weightSumMax }: SplitGate, split: ScenarioSplit): Fault | undefined {
  const { interactive, elastic, bulk } = split.lostBps;
  if (![interactive, elastic, bulk].every(isRate)) return defect("The split's losses are no rates.");
  const seen = new Set<FlowGroupId>();
  for (const group of split.groups) {
    const id = flowGroupId(group);
    const planned = groups.get(id);
    if (planned === undefined || seen.has(id)) return defect(`The group ${id} is not in the plan, or occurs twice.`);
    seen.add(id);
    if (!isRate(group.admittedBps) || group.admittedBps > planned.demandBps * (1 + toleranceRelative)) {
      return defect(`The group ${id} is admitted ${group.admittedBps} bps of ${planned.demandBps} bps.`);
    }
    let weightSum = 0;
    const members = new Set<TunnelId>();
    for (const { tunnelId, weight } of group.members) {
      if (tunnels.get(tunnelId) !== endsOf(group) || members.has(tunnelId)) {
        return defect(`The group ${id} uses tunnel ${tunnelId} twice, or one that is not installed between its ends.`);
      }
      if (!Number.isInteger(weight) || weight < 1) return defect(`The group ${id} has a weight of ${weight}.`);
      members.add(tunnelId);
      weightSum += weight;
    }
    if (weightSum > weightSumMax) return defect(`The weights of the group ${id} sum to ${weightSum}; ${weightSumMax} are allowed.`);
    // Crowded out altogether: it stays on its tunnels with the least rate that a meter holds.
    if (members.size === 0 && group.admittedBps > 0) return defect(`The group ${id} is admitted ${group.admittedBps} bps on no tunnel.`);
  }
  return undefined;
}

function endsOf({ src, dst }: { readonly src: string; readonly dst: string }): string {
  return JSON.stringify([src, dst]);
}

function isRate(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function defect(message: string): Fault {
  return fault("check-failed", message);
}
