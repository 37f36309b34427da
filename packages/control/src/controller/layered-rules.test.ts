/** Layers against copies. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ruleKey, type NodeRules, type Rule, type RuleOperation } from "@sluice/model";
import { applyOperations, digestOf } from "@sluice/rules";
import { layerOperations } from "./layered-rules.js";

const rule = fc
  .record({ meterId: fc.integer({ min: 1, max: 6 }), rateBps: fc.integer({ min: 1, max: 9 }) })
  .map(({ meterId, rateBps }): Rule => ({ kind: "meter", meterId, rateBps: rateBps * 1000, burstBits: 1000 }));
const operation = fc.oneof(
  { weight: 5, arbitrary: rule.map((put): RuleOperation => ({ op: "put", rule: put })) },
  { weight: 1, arbitrary: rule.map((gone): RuleOperation => ({ op: "delete", key: ruleKey(gone) })) },
);

it("a layer over rules reads like the rules with the operations applied, and leaves them as they were", () => {
  fc.assert(
    fc.property(fc.array(rule), fc.array(operation, { maxLength: 4 }), fc.array(operation, { maxLength: 4 }), (rules, first, second) => {
      const below: NodeRules = new Map(rules.map((one) => [ruleKey(one), one]));
      const before = new Map(below);
      const layer = layerOperations(layerOperations(below, first), second);
      const copy = applyOperations(applyOperations(below, first), second);
      expect([...layer]).toEqual([...copy]);
      expect([...layer.entries()]).toEqual([...copy]);
      expect([...layer.keys()]).toEqual([...copy.keys()]);
      expect([...layer.values()]).toEqual([...copy.values()]);
      expect(layer.size).toBe(copy.size);
      for (let meterId = 0; meterId < 8; meterId += 1) {
        expect(layer.get(`meter/${meterId}`)).toEqual(copy.get(`meter/${meterId}`));
        expect(layer.has(`meter/${meterId}`)).toBe(copy.has(`meter/${meterId}`));
      }
      const visited: unknown[] = [];
      layer.forEach((one, key) => visited.push([key, one]));
      expect(visited).toEqual([...copy]);
      expect(digestOf(layer)).toBe(digestOf(copy));
      expect(new Map(applyOperations(layer, []))).toEqual(copy);
      expect(below).toEqual(before);
    }),
    { seed: 1 },
  );
});
