/** Bodies that tell of operating. */
import { blastRadiusLimitsSchema, demandSourceSchema, operationChangeSchema as changeSchema, operationSettingsSchema } from "@sluice/model";
import { z } from "zod";
import { count, instant } from "./network.js";

const descriptions = {
  mode: "automatic: changes ask for plans; held: nothing is planned; shortest-path: every class on shortest paths, nothing guaranteed.",
  blastRadius: "What a plan that an operator applies may change without `force`.",
  linkUpHoldMs: "A link that came up is used again after this, if it stays up.",
};

export const operationSchema = z
  .strictObject({
    version: count.meta({ description: "0 while the defaults hold." }),
    ...operationSettingsSchema.shape,
    mode: operationSettingsSchema.shape.mode.meta({ description: descriptions.mode }),
    blastRadius: blastRadiusLimitsSchema.meta({ id: "BlastRadiusLimits", description: descriptions.blastRadius }),
    linkUpHoldMs: operationSettingsSchema.shape.linkUpHoldMs.meta({ description: descriptions.linkUpHoldMs }),
    demandSource: demandSourceSchema.meta({ id: "DemandSource" }),
    confirmation: z
      .strictObject({ epoch: count, previousEpoch: count, deadline: instant })
      .optional()
      .meta({ description: "The plan that is taken back unless it is confirmed by then; absent where none waits." }),
  })
  .meta({ id: "Operation" });

export const operationChangeSchema = changeSchema.meta({ id: "OperationChange", description: "The fields to change." });
