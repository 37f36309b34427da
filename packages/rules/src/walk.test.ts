import { assert as invariant, toId, type NodeId, type Rule, type RuleSet } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { walkRules } from "./walk.js";

const topology = diamond();
const plan = diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }), group("bulk", 3, { abcd: 1 }));
const [rules] = rulesOfPlans(topology, [plan]);
invariant(rules !== undefined, "compiled");
const labelOf = (nodes: string): number =>
  16 +
  plan.tunnels.findIndex(
    (tunnel) => [...nodes].slice(1).every((node, i) => tunnel.path[i] === `${nodes[i]}${node}`) && tunnel.path.length === nodes.length - 1,
  );

function changed(nodeId: string, key: string, change: (rule: Rule) => Rule | undefined): RuleSet {
  const id = toId<NodeId>(nodeId);
  const old = rules?.get(id)?.get(key);
  invariant(rules !== undefined && old !== undefined, `${nodeId} has ${key}`);
  const ofNode = new Map(rules.get(id));
  const rule = change(old);
  if (rule === undefined) ofNode.delete(key);
  else ofNode.set(key, rule);
  return new Map([...rules, [id, ofNode]]);
}

function label(nodes: string, action: Extract<Rule, { kind: "label" }>["action"]): Rule {
  return { kind: "label", match: { label: labelOf(nodes) }, action };
}

function kinds(set: RuleSet, on = topology): readonly unknown[] {
  return walkRules(on, set).violations.map(({ code, data }) => [
    code,
    data?.["kind"],
    data?.["at"] ?? data?.["linkId"] ?? data?.["nodeId"],
  ]);
}

describe("walkRules", () => {
  it("passes a plan's rules and says what it looked at", () => {
    const walk = walkRules(topology, rules);
    expect(walk).toMatchObject({ verdict: "pass", violations: [], utilizationMax: 0.7, lostBps: 0 });
    expect(walk.checked).toMatchObject({ nodes: 4, ingressRules: 2, buckets: 3, tunnels: 3, hops: 7, links: 10, violations: 0 });
    expect(JSON.parse(JSON.stringify(walk))).toEqual(walk);
  });

  it.each([
    [
      "a blackhole where a transit rule is missing",
      () => changed("b", `label/${labelOf("abd")}`, () => undefined),
      [["walk-failed", "blackhole", "b"]],
    ],
    [
      "a blackhole where the egress rule is missing",
      () => changed("d", `label/${labelOf("acd")}`, () => undefined),
      [["walk-failed", "blackhole", "d"]],
    ],
    [
      "a loop",
      () => changed("c", `label/${labelOf("abcd")}`, () => label("abcd", { kind: "output", link: toId("cb") })),
      [["walk-failed", "loop", "b"]],
    ],
    [
      "a delivery at the wrong node",
      () => changed("b", `label/${labelOf("abd")}`, () => label("abd", { kind: "pop-deliver" })),
      [["walk-failed", "wrong-egress", "b"]],
    ],
    [
      "an output to another node's link",
      () => changed("b", `label/${labelOf("abd")}`, () => label("abd", { kind: "output", link: toId("cd") })),
      [["walk-failed", "dangling", "b"]],
    ],
    ["a missing meter", () => changed("a", "meter/1", () => undefined), [["walk-failed", "dangling", "a"]]],
    ["a missing group", () => changed("a", "group/1", () => undefined), [["walk-failed", "dangling", "a"]]],
    [
      "a prefix that no node has",
      () => changed("a", "ingress/46/10.0.3.0/24", (rule) => ({ ...rule, match: { dstPrefix: "11.0.0.0/8", dscp: 46 } }) as Rule),
      [["walk-failed", "dangling", "a"]],
    ],
    [
      "the mark of another class",
      () =>
        changed("a", "group/2", (rule) =>
          rule.kind === "group" ? { ...rule, buckets: rule.buckets.map((bucket) => ({ ...bucket, mplsTc: 5 })) } : rule,
        ),
      [["walk-failed", "wrong-class", "a"]],
    ],
    [
      "more than a link has",
      () => changed("a", "meter/1", (rule) => ({ ...rule, rateBps: 12 * gbps }) as Rule),
      [["walk-failed", "overload", "ab"]],
    ],
    [
      "two tunnels that share a label where they part",
      () =>
        changed("a", "group/1", (rule) =>
          rule.kind === "group" ? { ...rule, buckets: rule.buckets.map((bucket) => ({ ...bucket, pushLabel: labelOf("acd") })) } : rule,
        ),
      [["walk-failed", "blackhole", "b"]],
    ],
  ])("finds %s", (_, spoil, found) => {
    expect(kinds(spoil())).toEqual(found);
  });

  it("reports traffic toward a link that is down as lost, and loads nothing behind it", () => {
    const down = diamond({ down: ["bd"] });
    const walk = walkRules(down, rules);
    expect(walk).toMatchObject({ verdict: "pass", lostBps: 4 * gbps });
    expect(walk.checked["lost"]).toBe(1);
    expect(walk.linkLoads.find(({ linkId }) => linkId === "bd")).toBeUndefined();
    expect(walk.linkLoads.find(({ linkId }) => linkId === "ab")?.loadBps).toBe(7 * gbps);
    expect(walkRules(down, rules, { downLinks: "blackhole" }).violations.map(({ data }) => data?.["kind"])).toEqual(["blackhole"]);
  });

  it("accepts prefixes within a node's prefix", () => {
    const split = changed("a", "ingress/46/10.0.3.0/24", (rule) => ({ ...rule, match: { dstPrefix: "10.0.3.128/25", dscp: 46 } }) as Rule);
    expect(kinds(split)).toEqual([]);
  });
});
