import { describe, expect, it } from "vitest";
import {
  failureScenarios,
  flowGroupId,
  protectionDefault,
  type Plan,
  type ScenarioSplit,
  type Snapshot,
  type TunnelGroup,
} from "@sluice/model";
import { options, planOf } from "../testing/planning.js";
import { snapshotOf, triangle } from "../testing/snapshot.js";
import { checkSplit } from "./check-split.js";
import { splitScenarios } from "./split-scenarios.js";
import { withBackups } from "./testing/with-backups.js";

const gbps = 1e9;

/** a>b loses its link and goes by way of c, where bulk of a>c makes room. */
async function example(): Promise<{ snapshot: Snapshot; plan: Plan; split: ScenarioSplit }> {
  const snapshot = snapshotOf(
    triangle,
    [
      ["a", "b", "interactive", 6 * gbps],
      ["a", "c", "bulk", 8 * gbps],
      ["b", "c", "bulk", 1 * gbps],
    ],
    { tunnels: { kind: "k-shortest", k: 1 }, protection: protectionDefault },
  );
  const plan = withBackups(snapshot, await planOf(snapshot));
  const scenario = failureScenarios(snapshot.topology, ["link"]).find(({ id }) => id === "link:a-b");
  const result = await splitScenarios(snapshot, plan, scenario === undefined ? [] : [scenario], options());
  const split = result.ok ? result.value.splits[0] : undefined;
  if (split === undefined) throw new Error("there is no split");
  return { snapshot, plan, split };
}

const { snapshot, plan, split } = await example();

function codesOf(changed: Partial<ScenarioSplit>, of: Plan = plan): readonly string[] {
  return [...new Set(checkSplit(snapshot, of, { ...split, ...changed }).violations.map(({ code }) => code))].sort();
}

/** The split with one group other than it is. */
function withGroup(id: string, change: (group: TunnelGroup) => TunnelGroup): Partial<ScenarioSplit> {
  expect(split.groups.map(flowGroupId)).toContain(id);
  return { groups: split.groups.map((group) => (flowGroupId(group) === id ? change(group) : group)) };
}

const other = plan.groups.find((group) => flowGroupId(group) === "b>c/bulk");

describe("the checker of splits", () => {
  it("passes what is right", () => {
    expect(split.groups.map(flowGroupId)).toEqual(["a>b/interactive", "a>c/bulk"]);
    expect(codesOf({})).toEqual([]);
  });

  it.each<readonly [what: string, code: string, changed: Partial<ScenarioSplit>]>([
    [
      "a tunnel that is gone",
      "tunnel-unusable",
      withGroup("a>b/interactive", (group) => plan.groups.find((each) => flowGroupId(each) === flowGroupId(group)) ?? group),
    ],
    [
      "a tunnel that is not installed",
      "dangling-reference",
      withGroup("a>b/interactive", (group) => ({ ...group, members: [{ tunnelId: "t-0" as never, allottedBps: 0, weight: 1 }] })),
    ],
    ["a tunnel of other nodes", "tunnel-broken", withGroup("a>b/interactive", (group) => ({ ...group, members: other?.members ?? [] }))],
    ["more than the plan admits", "over-demand", withGroup("a>b/interactive", (group) => ({ ...group, admittedBps: 7 * gbps }))],
    ["more than links hold", "over-capacity", withGroup("a>c/bulk", (group) => ({ ...group, admittedBps: 5 * gbps }))],
    [
      "weights above the budget",
      "split-invalid",
      withGroup("a>c/bulk", (group) => ({ ...group, members: group.members.map((member) => ({ ...member, weight: 65 })) })),
    ],
    [
      "a weight that is none",
      "split-invalid",
      withGroup("a>c/bulk", (group) => ({ ...group, members: group.members.map((member) => ({ ...member, weight: 0.5 })) })),
    ],
    ["no tunnels", "split-invalid", withGroup("a>c/bulk", (group) => ({ ...group, members: [] }))],
    ["a rate that is no number", "not-finite", withGroup("a>c/bulk", (group) => ({ ...group, admittedBps: Number.NaN }))],
    ["another demand", "totals-wrong", withGroup("a>c/bulk", (group) => ({ ...group, demandBps: 1 }))],
    ["a group that should have changed", "demand-unaccounted", { groups: split.groups.slice(1) }],
    ["a group changed without need", "split-invalid", { groups: [...split.groups, { ...(other as TunnelGroup), admittedBps: gbps / 2 }] }],
    ["groups out of order", "duplicate-id", { groups: [...split.groups].reverse() }],
    [
      "a group that is not in the plan",
      "dangling-reference",
      { groups: [...split.groups, { ...(other as TunnelGroup), trafficClass: "elastic" as const }] },
    ],
    ["other losses", "totals-wrong", { lostBps: { ...split.lostBps, bulk: 0 } }],
    ["a bound beyond the losses", "certificate-wrong", { lostBpsMin: { interactive: 0, elastic: 0, bulk: 5 * gbps } }],
    ["another utilization", "totals-wrong", { utilizationMax: 0.99 }],
    ["another fullest link", "totals-wrong", { fullestLinkId: "b-a" as never }],
    ["no fullest link", "totals-wrong", { fullestLinkId: undefined }],
  ])("finds %s", (_, code, changed) => {
    expect(codesOf(changed)).toContain(code);
  });
});
