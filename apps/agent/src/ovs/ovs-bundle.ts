/** A stage as Open vSwitch takes it: meters one by one, everything else in one atomic bundle (OpenFlow 1.4 section 6.9). */
import { ok, ruleKey, type FaultCode, type NodeRules, type Result, type Rule, type RuleKey, type RuleOperation } from "@sluice/model";
import type { OpenFlowPorts, RuleFailure } from "@sluice/rules";
import { matchOf, numberOf, ovsCookieMatch, ovsTextOf, ownFlow } from "./ovs-text.js";

/** A meter's change, with what takes it back: bundles hold no meters (ovs-ofctl(8)). */
export interface MeterChange {
  readonly key: RuleKey;
  readonly command: "add-meter" | "mod-meter" | "del-meter";
  readonly text: string;
  readonly undo: { readonly command: MeterChange["command"]; readonly text: string };
}

export interface OvsStage {
  /** Before the bundle: meters that its flow entries use. */
  readonly metersBefore: readonly MeterChange[];
  /** Lines for `ovs-ofctl bundle`, in the order of the operations. */
  readonly bundle: readonly string[];
  /** After it: meters that nothing uses any more. */
  readonly metersAfter: readonly MeterChange[];
}

/**
 * Translates operations on what is installed. An entry that is there is changed in place, so that its counters and the flows hashed by a group
 * live on. Refused as `rule-refused` where a rule has no OpenFlow form on these ports.
 */
export function ovsStageOf(operations: readonly RuleOperation[], installed: NodeRules, ports: OpenFlowPorts): Result<OvsStage> {
  const metersBefore: MeterChange[] = [];
  const metersAfter: MeterChange[] = [];
  const bundle: string[] = [];
  const now = new Map<RuleKey, Rule | undefined>();
  for (const operation of operations) {
    const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
    const old = now.has(key) ? now.get(key) : installed.get(key);
    const rule = operation.op === "put" ? operation.rule : undefined;
    now.set(key, rule);
    if (rule === undefined && old === undefined) continue;
    const texts = both(old, rule, ports);
    if (!texts.ok) return texts;
    const { before, after } = texts.value;
    const kind = (rule ?? old)?.kind;
    if (kind === "meter") (after === undefined ? metersAfter : metersBefore).push(meterChange(key, before, after));
    else if (kind === "group" || kind === "failover") bundle.push(groupLine(before, after));
    else bundle.push(flowLine(before, after));
  }
  return ok({ metersBefore, bundle, metersAfter });
}

interface Texts {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

function both(old: Rule | undefined, rule: Rule | undefined, ports: OpenFlowPorts): Result<Texts> {
  const before = old === undefined ? ok(undefined) : ovsTextOf(old, ports);
  if (!before.ok) return before;
  const after = rule === undefined ? ok(undefined) : ovsTextOf(rule, ports);
  return after.ok ? ok({ before: before.value, after: after.value }) : after;
}

function meterChange(key: RuleKey, before: string | undefined, after: string | undefined): MeterChange {
  const name = `meter=${numberOf(after ?? before ?? "")}`;
  if (before === undefined) return { key, command: "add-meter", text: after ?? "", undo: { command: "del-meter", text: name } };
  if (after === undefined) return { key, command: "del-meter", text: name, undo: { command: "add-meter", text: before } };
  return { key, command: "mod-meter", text: after, undo: { command: "mod-meter", text: before } };
}

function groupLine(before: string | undefined, after: string | undefined): string {
  if (after === undefined) return `group delete group_id=${numberOf(before ?? "")}`;
  return `group ${before === undefined ? "add" : "modify"} ${after}`;
}

function flowLine(before: string | undefined, after: string | undefined): string {
  if (after === undefined) return `flow delete_strict ${ovsCookieMatch},${matchOf(before ?? "")}`;
  return `flow add ${ownFlow(after)}`;
}

const fullCodes = /OFPFMFC_TABLE_FULL|OFPGMFC_OUT_OF_GROUPS|OFPGMFC_OUT_OF_BUCKETS|OFPMMFC_OUT_OF_METERS/;

/** What the agent is told of a stage that the switch refused: the operation that the complaint names, or else the first. */
export function failuresOf(operations: readonly RuleOperation[], message: string, ports: OpenFlowPorts): readonly RuleFailure[] {
  const code: FaultCode = fullCodes.test(message) ? "table-full" : "rule-refused";
  const named = operations.filter((operation) => {
    if (operation.op !== "put") return false;
    const text = ovsTextOf(operation.rule, ports);
    if (!text.ok) return true;
    const mark = /\b(?:nw_dst=[\d./]+|mpls_label=\d+)|^(?:meter|group_id)=\d+/.exec(text.value)?.[0];
    return mark !== undefined && new RegExp(`${mark.replaceAll(".", "\\.")}(?!\\d)`).test(message);
  });
  const blamed = named.length > 0 ? named : operations.slice(0, 1);
  return blamed.map((operation) => ({ key: operation.op === "put" ? ruleKey(operation.rule) : operation.key, code, reason: message }));
}
