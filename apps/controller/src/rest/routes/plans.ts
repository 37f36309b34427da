/** Plans: the list, one with its certificate, and why it is as it is. */
import { ok, refuse, fault, type Plan } from "@sluice/model";
import type { PlanSummary } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { epochPath } from "../epoch-path.js";
import { explainQueryOf, explainQuerySchema } from "../explain-query.js";
import { cursorSchema, limitSchema } from "../page.js";
import { keptBodies } from "../kept-bodies.js";
import { planLookup } from "../plan-lookup.js";
import { planPage } from "../plan-page.js";
import { declareGet } from "../route.js";
import { explanationSchema, planSchema, plansSchema } from "../schemas/plan.js";

/** Explanations that are computed at a time: each takes a solver from planning. */
const explanationsMax = 2;

/** Plans that this controller does not know to be stored (another one leads, a write seemed to fail) are seen this late at most, ms. */
const pageAgeMsMax = 1_000;

export function declarePlanRoutes(app: FastifyInstance, { view, store, explain }: RestDeps): void {
  const plans = planLookup(view, store);
  const pages = keptBodies({ ageMsMax: pageAgeMsMax });
  let explaining = 0;
  const isInForce = (epoch: number) => view().planInForce?.record.epoch === epoch;

  declareGet(
    app,
    {
      url: "/v1/plans",
      tag: "plans",
      role: "viewer",
      summary: "Plans, newest first",
      query: z.strictObject({ limit: limitSchema(200, 20), cursor: cursorSchema.optional() }),
      response: plansSchema,
      refusals: [422],
    },
    async ({ query }) => {
      const { epoch: newest, planInForce } = view();
      return pages.get(JSON.stringify(query), [newest, planInForce?.record.epoch], async () => {
        const page = await planPage(store, query);
        if (!page.ok) return page;
        const { summaries, next } = page.value;
        const items = summaries.map((summary) => ({
          ...summary,
          timings: { ...summary.timings },
          inForce: summary.epoch === planInForce?.record.epoch,
        }));
        return ok({ body: { items, ...next } });
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/plans/:epoch",
      tag: "plans",
      role: "viewer",
      summary: "One plan with its certificates and the checker's report",
      params: epochPath,
      query: z.strictObject({
        include: z.enum(["groups"]).optional().meta({ description: "`groups`: with all tunnels and tunnel groups." }),
      }),
      response: planSchema,
      refusals: [404],
    },
    async ({ params: { epoch }, query: { include } }) => {
      const found = await plans.get(epoch);
      if (!found.ok) return found;
      const { plan, ...record } = found.value;
      const { classes, check, unroutable, tunnels, groups, inputHash, softDrained } = plan;
      return ok({
        ...record,
        ...totalsOf(plan),
        inForce: isInForce(epoch),
        timings: { ...record.timings },
        inputHash,
        classes: classes.map(({ guarantee, ...each }) => ({
          ...each,
          notes: [...each.notes],
          certificate: { ...each.certificate, linkPrices: [...each.certificate.linkPrices] },
          ...(guarantee && { guarantee: { ...guarantee, reservedBps: [...guarantee.reservedBps] } }),
        })),
        check: { ...check, violations: [...check.violations] },
        tunnelCount: tunnels.length,
        groupCount: groups.length,
        unroutable: [...unroutable],
        ...(softDrained && { softDrained }),
        ...(include === "groups" && {
          tunnels: tunnels.map((tunnel) => ({ ...tunnel, path: [...tunnel.path] })),
          groups: groups.map((group) => ({ ...group, members: [...group.members] })),
        }),
      });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/plans/:epoch/explanation",
      tag: "plans",
      role: "viewer",
      summary: "What binds a demand (`demand=SRC>DST/CLASS`), or what a link's capacity is worth (`link=ID`)",
      params: epochPath,
      query: explainQuerySchema,
      response: explanationSchema,
      refusals: [404, 504],
    },
    async ({ params: { epoch }, query }) => {
      const topology = await plans.topologyOf(epoch);
      if (!topology.ok) return topology;
      const asked = explainQueryOf(query, topology.value);
      if (!asked.ok) return asked;
      if (explaining >= explanationsMax) {
        return refuse(fault("unavailable", `${explanationsMax} explanations are being computed already; try again later.`));
      }
      explaining += 1;
      try {
        const explained = await explain(epoch, asked.value);
        return explained.ok ? ok(explained.value as z.input<typeof explanationSchema>) : explained;
      } finally {
        explaining -= 1;
      }
    },
  );
}

function totalsOf({ rung, classes, check }: Plan): Pick<PlanSummary, "rung" | "demandBps" | "admittedBps" | "utilizationMax"> {
  return {
    rung,
    demandBps: classes.reduce((sum, { demandBps }) => sum + demandBps, 0),
    admittedBps: classes.reduce((sum, { admittedBps }) => sum + admittedBps, 0),
    utilizationMax: check.utilizationMax,
  };
}
