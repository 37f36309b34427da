/** The topology as a whole. */
import type { ControllerView, InventoryReply } from "@sluice/control";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { under } from "@sluice/wire";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { declareGet, declarePatch, declarePut } from "../route.js";
import { topologyAsked, topologyChangeAsked, topologyChangedSchema, topologySchema } from "../schemas/network.js";

/** Some fifty thousand links; more come by gRPC. */
const topologyBytesMax = 16 << 20;

export function declareTopologyRoutes(app: FastifyInstance, { view, submit }: RestDeps): void {
  declareGet(
    app,
    {
      url: "/v1/topology",
      tag: "network",
      role: ["viewer", "job"],
      summary: "Sites, nodes and links, with their states as of now",
      query: z.strictObject({
        states: z
          .enum(["now", "stored"])
          .optional()
          .meta({ description: "`stored`: as it was put, without what switches report since; `now` where it is not given." }),
      }),
      response: topologySchema,
      version: "topology",
      refusals: [404, 422],
    },
    ({ query: { states } }) => topologyBody(view(), states ?? "now"),
  );

  declarePut(
    app,
    {
      url: "/v1/topology",
      tag: "network",
      role: "operator",
      summary: "Puts a whole topology in the place of the one that is there; answers when that is durable",
      asked: topologyAsked,
      judged: "inside",
      bodyBytesMax: topologyBytesMax,
      response: topologyChangedSchema,
      version: "topology",
      refusals: [422],
    },
    async ({ body, by, ifVersion }) => changedBody(await submit({ kind: "replace-topology", topology: body, by, ifVersion }), view()),
  );

  declarePatch(
    app,
    {
      url: "/v1/topology",
      tag: "network",
      role: "operator",
      summary: "Changes the topology: all of the changes, in their order, or none",
      asked: topologyChangeAsked,
      bodyBytesMax: topologyBytesMax,
      response: topologyChangedSchema,
      version: "topology",
      refusals: [404, 422, 503],
    },
    async ({ body, by, ifVersion }) => {
      const changed = await submit({ kind: "change-topology", changes: body.changes, by, ifVersion });
      return changed.ok ? changedBody(changed, view()) : under(["body"], changed);
    },
  );
}

export function noTopology() {
  return refuse(fault("not-found", "There is no topology yet: PUT one to /v1/topology, or send one by gRPC."));
}

function topologyBody(
  { topology: now, topologyStored, topologyVersion = 0, linksReportedDown }: ControllerView,
  states: "now" | "stored",
): Result<z.input<typeof topologySchema>> {
  const topology = states === "now" ? now : topologyStored;
  if (topology === undefined) return noTopology();
  const { name, sites, nodes, links } = topology;
  return ok({
    version: topologyVersion,
    name,
    sites: [...sites],
    nodes: [...nodes],
    links: links.map((link) => ({ ...link, srlgIds: [...link.srlgIds] })),
    linksReportedDown: [...linksReportedDown],
  });
}

function changedBody(changed: Result<unknown>, { topology }: ControllerView): Result<z.input<typeof topologyChangedSchema>> {
  if (!changed.ok) return changed;
  const { version } = changed.value as InventoryReply;
  return ok({ version, nodes: topology?.nodes.length ?? 0, links: topology?.links.length ?? 0 });
}
