import { ruleKey, type NodeRules } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryRule } from "./arbitrary.js";
import { applyOperations, diffRules } from "./diff.js";
import { digestAfter, digestOf } from "./digest.js";

const rules = fc.array(arbitraryRule(), { maxLength: 12 }).map((list): NodeRules => new Map(list.map((rule) => [ruleKey(rule), rule])));

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

  it("do not depend on the order of a rule's fields", () => {
    const rule = { kind: "meter", meterId: 1, rateBps: 1000, burstBits: 2000 } as const;
    const turned = { burstBits: 2000, rateBps: 1000, meterId: 1, kind: "meter" } as const;
    expect(digestOf(new Map([["meter/1", turned]]))).toBe(digestOf(new Map([["meter/1", rule]])));
  });
});
