/** What an update has to do to each switch, counted: from the rules themselves, as `diffRules` compares them. */
import { compareText, ruleKey, type NodeId, type Rule, type RuleKey, type RuleSet } from "@sluice/model";
import { diffRules } from "@sluice/rules";

export interface RuleCounts {
  readonly added: number;
  /** Of the same key and another content. */
  readonly changed: number;
  readonly removed: number;
}

export interface SwitchDifference extends RuleCounts {
  readonly nodeId: NodeId;
  readonly rulesBefore: number;
  readonly rulesAfter: number;
  /** By kind of rule; kinds without a difference are left out. */
  readonly kinds: Readonly<Partial<Record<Rule["kind"], RuleCounts>>>;
}

export interface RuleDifferences extends RuleCounts {
  readonly rulesBefore: number;
  readonly rulesAfter: number;
  /** Switches whose rules differ, sorted by id. */
  readonly switches: readonly SwitchDifference[];
}

/** O(rules). */
export function ruleDifferences(before: RuleSet, after: RuleSet): RuleDifferences {
  const nodeIds = [...new Set([...before.keys(), ...after.keys()])].sort(compareText);
  const all = nodeIds.map((nodeId) => switchDifference(nodeId, before.get(nodeId) ?? noRules, after.get(nodeId) ?? noRules));
  const sum = (of: (each: SwitchDifference) => number): number => all.reduce((total, each) => total + of(each), 0);
  return {
    rulesBefore: sum(({ rulesBefore }) => rulesBefore),
    rulesAfter: sum(({ rulesAfter }) => rulesAfter),
    added: sum(({ added }) => added),
    changed: sum(({ changed }) => changed),
    removed: sum(({ removed }) => removed),
    switches: all.filter(({ added, changed, removed }) => added + changed + removed > 0),
  };
}

const noRules: ReadonlyMap<RuleKey, Rule> = new Map();

function switchDifference(nodeId: NodeId, before: ReadonlyMap<RuleKey, Rule>, after: ReadonlyMap<RuleKey, Rule>): SwitchDifference {
  const kinds = new Map<Rule["kind"], { added: number; changed: number; removed: number }>();
  const count = (kind: Rule["kind"], what: keyof RuleCounts): void => {
    const counts = kinds.get(kind) ?? { added: 0, changed: 0, removed: 0 };
    counts[what] += 1;
    kinds.set(kind, counts);
  };
  for (const operation of diffRules(before, after)) {
    if (operation.op === "put") count(operation.rule.kind, before.has(ruleKey(operation.rule)) ? "changed" : "added");
    else count(before.get(operation.key)?.kind ?? "label", "removed");
  }
  const sum = (what: keyof RuleCounts): number => [...kinds.values()].reduce((total, counts) => total + counts[what], 0);
  return {
    nodeId,
    rulesBefore: before.size,
    rulesAfter: after.size,
    added: sum("added"),
    changed: sum("changed"),
    removed: sum("removed"),
    kinds: Object.fromEntries([...kinds].sort(([a], [b]) => compareText(a, b))),
  };
}
