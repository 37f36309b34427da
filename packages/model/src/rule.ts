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
  /** The failover group that packets leave through; its first bucket leaves by `output`. Left out: no repair. */
  readonly failoverId?: number | undefined;
}

/**
 * A fast-failover group (OpenFlow 1.3.5 section 5.6.1): the first bucket whose link is up takes the packet; where none is, it is dropped. All
 * tunnels that are repaired alike share one. Its number belongs to the protected link and the merge point in the whole network, whichever bypass
 * leads from the one to the other.
 */
export interface FailoverRule {
  readonly kind: "failover";
  readonly failoverId: number;
  /** The protected link first. */
  readonly buckets: readonly FailoverBucket[];
}

export interface FailoverBucket {
  /** The link that packets leave by, and whose port is watched. */
  readonly output: LinkId;
  /** Pushed on top of the tunnel's label, with its traffic class. Left out: packets leave as they are. */
  readonly pushLabel?: number | undefined;
}

/** Table 0: packets from the sites, by destination and class. */
export interface IngressRule {
  readonly kind: "ingress";
  readonly match: { readonly dstPrefix: string; readonly dscp: number };
  readonly meterId: number;
  readonly groupId: number;
}

/** Table 1: packets in a tunnel, by the label on top. */
export interface LabelRule {
  readonly kind: "label";
  readonly match: { readonly label: number };
  readonly action: LabelAction;
}

export type LabelAction =
  /** On over the tunnel's next link; through the failover group where there is one, whose first bucket leaves by `link`. */
  | { readonly kind: "output"; readonly link: LinkId; readonly failoverId?: number | undefined }
  /** The last node of a tunnel takes the label off and hands the packet to its site. */
  | { readonly kind: "pop-deliver" }
  /** The last node of a bypass but one takes the bypass's label off: the merge point meets the packet as if nothing had happened. */
  | { readonly kind: "pop-output"; readonly link: LinkId };

export type Rule = MeterRule | FailoverRule | GroupRule | IngressRule | LabelRule;

/** Names a rule within its switch: two rules with one key cannot be installed together. */
export type RuleKey = string;

export function ruleKey(rule: Rule): RuleKey {
  switch (rule.kind) {
    case "meter":
      return `meter/${rule.meterId}`;
    case "failover":
      return `failover/${rule.failoverId}`;
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
