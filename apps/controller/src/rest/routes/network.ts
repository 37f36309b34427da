/** What the plan in force makes of the network: its tunnels. */
import { fault, ok, refuse } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { identityOf, keptBodies } from "../kept-bodies.js";
import { endsQuery, isBetween, pageQuery } from "../list-query.js";
import { pageOf } from "../page.js";
import { derivedInForce } from "../plan-derived.js";
import { declareGet } from "../route.js";
import { tunnelsSchema } from "../schemas/network.js";

export function declareNetworkRoutes(app: FastifyInstance, { view }: RestDeps): void {
  const pages = keptBodies();

  declareGet(
    app,
    {
      url: "/v1/tunnels",
      tag: "network",
      role: "viewer",
      summary: "The tunnels of the plan in force, and what it sends through them",
      query: z.strictObject({ ...pageQuery, ...endsQuery }),
      response: tunnelsSchema,
      refusals: [404, 422],
    },
    ({ query }) => {
      const now = view();
      const derived = derivedInForce(now);
      if (derived === undefined || now.planInForce === undefined) return refuse(fault("not-found", "No plan is in force yet."));
      const { epoch } = now.planInForce.record;
      return pages.get(JSON.stringify(query), [epoch, identityOf(derived)], () => {
        const wanted = derived.tunnels.filter((tunnel) => isBetween(tunnel, query));
        const paged = pageOf(wanted, ({ id }) => id, query);
        if (!paged.ok) return paged;
        const items = paged.value.items.map((tunnel) => ({ ...tunnel, path: [...tunnel.path], flowGroups: [...tunnel.flowGroups] }));
        return ok({ body: { epoch, total: wanted.length, ...paged.value, items } });
      });
    },
  );
}
