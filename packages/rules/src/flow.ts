/** A flow group as a switch sees it: a flow entry with its meter and its group. The unit in which updates are ordered. */
import type { Bucket, GroupRule, IngressRule, MeterRule, NodeRules, RuleKey } from "@sluice/model";
import { sameRule, sameWay } from "./diff.js";

export interface Flow {
  readonly ingress: IngressRule;
  readonly meter: MeterRule | undefined;
  readonly group: GroupRule | undefined;
}

/** All flows of a switch by the key of their ingress rule. */
export function flowsOf(rules: NodeRules): ReadonlyMap<RuleKey, Flow> {
  // By number: texts of keys need not be made.
  const meters = new Map<number, MeterRule>();
  const groups = new Map<number, GroupRule>();
  const ingresses: [RuleKey, IngressRule][] = [];
  for (const [key, rule] of rules) {
    if (rule.kind === "meter") meters.set(rule.meterId, rule);
    else if (rule.kind === "group") groups.set(rule.groupId, rule);
    else if (rule.kind === "ingress") ingresses.push([key, rule]);
  }
  const flows = new Map<RuleKey, Flow>();
  for (const [key, ingress] of ingresses) {
    flows.set(key, { ingress, meter: meters.get(ingress.meterId), group: groups.get(ingress.groupId) });
  }
  return flows;
}

/** `flowsOf`, each map of rules read once. */
export type FlowReader = typeof flowsOf;

export function flowReader(): FlowReader {
  const known = new Map<NodeRules, ReadonlyMap<RuleKey, Flow>>();
  return (rules) => {
    let flows = known.get(rules);
    if (flows === undefined) known.set(rules, (flows = flowsOf(rules)));
    return flows;
  };
}

/** Whether two flows send the same traffic the same way; by which failover groups it is repaired does not matter. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return (
    sameRule(a.ingress, b.ingress) &&
    (a.meter === undefined ? b.meter === undefined : b.meter !== undefined && sameRule(a.meter, b.meter)) &&
    (a.group === undefined ? b.group === undefined : b.group !== undefined && sameWay(a.group, b.group))
  );
}

/** What a flow may send into each of its tunnels, bps. */
export function tunnelRates(flow: Flow): readonly { readonly bucket: Bucket; readonly rateBps: number }[] {
  const { meter, group } = flow;
  if (meter === undefined || group === undefined) return [];
  let sum = 0;
  for (const { weight } of group.buckets) sum += weight;
  return group.buckets.map((bucket) => ({ bucket, rateBps: (meter.rateBps * bucket.weight) / sum }));
}
