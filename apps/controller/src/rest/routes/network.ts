/** The network: topology, demands, tunnels and links. */
import {
  fault,
  flowGroupId,
  nodeIdSchema,
  ok,
  refuse,
  trafficClasses,
  trafficClassSchema,
  type Demand,
  type FlowGroup,
  type Link,
} from "@sluice/model";
import type { ControllerView } from "@sluice/control";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { cursorSchema, limitSchema, pageOf } from "../page.js";
import { derivedOf, type PlanDerived } from "../plan-derived.js";
import { declareGet } from "../route.js";
import { demandsSchema, linkStatesSchema, topologySchema, tunnelsSchema } from "../schemas/network.js";

const page = { limit: limitSchema(10_000, 1_000), cursor: cursorSchema.optional() };
const ends = { src: nodeIdSchema.optional(), dst: nodeIdSchema.optional() };

export function declareNetworkRoutes(app: FastifyInstance, { view }: RestDeps): void {
  declareGet(
    app,
    { url: "/v1/topology", tag: "network", summary: "Sites, nodes and links, with their states as of now", response: topologySchema },
    () => {
      const { topology, topologyVersion = 0, linksReportedDown } = view();
      if (topology === undefined)
        return refuse(fault("not-found", "There is no topology yet: send one by TopologyService.ReplaceTopology."));
      const { name, sites, nodes, links } = topology;
      return ok({
        version: topologyVersion,
        name,
        sites: [...sites],
        nodes: [...nodes],
        links: links.map((link) => ({ ...link, srlgIds: [...link.srlgIds] })),
        linksReportedDown: [...linksReportedDown],
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/demands",
      tag: "network",
      summary: "The newest measured demand, and what the plan in force admits of it",
      query: z.strictObject({ ...page, ...ends, class: trafficClassSchema.optional() }),
      response: demandsSchema,
    },
    ({ query }) => {
      const now = view();
      const { demands, demandsVersion = 0 } = now;
      if (demands === undefined) return refuse(fault("not-found", "There are no demands yet: send some by DemandService."));
      const derived = derivedInForce(now);
      const wanted = demands.demands.filter(
        (demand) => isBetween(demand, query) && (query.class ?? demand.trafficClass) === demand.trafficClass,
      );
      const paged = pageOf(wanted, keyOfDemand, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map((demand) => ({
        ...demand,
        bandwidthFunction: demand.bandwidthFunction && { points: [...demand.bandwidthFunction.points] },
        ...(derived && { admittedBps: derived.admittedBps.get(flowGroupId(demand)) ?? 0 }),
      }));
      return ok({ version: demandsVersion, name: demands.name, total: wanted.length, ...paged.value, items });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/tunnels",
      tag: "network",
      summary: "The tunnels of the plan in force, and what it sends through them",
      query: z.strictObject({ ...page, ...ends }),
      response: tunnelsSchema,
    },
    ({ query }) => {
      const now = view();
      const derived = derivedInForce(now);
      if (derived === undefined || now.planInForce === undefined) return refuse(fault("not-found", "No plan is in force yet."));
      const wanted = derived.tunnels.filter((tunnel) => isBetween(tunnel, query));
      const paged = pageOf(wanted, ({ id }) => id, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map((tunnel) => ({ ...tunnel, path: [...tunnel.path], flowGroups: [...tunnel.flowGroups] }));
      return ok({ epoch: now.planInForce.record.epoch, total: wanted.length, ...paged.value, items });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/links",
      tag: "network",
      summary: "Load and utilization of each link, as planned and as measured",
      query: z.strictObject(page),
      response: linkStatesSchema,
    },
    ({ query }) => {
      const now = view();
      if (now.topology === undefined)
        return refuse(fault("not-found", "There is no topology yet: send one by TopologyService.ReplaceTopology."));
      const derived = derivedInForce(now);
      const paged = pageOf(now.topology.links, ({ id }) => id, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map((link) => linkState(link, now, derived));
      return ok({ epoch: now.planInForce?.record.epoch ?? 0, total: now.topology.links.length, ...paged.value, items });
    },
  );
}

function derivedInForce({ planInForce }: ControllerView): PlanDerived | undefined {
  return planInForce && derivedOf(planInForce.record.plan, planInForce.input.topology);
}

function isBetween(
  { src, dst }: Pick<FlowGroup, "src" | "dst">,
  wanted: { readonly src?: string | undefined; readonly dst?: string | undefined },
): boolean {
  return (wanted.src ?? src) === src && (wanted.dst ?? dst) === dst;
}

/** Sorts as `compareFlowGroups` does: no id holds a control character, so NUL ends each before it can be a beginning of another. */
function keyOfDemand({ src, dst, trafficClass }: Demand): string {
  return `${src}\0${dst}\0${trafficClasses.indexOf(trafficClass)}`;
}

function linkState(
  { id, from, to, capacityBps, drain, operational }: Link,
  { linkMeasurements }: ControllerView,
  derived: PlanDerived | undefined,
) {
  const load = derived?.loads.get(id);
  const measurement = linkMeasurements.get(id);
  const utilizationOf = (bps: number) => (capacityBps > 0 ? { utilization: bps / capacityBps } : {});
  return {
    linkId: id,
    from,
    to,
    capacityBps,
    drain,
    operational,
    ...(load && { planned: { loadBps: load.loadBps, loadBpsByClass: load.loadBpsByClass, ...utilizationOf(load.loadBps) } }),
    ...(measurement && {
      measured: {
        transmittedBps: measurement.transmittedBps,
        droppedBps: measurement.droppedBps,
        ...utilizationOf(measurement.transmittedBps),
        measuredAt: new Date(measurement.measuredAtMs).toISOString(),
      },
    }),
  };
}
