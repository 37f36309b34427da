/** Rules of protected plans: bypasses, failover groups, backup tunnels; and what ingresses are told in a scenario. */
import {
  assert as invariant,
  bypassId,
  cablesOf,
  compareFlowGroups,
  flowGroupId,
  toId,
  tunnelOf,
  type Bypass,
  type NodeId,
  type Plan,
  type Rule,
  type RuleSet,
  type ScenarioSplit,
  type Topology,
  type TunnelGroup,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryProtectedNetwork } from "./arbitrary-protection.js";
import { assignmentsDocument, parseAssignments } from "./assignments-document.js";
import { simplePaths } from "./arbitrary.js";
import { assign, emptyAssignments, withFailoverNumbers, type Assignments } from "./assignments.js";
import { compileScenario, scenarioCompiler } from "./compile-scenario.js";
import { compileRules } from "./compile.js";
import { diamond, diamondPlan, gbps, group, path } from "./diamond.js";
import { applyOperations, diffRules } from "./diff.js";
import { openFlowPorts, toOpenFlow } from "./openflow.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { createRuleTable } from "./rule-table.js";
import { walkRules } from "./walk.js";

function assigned(topology: Topology, plan: Plan): Assignments {
  const result = assign(emptyAssignments, plan, topology);
  invariant(result.ok, "labels suffice");
  return result.value;
}

function compiled(topology: Topology, plan: Plan): RuleSet {
  const result = compileRules(topology, plan, assigned(topology, plan));
  invariant(result.ok, "compiled");
  return result.value;
}

function bypass(nodes: string, around: string, avoids?: string): Bypass {
  const protects = toId<Bypass["protects"]>(around);
  return {
    id: bypassId(protects, path(nodes)),
    protects,
    ...(avoids === undefined ? {} : { avoids: toId<NodeId>(avoids) }),
    path: path(nodes),
    sharedSrlgIds: [],
  };
}

function protectedPlan(plan: Plan, bypasses: readonly Bypass[], backups: readonly string[] = []): Plan {
  return { ...plan, protection: { bypasses, backupTunnels: backups.map((nodes) => tunnelOf(diamond(), path(nodes))), backups: [] } };
}

/** The number of the failover group by which a bypass is entered. */
function failoverOf({ failoverByRepair }: Assignments, { protects, path: links }: Bypass): number | undefined {
  const merge = diamond().linkById.get(links.at(-1) ?? protects)?.to;
  return merge === undefined ? undefined : failoverByRepair?.get(protects)?.get(merge);
}

const rulesAt = (rules: RuleSet, node: string): readonly Rule[] => [...(rules.get(toId<NodeId>(node))?.values() ?? [])];
const failoversAt = (rules: RuleSet, node: string) => rulesAt(rules, node).filter((rule) => rule.kind === "failover");
const all = (rules: RuleSet): readonly Rule[] => [...rules.values()].flatMap((ofNode) => [...ofNode.values()]);

describe("compileRules of a protected plan", () => {
  it("compiles the example of docs/forwarding.md", () => {
    const topology = diamond();
    const plan = diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }));
    const [, rules] = rulesOfPlans(topology, [plan, protectedPlan(plan, [bypass("acb", "ab")])]);
    invariant(rules !== undefined, "compiled");
    const labelOf = (nodes: string) => 16 + plan.tunnels.findIndex(({ path: links }) => links.join() === path(nodes).join());
    const [upper, lower] = [labelOf("abd"), labelOf("acd")];
    const bucket = { mplsTc: 5, weight: 1 };
    expect(new Set(rulesAt(rules, "a").filter(({ kind }) => kind !== "meter" && kind !== "ingress"))).toEqual(
      new Set([
        {
          kind: "group",
          groupId: 1,
          buckets: plan.groups[0]?.members.map(({ tunnelId }) =>
            plan.tunnels.find(({ id }) => id === tunnelId)?.path[0] === "ab"
              ? { ...bucket, weight: 2, pushLabel: upper, output: "ab", failoverId: 19 }
              : { ...bucket, pushLabel: lower, output: "ac" },
          ),
        },
        { kind: "failover", failoverId: 19, buckets: [{ output: "ab" }, { output: "ac", pushLabel: 18 }] },
      ]),
    );
    expect(new Set(rulesAt(rules, "c"))).toEqual(
      new Set([
        { kind: "label", match: { label: lower }, action: { kind: "output", link: "cd" } },
        { kind: "label", match: { label: 18 }, action: { kind: "pop-output", link: "cb" } },
      ]),
    );
    expect(rulesAt(rules, "b")).toEqual([{ kind: "label", match: { label: upper }, action: { kind: "output", link: "bd" } }]);
    const ports = openFlowPorts(
      [
        ["ab", 1],
        ["ac", 2],
      ].map(([link, port]) => [toId(String(link)), Number(port)] as const),
      100,
    );
    const [failover] = failoversAt(rules, "a");
    invariant(failover !== undefined, "a failover group");
    expect(toOpenFlow(failover, ports)).toEqual({
      ok: true,
      value:
        "group_id=4292870163,type=ff,bucket=watch_port:1,actions=output:1" +
        ",bucket=watch_port:2,actions=push_mpls:0x8847,set_field:18->mpls_label,output:2",
    });
  });

  it("prefers the bypass around the next node where the tunnel goes on, and the one around the link at its end", () => {
    const topology = diamond();
    const plan = diamondPlan(group("bulk", 1, { abd: 1 }), group("bulk", 1, { ab: 1 }));
    const [link, node, last] = [bypass("acb", "ab"), bypass("acd", "ab", "b"), bypass("bcd", "bd")];
    const rules = compiled(
      topology,
      protectedPlan(
        plan,
        [link, node, last].sort((a, b) => (a.id < b.id ? -1 : 1)),
      ),
    );
    const assignments = assigned(topology, protectedPlan(plan, [link, node, last]));
    const labels = assignments.labelByTunnel;
    const buckets = rulesAt(rules, "a").flatMap((rule) => (rule.kind === "group" ? rule.buckets : []));
    const tunnelTo = (end: string) => labels.get(plan.tunnels.find(({ dst }) => dst === end)?.id ?? toId(""));
    expect(buckets.find(({ pushLabel }) => pushLabel === tunnelTo("d"))?.failoverId).toBe(failoverOf(assignments, node));
    expect(buckets.find(({ pushLabel }) => pushLabel === tunnelTo("b"))?.failoverId).toBe(failoverOf(assignments, link));
    expect(rulesAt(rules, "b").find((rule) => rule.kind === "label" && rule.match.label === tunnelTo("d"))).toMatchObject({
      action: { failoverId: failoverOf(assignments, last) },
    });
    // Around b, packets come to d under the tunnel's own label.
    expect(rulesAt(rules, "c")).toContainEqual({
      kind: "label",
      match: { label: labels.get(node.id) },
      action: { kind: "pop-output", link: "cd" },
    });
  });

  it("pushes nothing on a bypass of one link, which needs no label rules", () => {
    const topology = diamond();
    const around = bypass("bd", "bc", "c");
    const plan = protectedPlan(diamondPlan(group("bulk", 1, { bcd: 1 })), [around]);
    const rules = compiled(topology, plan);
    const assignments = assigned(topology, plan);
    const failoverId = failoverOf(assignments, around);
    expect(failoversAt(rules, "b")).toEqual([{ kind: "failover", failoverId, buckets: [{ output: "bc" }, { output: "bd" }] }]);
    expect(all(rules).some((rule) => rule.kind === "label" && rule.match.label === assignments.labelByTunnel.get(around.id))).toBe(false);
    const walk = walkRules(diamond({ down: ["bc"] }), rules);
    expect([walk.verdict, walk.lostBps]).toEqual(["pass", 0]);
  });

  it("has rules for bypasses only where a rule uses them, and for backup tunnels and their ingress always", () => {
    const topology = diamond();
    const [used, unused, ofBackup] = [bypass("acb", "ab"), bypass("cab", "cb"), bypass("abc", "ac")];
    const plan = protectedPlan(diamondPlan(group("bulk", 1, { abd: 1 })), [used, unused, ofBackup], ["acd"]);
    const rules = compiled(topology, plan);
    const assignments = assigned(topology, plan);
    const labels = assignments.labelByTunnel;
    const failovers = all(rules).flatMap((rule) => (rule.kind === "failover" ? [rule.failoverId] : []));
    expect(failovers.sort()).toEqual([failoverOf(assignments, used), failoverOf(assignments, ofBackup)].sort());
    const backup = labels.get(tunnelOf(topology, path("acd")).id);
    expect(rulesAt(rules, "c")).toContainEqual({ kind: "label", match: { label: backup }, action: { kind: "output", link: "cd" } });
    expect(rulesAt(rules, "d")).toContainEqual({ kind: "label", match: { label: backup }, action: { kind: "pop-deliver" } });
  });

  it("gives rules that switches accept, that carry what the plan carries, and whose every failover group is used", () => {
    let failovers = 0;
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ plans: 1, always: true }), ({ topology, plans }) => {
        const [plan] = plans;
        invariant(plan !== undefined, "a plan");
        const rules = compiled(topology, plan);
        const [bare] = rulesOfPlans(topology, [{ ...plan, protection: undefined }]);
        invariant(bare !== undefined, "compiled");
        const walk = walkRules(topology, rules);
        expect(walk.violations).toEqual([]);
        expect(walk.linkLoads).toEqual(walkRules(topology, bare).linkLoads);
        for (const [nodeId, ofNode] of rules) {
          expect(createRuleTable(10_000, ofNode).rules.size).toBe(ofNode.size);
          for (const rule of ofNode.values()) {
            if (rule.kind !== "failover") continue;
            failovers += 1;
            const isUsed = [...ofNode.values()].some(
              (user) =>
                (user.kind === "label" && user.action.kind === "output" && user.action.failoverId === rule.failoverId) ||
                (user.kind === "group" && user.buckets.some(({ failoverId }) => failoverId === rule.failoverId)),
            );
            const [around] = rule.buckets;
            const mayBeUsed = [...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])].some(
              ({ src, path: [first] }) => src === nodeId && first === around?.output,
            );
            expect(isUsed || mayBeUsed).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
    expect(failovers).toBeGreaterThan(200);
  });

  it("gives bypasses and backup tunnels labels of their own, which come back from the store as they were", () => {
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ plans: 2, always: true }), ({ topology, plans }) => {
        let before = emptyAssignments;
        for (const plan of plans) {
          const after = assign(before, plan, topology);
          invariant(after.ok, "labels suffice");
          const { bypasses = [], backupTunnels = [] } = plan.protection ?? {};
          const owners = [...plan.tunnels, ...backupTunnels, ...bypasses];
          expect([...after.value.labelByTunnel.keys()].sort()).toEqual(owners.map(({ id }) => id).sort());
          const repairs = [...(after.value.failoverByRepair ?? [])].flatMap(([, byMerge]) => [...byMerge.values()]);
          const merges = bypasses.map(({ protects, path: links }) => `${protects} ${topology.linkById.get(links.at(-1) ?? protects)?.to}`);
          expect(repairs).toHaveLength(new Set(merges).size);
          expect(new Set([...after.value.labelByTunnel.values(), ...repairs]).size).toBe(owners.length + repairs.length);
          for (const [linkId, byMerge] of after.value.failoverByRepair ?? [])
            for (const [merge, number] of byMerge) expect(before.failoverByRepair?.get(linkId)?.get(merge) ?? number).toBe(number);
          for (const [id, label] of after.value.labelByTunnel) expect(before.labelByTunnel.get(id) ?? label).toBe(label);
          const parsed = parseAssignments(JSON.parse(JSON.stringify(assignmentsDocument(after.value))));
          expect(parsed).toEqual({ ok: true, value: after.value });
          before = after.value;
        }
      }),
      { numRuns: 50 },
    );
  });

  const plan = diamondPlan(group("bulk", 1, { abd: 1 }));
  const around = bypass("acb", "ab");
  it.each<[string, Bypass, string]>([
    ["that takes links which do not join", { ...around, path: [...around.path].reverse() }, "dangling-reference"],
    ["without a path", { ...around, path: [] }, "not-allowed"],
    ["that ends somewhere else", { ...around, path: path("acd") }, "not-allowed"],
    ["that passes the node it avoids", { ...around, avoids: toId("b") }, "not-allowed"],
    ["that takes the link it protects", { ...around, path: path("ab") }, "not-allowed"],
    ["of a link that there is not", { ...around, protects: toId("ad") }, "dangling-reference"],
  ])("refuses a bypass %s", (_, spoiled, code) => {
    const spoiledPlan = protectedPlan(plan, [spoiled]);
    const result = compileRules(diamond(), spoiledPlan, assigned(diamond(), spoiledPlan));
    expect(result.ok || result.faults[0].code).toBe(code);
  });

  it("refuses a bypass without a label, or without a failover number", () => {
    const assignments = assigned(diamond(), protectedPlan(plan, [around]));
    for (const less of [assigned(diamond(), plan), { ...assignments, failoverByRepair: new Map() }]) {
      const result = compileRules(diamond(), protectedPlan(plan, [around]), less);
      expect(result.ok || result.faults[0].code).toBe("dangling-reference");
    }
  });
});

describe("failover numbers", () => {
  it("stay with the link and the merge point: a changed bypass changes its own rules and its group, and nothing that goes through it", () => {
    let changed = 0;
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ plans: 1, always: true }), fc.nat(), ({ topology, plans }, pick) => {
        const [plan] = plans;
        invariant(plan?.protection !== undefined, "a protected plan");
        const { bypasses } = plan.protection;
        const one = bypasses[pick % Math.max(1, bypasses.length)];
        if (one === undefined) return;
        const linkOf = (id: string) => topology.linkById.get(toId(id));
        const [src, dst] = [linkOf(one.protects)?.from, linkOf(one.path.at(-1) ?? "")?.to];
        invariant(src !== undefined && dst !== undefined, "a way");
        const cable = cablesOf(topology).find(({ linkIds }) => linkIds.includes(one.protects))?.linkIds ?? [];
        const links = topology.links.filter(({ id, from, to }) => !cable.includes(id) && from !== one.avoids && to !== one.avoids);
        const other = simplePaths({ ...topology, links }, { src, dst }, 8).find((way) => way.join() !== one.path.join());
        if (other === undefined) return;
        changed += 1;
        const moved = { ...one, id: bypassId(one.protects, other), path: other };
        const after = { ...plan, protection: { ...plan.protection, bypasses: bypasses.map((each) => (each === one ? moved : each)) } };
        const [installed, target] = rulesOfPlans(topology, [plan, after]);
        invariant(installed !== undefined && target !== undefined, "two rule sets");
        const labels = new Set(
          all(installed)
            .concat(all(target))
            .flatMap((rule) => (rule.kind === "failover" ? rule.buckets : []))
            .map(({ pushLabel }) => pushLabel),
        );
        const nodeIds = new Set([...installed.keys(), ...target.keys()]);
        for (const nodeId of nodeIds) {
          for (const operation of diffRules(installed.get(nodeId) ?? new Map(), target.get(nodeId) ?? new Map())) {
            const rule = operation.op === "put" ? operation.rule : installed.get(nodeId)?.get(operation.key);
            invariant(rule !== undefined, "a rule of before or after");
            const isOwn =
              rule.kind === "failover"
                ? operation.op === "put" && nodeId === src && rule.buckets[0]?.output === one.protects
                : rule.kind === "label" && labels.has(rule.match.label);
            expect(isOwn).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
    expect(changed).toBeGreaterThan(50);
  });

  it("are the bypasses' labels in assignments of before there were any, whose rules come out as they did, and stay so from then on", () => {
    let kept = 0;
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ plans: 3, always: true }), ({ topology, plans }) => {
        const { failoverByRepair: _, ...old } = emptyAssignments;
        const [plan, later, last] = plans;
        invariant(plan !== undefined && later !== undefined && last !== undefined, "three plans");
        const first = assign(old, plan, topology);
        invariant(first.ok && first.value.failoverByRepair === undefined, "assigned as before");
        expect(assignmentsDocument(first.value)).not.toHaveProperty("failovers");
        const rules = compileRules(topology, plan, first.value);
        invariant(rules.ok, "compiled");
        const labels = new Set(first.value.labelByTunnel.values());
        for (const rule of all(rules.value)) {
          if (rule.kind !== "failover") continue;
          expect(labels.has(rule.failoverId)).toBe(true);
          for (const { pushLabel } of rule.buckets) expect(pushLabel ?? rule.failoverId).toBe(rule.failoverId);
        }
        // Nothing changes for it, and what comes after takes no number from it.
        const numbered = withFailoverNumbers(first.value, plan, topology);
        expect(compileRules(topology, plan, numbered)).toEqual(rules);
        expect(withFailoverNumbers(numbered, later, topology)).toBe(numbered);
        let before = numbered;
        for (const next of [later, last]) {
          const after = assign(before, next, topology);
          invariant(after.ok, "labels suffice");
          const numbers = [...(after.value.failoverByRepair ?? [])].flatMap(([, byMerge]) => [...byMerge.values()]);
          expect(new Set(numbers).size).toBe(numbers.length);
          const taken = new Set([
            ...before.labelByTunnel.values(),
            ...[...(before.failoverByRepair ?? [])].flatMap(([, byMerge]) => [...byMerge.values()]),
          ]);
          for (const [linkId, byMerge] of after.value.failoverByRepair ?? []) {
            for (const [merge, number] of byMerge) {
              const had = before.failoverByRepair?.get(linkId)?.get(merge);
              if (had !== undefined) kept += 1;
              expect(had === undefined ? !taken.has(number) : had === number).toBe(true);
            }
          }
          for (const [id, label] of after.value.labelByTunnel) expect(before.labelByTunnel.has(id) || !taken.has(label)).toBe(true);
          expect(compileRules(topology, next, after.value).ok).toBe(true);
          before = after.value;
        }
      }),
      { numRuns: 100 },
    );
    expect(kept).toBeGreaterThan(100);
  });
});

describe("compileScenario", () => {
  const topology = diamond();
  const around = bypass("acb", "ab");
  const plan = protectedPlan(
    diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }), group("bulk", 3, { abd: 1 }), group("elastic", 1e-7, { abd: 1 })),
    [around],
    ["abcd"],
  );
  const split = (groups: readonly TunnelGroup[]): ScenarioSplit => ({
    scenario: { id: "link:bd", kind: "link", linkIds: [toId("bd"), toId("db")], nodeIds: [] },
    groups,
    lostBps: { interactive: 0, elastic: 0, bulk: 0 },
    utilizationMax: 0,
  });
  const changed = (trafficClass: string, admittedBps: number, members: Readonly<Record<string, number>>): TunnelGroup => {
    const planned = plan.groups.find((each) => each.trafficClass === trafficClass);
    invariant(planned !== undefined, "a group of the plan");
    return {
      ...planned,
      admittedBps,
      members: Object.entries(members).map(([nodes, weight]) => ({ tunnelId: tunnelOf(topology, path(nodes)).id, allottedBps: 0, weight })),
    };
  };
  const labels = assigned(topology, plan).labelByTunnel;
  const operations = (...groups: readonly TunnelGroup[]) => compileScenario(topology, plan, assigned(topology, plan), split(groups));

  it("moves a group to its backup under the number that it has, with the failover group of the first link", () => {
    const result = operations(changed("bulk", 3 * gbps, { abcd: 1 }));
    const failoverId = failoverOf(assigned(topology, plan), around);
    expect(result).toEqual({
      ok: true,
      value: new Map([
        [
          "a",
          [
            {
              op: "put",
              rule: {
                kind: "group",
                groupId: 3,
                buckets: [{ weight: 1, pushLabel: labels.get(tunnelOf(topology, path("abcd")).id), mplsTc: 1, output: "ab", failoverId }],
              },
            },
          ],
        ],
      ]),
    });
  });

  it("changes only the meter where only the rate differs, and nothing where nothing does", () => {
    const result = operations(changed("interactive", 2 * gbps, { abd: 2, acd: 1 }), changed("bulk", 3 * gbps, { abd: 1 }));
    invariant(result.ok, "compiled");
    expect([...result.value].flatMap(([, ops]) => ops.map((each) => each.op === "put" && each.rule.kind))).toEqual(["meter"]);
  });

  it("keeps the flow entry of a group that is left nothing, and leaves out one that has none", () => {
    const result = operations(changed("bulk", 0, {}), changed("elastic", 1e3, { acd: 1 }));
    invariant(result.ok, "compiled");
    expect([...result.value].flatMap(([, ops]) => ops)).toEqual([
      { op: "put", rule: { kind: "meter", meterId: 3, rateBps: 1000, burstBits: 120_000 } },
    ]);
  });

  it.each([
    ["a group that the plan does not have", { ...changed("bulk", 1e9, { abd: 1 }), dst: toId<NodeId>("b") }, "dangling-reference"],
    ["a tunnel that is not installed", changed("bulk", 1e9, { acbd: 1 }), "dangling-reference"],
    ["traffic without a tunnel", changed("bulk", 1e9, {}), "dangling-reference"],
  ])("refuses %s", (_, group_, code) => {
    const result = operations(group_);
    expect(result.ok || result.faults[0].code).toBe(code);
  });

  it("leads to the rules of the plan with the split in place of its groups, on what every ingress holds", () => {
    let messages = 0;
    fc.assert(
      fc.property(
        arbitraryProtectedNetwork({ plans: 1, always: true }),
        fc.array(fc.record({ group: fc.nat(), tunnels: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), kbps: fc.nat({ max: 9 }) })),
        ({ topology: network, plans }, moves) => {
          const [planned] = plans;
          invariant(planned !== undefined, "a plan");
          const tunnels = [...planned.tunnels, ...(planned.protection?.backupTunnels ?? [])];
          const byId = new Map<string, TunnelGroup>();
          for (const { group: choice, tunnels: chosen, kbps } of moves) {
            const of = planned.groups[choice % Math.max(1, planned.groups.length)];
            if (of === undefined) continue;
            const possible = tunnels.filter(({ src, dst }) => src === of.src && dst === of.dst);
            const members = [...new Set(chosen.map((k) => possible[k % possible.length]?.id))].flatMap((tunnelId) =>
              tunnelId === undefined ? [] : [{ tunnelId, allottedBps: 0, weight: kbps + 1 }],
            );
            byId.set(flowGroupId(of), { ...of, admittedBps: kbps * 1000, members });
          }
          const groups = [...byId.values()].sort(compareFlowGroups);
          const assignments = assigned(network, planned);
          const compiler = scenarioCompiler(network, planned, assignments);
          invariant(compiler.ok, "a sound plan");
          const result = compiler.value(split(groups));
          expect(result).toEqual(compileScenario(network, planned, assignments, split(groups)));
          invariant(result.ok, "compiled");
          const before = compiled(network, planned);
          const wanted = compileRules(
            network,
            {
              ...planned,
              groups: planned.groups.map((of) => {
                const moved = byId.get(flowGroupId(of));
                return moved === undefined ? of : { ...moved, admittedBps: Math.max(1000, moved.admittedBps) };
              }),
            },
            assignments,
          );
          invariant(wanted.ok, "compiled");
          for (const nodeId of new Set([...before.keys(), ...result.value.keys()])) {
            const ofNode = before.get(nodeId) ?? new Map<string, Rule>();
            const told = result.value.get(nodeId) ?? [];
            messages += told.length;
            expect(diffRules(applyOperations(ofNode, told), wanted.value.get(nodeId) ?? new Map())).toEqual([]);
            expect(createRuleTable(10_000, ofNode).apply(told)).toEqual([]);
            // No operation more than is needed.
            expect(diffRules(ofNode, wanted.value.get(nodeId) ?? new Map())).toHaveLength(told.length);
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(messages).toBeGreaterThan(50);
  });
});
