/** What is promised to traffic when something fails, and what is prepared for it. */
import { z } from "zod";
import { failureKinds } from "./failure.js";
import { linkIdSchema, nodeIdSchema } from "./gate.js";
import type { LinkId, NodeId, SrlgId } from "./id.js";
import { trafficClasses } from "./traffic-class.js";
import type { Path, Tunnel } from "./tunnel.js";

/**
 * What a class is promised:
 *
 *   none           nothing: it waits for a new plan
 *   protected      ways around every failure that has one, with the capacity that happens to be free
 *   guaranteed     what is admitted is carried, without congestion, under any so many cable failures at once (FFC 2014)
 *   availability   what is admitted is carried for this share of the time, given how often links fail (TEAVAR 2019)
 */
export const guaranteeSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({ kind: z.literal("protected") }),
  z.strictObject({ kind: z.literal("guaranteed"), failures: z.int().min(1).max(3) }),
  z.strictObject({ kind: z.literal("availability"), target: z.number().min(0.5).max(0.999_999) }),
]);
export type Guarantee = z.output<typeof guaranteeSchema>;

/**
 * Where the switch next to a failure sends packets that would have passed it:
 *
 *   none   nowhere
 *   link   around the link, to its far end
 *   node   around the far node to the one after it, where the tunnel goes on; around the link where there is no such way
 */
export const localRepairs = ["none", "link", "node"] as const;
export type LocalRepair = (typeof localRepairs)[number];

/** Most combinations of elements that an operator may name. */
export const drainsNamedMax = 256;

export const protectionSettingsSchema = z.strictObject({
  /** One for all classes, or one for each. */
  guarantee: z.union([guaranteeSchema, z.strictObject({ interactive: guaranteeSchema, elastic: guaranteeSchema, bulk: guaranteeSchema })]),
  localRepair: z.enum(localRepairs),
  /** Single failures for which splits are prepared, and which a guarantee covers besides its cables. */
  scenarios: z.array(z.enum(failureKinds)).max(failureKinds.length),
  /** Combinations for which splits are prepared as well; their names differ, for they name scenarios. */
  drains: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64),
        nodeIds: z.array(nodeIdSchema).max(1000).default([]),
        linkIds: z.array(linkIdSchema).max(1000).default([]),
      }),
    )
    .max(drainsNamedMax)
    .refine((drains) => new Set(drains.map(({ name }) => name)).size === drains.length, "two drains must not have one name")
    .default([]),
  /** Probability that a cable is down at a random moment, where the topology does not say. */
  failureProbability: z.number().min(0).max(0.5).default(0.001),
});
export type ProtectionSettings = z.output<typeof protectionSettingsSchema>;

/** Nothing is prepared. */
export const unprotected: ProtectionSettings = {
  guarantee: { kind: "none" },
  localRepair: "none",
  scenarios: [],
  drains: [],
  failureProbability: 0.001,
};

/** Every single failure is answered, with what capacity there is. */
export const protectionDefault: ProtectionSettings = {
  ...unprotected,
  guarantee: { kind: "protected" },
  localRepair: "link",
  scenarios: ["link", "node", "srlg"],
};

export function guaranteeOf({ guarantee }: ProtectionSettings, trafficClass: (typeof trafficClasses)[number]): Guarantee {
  return "kind" in guarantee ? guarantee : guarantee[trafficClass];
}

/** Whether any class is promised anything. */
export function isProtecting(settings: ProtectionSettings): boolean {
  return trafficClasses.some((trafficClass) => guaranteeOf(settings, trafficClass).kind !== "none");
}

/**
 * A way around a link, from its start to the merge point: its end, or, where a node is avoided as well, the node after it. Packets carry
 * the bypass's label on top of their tunnel's, which the last node before the merge point takes off. No bypass repairs a bypass.
 */
export interface Bypass {
  /** Derived from the protected link and the path (`bypassId`), so that equal ones are the same in every run. */
  readonly id: Tunnel["id"];
  readonly protects: LinkId;
  /** The node that is avoided as well. */
  readonly avoids?: NodeId | undefined;
  /** From the start of the protected link to the merge point, over neither the link nor its cable; loopless. */
  readonly path: Path;
  /** SRLGs of the protected link that no way avoids: where they fail, the bypass fails too. Sorted. */
  readonly sharedSrlgIds: readonly SrlgId[];
}

/**
 * How far a backup is apart from its tunnel:
 *
 *   srlg      no cable and no SRLG in common (nodes may be)
 *   node      no cable and no node, but an SRLG
 *   link      no cable, but an SRLG and a node
 *   partial   a cable
 */
export type Disjointness = "srlg" | "node" | "link" | "partial";

/** The tunnel that stands in where another one fails. */
export interface Backup {
  readonly tunnelId: Tunnel["id"];
  /** Another tunnel of the plan, or one of `backupTunnels`. */
  readonly backupId: Tunnel["id"];
  readonly disjointness: Disjointness;
  /** Links of the tunnel whose cable the backup uses, either way. These three are sorted. */
  readonly sharedLinkIds: readonly LinkId[];
  /** In common but for the ends. */
  readonly sharedNodeIds: readonly NodeId[];
  readonly sharedSrlgIds: readonly SrlgId[];
}

/** What a plan holds ready for failures. */
export interface PlanProtection {
  /** Sorted by id. */
  readonly bypasses: readonly Bypass[];
  /** Tunnels that carry nothing while nothing fails, sorted by id; none of them is in the plan's `tunnels`. */
  readonly backupTunnels: readonly Tunnel[];
  /** One for each tunnel that has one, sorted by tunnel. */
  readonly backups: readonly Backup[];
}

/** What a class's guarantee costs, and what of each link is set aside for it. */
export interface ClassGuarantee {
  readonly guarantee: Guarantee;
  /** What the class would be admitted without it, before quantization. */
  readonly withoutBps: number;
  /** Per link, the most that the class may load it with in any failure that the guarantee covers; zeros left out, sorted by link. */
  readonly reservedBps: readonly { readonly linkId: LinkId; readonly bps: number }[];
  /** `availability`: the share of time for which what is admitted is carried, from the scenarios that were looked at. */
  readonly availability?: number | undefined;
}
