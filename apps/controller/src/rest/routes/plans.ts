/** Plans: the list, one with its certificate, and why it is as it is. */
import type { ControllerView } from "@sluice/control";
import { ok, refuse, fault, type Plan } from "@sluice/model";
import type { PlanSummary } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { explainQueryOf, explainQuerySchema } from "../explain-query.js";
import { cursorOf, cursorSchema, keyOf, limitSchema } from "../page.js";
import { planLookup } from "../plan-lookup.js";
import { declareGet, declarePatch, parameterFault } from "../route.js";
import { explanationSchema, planSchema, plansSchema, settingsChangeSchema, settingsSchema } from "../schemas/plan.js";

/** Explanations that are computed at a time: each takes a solver from planning. */
const explanationsMax = 2;

const epochPath = z.strictObject({
  epoch: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, "must be the number of a plan")
    .transform(Number)
    .meta({ type: "integer", minimum: 1 }),
});

export function declarePlanRoutes(app: FastifyInstance, { view, store, explain, changeSettings }: RestDeps): void {
  const plans = planLookup(view, store);
  let explaining = 0;
  const isInForce = (epoch: number) => view().planInForce?.record.epoch === epoch;

  declareGet(
    app,
    {
      url: "/v1/plans",
      tag: "plans",
      summary: "Plans, newest first",
      query: z.strictObject({ limit: limitSchema(200, 20), cursor: cursorSchema.optional() }),
      response: plansSchema,
    },
    async ({ query: { limit, cursor } }) => {
      const key = keyOf(cursor);
      if (!key.ok) return key;
      if (key.value !== undefined && !/^[1-9][0-9]{0,8}$/.test(key.value)) {
        return refuse(parameterFault("cursor", "The cursor is not one that this list gave out."));
      }
      const listed = await store.listPlans({ limit, ...(key.value === undefined ? {} : { before: Number(key.value) }) });
      if (!listed.ok) return listed;
      const items = listed.value.map((summary) => ({ ...summary, timings: { ...summary.timings }, inForce: isInForce(summary.epoch) }));
      const last = items.at(-1);
      return ok({ items, ...(last !== undefined && last.epoch > 1 ? { nextCursor: cursorOf(String(last.epoch)) } : {}) });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/plans/:epoch",
      tag: "plans",
      summary: "One plan with its certificates and the checker's report",
      params: epochPath,
      query: z.strictObject({
        include: z.enum(["groups"]).optional().meta({ description: "`groups`: with all tunnels and tunnel groups." }),
      }),
      response: planSchema,
    },
    async ({ params: { epoch }, query: { include } }) => {
      const found = await plans.get(epoch);
      if (!found.ok) return found;
      const { plan, ...record } = found.value;
      const { classes, check, unroutable, tunnels, groups, inputHash } = plan;
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
      summary: "What binds a demand (`demand=SRC>DST/CLASS`), or what a link's capacity is worth (`link=ID`)",
      params: epochPath,
      query: explainQuerySchema,
      response: explanationSchema,
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

  declareGet(
    app,
    { url: "/v1/settings", tag: "plans", summary: "What operators have set about planning", response: settingsSchema, isChangeable: true },
    () => ok(settingsBody(view())),
  );

  declarePatch(
    app,
    {
      url: "/v1/settings",
      tag: "plans",
      summary: "Changes settings; answers when the change is durable",
      description: "Fields that are left out stay as they are; one that is given takes the place of the whole former value.",
      asked: settingsChangeSchema,
      response: settingsSchema,
    },
    async (body) => {
      const changed = await changeSettings(body);
      return changed.ok ? ok(settingsBody(view())) : changed;
    },
  );
}

function settingsBody({ settings, settingsVersion }: Pick<ControllerView, "settings" | "settingsVersion">): z.input<typeof settingsSchema> {
  return { ...settings, version: settingsVersion };
}

function totalsOf({ rung, classes, check }: Plan): Pick<PlanSummary, "rung" | "demandBps" | "admittedBps" | "utilizationMax"> {
  return {
    rung,
    demandBps: classes.reduce((sum, { demandBps }) => sum + demandBps, 0),
    admittedBps: classes.reduce((sum, { admittedBps }) => sum + admittedBps, 0),
    utilizationMax: check.utilizationMax,
  };
}
