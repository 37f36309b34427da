/** What operators set about operating: whether plans are made by themselves, and how much one change may do. */
import type { ControllerView } from "@sluice/control";
import { ok } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { RestDeps } from "../deps.js";
import { declareGet, declarePatch } from "../route.js";
import { operationChangeSchema, operationSchema } from "../schemas/operation-settings.js";

export function declareOperationSettingsRoutes(app: FastifyInstance, { view, submit }: RestDeps): void {
  declareGet(
    app,
    {
      url: "/v1/operation",
      tag: "operation",
      role: "viewer",
      summary: "What operators have set about operating, and the plan that waits to be confirmed",
      response: operationSchema,
      version: "operation",
    },
    () => ok(operationBody(view())),
  );

  declarePatch(
    app,
    {
      url: "/v1/operation",
      tag: "operation",
      role: "operator",
      summary: "Changes how the controller is operated: `mode` `held` stops planning, `shortest-path` is the red button",
      description: "Fields that are left out stay as they are, those within `blastRadius` and `demandSource` too.",
      asked: operationChangeSchema,
      judged: "inside",
      response: operationSchema,
      version: "operation",
      refusals: [422],
    },
    async ({ body, by, ifVersion }) => {
      const changed = await submit({ kind: "change-operation", operation: body, by, ifVersion });
      return changed.ok ? ok(operationBody(view())) : changed;
    },
  );
}

function operationBody({ operation, operationVersion, confirmation }: ControllerView): z.input<typeof operationSchema> {
  return {
    version: operationVersion,
    ...operation,
    ...(confirmation && {
      confirmation: {
        epoch: confirmation.epoch,
        previousEpoch: confirmation.previousEpoch,
        deadline: new Date(confirmation.deadlineMs).toISOString(),
      },
    }),
  };
}
