import { assert as invariant, ruleKey, toId, type FailoverRule, type LinkId, type NodeRules, type Rule } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryRepairRule } from "./arbitrary-protection.js";
import { applyOperations, diffRules } from "./diff.js";
import { digestAfter, digestOf } from "./digest.js";

const rules = fc
  .array(arbitraryRepairRule(), { maxLength: 12 })
  .map((list): NodeRules => new Map(list.map((rule) => [ruleKey(rule), rule])));

const bucket = { weight: 1, pushLabel: 16, mplsTc: 5, output: toId<LinkId>("x") };
const meter: Rule = { kind: "meter", meterId: 1, rateBps: 1000, burstBits: 2000 };
const group: Rule = { kind: "group", groupId: 1, buckets: [bucket, bucket] };
const ingress: Rule = { kind: "ingress", match: { dstPrefix: "10.0.0.0/24", dscp: 46 }, meterId: 1, groupId: 1 };
const failover: FailoverRule = { kind: "failover", failoverId: 40, buckets: [{ output: toId("x") }, { output: toId("y"), pushLabel: 40 }] };
const label: Rule = { kind: "label", match: { label: 16 }, action: { kind: "output", link: toId("x") } };

describe("diffRules", () => {
  it("turns one into the other", () => {
    fc.assert(
      fc.property(rules, rules, (from, to) => {
        const after = applyOperations(from, diffRules(from, to));
        expect(after).toEqual(to);
      }),
    );
  });

  it("is minimal: one operation for each key that differs, none for one that does not", () => {
    fc.assert(
      fc.property(rules, rules, (from, to) => {
        const differing = [...new Set([...from.keys(), ...to.keys()])].filter(
          (key) => JSON.stringify(from.get(key)) !== JSON.stringify(to.get(key)),
        );
        const keys = diffRules(from, to).map((operation) => (operation.op === "put" ? ruleKey(operation.rule) : operation.key));
        expect([...keys].sort()).toEqual([...differing].sort());
        expect(diffRules(from, new Map([...from].map(([key, rule]) => [key, structuredClone(rule)])))).toEqual([]);
      }),
    );
  });
});

describe("digests", () => {
  it("do not depend on order, and follow operations at the price of the operations", () => {
    fc.assert(
      fc.property(rules, rules, (from, to) => {
        expect(digestOf(new Map([...from].reverse()))).toBe(digestOf(from));
        expect(digestAfter(digestOf(from), from, diffRules(from, to))).toBe(digestOf(to));
        const there = diffRules(from, to);
        const back = diffRules(to, from);
        expect(digestAfter(digestOf(from), from, [...there, ...there, ...back])).toBe(digestOf(from));
      }),
    );
  });

  it("differ where rules differ, in any field", () => {
    fc.assert(
      fc.property(rules, rules, (a, b) => {
        expect(digestOf(a) === digestOf(b)).toBe(diffRules(a, b).length === 0);
      }),
    );
    expect(digestOf(new Map())).toBe("0".repeat(32));
  });

  it.each<[string, Rule, Rule]>([
    ["a meter's rate", { ...meter, rateBps: 3000 }, meter],
    ["a meter's burst", { ...meter, burstBits: 3000 }, meter],
    ["an ingress rule's meter", { ...ingress, meterId: 2 }, ingress],
    ["an ingress rule's group", { ...ingress, groupId: 2 }, ingress],
    ["a label's link", { ...label, action: { kind: "output", link: toId("y") } }, label],
    ["a label's action", { ...label, action: { kind: "pop-deliver" } }, label],
    ["a later bucket's weight", { ...group, buckets: [bucket, { ...bucket, weight: 2 }] }, group],
    ["a later bucket's label", { ...group, buckets: [bucket, { ...bucket, pushLabel: 17 }] }, group],
    ["a later bucket's class", { ...group, buckets: [bucket, { ...bucket, mplsTc: 1 }] }, group],
    ["a later bucket's link", { ...group, buckets: [bucket, { ...bucket, output: toId("y") }] }, group],
    ["a label's failover group", { ...label, action: { kind: "output", link: toId("x"), failoverId: 40 } }, label],
    ["whether a label is popped", { ...label, action: { kind: "pop-output", link: toId("x") } }, label],
    ["a later bucket's failover group", { ...group, buckets: [bucket, { ...bucket, failoverId: 40 }] }, group],
    ["a failover group's link", { ...failover, buckets: [{ output: toId("z") }, ...failover.buckets.slice(1)] }, failover],
    [
      "a failover group's bypass",
      { ...failover, buckets: [...failover.buckets.slice(0, 1), { output: toId("z"), pushLabel: 40 }] },
      failover,
    ],
    [
      "a failover group's label",
      { ...failover, buckets: [...failover.buckets.slice(0, 1), { output: toId("y"), pushLabel: 41 }] },
      failover,
    ],
    ["whether a failover group pushes", { ...failover, buckets: [...failover.buckets.slice(0, 1), { output: toId("y") }] }, failover],
    ["the number of a failover group's buckets", { ...failover, buckets: failover.buckets.slice(0, 1) }, failover],
    ["the number of buckets", { ...group, buckets: [bucket] }, group],
  ])("and differences see %s", (_, changed, rule) => {
    const [before, after] = [rule, changed].map((each): NodeRules => new Map([[ruleKey(each), each]]));
    invariant(before !== undefined && after !== undefined, "two sets");
    expect(digestOf(before)).not.toBe(digestOf(after));
    expect(diffRules(before, after)).toEqual([{ op: "put", rule: changed }]);
  });

  it("do not depend on the order of a rule's fields", () => {
    const turned = { burstBits: 2000, rateBps: 1000, meterId: 1, kind: "meter" } as const;
    expect(digestOf(new Map([["meter/1", turned]]))).toBe(digestOf(new Map([["meter/1", meter]])));
  });
});
