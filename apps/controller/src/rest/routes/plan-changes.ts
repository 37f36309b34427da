/** From one plan to another: what differs, going back to an earlier one, and confirming the one that waits for it. */
import type { ConfirmReply, RollBackReply } from "@sluice/control";
import { fault, ok, refuse, type Epoch, type Result } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { StoredPlan } from "../../solver/solver-message.js";
import type { PreviewSolvers, RestDeps } from "../deps.js";
import { epochPath } from "../epoch-path.js";
import { sendJson } from "../json-bytes.js";
import { planLookup, type PlanLookup } from "../plan-lookup.js";
import { declareGet, declarePost } from "../route.js";
import { confirmedSchema, planDifferenceSchema, rollBackAskedSchema, rolledBackSchema } from "../schemas/preview.js";
import { confirmBy } from "./previews.js";

type Deps = Pick<RestDeps, "view" | "store" | "submit"> & { readonly solvers: PreviewSolvers };

const toSchema = z
  .string()
  .regex(/^(in-force|[1-9][0-9]{0,8})$/, "must be the number of a plan, or in-force")
  .optional()
  .meta({ description: "The other plan: its number, or `in-force`, as without it." });

export function declarePlanChangeRoutes(app: FastifyInstance, { view, store, submit, solvers }: Deps): void {
  const plans = planLookup(view, store);

  declareGet(
    app,
    {
      url: "/v1/plans/:epoch/difference",
      tag: "plans",
      role: "viewer",
      summary: "What is otherwise in another plan: traffic, tunnels, links, rules",
      description: "Each plan with the rules that it was installed with. Computed away from everything else; one at a time.",
      params: epochPath,
      query: z.strictObject({ to: toSchema }),
      response: planDifferenceSchema,
      refusals: [404, 504],
    },
    async ({ params: { epoch }, query: { to = "in-force" }, reply }) => {
      const other = to === "in-force" ? view().planInForce?.record.epoch : Number(to);
      if (other === undefined) return refuse(fault("not-found", "No plan is in force yet.", { pointer: "/query/to" }));
      const [before, after] = [await storedPlan(plans, epoch), await storedPlan(plans, other)];
      if (!before.ok) return before;
      if (!after.ok) return after;
      const found = await solvers.difference({ before: before.value, after: after.value });
      return found.ok ? sendJson(reply, found.value) : found;
    },
  );

  declarePost(
    app,
    {
      url: "/v1/plans/:epoch/roll-back",
      tag: "plans",
      role: "operator",
      summary: "Installs an earlier plan again, rule for rule; nothing is planned after it until the mode is changed",
      description:
        "Under a new epoch. Refused as `check-failed` where the plan uses what is gone or down since, and as `blast-radius` where it does more than the limits allow without `force`.",
      params: epochPath,
      asked: rollBackAskedSchema,
      response: rolledBackSchema,
      idempotent: true,
      refusals: [404],
    },
    async ({ params: { epoch }, body: { force, confirmWithinSeconds }, by }) => {
      const [record, input] = [await plans.get(epoch), await plans.inputOf(epoch)];
      if (!record.ok) return record;
      if (!input.ok) return input;
      const asked = { record: record.value, input: input.value, force };
      const done = await submit({
        kind: "roll-back",
        by,
        ...asked,
        ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }),
      });
      if (!done.ok) return done;
      const { confirmByMs, ...reply } = done.value as RollBackReply;
      return ok({ ...reply, ...confirmBy(confirmByMs) });
    },
  );

  declarePost(
    app,
    {
      url: "/v1/plans/:epoch/confirm",
      tag: "plans",
      role: "operator",
      summary: "Keeps a plan that would be taken back unless it is confirmed in time",
      params: epochPath,
      response: confirmedSchema,
      idempotent: true,
      refusals: [404],
    },
    async ({ params: { epoch }, by }) => {
      const done = await submit({ kind: "confirm", by, epoch });
      if (!done.ok) return done;
      const { operationVersion } = done.value as ConfirmReply;
      return ok({ epoch, operationVersion });
    },
  );
}

async function storedPlan(plans: PlanLookup, epoch: Epoch): Promise<Result<StoredPlan>> {
  const [record, input] = [await plans.get(epoch), await plans.inputOf(epoch)];
  if (!record.ok) return record;
  if (!input.ok) return input;
  const { topology, demands, settings, assignmentsBefore } = input.value;
  return ok({ epoch, snapshot: { topology, demands, settings }, plan: record.value.plan, assignmentsBefore });
}
