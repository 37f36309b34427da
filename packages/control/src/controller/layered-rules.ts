/** The rules of a switch with a few of them replaced, without a copy of the others. */
import { ruleKey, type NodeRules, type Rule, type RuleKey, type RuleOperation } from "@sluice/model";
import { applyOperations } from "@sluice/rules";

/** As `applyOperations`, but O(operations) where they only replace rules that are there. The rules below must not change. */
export function layerOperations(below: NodeRules, operations: readonly RuleOperation[]): NodeRules {
  const replaced = new Map<RuleKey, Rule>();
  for (const operation of operations) {
    if (operation.op === "delete" || !below.has(ruleKey(operation.rule))) return applyOperations(below, operations);
    replaced.set(ruleKey(operation.rule), operation.rule);
  }
  return replaced.size === 0 ? below : new LayeredRules(below, replaced);
}

class LayeredRules implements ReadonlyMap<RuleKey, Rule> {
  readonly #below: NodeRules;
  readonly #replaced: NodeRules;

  constructor(below: NodeRules, replaced: NodeRules) {
    this.#below = below;
    this.#replaced = replaced;
  }

  get size(): number {
    return this.#below.size;
  }

  get(key: RuleKey): Rule | undefined {
    return this.#replaced.get(key) ?? this.#below.get(key);
  }

  has(key: RuleKey): boolean {
    return this.#below.has(key);
  }

  keys(): MapIterator<RuleKey> {
    return this.#below.keys();
  }

  *values(): MapIterator<Rule> {
    for (const [, rule] of this) yield rule;
  }

  *entries(): MapIterator<[RuleKey, Rule]> {
    for (const [key, rule] of this.#below) yield [key, this.#replaced.get(key) ?? rule];
  }

  [Symbol.iterator](): MapIterator<[RuleKey, Rule]> {
    return this.entries();
  }

  forEach(visit: (rule: Rule, key: RuleKey, map: NodeRules) => void): void {
    for (const [key, rule] of this) visit(rule, key, this);
  }
}
