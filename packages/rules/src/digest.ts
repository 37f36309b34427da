/**
 * Digests of rules: what a switch and its controller compare instead of the rules themselves. A switch's digest is the sum of its
 * rules' hashes modulo 2^128, so it does not depend on order and follows a change at the price of the change (a multiset hash:
 * Bellare and Micciancio 1997, AdHash). It finds drift and lost updates; it is no defence against a forger.
 */
import { createHash, hash } from "node:crypto";
import {
  compareText,
  unreachable,
  type Bucket,
  type LabelAction,
  type NodeId,
  type NodeRules,
  type Rule,
  type RuleOperation,
  type RuleSet,
} from "@sluice/model";
import { operationKey } from "./diff.js";

const modulus = 1n << 128n;
const hexLength = 32;
/** A rule object never changes, so it is hashed once. */
const hashes = new WeakMap<Rule, bigint>();

/** 32 hex digits; zeros for a switch without rules. O(rules). */
export function digestOf(rules: NodeRules): string {
  let sum = 0n;
  for (const rule of rules.values()) sum += hashOf(rule);
  return hex(sum % modulus);
}

/** The digest after operations, from the digest and the rules before them. O(operations). */
export function digestAfter(digest: string, rules: NodeRules, operations: readonly RuleOperation[]): string {
  let sum = BigInt(`0x${digest}`);
  const current = new Map<string, Rule | undefined>();
  for (const operation of operations) {
    const key = operationKey(operation);
    const old = current.has(key) ? current.get(key) : rules.get(key);
    const next = operation.op === "put" ? operation.rule : undefined;
    if (old !== undefined) sum -= hashOf(old);
    if (next !== undefined) sum += hashOf(next);
    current.set(key, next);
  }
  return hex(((sum % modulus) + modulus) % modulus);
}

/** SHA-256 over the nodes' digests in id order, hex; nodes without rules count as absent. O(rules). */
export function digestOfRuleSet(rules: RuleSet): string {
  return digestOfDigests(new Map([...rules].filter(([, ofNode]) => ofNode.size > 0).map(([nodeId, ofNode]) => [nodeId, digestOf(ofNode)])));
}

/** `digestOfRuleSet` where the digests of the nodes that have rules are known. O(nodes). */
export function digestOfDigests(digests: ReadonlyMap<NodeId, string>): string {
  const sha = createHash("sha256");
  for (const [nodeId, digest] of [...digests].sort(([a], [b]) => compareText(a, b))) sha.update(`${JSON.stringify(nodeId)}${digest}\n`);
  return sha.digest("hex");
}

function hashOf(rule: Rule): bigint {
  const known = hashes.get(rule);
  if (known !== undefined) return known;
  const value = BigInt(`0x${hash("sha256", JSON.stringify(fieldsOf(rule)), "hex").slice(0, hexLength)}`);
  hashes.set(rule, value);
  return value;
}

/** The rule's fields in a fixed order: the order of keys in an object must not matter. */
function fieldsOf(rule: Rule): readonly unknown[] {
  switch (rule.kind) {
    case "meter":
      return ["meter", rule.meterId, rule.rateBps, rule.burstBits];
    case "group":
      return ["group", rule.groupId, rule.buckets.map(bucketFields)];
    case "failover":
      return [
        "failover",
        rule.failoverId,
        rule.buckets.map(({ output, pushLabel }) => [output, ...(pushLabel === undefined ? [] : [pushLabel])]),
      ];
    case "ingress":
      return ["ingress", rule.match.dstPrefix, rule.match.dscp, rule.meterId, rule.groupId];
    case "label":
      return ["label", rule.match.label, ...actionFields(rule.action)];
    default:
      return unreachable(rule);
  }
}

/** Without repair as before there was any: what a switch holds already keeps its digest. */
function bucketFields({ weight, pushLabel, mplsTc, output, failoverId }: Bucket): readonly unknown[] {
  return [weight, pushLabel, mplsTc, output, ...(failoverId === undefined ? [] : [failoverId])];
}

function actionFields(action: LabelAction): readonly unknown[] {
  switch (action.kind) {
    case "output":
      return [action.link, ...(action.failoverId === undefined ? [] : [action.failoverId])];
    case "pop-output":
      return ["pop", action.link];
    case "pop-deliver":
      return [];
    default:
      return unreachable(action);
  }
}

function hex(value: bigint): string {
  return value.toString(16).padStart(hexLength, "0");
}
