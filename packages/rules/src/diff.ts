/** The least that turns one switch's rules into another's, in an order that a switch accepts. */
import {
  compareText,
  ruleKey,
  unreachable,
  type Bucket,
  type LabelAction,
  type NodeRules,
  type Rule,
  type RuleKey,
  type RuleOperation,
} from "@sluice/model";

const putOrder: readonly Rule["kind"][] = ["meter", "failover", "group", "label", "ingress"];
const deleteOrder: readonly Rule["kind"][] = ["ingress", "label", "group", "failover", "meter"];

/**
 * One `put` for each rule that is new or differs, one `delete` for each key that goes: no shorter list exists. Sorted so that
 * nothing refers to what is not there: meters and groups are put before what uses them and deleted after. (A failover group that comes to
 * protect another link while rules still use it for the old one needs them to let go of it first: `orderUpdate` sees to that.)
 * O(rules), and O(1) where both are the same map; property: `applyOperations(a, diffRules(a, b))` equals `b`.
 */
export function diffRules(from: NodeRules, to: NodeRules): readonly RuleOperation[] {
  if (from === to) return [];
  const puts: { readonly key: RuleKey; readonly rule: Rule }[] = [];
  const deletes: { readonly key: RuleKey; readonly rule: Rule }[] = [];
  let kept = 0;
  for (const [key, rule] of to) {
    const old = from.get(key);
    if (old !== undefined) kept += 1;
    if (old === undefined || !sameRule(old, rule)) puts.push({ key, rule });
  }
  if (kept < from.size) for (const [key, rule] of from) if (!to.has(key)) deletes.push({ key, rule });
  return [
    ...sortByKind(puts, putOrder).map(({ rule }): RuleOperation => ({ op: "put", rule })),
    ...sortByKind(deletes, deleteOrder).map(({ key }): RuleOperation => ({ op: "delete", key })),
  ];
}

/** Puts and deletes on a copy; references are not looked at (`RuleTable` does). O(rules + operations). */
export function applyOperations(rules: NodeRules, operations: readonly RuleOperation[]): NodeRules {
  const after = new Map(rules);
  for (const operation of operations) {
    if (operation.op === "put") after.set(ruleKey(operation.rule), operation.rule);
    else after.delete(operation.key);
  }
  return after;
}

export function operationKey(operation: RuleOperation): RuleKey {
  return operation.op === "put" ? ruleKey(operation.rule) : operation.key;
}

export function sameRule(a: Rule, b: Rule): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case "meter":
      return b.kind === "meter" && a.meterId === b.meterId && a.rateBps === b.rateBps && a.burstBits === b.burstBits;
    case "ingress":
      return (
        b.kind === "ingress" &&
        a.match.dscp === b.match.dscp &&
        a.match.dstPrefix === b.match.dstPrefix &&
        a.meterId === b.meterId &&
        a.groupId === b.groupId
      );
    case "label":
      return b.kind === "label" && a.match.label === b.match.label && sameAction(a.action, b.action);
    case "failover":
      return (
        b.kind === "failover" &&
        a.failoverId === b.failoverId &&
        a.buckets.length === b.buckets.length &&
        a.buckets.every(({ output, pushLabel }, i) => output === b.buckets[i]?.output && pushLabel === b.buckets[i]?.pushLabel)
      );
    case "group":
      return (
        b.kind === "group" &&
        a.groupId === b.groupId &&
        a.buckets.length === b.buckets.length &&
        a.buckets.every((bucket, i) => sameBucket(bucket, b.buckets[i]) && bucket.failoverId === b.buckets[i]?.failoverId)
      );
    default:
      return unreachable(a);
  }
}

/** Whether two rules send packets the same way while nothing fails: `sameRule` but for the failover groups they go through. */
export function sameWay(a: Rule, b: Rule): boolean {
  if (a === b) return true;
  if (a.kind === "label" && b.kind === "label" && a.action.kind === "output" && b.action.kind === "output") {
    return a.match.label === b.match.label && a.action.link === b.action.link;
  }
  if (a.kind !== "group" || b.kind !== "group") return sameRule(a, b);
  return (
    a.groupId === b.groupId && a.buckets.length === b.buckets.length && a.buckets.every((bucket, i) => sameBucket(bucket, b.buckets[i]))
  );
}

/** But for the failover group. */
function sameBucket(bucket: Bucket, other: Bucket | undefined): boolean {
  return (
    other !== undefined &&
    bucket.weight === other.weight &&
    bucket.pushLabel === other.pushLabel &&
    bucket.mplsTc === other.mplsTc &&
    bucket.output === other.output
  );
}

function sameAction(a: LabelAction, b: LabelAction): boolean {
  switch (a.kind) {
    case "output":
      return b.kind === "output" && a.link === b.link && a.failoverId === b.failoverId;
    case "pop-output":
      return b.kind === "pop-output" && a.link === b.link;
    case "pop-deliver":
      return b.kind === "pop-deliver";
    default:
      return unreachable(a);
  }
}

function sortByKind<T extends { readonly key: RuleKey; readonly rule: Rule }>(items: readonly T[], order: readonly Rule["kind"][]): T[] {
  return [...items].sort((a, b) => order.indexOf(a.rule.kind) - order.indexOf(b.rule.kind) || compareText(a.key, b.key));
}
