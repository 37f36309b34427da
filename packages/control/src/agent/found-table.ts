/** The table of what a datapath turned out to hold, which nobody has judged before. */
import type { NodeRules } from "@sluice/model";
import { diffRules, RuleTable } from "@sluice/rules";

/**
 * What no table takes (a rule whose group is gone, or one too many) is left out: it forwards nothing as it was meant, and is put again or
 * deleted by whatever stage names it. O(rules).
 */
export function foundTable(ruleCountMax: number, rules: NodeRules): RuleTable {
  const table = new RuleTable(ruleCountMax);
  const operations = diffRules(new Map(), rules);
  if (table.apply(operations).length > 0) for (const operation of operations) table.apply([operation]);
  return table;
}
