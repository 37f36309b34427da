/** What operators set about planning. */
import type { ControllerView } from "@sluice/control";
import { ok } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { RestDeps } from "../deps.js";
import { declareGet, declarePatch } from "../route.js";
import { settingsChangeSchema, settingsSchema } from "../schemas/plan.js";

export function declareSettingsRoutes(app: FastifyInstance, { view, submit }: RestDeps): void {
  declareGet(
    app,
    {
      url: "/v1/settings",
      tag: "plans",
      role: "viewer",
      summary: "What operators have set about planning",
      response: settingsSchema,
      version: "settings",
    },
    () => ok(settingsBody(view())),
  );

  declarePatch(
    app,
    {
      url: "/v1/settings",
      tag: "plans",
      role: "operator",
      summary: "Changes settings; answers when the change is durable",
      description: "Fields that are left out stay as they are; one that is given takes the place of the whole former value.",
      asked: settingsChangeSchema,
      judged: "inside",
      response: settingsSchema,
      version: "settings",
      refusals: [422],
    },
    async ({ body, by, ifVersion }) => {
      const changed = await submit({ kind: "change-settings", settings: body, by, ifVersion });
      return changed.ok ? ok(settingsBody(view())) : changed;
    },
  );
}

function settingsBody({ settings, settingsVersion }: ControllerView): z.input<typeof settingsSchema> {
  return { ...settings, version: settingsVersion };
}
