/**
 * An update: how a network goes from the rules it has to the rules it should have, without a packet ever meeting half of both.
 *
 *   remove-failover  (only where a bypass's label that is in use changes its meaning) rules do without the failover group
 *   remove-ingress   (only where a label that is in use changes its meaning) flow groups on that label pause
 *   add-bypass       label rules of new bypasses; nothing uses them yet
 *   add-failover     failover groups, new ones and such as change where they stand, each when its bypass is there
 *   add-transit      label rules of new tunnels, which nothing uses yet, and label rules that change their failover group
 *   throttle         flow groups that must leave a full link shrink, where no steps keep it from filling over
 *   flip             ingresses change over: meter, group and flow entry of a flow group in one message; several stages where links have no
 *                    room for old and new at once, in which flow groups go one after the other or in parts
 *   remove-ingress   flow groups that have no successor
 *   remove-transit   label rules of tunnels that nothing uses any more
 *   remove-failover  failover groups that nothing uses any more
 *   remove-bypass    label rules of bypasses that no failover group leads into any more
 *
 * This is the two-phase update of Reitblatt et al. 2012 with labels as versions; the steps of flips keep links from
 * filling over while flow groups change places (SWAN, Hong et al. 2013, sections 3.2 and 4).
 */
import type { LinkId, NodeId, RuleKey, RuleOperation } from "@sluice/model";

/** In the order in which the stages come; there may be several flips. */
export const stagePurposes = [
  "add-bypass",
  "add-failover",
  "add-transit",
  "throttle",
  "flip",
  "remove-ingress",
  "remove-transit",
  "remove-failover",
  "remove-bypass",
] as const;
export type StagePurpose = (typeof stagePurposes)[number];

export interface UpdatePlan {
  /** Links may carry (1 + slack) x capacity while the update lasts. */
  readonly slack: number;
  readonly stages: readonly Stage[];
  /** Ingress rules of the target that are taken out for a part of the update, because there is no way around it. */
  readonly interrupts: readonly Interrupt[];
  /** Flow groups that are admitted less than both before and after for a part of the update. */
  readonly throttled: readonly Throttled[];
  /** The links for which they are: no steps lead over these without. */
  readonly crowded: readonly LinkId[];
}

export interface Throttled {
  readonly nodeId: NodeId;
  readonly key: RuleKey;
  /** What it is admitted less than the lesser of before and after, bps. */
  readonly lessBps: number;
}

export interface Interrupt {
  readonly nodeId: NodeId;
  readonly key: RuleKey;
  /** A label that it uses changes its meaning, or a link on its way has no room for old and new at once. */
  readonly reason: "label-reused" | "no-room";
}

/** Stages without messages are left out; `index` counts those that are there. */
export interface Stage {
  readonly index: number;
  readonly purpose: StagePurpose;
  /** At most one per node, sorted by node. */
  readonly messages: readonly StageMessage[];
  /**
   * How long packets may still be under way in tunnels and bypasses whose label rules this stage deletes or changes, ms: the largest
   * propagation delay of one, with the longest detours that failures may force on a packet (`detoursMax`). Wait that long (and for the queues) after `waitsFor` is fulfilled.
   */
  readonly graceMs: number;
}

/** One message is applied whole or not at all. A node gets its own messages in the order of the stages. */
export interface StageMessage {
  readonly nodeId: NodeId;
  readonly operations: readonly RuleOperation[];
  /** Nodes whose messages of earlier stages must be PROGRAMMED before this one is sent; sorted. */
  readonly waitsFor: readonly NodeId[];
}
