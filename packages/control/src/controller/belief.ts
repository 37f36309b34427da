/**
 * What the controller knows of a switch's rules. Everything that depends on a switch is planned on the worst that its
 * belief allows: a transit rule counts only if it is there for certain, traffic counts wherever it may flow.
 */
import {
  unreachable,
  type Bucket,
  type GroupRule,
  type IngressRule,
  type LabelRule,
  type MeterRule,
  type NodeRules,
  type Rule,
  type RuleKey,
} from "@sluice/model";
import { digestOf, eitherFailover, sameRule } from "@sluice/rules";

/** The rules of a switch and their digest. */
export interface Holding {
  readonly rules: NodeRules;
  readonly digest: string;
}

export type Belief =
  | ({ readonly kind: "known" } & Holding)
  | {
      /** A stage was sent and not acknowledged: the switch holds the rules from before it or those from after it. */
      readonly kind: "either";
      readonly before: Holding;
      readonly after: Holding;
    }
  | {
      /** It holds something else, or was never heard. `last` is what it was last taken to hold. */
      readonly kind: "unknown";
      readonly last: NodeRules;
    };

export const noRules: NodeRules = new Map();
/** What a switch without rules says of them. */
export const emptyDigest = digestOf(noRules);

/** The belief as one set of rules that is no better than the truth can be. O(1) where the rules are known. */
export function worstRules(belief: Belief): NodeRules {
  switch (belief.kind) {
    case "known":
      return belief.rules;
    case "either":
      return worstOf(belief.before.rules, belief.after.rules);
    case "unknown":
      return worstOf(belief.last, noRules);
    default:
      return unreachable(belief);
  }
}

/**
 * Label rules and failover groups: those of both; what either may not repair is not repaired, and a group that leads over another bypass in either leads over
 * both, so that neither bypass goes while packets may be sent into it. Ingress: each flow group that either has, on
 * every tunnel with the larger of its two rates, so that no link carries more than this says whichever of the two is true. O(rules).
 */
function worstOf(a: NodeRules, b: NodeRules): NodeRules {
  const worst = new Map<RuleKey, Rule>();
  for (const [key, rule] of a) {
    const other = b.get(key);
    if (rule.kind !== "failover" || other?.kind !== "failover") continue;
    const both = eitherFailover(rule, other);
    if (both !== undefined) worst.set(key, both);
  }
  for (const [key, rule] of a) {
    const other = b.get(key);
    if (rule.kind === "label" && other !== undefined && sameRule(rule, other)) worst.set(key, certainLabel(rule, worst));
  }
  const ingresses = new Map<RuleKey, IngressRule>();
  for (const rules of [a, b]) for (const [key, rule] of rules) if (rule.kind === "ingress") ingresses.set(key, rule);
  for (const [key, rule] of ingresses) {
    const { meter, group } = largerOf(rule, tunnelRates(a, key), tunnelRates(b, key), worst);
    worst.set(`meter/${meter.meterId}`, meter);
    worst.set(`group/${group.groupId}`, group);
    worst.set(key, rule);
  }
  return worst;
}

/** The rule without a failover group that is not certain. */
function certainLabel(rule: LabelRule, certain: NodeRules): LabelRule {
  const { action } = rule;
  if (action.kind !== "output" || action.failoverId === undefined || certain.has(`failover/${action.failoverId}`)) return rule;
  return { ...rule, action: { kind: "output", link: action.link } };
}

/** What one flow group sends into each of its tunnels, by label and first link. */
function tunnelRates(rules: NodeRules, key: RuleKey): ReadonlyMap<string, { readonly bucket: Bucket; readonly rateBps: number }> {
  const ingress = rules.get(key);
  if (ingress?.kind !== "ingress") return new Map();
  const meter = rules.get(`meter/${ingress.meterId}`);
  const group = rules.get(`group/${ingress.groupId}`);
  if (meter?.kind !== "meter" || group?.kind !== "group") return new Map();
  const weightSum = group.buckets.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(
    group.buckets.map((bucket) => [
      `${bucket.pushLabel}/${bucket.output}`,
      { bucket, rateBps: (meter.rateBps * bucket.weight) / weightSum },
    ]),
  );
}

/** Weights are rates here: this group is reckoned with and never sent. */
function largerOf(
  ingress: IngressRule,
  a: ReturnType<typeof tunnelRates>,
  b: ReturnType<typeof tunnelRates>,
  certain: NodeRules,
): { readonly meter: MeterRule; readonly group: GroupRule } {
  const rates = new Map(a);
  for (const [tunnel, rate] of b) {
    const other = rates.get(tunnel);
    if (other === undefined || rate.rateBps > other.rateBps) rates.set(tunnel, rate);
  }
  let rateBps = 0;
  const buckets: Bucket[] = [];
  for (const [tunnel, { bucket, rateBps: weight }] of rates) {
    rateBps += weight;
    const { failoverId, ...bare } = bucket;
    const isRepaired =
      failoverId !== undefined &&
      certain.has(`failover/${failoverId}`) &&
      [a, b].every((each) => (each.get(tunnel)?.bucket ?? bucket).failoverId === failoverId);
    buckets.push(isRepaired ? { ...bucket, weight } : { ...bare, weight });
  }
  return {
    meter: { kind: "meter", meterId: ingress.meterId, rateBps, burstBits: 0 },
    group: { kind: "group", groupId: ingress.groupId, buckets },
  };
}
