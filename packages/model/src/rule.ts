/**
 * Rules: what a switch is told. They follow OpenFlow 1.3 one to one (meters, select groups, flow entries in two tables),
 * but name links where OpenFlow names ports: only the agent knows its ports.
 */
import type { LinkId, NodeId } from "./id.js";

/** MPLS labels (RFC 3032): 20 bits, the first 16 reserved. */
export const labelMin = 16;
export const labelMax = 2 ** 20 - 1;

/** Token bucket: packets over the rate are dropped. */
export interface MeterRule {
  readonly kind: "meter";
  readonly meterId: number;
  readonly rateBps: number;
  readonly burstBits: number;
}

/** A select group: each flow is hashed to one bucket, in proportion to the weights. */
export interface GroupRule {
  readonly kind: "group";
  readonly groupId: number;
  readonly buckets: readonly Bucket[];
}

export interface Bucket {
  readonly weight: number;
  readonly pushLabel: number;
  readonly mplsTc: number;
  readonly output: LinkId;
}

/** Table 0: packets from the sites, by destination and class. */
export interface IngressRule {
  readonly kind: "ingress";
  readonly match: { readonly dstPrefix: string; readonly dscp: number };
  readonly meterId: number;
  readonly groupId: number;
}

/** Table 1: packets in a tunnel. The last node of the tunnel pops the label and delivers. */
export interface LabelRule {
  readonly kind: "label";
  readonly match: { readonly label: number };
  readonly action: { readonly kind: "output"; readonly link: LinkId } | { readonly kind: "pop-deliver" };
}

export type Rule = MeterRule | GroupRule | IngressRule | LabelRule;

/** Names a rule within its switch: two rules with one key cannot be installed together. */
export type RuleKey = string;

export function ruleKey(rule: Rule): RuleKey {
  switch (rule.kind) {
    case "meter":
      return `meter/${rule.meterId}`;
    case "group":
      return `group/${rule.groupId}`;
    case "ingress":
      return `ingress/${rule.match.dscp}/${rule.match.dstPrefix}`;
    case "label":
      return `label/${rule.match.label}`;
  }
}

/** The rules of one switch by key. */
export type NodeRules = ReadonlyMap<RuleKey, Rule>;
/** The rules of the network; a node without rules may be left out. */
export type RuleSet = ReadonlyMap<NodeId, NodeRules>;

/** `put` adds or replaces, `delete` removes what may be absent already: doing either again changes nothing. */
export type RuleOperation = { readonly op: "put"; readonly rule: Rule } | { readonly op: "delete"; readonly key: RuleKey };
