/** Nodes, links and shared-risk link groups, one by one. */
import type { AgentView, ControllerView } from "@sluice/control";
import {
  compareText,
  fault,
  flowGroupId,
  linkIdSchema,
  nodeIdSchema,
  ok,
  refuse,
  type Link,
  type Node,
  type NodeId,
  type SrlgId,
} from "@sluice/model";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { pageQuery } from "../list-query.js";
import { pageOf } from "../page.js";
import { derivedInForce, type PlanDerived } from "../plan-derived.js";
import { declareGet } from "../route.js";
import { linkDetailSchema, linkStatesSchema, nodeDetailSchema, nodeStatesSchema, srlgsSchema } from "../schemas/network.js";
import { noTopology } from "./topology.js";

export function declareElementRoutes(app: FastifyInstance, { view }: RestDeps): void {
  declareGet(
    app,
    {
      url: "/v1/nodes",
      tag: "network",
      role: "viewer",
      summary: "Each node with its states, and how its switch is doing",
      query: z.strictObject(pageQuery),
      response: nodeStatesSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const { topology, agents } = view();
      if (topology === undefined) return noTopology();
      const paged = pageOf(topology.nodes, ({ id }) => id, query);
      if (!paged.ok) return paged;
      const agentOf = new Map(agents.map((agent) => [agent.nodeId, agent]));
      const items = paged.value.items.map((node) => nodeState(node, agentOf.get(node.id)));
      return ok({ total: topology.nodes.length, ...paged.value, items });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/nodes/:nodeId",
      tag: "network",
      role: "viewer",
      summary: "One node with its links, and the demand that begins and ends there",
      params: z.strictObject({ nodeId: nodeIdSchema }),
      response: nodeDetailSchema,
      version: "topology",
      refusals: [404],
    },
    ({ params: { nodeId } }) => {
      const now = view();
      const node = now.topology?.nodeById.get(nodeId);
      if (now.topology === undefined || node === undefined) return nothingCalled("node", nodeId);
      const { links } = now.topology;
      const agent = now.agents.find((each) => each.nodeId === nodeId);
      return ok({
        version: now.topologyVersion ?? 0,
        ...nodeState(node, agent),
        linksOut: links.flatMap(({ id, from }) => (from === nodeId ? [id] : [])),
        linksIn: links.flatMap(({ id, to }) => (to === nodeId ? [id] : [])),
        sends: sumsOf(now, ({ src }) => src === nodeId),
        receives: sumsOf(now, ({ dst }) => dst === nodeId),
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/links",
      tag: "network",
      role: "viewer",
      summary: "Load and utilization of each link, as planned and as measured",
      query: z.strictObject(pageQuery),
      response: linkStatesSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const now = view();
      if (now.topology === undefined) return noTopology();
      const derived = derivedInForce(now);
      const paged = pageOf(now.topology.links, ({ id }) => id, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map((link) => linkState(link, now, derived));
      return ok({ epoch: now.planInForce?.record.epoch ?? 0, total: now.topology.links.length, ...paged.value, items });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/links/:linkId",
      tag: "network",
      role: "viewer",
      summary: "One link with all that is known of it",
      params: z.strictObject({ linkId: linkIdSchema }),
      response: linkDetailSchema,
      version: "topology",
      refusals: [404],
    },
    ({ params: { linkId } }) => {
      const now = view();
      const link = now.topology?.linkById.get(linkId);
      if (link === undefined) return nothingCalled("link", linkId);
      return ok({
        version: now.topologyVersion ?? 0,
        ...linkState(link, now, derivedInForce(now)),
        latencyMs: link.latencyMs,
        metric: link.metric,
        srlgIds: [...link.srlgIds],
        reportedDown: now.linksReportedDown.includes(linkId),
        suppressed: now.linksDamped.some((damped) => damped.linkId === linkId && damped.suppressed),
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/srlgs",
      tag: "network",
      role: "viewer",
      summary: "Shared-risk link groups, and how many of their links are down or drained",
      query: z.strictObject(pageQuery),
      response: srlgsSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const { topology } = view();
      if (topology === undefined) return noTopology();
      const groups = srlgsOf(topology.links);
      const paged = pageOf(groups, ({ id }) => id, query);
      if (!paged.ok) return paged;
      const items = paged.value.items.map(({ id, links }) => ({
        id,
        linkIds: links.map((link) => link.id),
        capacityBps: links.reduce((sum, { capacityBps }) => sum + capacityBps, 0),
        linksDown: links.filter(({ operational }) => operational === "down").length,
        linksDrained: links.filter(({ drain }) => drain !== "active").length,
      }));
      return ok({ total: groups.length, ...paged.value, items });
    },
  );
}

function nothingCalled(what: string, id: string) {
  return refuse(fault("not-found", `The topology has no ${what} ${id}.`, { pointer: `/path/${what}Id` }));
}

function nodeState({ id, siteId, prefix, drain, operational }: Node, agent: AgentView | undefined) {
  return { id, siteId, prefix, drain, operational, agent: agent?.state ?? ("absent" as const), onTarget: agent?.onTarget ?? false };
}

function sumsOf(now: ControllerView, isMeant: (pair: { readonly src: NodeId; readonly dst: NodeId }) => boolean) {
  const derived = derivedInForce(now);
  const meant = (now.demands?.demands ?? []).filter(isMeant);
  return {
    demandBps: meant.reduce((sum, { rateBps }) => sum + rateBps, 0),
    ...(derived && { admittedBps: meant.reduce((sum, demand) => sum + (derived.admittedBps.get(flowGroupId(demand)) ?? 0), 0) }),
  };
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

/** Sorted by id, their links too. */
function srlgsOf(links: readonly Link[]): readonly { readonly id: SrlgId; readonly links: readonly Link[] }[] {
  const groups = new Map<SrlgId, Link[]>();
  for (const link of links) {
    for (const id of link.srlgIds) {
      const there = groups.get(id);
      if (there === undefined) groups.set(id, [link]);
      else there.push(link);
    }
  }
  return [...groups].map(([id, of]) => ({ id, links: of })).sort((a, b) => compareText(a.id, b.id));
}
