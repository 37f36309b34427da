/** Bodies that tell of the network: what is there, what is asked of it, what it carries. Rates are bits per second. */
import { drainStates, operationalStates, trafficClasses } from "@sluice/model";
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
