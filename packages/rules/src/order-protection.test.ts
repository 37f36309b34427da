/** Stages of updates between protected plans, drawn on the diamond: what waits for what, what nothing waits for, and for how long. */
import {
  assert as invariant,
  bypassId,
  toId,
  type Bypass,
  type LinkId,
  type NodeId,
  type Plan,
  type Rule,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { describe, expect, it } from "vitest";
import { diamond, diamondPlan, group, path } from "./diamond.js";
import { bypassLatencyMs, latencyBound } from "./latency-bound.js";
import { enumerate } from "./order-failure-oracle.js";
import { orderUpdate } from "./order.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { tunnelTracers } from "./tunnel-trace.js";
import type { UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";

function bypass(nodes: string, around: string, avoids?: string): Bypass {
  const protects = toId<LinkId>(around);
  return {
    id: bypassId(protects, path(nodes)),
    protects,
    ...(avoids === undefined ? {} : { avoids: toId<NodeId>(avoids) }),
    path: path(nodes),
    sharedSrlgIds: [],
  };
}

function withBypasses(plan: Plan, ...bypasses: readonly Bypass[]): Plan {
  return { ...plan, protection: { bypasses, backupTunnels: [], backups: [] } };
}

function two(...plans: readonly [Plan, Plan]): { readonly installed: RuleSet; readonly target: RuleSet } {
  const [installed, target] = rulesOfPlans(diamond(), plans);
  invariant(installed !== undefined && target !== undefined, "two rule sets");
  return { installed, target };
}

function update(topology: Topology, { installed, target }: { readonly installed: RuleSet; readonly target: RuleSet }): UpdatePlan {
  const ordered = orderUpdate({ topology, installed, target, slack: 0.1 });
  expect(walkUpdate(topology, installed, ordered, { target }).violations).toEqual([]);
  return ordered;
}

function waits({ stages }: UpdatePlan): readonly unknown[] {
  return stages.map(({ purpose, messages }) => [purpose, Object.fromEntries(messages.map(({ nodeId, waitsFor }) => [nodeId, waitsFor]))]);
}

const graces = ({ stages }: UpdatePlan) => Object.fromEntries(stages.map(({ purpose, graceMs }) => [purpose, graceMs]));
const onUpper = diamondPlan(group("bulk", 1, { abd: 1 }));
const [aroundLink, aroundNode] = [bypass("acb", "ab"), bypass("acd", "ab", "b")];

describe("orderUpdate of a protected network", () => {
  it("brings a bypass in before its failover group, and that before what uses it, without a pause", () => {
    const ordered = update(diamond(), two(onUpper, withBypasses(onUpper, bypass("bcd", "bd"))));
    expect(waits(ordered)).toEqual([
      ["add-bypass", { c: [] }],
      ["add-failover", { b: ["c"] }],
      ["add-transit", { b: [] }],
    ]);
    expect(ordered.interrupts).toEqual([]);
  });

  it("takes it out the other way round", () => {
    const ordered = update(diamond(), two(withBypasses(onUpper, bypass("bcd", "bd")), onUpper));
    expect(waits(ordered)).toEqual([
      ["add-transit", { b: [] }],
      ["remove-failover", { b: [] }],
      ["remove-bypass", { c: ["b"] }],
    ]);
    // Over bc and cd, 5 ms each.
    expect(graces(ordered)).toEqual({ "add-transit": 0, "remove-failover": 0, "remove-bypass": 10 });
  });

  it("changes from one bypass to another in buckets by a flip that waits for its own bypass alone", () => {
    const ordered = update(diamond(), two(withBypasses(onUpper, aroundLink), withBypasses(onUpper, aroundNode)));
    expect(waits(ordered)).toEqual([
      ["add-bypass", { c: [] }],
      ["add-failover", { a: ["c"] }],
      ["flip", { a: [] }],
      ["remove-failover", { a: [] }],
      ["remove-bypass", { c: ["a"] }],
    ]);
    expect(ordered.interrupts).toEqual([]);
  });

  it("changes a failover group where it stands, and takes the old bypass when no group leads into it any more", () => {
    const ordered = update(diamond(), two(withBypasses(onUpper, aroundLink), withBypasses(onUpper, bypass("acdb", "ab"))));
    expect(waits(ordered)).toEqual([
      ["add-bypass", { c: [], d: [] }],
      ["add-failover", { a: ["c", "d"] }],
      ["remove-bypass", { c: ["a"] }],
    ]);
    // Over ac and cb, 5 ms each.
    expect(graces(ordered)["remove-bypass"]).toBe(10);
    expect(ordered.stages.flatMap(({ messages }) => messages.flatMap(({ operations }) => operations))).toHaveLength(4);
  });

  it("waits for the longer of two detours that a group which changes may send packets on", () => {
    // Another flow stays on link ab, and with it the failover group.
    const plan = (nodes: string) => diamondPlan(group("bulk", 1, { [nodes]: 1 }), group("elastic", 1, { ab: 1 }));
    const before = withBypasses(plan("abd"), aroundLink);
    const graceWith = (after: Bypass) => graces(update(diamond(), two(before, withBypasses(plan("acd"), after))))["remove-transit"];
    // a-c-b, then bd; a-c-d-b, then bd: 5 ms a link.
    expect([graceWith(aroundLink), graceWith(bypass("acdb", "ab"))]).toEqual([15, 20]);
  });

  it("does not make a flow that comes to a tunnel wait for the failover groups that change under it", () => {
    const more = diamondPlan(group("bulk", 1, { abd: 1 }), group("elastic", 1, { abd: 1 }));
    const ordered = update(diamond(), two(withBypasses(onUpper, aroundLink), withBypasses(more, aroundLink, bypass("bcd", "bd"))));
    expect(waits(ordered)).toEqual([
      ["add-bypass", { c: [] }],
      ["add-failover", { b: ["c"] }],
      ["add-transit", { b: [] }],
      ["flip", { a: [] }],
    ]);
  });

  it("does so where a link is down and the packets would go another way until then", () => {
    const topology = diamond({ down: ["bd", "db"] });
    const more = diamondPlan(group("bulk", 1, { abd: 1 }), group("elastic", 1, { abd: 1 }));
    const ordered = update(topology, two(withBypasses(onUpper, bypass("bacd", "bd")), withBypasses(more, bypass("bcd", "bd"))));
    expect(ordered.stages.find(({ purpose }) => purpose === "flip")?.messages.map(({ waitsFor }) => waitsFor)).toEqual([["b"]]);
  });

  it("flips buckets that only change their failover group without waiting for what changes behind them", () => {
    const topology = diamond({ down: ["bd", "db"] });
    const before = withBypasses(onUpper, aroundLink, bypass("bacd", "bd"));
    const ordered = update(topology, two(before, withBypasses(onUpper, aroundNode, bypass("bcd", "bd"))));
    expect(ordered.stages.find(({ purpose }) => purpose === "flip")?.messages).toMatchObject([{ nodeId: "a", waitsFor: [] }]);
  });

  it("mends a tunnel under traffic whose failover groups change elsewhere", () => {
    const long = diamondPlan(group("bulk", 1, { abcd: 1 }));
    const { installed: intact, target } = two(long, withBypasses(long, bypass("bdc", "bc")));
    const installed: RuleSet = new Map([...intact].filter(([nodeId]) => nodeId !== "c"));
    const ordered = update(diamond(), { installed, target });
    expect(ordered.interrupts).toEqual([]);
    expect(ordered.stages.map(({ purpose }) => purpose)).toEqual(["add-bypass", "add-failover", "add-transit"]);
  });

  it("makes room for packets that come to be repaired another way", () => {
    // The flow from a to d is repaired at b: over a before, over bc after. Beside it 2 Gb/s stay on bc, 3 leave it and 3 come.
    const topology = diamond({ down: ["bd", "db"] });
    const plans = (left: string, came: string) =>
      diamondPlan(
        group("interactive", 5, { abd: 1 }),
        group("interactive", 2, { bc: 1 }),
        group("elastic", 3, { [left]: 1 }),
        group("bulk", 3, { [came]: 1 }),
      );
    const before = withBypasses(plans("bc", "bac"), bypass("bacd", "bd"));
    const rules = two(before, withBypasses(plans("bac", "bc"), bypass("bcd", "bd")));
    const ordered = orderUpdate({ topology, ...rules, slack: 0 });
    expect(walkUpdate(topology, rules.installed, ordered, { target: rules.target }).violations).toEqual([]);
    const flips = ordered.stages.filter(({ purpose }) => purpose === "flip").map(({ messages }) => messages.map(({ nodeId }) => nodeId));
    expect(flips.length).toBeGreaterThan(1);
    expect(ordered.throttled).toEqual([]);
    // One step is enough where the packets stay repaired the way they were.
    const same = two(before, withBypasses(plans("bac", "bc"), bypass("bacd", "bd")));
    expect(update(topology, same).stages.filter(({ purpose }) => purpose === "flip").length).toBe(1);
  });

  it("takes no flow out for a link that repaired packets fill in the end", () => {
    const topology = diamond({ down: ["bd", "db"] });
    const plans = (left: string, came: string) =>
      diamondPlan(
        group("interactive", 5, { abd: 1 }),
        group("interactive", 8, { bc: 1 }),
        group("elastic", 1, { [left]: 1 }),
        group("bulk", 2, { [came]: 1 }),
      );
    const rules = two(withBypasses(plans("bc", "bac"), bypass("bacd", "bd")), withBypasses(plans("bac", "bc"), bypass("bcd", "bd")));
    expect(orderUpdate({ topology, ...rules, slack: 0 }).interrupts).toEqual([]);
  });

  it("never throttles and never pauses for failover groups", () => {
    // Link ab is full: any change of load on it would be one too many.
    const full = diamondPlan(group("bulk", 10, { abd: 1 }));
    const installed = withBypasses(full, aroundLink);
    const ordered = update(diamond(), two(installed, withBypasses(full, aroundNode, bypass("bcd", "bd"))));
    expect(ordered.stages.map(({ purpose }) => purpose)).not.toContain("throttle");
    expect(ordered.interrupts).toEqual([]);
  });

  it("frees a bypass's label that is to mean another bypass by doing without the repair first", () => {
    const [installed] = rulesOfPlans(diamond(), [withBypasses(onUpper, aroundLink)]);
    const [target] = rulesOfPlans(diamond(), [withBypasses(onUpper, bypass("acdb", "ab"))]);
    invariant(installed !== undefined && target !== undefined, "two rule sets with one label for both bypasses");
    const ordered = update(diamond(), { installed, target });
    expect(waits(ordered)).toEqual([
      ["remove-failover", { a: [] }],
      ["add-bypass", { c: ["a"], d: ["a"] }],
      ["add-failover", { a: ["c", "d"] }],
      ["flip", { a: [] }],
    ]);
    expect(ordered.stages[1]?.graceMs).toBe(10);
    expect(ordered.interrupts).toEqual([]);
  });

  it("frees the label of a broken bypass that the target would extend to where it does not belong", () => {
    const [intact] = rulesOfPlans(diamond(), [withBypasses(onUpper, bypass("bcd", "bd"))]);
    const [target] = rulesOfPlans(diamond(), [withBypasses(onUpper, aroundLink)]);
    invariant(intact !== undefined && target !== undefined, "two rule sets with one label for both bypasses");
    const installed: RuleSet = new Map([...intact].filter(([nodeId]) => nodeId !== "c"));
    const ordered = update(diamond(), { installed, target });
    expect(waits(ordered)).toEqual([
      ["remove-failover", { b: [] }],
      ["add-bypass", { c: ["b"] }],
      ["add-failover", { a: ["c"] }],
      ["flip", { a: [] }],
    ]);
    const failures = [[], [toId<LinkId>("bd"), toId<LinkId>("db")]];
    expect(enumerate(diamond(), { installed, target, update: ordered, failures }, true)?.wrong).toEqual([]);
    // Without the first stage a packet that b repairs comes back to b from c.
    const hasty = { ...ordered, stages: ordered.stages.slice(1).map((stage, index) => ({ ...stage, index })) };
    expect(enumerate(diamond(), { installed: intact, target, update: hasty, failures }, true)?.wrong).toEqual([
      expect.stringMatching(/^loop: a label/),
    ]);
  });

  it("waits for the longest detour before it takes a tunnel's rules away", () => {
    const lower = diamondPlan(group("bulk", 1, { acd: 1 }));
    const repaired = withBypasses(onUpper, bypass("acdb", "ab"), bypass("bacd", "bd"));
    const ordered = update(diamond(), two(repaired, lower));
    // a-c-d-b around ab, then b-a-c-d around bd: six links of 5 ms instead of two.
    expect(graces(ordered)["remove-transit"]).toBe(30);
    expect(graces(update(diamond(), two(onUpper, lower)))["remove-transit"]).toBe(10);
  });
});

describe("what the planner knows of ways", () => {
  const [rules] = rulesOfPlans(diamond(), [
    withBypasses(
      diamondPlan(group("bulk", 1, { abd: 1 }), group("elastic", 1, { acbd: 1 })),
      aroundNode,
      bypass("bcd", "bd"),
      bypass("abc", "ac"),
    ),
  ]);
  invariant(rules !== undefined, "a rule set");
  const lookup = (nodeId: NodeId, key: string): Rule | undefined => rules.get(nodeId)?.get(key);
  const buckets = [...(rules.get(toId<NodeId>("a"))?.values() ?? [])].flatMap((rule) => (rule.kind === "group" ? rule.buckets : []));
  const linksUnder = (down: readonly string[], first: string) => {
    const topology = diamond({ down });
    const { installed: trace } = tunnelTracers(topology, { before: lookup, after: lookup });
    const bucket = buckets.find(({ output }) => output === first);
    invariant(bucket !== undefined, "a bucket");
    return trace(bucket).links.map((i) => topology.links[i]?.id);
  };

  it.each([
    ["nothing is down", [], "ab", ["ab", "bd"]],
    ["the first link is down", ["ab"], "ab", ["ac", "cd"]],
    ["a transit link is down", ["bd"], "ab", ["ab", "bc", "cd"]],
    ["a link of the bypass is down as well", ["ab", "cd"], "ab", ["ac"]],
    ["no bucket is live", ["ab", "ac"], "ab", []],
    // Around ac over b to c, and on over b again: bc there, cb back.
    ["a detour comes back over its own end", ["ac"], "ac", ["ab", "bc", "cb", "bd"]],
    ["nothing protects the link", ["cb"], "ac", ["ac"]],
  ])("follows packets where %s", (_, down, first, links) => {
    expect(linksUnder(down, first)).toEqual(links);
  });

  it("bounds how long a packet may be under way by every detour that it may be sent on", () => {
    const bound = latencyBound(diamond(), lookup);
    const latencyOf = (first: string) => buckets.filter(({ output }) => output === first).map((bucket) => bound(bucket));
    // ab 5, then b-c-d 10 around bd; around b straight to d is shorter.
    expect(latencyOf("ab")).toEqual([15]);
    // a-b-c 10 around ac, cb 5, b-c-d 10.
    expect(latencyOf("ac")).toEqual([25]);
    const failover = lookup(toId<NodeId>("a"), `failover/${buckets.find(({ output }) => output === "ab")?.failoverId}`);
    invariant(failover?.kind === "failover", "a failover group");
    expect(bypassLatencyMs(diamond(), failover, lookup)).toBe(10);
  });

  it("counts no more detours than two, besides those around links that are down", () => {
    // a-b-c 10 instead of 5 around ac, c-d-b 10 instead of 5 around cb, b-c-d 10 instead of 5 around bd.
    const [three] = rulesOfPlans(diamond(), [
      withBypasses(diamondPlan(group("bulk", 1, { acbd: 1 })), bypass("abc", "ac"), bypass("cdb", "cb"), bypass("bcd", "bd")),
    ]);
    const [bucket] = [...(three?.get(toId<NodeId>("a"))?.values() ?? [])].flatMap((rule) => (rule.kind === "group" ? rule.buckets : []));
    invariant(three !== undefined && bucket !== undefined, "a bucket");
    const at = (nodeId: NodeId, key: string) => three.get(nodeId)?.get(key);
    expect(latencyBound(diamond(), at)(bucket)).toBe(25);
    expect(latencyBound(diamond({ down: ["cb"] }), at)(bucket)).toBe(30);
  });

  it("ends for rules that go in circles", () => {
    const circle = (nodeId: NodeId, key: string): Rule | undefined => {
      const out = { a: "ab", b: "bc", c: "ca", d: "db" }[nodeId as string] ?? "ab";
      if (key.startsWith("label/")) {
        return { kind: "label", match: { label: Number(key.slice(6)) }, action: { kind: "output", link: toId(out), failoverId: 40 } };
      }
      return {
        kind: "failover",
        failoverId: 40,
        buckets: [{ output: toId(out) }, { output: toId(nodeId === "a" ? "ac" : "bd"), pushLabel: 40 }],
      };
    };
    const down = diamond({ down: ["ab"] });
    const { meanwhile: trace } = tunnelTracers(down, { before: circle, after: circle });
    expect(trace({ output: toId("ab"), pushLabel: 16, failoverId: 40 }).links.length).toBeLessThan(20);
    expect(latencyBound(diamond(), circle)({ output: toId("ab"), pushLabel: 16, failoverId: 40 })).toBeLessThan(100);
  });
});
