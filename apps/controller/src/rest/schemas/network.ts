/** Bodies that tell of the network: what is there, what is asked of it, what it carries. Rates are bits per second. */
import {
  demandMatrixSchema,
  drainStates,
  linkIdSchema,
  nodeIdSchema,
  operationalStates,
  srlgIdSchema,
  topologyChangesSchema,
  topologySchema as topologyInputSchema,
  trafficClasses,
} from "@sluice/model";
import { z } from "zod";

export const rate = z.number().min(0).meta({ description: "Bits per second." });
export const id = z.string().min(1);
export const count = z.int().min(0);
export const instant = z.iso.datetime().meta({ description: "RFC 3339, UTC." });
export const trafficClassSchema = z.enum(trafficClasses).meta({ id: "TrafficClass" });

const drain = z.enum(drainStates);
const operational = z.enum(operationalStates);

export const siteSchema = z
  .strictObject({
    id,
    name: z.string().optional(),
    coordinates: z.strictObject({ latitudeDeg: z.number(), longitudeDeg: z.number() }).optional(),
  })
  .meta({ id: "Site" });

export const nodeSchema = z
  .strictObject({ id, siteId: id, prefix: z.string(), drain, operational })
  .meta({ id: "Node", description: "A switch and the prefix behind it." });

export const linkSchema = z
  .strictObject({
    id,
    from: id,
    to: id,
    capacityBps: rate,
    latencyMs: z.number().min(0),
    metric: z.number().min(0),
    srlgIds: z.array(id),
    drain,
    operational,
  })
  .meta({ id: "Link", description: "A directed link; a cable is two." });

export const topologySchema = z
  .strictObject({
    version: count,
    name: z.string(),
    sites: z.array(siteSchema),
    nodes: z.array(nodeSchema),
    links: z.array(linkSchema),
    linksReportedDown: z
      .array(id)
      .meta({ description: "Links that are down because a switch says so, whatever the stored topology says." }),
  })
  .meta({ id: "Topology" });

export const topologyAsked = topologyInputSchema.meta({ id: "WholeTopology", description: "What is left out has its default." });
export const topologyChangeAsked = z
  .strictObject({ changes: topologyChangesSchema })
  .meta({ id: "TopologyChanges", description: "Applied in their order, all or none." });

export const topologyChangedSchema = z.strictObject({ version: count, nodes: count, links: count }).meta({ id: "TopologyChanged" });

/** In how many a drain may name its elements. */
const drainIdsMax = 1_000;
const elementsAsked = {
  linkIds: z.array(linkIdSchema).max(drainIdsMax).default([]).meta({ description: "Directed: a cable is two." }),
  nodeIds: z.array(nodeIdSchema).max(drainIdsMax).default([]),
  srlgIds: z.array(srlgIdSchema).max(drainIdsMax).default([]).meta({ description: "All links of these shared-risk link groups." }),
};
/** What a kind of drain makes of an element. */
export const drainKinds = { hard: "drained", soft: "soft-drained" } as const satisfies Readonly<
  Record<string, (typeof drainStates)[number]>
>;
export type DrainKind = keyof typeof drainKinds;
const drainKind = z
  .enum(Object.keys(drainKinds) as [DrainKind, ...DrainKind[]])
  .meta({ description: "hard: no plan uses it; soft: plans use it only where nothing else carries the demand." });
export const drainAsked = z.strictObject({ ...elementsAsked, kind: drainKind.default("hard") }).meta({ id: "Drain" });
export const undrainAsked = z.strictObject(elementsAsked).meta({ id: "Undrain" });
const drained = z.array(z.strictObject({ id, kind: drainKind }));
export const drainsSchema = z
  .strictObject({ version: count, nodes: drained, links: drained })
  .meta({ id: "Drains", description: "What is drained now, by id. Links of drained nodes are not listed for that." });

export const nodeStateSchema = z
  .strictObject({
    id,
    siteId: id,
    prefix: z.string(),
    drain,
    operational,
    agent: z.enum(["absent", "reading", "synced", "programming"]).meta({ description: "The session with its switch." }),
    onTarget: z.boolean(),
  })
  .meta({ id: "NodeState" });

export const demandSchema = z
  .strictObject({
    src: id,
    dst: id,
    trafficClass: trafficClassSchema,
    rateBps: rate,
    bandwidthFunction: z.strictObject({ points: z.array(z.strictObject({ fairShare: z.number(), rateBps: rate })) }).optional(),
    admittedBps: rate.optional().meta({ description: "What the plan in force lets in; absent without one." }),
  })
  .meta({ id: "Demand" });

export const nextCursor = z.string().optional().meta({ description: "For the next page; absent on the last." });

export const demandsSchema = z
  .strictObject({ version: count, name: z.string(), total: count, items: z.array(demandSchema), nextCursor })
  .meta({ id: "DemandPage" });

export const tunnelSchema = z
  .strictObject({
    id,
    src: id,
    dst: id,
    path: z.array(id).meta({ description: "Links in order of travel." }),
    latencyMs: z.number().min(0),
    plannedBps: rate.meta({ description: "What the plan sends this way." }),
    flowGroups: z.array(z.strictObject({ trafficClass: trafficClassSchema, plannedBps: rate, weight: count, weightSum: count })),
  })
  .meta({ id: "Tunnel" });

export const tunnelsSchema = z
  .strictObject({ epoch: count, total: count, items: z.array(tunnelSchema), nextCursor })
  .meta({ id: "TunnelPage" });

const utilization = z.number().min(0).optional().meta({ description: "Share of the capacity; absent for a link without capacity." });

export const linkStateSchema = z
  .strictObject({
    linkId: id,
    from: id,
    to: id,
    capacityBps: rate,
    drain,
    operational,
    planned: z
      .strictObject({ loadBps: rate, utilization, loadBpsByClass: z.strictObject({ interactive: rate, elastic: rate, bulk: rate }) })
      .optional()
      .meta({ description: "By the plan in force." }),
    measured: z
      .strictObject({ transmittedBps: rate, droppedBps: rate, utilization, measuredAt: instant })
      .optional()
      .meta({ description: "By the counters of the switch, mean over the last interval." }),
  })
  .meta({ id: "LinkState" });

export const linkStatesSchema = z
  .strictObject({
    epoch: count.meta({ description: "Of the plan in force; 0 without one." }),
    total: count,
    items: z.array(linkStateSchema),
    nextCursor,
  })
  .meta({ id: "LinkStatePage" });

export const nodeStatesSchema = z.strictObject({ total: count, items: z.array(nodeStateSchema), nextCursor }).meta({ id: "NodeStatePage" });

const sums = z.strictObject({ demandBps: rate, admittedBps: rate.optional().meta({ description: "Absent without a plan." }) });
export const nodeDetailSchema = nodeStateSchema
  .extend({
    version: count.meta({ description: "Of the topology." }),
    linksOut: z.array(id),
    linksIn: z.array(id),
    sends: sums.meta({ description: "Demand that begins here." }),
    receives: sums.meta({ description: "Demand that ends here." }),
  })
  .meta({ id: "NodeDetail" });

export const linkDetailSchema = linkStateSchema
  .extend({
    version: count.meta({ description: "Of the topology." }),
    latencyMs: z.number().min(0),
    metric: z.number().min(0),
    srlgIds: z.array(id),
    reportedDown: z.boolean().meta({ description: "Down because a switch says so." }),
    suppressed: z.boolean().meta({ description: "Counts as down because it went down too often." }),
  })
  .meta({ id: "LinkDetail" });

export const srlgsSchema = z
  .strictObject({
    total: count,
    items: z.array(
      z
        .strictObject({ id, linkIds: z.array(id), capacityBps: rate, linksDown: count, linksDrained: count })
        .meta({ id: "Srlg", description: "Links that one cut may take down together." }),
    ),
    nextCursor,
  })
  .meta({ id: "SrlgPage" });

export const demandMatrixAsked = demandMatrixSchema.meta({ id: "DemandMatrix" });
export const demandsReplacedSchema = z
  .strictObject({ version: count, demands: count, superseded: z.boolean() })
  .meta({ id: "DemandsReplaced" });
