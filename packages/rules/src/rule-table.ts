/**
 * A switch's tables: what an agent installs rules into, and what packets are looked up in. Semantics of OpenFlow 1.3.5:
 *
 * - a rule that names a missing meter or group is refused (OFPMMFC_UNKNOWN_METER, OFPBAC_BAD_OUT_GROUP);
 * - operations are judged one after the other, so a table that is full is full even if a later operation would make room;
 * - a batch is a bundle (OpenFlow 1.4 section 6.9): all of it or nothing.
 *
 * One thing is stricter. OpenFlow takes the flow entries of a deleted group or meter away with it; here such a deletion is
 * refused, because an ingress rule that vanishes unasked is a blackhole that nobody ordered.
 */
import {
  assert,
  prefixRange,
  ruleKey,
  type FailoverRule,
  type FaultCode,
  type GroupRule,
  type IngressRule,
  type LabelRule,
  type LinkId,
  type MeterRule,
  type NodeRules,
  type Rule,
  type RuleKey,
  type RuleOperation,
} from "@sluice/model";
import { diffRules, operationKey } from "./diff.js";
import { digestAfter, digestOf } from "./digest.js";
import { misshapen } from "./rule-shape.js";

export interface RuleFailure {
  readonly key: RuleKey;
  readonly code: FaultCode;
  readonly reason: string;
}

/** What an ingress packet meets: its flow entry, the meter it is policed by, the group that picks its tunnel. */
export interface IngressHit {
  readonly rule: IngressRule;
  readonly meter: MeterRule;
  readonly group: GroupRule;
}

/** An empty table, or one that holds `rules` already; those must be complete in themselves. */
export function createRuleTable(ruleCountMax: number, rules: NodeRules = new Map()): RuleTable {
  const table = new RuleTable(ruleCountMax);
  const failures = table.apply(diffRules(new Map(), rules));
  assert(failures.length === 0, `the first rules of a table are accepted: ${failures[0]?.key} ${failures[0]?.reason}`);
  return table;
}

export class RuleTable {
  readonly ruleCountMax: number;
  readonly #rules = new Map<RuleKey, Rule>();
  /** How many rules use a meter, a group or a failover group, by its key. */
  readonly #uses = new Map<RuleKey, number>();
  readonly #prefixes = new PrefixTable();
  #digest = digestOf(new Map());

  constructor(ruleCountMax: number) {
    this.ruleCountMax = ruleCountMax;
  }

  /** A live view: it changes with the table. */
  get rules(): NodeRules {
    return this.#rules;
  }

  get digest(): string {
    return this.#digest;
  }

  /** A table of its own with the same rules. O(rules). */
  clone(): RuleTable {
    return createRuleTable(this.ruleCountMax, this.#rules);
  }

  /**
   * Applies all operations and returns no failures, or changes nothing and says which operations could not be applied:
   * `rule-refused` (malformed, dangling reference, deleted in use) or `table-full`. Applying a batch twice changes nothing
   * more. O(operations).
   */
  apply(operations: readonly RuleOperation[]): readonly RuleFailure[] {
    const failures: RuleFailure[] = [];
    const undo: { readonly key: RuleKey; readonly rule: Rule | undefined }[] = [];
    for (const operation of operations) {
      const key = operationKey(operation);
      const failure = this.#refusal(operation, key);
      if (failure !== undefined) {
        failures.push(failure);
        continue;
      }
      undo.push({ key, rule: this.#rules.get(key) });
      this.#set(key, operation.op === "put" ? operation.rule : undefined);
    }
    if (failures.length > 0) {
      for (const { key, rule } of undo.reverse()) this.#set(key, rule);
      return failures;
    }
    const before = new Map<RuleKey, Rule>();
    for (const { key, rule } of undo.reverse()) {
      if (rule === undefined) before.delete(key);
      else before.set(key, rule);
    }
    this.#digest = digestAfter(this.#digest, before, operations);
    return failures;
  }

  /** Table 0: the longest prefix that covers the address (an unsigned 32-bit number), the DSCP exact. At most 33 look-ups. */
  lookupIngress(packet: { readonly dstAddress: number; readonly dscp: number }): IngressHit | undefined {
    const rule = this.#prefixes.longestMatch(packet.dscp, packet.dstAddress);
    if (rule === undefined) return undefined;
    const meter = this.#rules.get(`meter/${rule.meterId}`);
    const group = this.#rules.get(`group/${rule.groupId}`);
    assert(meter?.kind === "meter" && group?.kind === "group", `what ${ruleKey(rule)} refers to is installed`);
    return { rule, meter, group };
  }

  /** Table 1: the label exact. */
  lookupLabel(label: number): LabelRule | undefined {
    const rule = this.#rules.get(`label/${label}`);
    return rule?.kind === "label" ? rule : undefined;
  }

  /** The failover group of that number, where one is installed. */
  lookupFailover(failoverId: number): FailoverRule | undefined {
    const rule = this.#rules.get(`failover/${failoverId}`);
    return rule?.kind === "failover" ? rule : undefined;
  }

  #refusal(operation: RuleOperation, key: RuleKey): RuleFailure | undefined {
    if (operation.op === "delete") {
      const uses = this.#uses.get(key) ?? 0;
      return uses === 0 ? undefined : refused(key, `${uses} rules still use ${key}`);
    }
    const { rule } = operation;
    const reason = misshapen(rule);
    if (reason !== undefined) return refused(key, reason);
    const dangling = referencesOf(rule).find((reference) => !this.#rules.has(reference));
    if (dangling !== undefined) return refused(key, `${dangling} is not installed`);
    const unlike = repairsOf(rule).find(({ failoverId, link }) => this.lookupFailover(failoverId)?.buckets[0]?.output !== link);
    if (unlike !== undefined) return refused(key, `failover/${unlike.failoverId} does not protect link ${unlike.link}`);
    if (
      rule.kind === "failover" &&
      (this.#uses.get(key) ?? 0) > 0 &&
      this.lookupFailover(rule.failoverId)?.buckets[0]?.output !== rule.buckets[0]?.output
    )
      return refused(key, `rules use ${key} for another link`);
    if (!this.#rules.has(key) && this.#rules.size >= this.ruleCountMax) {
      return { key, code: "table-full", reason: `the table holds ${this.ruleCountMax} rules already` };
    }
    return undefined;
  }

  #set(key: RuleKey, rule: Rule | undefined): void {
    const old = this.#rules.get(key);
    if (old !== undefined) for (const reference of referencesOf(old)) this.#uses.set(reference, (this.#uses.get(reference) ?? 0) - 1);
    if (old?.kind === "ingress") this.#prefixes.delete(old);
    if (rule === undefined) {
      this.#rules.delete(key);
      this.#uses.delete(key);
      return;
    }
    this.#rules.set(key, rule);
    for (const reference of referencesOf(rule)) this.#uses.set(reference, (this.#uses.get(reference) ?? 0) + 1);
    if (rule.kind === "ingress") this.#prefixes.put(rule);
  }
}

/** Ingress rules by DSCP, prefix length and first address. */
class PrefixTable {
  readonly #byDscp = new Map<number, Map<number, Map<number, IngressRule>>>();

  put(rule: IngressRule): void {
    const range = prefixRange(rule.match.dstPrefix);
    assert(range !== undefined, "an installed prefix is well-formed");
    let byLength = this.#byDscp.get(rule.match.dscp);
    if (byLength === undefined) this.#byDscp.set(rule.match.dscp, (byLength = new Map()));
    let byFirst = byLength.get(range.length);
    if (byFirst === undefined) byLength.set(range.length, (byFirst = new Map()));
    byFirst.set(range.first, rule);
  }

  delete(rule: IngressRule): void {
    const range = prefixRange(rule.match.dstPrefix);
    if (range !== undefined) this.#byDscp.get(rule.match.dscp)?.get(range.length)?.delete(range.first);
  }

  longestMatch(dscp: number, address: number): IngressRule | undefined {
    const byLength = this.#byDscp.get(dscp);
    if (byLength === undefined) return undefined;
    for (let length = 32; length >= 0; length -= 1) {
      const size = 2 ** (32 - length);
      const rule = byLength.get(length)?.get(Math.floor(address / size) * size);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }
}

/** Dotted IPv4 to an unsigned 32-bit number; throws on other text. */
export function ipv4Address(text: string): number {
  const range = prefixRange(`${text}/32`);
  assert(range !== undefined, `${JSON.stringify(text)} is an IPv4 address`);
  return range.first;
}

/** The keys of other rules that must be there while this one is. */
function referencesOf(rule: Rule): readonly RuleKey[] {
  if (rule.kind === "ingress") return [`meter/${rule.meterId}`, `group/${rule.groupId}`];
  return repairsOf(rule).map(({ failoverId }) => `failover/${failoverId}`);
}

/** The failover groups that a rule sends packets through, with the link that each is to protect. */
function repairsOf(rule: Rule): readonly { readonly failoverId: number; readonly link: LinkId }[] {
  if (rule.kind === "label") {
    const { action } = rule;
    return action.kind === "output" && action.failoverId !== undefined ? [{ failoverId: action.failoverId, link: action.link }] : [];
  }
  if (rule.kind !== "group") return [];
  return rule.buckets.flatMap(({ failoverId, output }) => (failoverId === undefined ? [] : [{ failoverId, link: output }]));
}

function refused(key: RuleKey, reason: string): RuleFailure {
  return { key, code: "rule-refused", reason };
}
