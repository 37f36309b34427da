/** What a solver's process might answer when something is wrong with it. */
import type { Plan, ScenarioSplit } from "@sluice/model";
import type { Random } from "./random.js";

/** A plan that must not be pushed; each kind of damage has its own line of defence. */
export function damagedPlan(plan: Plan, random: Random): Plan {
  const [group] = plan.groups;
  const [tunnel] = plan.tunnels;
  if (group === undefined || tunnel === undefined) return { ...plan, inputHash: "0" };
  const withGroup = (changed: object): Plan => ({ ...plan, groups: [{ ...group, ...changed } as typeof group, ...plan.groups.slice(1)] });
  const damages: (() => Plan)[] = [
    () => ({ ...plan, inputHash: "0".repeat(64) }),
    () => ({ ...plan, check: { ...plan.check, verdict: "fail" } }),
    () => withGroup({ admittedBps: Number.NaN }),
    () => withGroup({ admittedBps: group.demandBps * 100 }),
    () => withGroup({ members: group.members.map((member) => ({ ...member, weight: -1 })) }),
    () => withGroup({ members: [] }),
    () => withGroup({ members: undefined }),
    () => ({ ...plan, tunnels: plan.tunnels.slice(1) }),
    () => ({ ...plan, tunnels: [{ ...tunnel, path: [...tunnel.path, ...tunnel.path] }, ...plan.tunnels.slice(1)] }),
    () => ({ ...plan, groups: [...plan.groups, group] }),
    () => ({}) as Plan,
  ];
  return random.pick(damages)();
}

/** Splits that must not be prepared, or not all of them: those that stand up may be. */
export function damagedSplits(splits: readonly ScenarioSplit[], random: Random): readonly ScenarioSplit[] {
  const at = splits.findIndex(({ groups }) => groups.length > 0);
  const split = splits[at];
  const group = split?.groups[0];
  if (split === undefined || group === undefined) return [];
  const withGroup = (changed: object): readonly ScenarioSplit[] =>
    splits.with(at, { ...split, groups: [{ ...group, ...changed } as typeof group, ...split.groups.slice(1)] });
  const damages: (() => readonly ScenarioSplit[])[] = [
    () => splits.slice(at),
    () => [...splits, ...splits],
    () => withGroup({ admittedBps: Number.NaN }),
    () => withGroup({ admittedBps: group.admittedBps * 1_000 + 1e12 }),
    () => withGroup({ members: group.members.map((member) => ({ ...member, weight: 0.5 })) }),
    () => withGroup({ members: [] }),
    () => withGroup({ members: group.members.map((member) => ({ ...member, tunnelId: "t-nowhere" })) }),
    () => splits.with(at, { ...split, scenario: { ...split.scenario, linkIds: [] } }),
    () => splits.with(at, { ...split, scenario: { ...split.scenario, id: "link:nowhere" } }),
    () => splits.with(at, {} as ScenarioSplit),
  ];
  return random.pick(damages)();
}
